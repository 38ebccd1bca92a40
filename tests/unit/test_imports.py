"""What importing hstore and recording a run may load: start-up is part of the product."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOADED = "; import sys; print(*sorted(set(sys.modules) - before))"
BEFORE = "import sys; before = set(sys.modules); "

# Expensive, and needed only by those who read, format or parse.
NEVER_WHILE_RECORDING = {
    "argparse",
    "asyncio",
    "click",
    "contextlib",
    "dataclasses",
    "datetime",
    "enum",
    "hashlib",
    "importlib.resources",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "re",
    "shlex",
    "sqlite3",
    "subprocess",
    "threading",
    "typing",
    "uuid",
    "zstandard",
}

APSW_LOADS = {
    *("_collections", "_operator", "apsw", "collections", "collections.abc", "itertools", "keyword", "operator"),
    *("reprlib", "_weakref", "_weakrefset", "weakref"),
}
RECORDING_MAY_LOAD = APSW_LOADS | {"__future__", "_cffi_backend", "_functools", "_json", "_sha2", "_sha256", "gc"}


def loaded(statement: str) -> set[str]:
    """Modules that a statement loads in a fresh interpreter."""
    result = subprocess.run(
        [sys.executable, "-I", "-c", BEFORE + statement + LOADED], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_hstore_loads_nothing_but_itself() -> None:
    """`import hstore` is one small module."""
    assert loaded("import hstore") - {"__future__"} == {"hstore"}


def test_recording_loads_only_what_is_listed(path: Path) -> None:
    """Open, record, close: no zstandard, no parser, no json; every other module is on the list above."""
    use = f"import hstore; s = hstore.Store.open({str(path)!r}); s.record_run('a', ['a', 'b'], exit_code=0); s.close()"
    found = loaded(use)
    assert found & NEVER_WHILE_RECORDING == set()
    assert {name for name in found if name.split(".")[0] != "hstore"} - RECORDING_MAY_LOAD == set()


def test_recording_small_output_does_not_load_zstandard(path: Path) -> None:
    """Output too short to compress is stored as it is."""
    use = (
        f"import hstore; s = hstore.Store.open({str(path)!r}); r = s.record_run('a', 'a', exit_code=0);"
        " s.attach_artifact(r, 'log', b'ok'); s.close()"
    )
    assert "zstandard" not in loaded(use)
    assert "zstandard" in loaded(use.replace("b'ok'", "b'ok' * 100"))


def test_hstore_run_loads_no_library_of_the_command_line(path: Path) -> None:
    """`hstore run -- true` loads neither argparse nor zstandard nor any other of the expensive ones."""
    use = f"from hstore.__main__ import main; code = main(['--db', {str(path)!r}, 'run', '--', 'true'])"
    found = loaded(use)
    assert found & NEVER_WHILE_RECORDING == set()


def test_nouns_are_loaded_at_their_first_use(path: Path) -> None:
    """Recording a run loads no noun but its own, and each of the others is there when it is asked for."""
    use = f"import hstore; s = hstore.Store.open({str(path)!r}); s.record_run('a', ['a', 'b'], exit_code=0)"
    late = {"artifacts", "audit", "memory", "sessions", "wiki"}
    assert {f"hstore.domains.{noun}" for noun in late} & loaded(f"{use}; s.close()") == set()
    for noun in late:
        assert f"hstore.domains.{noun}" in loaded(f"{use}; s.{noun}; s.close()")


def test_importing_leaves_the_garbage_collector_as_it_was(path: Path) -> None:
    """It pauses while the library is imported, and only then."""
    for state in ("enable", "disable"):
        use = f"import gc; gc.{state}(); import hstore; hstore.Store; assert gc.isenabled() == ('{state}' == 'enable')"
        loaded(use)
