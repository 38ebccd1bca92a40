"""`hstore completion`: scripts that their shells accept, and that know every word."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from hstore.cli.program import ENTRIES

SHELLS = ["bash", "fish", "zsh"]


@pytest.mark.parametrize("shell", SHELLS)
def test_script_knows_every_command(hstore, shell):
    """Each script names all commands and both programs."""
    done = hstore("completion", shell)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    for word in ("heimdal", "value-env", "no-output", *(entry.name for entry in ENTRIES)):
        assert word in text


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_valid(hstore, shell):
    """The shell itself accepts the script."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = hstore("completion", shell).stdout
    done = subprocess.run([shell, "-n"], input=script, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hstore ", {"run", "log", "remember", "doctor"}),
        ("hstore lo", {"log"}),
        ("hstore log ", {"list", "show", "tail"}),
        ("hstore --db x log ta", {"tail"}),
        ("hstore log list --st", {"--status"}),
        ("hstore completion ", {"bash", "fish", "zsh"}),
        ("hstore run --no", {"--no-output"}),
        ("hstore run ech", {"echo"}),
        ("hstore log show 17 --mer", {"--merged"}),
    ],
)
def test_bash_completes(hstore, line, expected):
    """What bash offers behind a line."""
    script = (
        hstore("completion", "bash").stdout.decode()
        + """
words=($LINE); [[ $LINE == *" " ]] && words+=("")
COMP_WORDS=("${words[@]}"); COMP_CWORD=$((${#words[@]} - 1))
_hstore
printf '%s\\n' "${COMPREPLY[@]}"
"""
    )
    done = subprocess.run(
        ["bash", "--norc"],
        input=script.encode(),
        env={**hstore.environment, "LINE": line},
        capture_output=True,
    )
    assert done.stderr == b""
    assert expected <= set(done.stdout.decode().split())


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hstore lo", {"log"}),
        ("hstore --db x log ta", {"tail"}),
        ("hstore remember key --sc", {"--scope"}),
        ("hstore completion ", {"bash", "fish", "zsh"}),
    ],
)
def test_fish_completes(hstore, line, expected):
    """What fish offers behind a line."""
    script = hstore("completion", "fish").stdout + f"complete -C '{line}'\n".encode()
    done = subprocess.run(["fish", "--no-config"], input=script, env=hstore.environment, capture_output=True)
    assert done.stderr == b""
    assert {each.split(b"\t")[0].decode() for each in done.stdout.splitlines()} == expected
