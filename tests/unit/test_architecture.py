"""The layers and habits that ARCHITECTURE.md promises, read from the source itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import hstore

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hstore"

# What each part may import of hstore, besides errors, models, config, clock, version and its own modules.
FOUNDATION = {"errors", "models", "config", "clock", "version", "_masker", "migrations"}
ALLOWED = {
    **{name: set() for name in FOUNDATION},
    "location": set(),
    "liveness": set(),
    "masking": set(),
    "sealing": set(),
    "codec": set(),
    "engine": set(),
    "inspection": {"engine", "sealing"},
    "door": {"masking"},
    "listing": {"engine"},
    "digests": {"engine"},
    "references": {"door", "engine"},
    "domains": {"door", "digests", "listing", "references", "engine", "codec", "liveness", "sealing"},
    "ambient": {"domains", "engine"},
    "remasking": {"door", "domains", "listing", "engine", "codec", "liveness", "masking"},
    "retention": {"domains", "listing", "engine", "codec", "liveness"},
    "nouns": {"ambient", "domains", "door", "engine", "inspection", "remasking", "retention", "sealing"},
    "fallback": {"store", "domains", "door", "liveness", "location", "masking"},
    "store": {"nouns", "ambient", "domains", "door", "engine", "location", "masking"},
    "doctor": {"engine", "fallback", "location", "store"},
    "recorder": {"store", "domains", "fallback", "location"},
    "shell": {"store", "door", "masking", "location"},
    "cli": {"store", "doctor", "fallback", "recorder", "shell", "masking", "location", "sealing"},
    "__main__": {"cli", "recorder", "store"},
    "__init__": {"store", "masking"},
}
SOURCES = sorted(SOURCE.rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """All modules that a file imports, in any place of it, for types or for use."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
    return found


def own_parts(path: Path) -> set[str]:
    found = {name.split(".")[1] for name in imports(path) if name.startswith("hstore.")}
    return {name for name in found if (SOURCE / name).exists() or (SOURCE / f"{name}.py").exists()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_each_layer_imports_only_what_lies_below(path: Path) -> None:
    """A module imports its own part, the foundation, and what its layer allows; nothing else of hstore."""
    own = part(path)
    assert own in ALLOWED, f"{own} has no layer yet: give it one here and in ARCHITECTURE.md"
    foreign = own_parts(path) - {own} - FOUNDATION - ALLOWED[own]
    assert foreign == set()


@pytest.mark.parametrize("path", sorted((SOURCE / "domains").glob("*.py")), ids=lambda path: path.stem)
def test_domains_do_not_import_each_other(path: Path) -> None:
    """What spans two nouns lives in the façade; types for annotations come from models."""
    others = {name.split(".")[2] for name in imports(path) if name.startswith("hstore.domains.")}
    at_run_time = {name for name in others if f"from hstore.domains.{name}" in run_time(path)}
    assert at_run_time - {path.stem} == set()


def run_time(path: Path) -> str:
    """The source without its block of imports for type checkers."""
    return re.sub(r"\nif TYPE_CHECKING:\n(?:(?:    .*)?\n)+", "\n", path.read_text())


def test_apsw_stays_inside_the_engine() -> None:
    """No other part names APSW."""
    users = {part(path) for path in SOURCES if any(name.split(".")[0] == "apsw" for name in imports(path))}
    assert users == {"engine"}


def test_environment_is_read_in_one_module() -> None:
    """`os.environ` and `os.getenv` stand in config alone; the recorder may hand its environment to the child."""
    readers = {part(path) for path in SOURCES if re.search(r"os\.(environ|getenv)\b", path.read_text())}
    assert readers - {"recorder"} == {"config"}


def test_only_the_command_line_prints_or_exits() -> None:
    """`print` and `sys.exit` are calls of cli and `__main__`."""
    for path in SOURCES:
        if part(path) in {"cli", "__main__"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in {"print", "sys.exit", "exit", "quit"}, path


def test_no_standard_sqlite_and_no_descriptor_of_a_database() -> None:
    """Rule 1: nothing but APSW opens a database: no `sqlite3`, and `open(` only where no database can be meant."""
    openers = set()
    for path in SOURCES:
        assert not any(name.split(".")[0] == "sqlite3" for name in imports(path)), path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "os.open", "io.open", "copyfile"}:
                openers.add(path.relative_to(SOURCE).as_posix())
    assert {path for path in openers if path.startswith(("engine/", "domains/", "doctor", "store"))} <= {
        "engine/files.py",  # creates it, exclusively, and O_PATH
        "engine/holders.py",  # /proc/locks, and names of processes
        "engine/migrations.py",  # the .sql files
        "domains/artifacts/noun.py",  # content that a caller names
        "domains/files/reading.py",  # files of a folder, but none that this process has open itself
    }


def test_every_module_says_what_it_is_for() -> None:
    """Each module opens with a docstring whose first line is a sentence."""
    for path in SOURCES:
        said = ast.get_docstring(ast.parse(path.read_text()))
        assert said, path
        assert said.splitlines()[0].rstrip().endswith((".", ":")), path


def test_modules_stay_small() -> None:
    """No module grows past 400 lines."""
    assert {str(path): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 400} == {}


def test_exports_are_sorted_and_there() -> None:
    """`__all__` lists what the package gives, sorted, and each name can be had."""
    assert sorted(hstore.__all__) == hstore.__all__
    for name in hstore.__all__:
        assert getattr(hstore, name) is not None
        assert name in dir(hstore)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = hstore.Nothing


def test_architecture_document_names_every_part() -> None:
    """ARCHITECTURE.md speaks of each part of the package and each top-level folder."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    parts = {part(path) for path in SOURCES} - {"__init__", "_masker"}
    folders = {"csrc", "migrations", "benchmarks", "tests", "docs"}
    assert {name for name in parts | folders if f"`{name}" not in text and f"/{name}" not in text} == set()
