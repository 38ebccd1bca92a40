"""The documents are true: their code runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def test_code_in_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """The example is executed in an empty directory and prints what it says it keeps."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) <= 16
    environment = {**os.environ, "HSTORE_DB": str(tmp_path / "project.db")}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "gpt-oss:120b" in result.stdout
    assert "app='pytest'" in result.stdout
    assert "(('pytest', 1),)" in result.stdout


def test_readme_has_two_commands_of_set_up() -> None:
    """One runs the main job, the other the tests; CI runs exactly these."""
    (block,) = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = block.strip().splitlines()
    assert len(commands) == 2
    assert " hstore run -- " in commands[0].replace(".venv/bin/", "")
    assert commands[1].endswith("python -m pytest")


@pytest.mark.skipif(sys.platform == "win32", reason="the commands shown are a POSIX shell's")
def test_output_in_the_readme_is_what_its_commands_print(tmp_path: Path) -> None:
    """Every command of the console block is run, in one shell, and its output compared."""
    (block,) = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = re.sub(r"^\$ (.*)$", lambda found: f"echo {shlex.quote(found[0])}\n{found[1]}", block, flags=re.MULTILINE)
    commands = [line for line in script.splitlines() if line not in expected_output(block)]
    environment = {
        **os.environ,
        "HSTORE_DB": str(tmp_path / "project.db"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    shell = subprocess.run(
        ["sh"], input="\n".join(commands), env=environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (shell.stdout, shell.stderr) == (block, "")


def expected_output(block: str) -> list[str]:
    """Lines of a console block that are no command."""
    return [line for line in block.splitlines() if not line.startswith("$ ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """Each relative link names a file that exists."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (document.parent / target).exists(), target


def test_every_file_that_architecture_names_exists() -> None:
    """Names in the code map are real."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`((?:src|csrc|tests|migrations|benchmarks|docs)/[\w./]*)`", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
