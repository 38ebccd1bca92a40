"""How a database comes into being: private, once, whole."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import NotInitialised

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")

CREATE_AND_RECORD = """
import sys
from hstore import Store
sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    print(store.record_run("creator", ["creator", sys.argv[2]], exit_code=0))
"""

CREATE_FOR_EVER = """
import os, sys
from hstore import Store
print("ready", flush=True)
number = 0
while True:
    with Store.open(os.path.join(sys.argv[1], f"{number}.db")) as store:
        store.record_run("a", "a", exit_code=0)
    number += 1
    print(number, flush=True)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_database_wal_and_folder_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """File, WAL and shared memory have mode 0600 and the folder 0700, also with umask 0."""
    before = os.umask(0)
    try:
        with Store.open(tmp_path / "a" / ".heimdall" / "project.db") as store:
            store.record_run("a", "a", exit_code=0)
            folder = Path(store.path).parent
            assert {mode(file) for file in folder.iterdir()} == {0o600}
            assert {file.name for file in folder.iterdir()} >= {"project.db", "project.db-wal", "project.db-shm"}
            assert mode(folder) == mode(folder.parent) == 0o700
    finally:
        os.umask(before)


@posix
def test_empty_file_of_others_becomes_private_before_it_holds_anything(path: Path) -> None:
    """A file of zero bytes that was made with mode 0644 is initialised and made private."""
    path.touch(mode=0o644)
    path.chmod(0o644)
    with Store.open(path) as store:
        assert store.schema_version > 0
    assert mode(path) == 0o600


def test_folder_that_hstore_makes_keeps_itself_out_of_git(tmp_path: Path) -> None:
    """The folder has a .gitignore with `*`; a folder that was there is left alone."""
    Store.open(tmp_path / "new" / "project.db").close()
    Store.open(tmp_path / "project.db").close()
    assert (tmp_path / "new" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / ".gitignore").exists()


def test_missing_file_is_not_made_when_that_is_not_wanted(path: Path) -> None:
    """`create=False` and `readonly=True` say that there is no database, and make nothing."""
    for options in ({"create": False}, {"readonly": True}):
        with pytest.raises(NotInitialised, match="project init"):
            Store.open(path, **options)
    assert list(path.parent.iterdir()) == []


def test_processes_that_create_one_file_at_the_same_instant_all_succeed(tmp_path: Path, program) -> None:
    """Six processes released together on a missing file: one schema, every row there. Ten rounds."""
    for number in range(10):
        path = tmp_path / f"{number}.db"
        creators = [program(CREATE_AND_RECORD, path, index) for index in range(6)]
        for creator in creators:
            creator.stdin.write("go\n")
            creator.stdin.flush()
        results = [creator.communicate() for creator in creators]
        assert [error for _, error in results] == [""] * 6
        assert sorted(int(output) for output, _ in results) == [1, 2, 3, 4, 5, 6]
        with Store.open(path) as store:
            assert store.info().counts["schema_migrations"] == store.schema_version
            assert store.query("SELECT count(*) FROM meta") == ((1,),)


def test_creator_killed_at_any_moment_leaves_a_file_that_opens(tmp_path: Path, program) -> None:
    """kill -9 in the middle of creation: what is there opens, as new or as it was."""
    for _ in range(8):
        creator = program(CREATE_FOR_EVER, tmp_path)
        assert creator.stdout.readline() == "ready\n"
        for _ in range(3):
            creator.stdout.readline()
        creator.kill()
        creator.wait()
        for file in tmp_path.glob("*.db"):
            with Store.open(file) as store:
                assert store.query("SELECT count(*) FROM meta") == ((1,),)
            file.unlink()
