"""Files that are no good store: each gets a clear error, and is left as it was."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.errors import (
    CorruptDatabase,
    HstoreError,
    InvalidInput,
    NewerDatabase,
    NotADatabase,
    NotInitialised,
    StorageFull,
    StoreError,
)

linux_root = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs root on Linux to mount or change user"
)

AS_NOBODY = """
import os, sys, tempfile, urllib.parse
from hstore import Store
with Store.open(tempfile.mkdtemp() + "/warm.db") as store:  # imports all that another user may not be able to read
    store.runs.get(store.record_run("a", ["a"], exit_code=0))
from hstore.engine import migrations
shipped = migrations.load()
migrations.load = lambda folder=None: shipped
os.chdir("/")
os.setgid(65534); os.setuid(65534)
from hstore.errors import HstoreError
try:
    with Store.open(sys.argv[1], readonly=sys.argv[2] == "readonly") as store:
        if sys.argv[2] == "write":
            store.record_run("a", "a", exit_code=0)
        print(len(store.runs.list()), "runs")
except HstoreError as failure:
    print(type(failure).__name__, failure)
"""


def filled(path: Path, runs: int = 300) -> Path:
    with Store.open(path) as store, store.batch():
        for number in range(runs):
            run = store.record_run("app", ["app", str(number), secrets.token_hex(40)], exit_code=0)
            store.attach_artifact(run, "log", secrets.token_bytes(300))
    return path


def assert_refused(path: Path, error: type[HstoreError], match: str) -> None:
    """Opening raises a clear error with the path in it, and changes nothing."""
    before = path.read_bytes()
    for options in ({}, {"readonly": True}):
        with pytest.raises(error, match=match) as caught:
            Store.open(path, **options)
        assert path.name in str(caught.value)
    assert path.read_bytes() == before
    assert not examine(path).ok


@pytest.mark.parametrize("size", [1, 20, 100, 512, 5000])
def test_file_that_is_no_database(path: Path, size: int) -> None:
    """Text or noise of any length is not taken for a database, and is not overwritten."""
    path.write_bytes((b"these are my notes\n" * 300)[:size])
    assert_refused(path, NotADatabase, "not an SQLite database|other")


def test_database_of_another_program(path: Path) -> None:
    """An SQLite database with foreign tables or a foreign application id is refused."""
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE customers (id)")
    connection.close()
    assert_refused(path, NotADatabase, "another program")


def test_database_of_another_program_without_tables(path: Path) -> None:
    """An application id alone marks a file as somebody's."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA application_id = 77; CREATE TABLE t (x); DROP TABLE t")
    connection.close()
    assert_refused(path, NotADatabase, "another program")


def test_newer_database(path: Path) -> None:
    """A schema version beyond this library's is refused, by name."""
    filled(path, 1)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    assert_refused(path, NewerDatabase, "9999.*newer hstore")


def test_empty_file_is_a_new_database_but_not_for_reading(path: Path) -> None:
    """Zero bytes are an empty database: initialised when opened for writing."""
    path.touch()
    with pytest.raises(NotInitialised, match="no database yet"):
        Store.open(path, readonly=True)
    assert path.stat().st_size == 0
    with Store.open(path) as store:
        assert store.schema_version > 0


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9])
def test_truncated_database(path: Path, keep: float) -> None:
    """A file that lost its end is called damaged, not opened as if nothing were."""
    size = filled(path).stat().st_size
    os.truncate(path, int(size * keep) // 4096 * 4096)
    assert_refused(path, CorruptDatabase, "damage")


def test_database_cut_in_its_header(path: Path) -> None:
    """Fewer bytes than a header are no database."""
    filled(path, 1)
    os.truncate(path, 60)
    assert_refused(path, StoreError, "not an SQLite database|damage")


def test_damage_inside_is_found_by_doctor_and_reads_raise_a_clear_error(path: Path) -> None:
    """Overwritten pages: doctor fails, and whatever reads them says that the file is damaged."""
    size = filled(path).stat().st_size
    with open(path, "r+b") as file:
        for position in range(4096 * 3, size, 4096 * 2):
            file.seek(position)
            file.write(b"\xa5" * 4096)
    report = examine(path)
    assert not report.ok
    assert any("damage" in check.message for check in report.checks if check.status == "fail")
    with pytest.raises(CorruptDatabase, match="doctor"), Store.open(path) as store:
        for run in store.runs.list(limit=None):
            for artifact in store.artifacts.list(run=run.id):
                store.read_artifact(artifact.id)


def test_damaged_content_of_a_chunk_is_noticed(store: Store, run: int) -> None:
    """A flipped byte in stored content is an error when it is read, never wrong content."""
    artifact = store.attach_artifact(run, "file", secrets.token_bytes(5000))
    store._connection.write("UPDATE chunks SET data = zeroblob(length(data))")
    with pytest.raises(CorruptDatabase, match="doctor"):
        store.read_artifact(artifact)


def test_directory_in_its_place(path: Path) -> None:
    """A directory where the file should be is named as such."""
    path.mkdir()
    for options in ({}, {"readonly": True}):
        with pytest.raises(NotADatabase, match="directory"):
            Store.open(path, **options)
    assert not examine(path).ok


def test_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    """A file where a folder should be is a clear error."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be created"):
        Store.open(tmp_path / "file" / "project.db")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_named_pipe_in_its_place(path: Path) -> None:
    """A pipe is refused at once instead of being waited for."""
    os.mkfifo(path)
    with pytest.raises(NotADatabase, match="regular file"):
        Store.open(path)


@pytest.mark.parametrize("name", ["", ":memory:", "a\0b"])
def test_path_that_is_none(name: str) -> None:
    """Paths that cannot be a file are refused."""
    with pytest.raises(InvalidInput, match="path"):
        Store.open(name)


@pytest.mark.parametrize(
    "name",
    ["with space.db", "new\nline.db", "ünïcode.db", "'quoted\".db", "percent%20?x=1#y.db", "-dash.db", "\U0001f600.db"],
)
def test_unusual_names_just_work(tmp_path: Path, name: str) -> None:
    """Spaces, newlines, quotes and any Unicode in folder and file name."""
    path = tmp_path / name / name
    with Store.open(path) as store:
        store.record_run("a", "a", exit_code=0)
    assert path.exists()
    with Store.open(path, readonly=True) as store:
        assert len(store.runs.list()) == 1
        assert store.query("SELECT count(*) FROM runs") == ((1,),)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have only UTF-8 or UTF-16 names")
def test_name_that_is_not_valid_utf8_just_works(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, in folder and file name; WAL and all lie beside the file."""
    folder = os.fsencode(tmp_path) + b"/fold\xff\xfeer"
    path = os.fsdecode(folder + b"/pro\xffject.db")
    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0, cwd=os.fsdecode(folder))
        assert sorted(os.listdir(folder))[:2] == [b".gitignore", b"pro\xffject.db"]
        assert b"pro\xffject.db-wal" in os.listdir(folder)
        assert store.runs.get(run).cwd.endswith("fold\\xff\\xfeer")
        store.info()
    with Store.open(path, readonly=True) as store:
        assert len(store.runs.list()) == 1
    assert examine(path).ok


@linux_root
@pytest.mark.parametrize(
    ("mode", "how", "expected"),
    [(0o444, "write", "ReadOnly"), (0o444, "readonly", "1 runs"), (0o000, "write", "ReadOnly|StoreError")],
)
def test_file_without_permissions(tmp_path: Path, mode: int, how: str, expected: str) -> None:
    """A file that may only be read: writing is a clear error, reading works. One that may not be read: an error."""
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(0o755)
    folder = tmp_path / "shared"
    folder.mkdir()
    path = filled(folder / "project.db", 1)
    path.chmod(mode)
    result = subprocess.run([sys.executable, "-c", AS_NOBODY, path, how], capture_output=True, text=True, check=True)
    assert any(result.stdout.startswith(start) for start in expected.split("|")), result


@linux_root
def test_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """A new database there is a clear error, not a traceback."""
    for parent in [tmp_path, *list(tmp_path.parents)[:3]]:
        parent.chmod(0o755)
    result = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, tmp_path / "new" / "project.db", "write"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("ReadOnly"), result
    assert "permissions" in result.stdout


@linux_root
def test_full_device_loses_only_the_transaction_that_did_not_fit(tmp_path: Path) -> None:
    """StorageFull; what was committed before is there, and after making room writing goes on."""
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", mount], check=False).returncode:
        pytest.skip("mounting is not allowed here, so there is no small device")
    try:
        ballast = mount / "ballast"
        ballast.write_bytes(bytes(600_000))
        with Store.open(mount / "project.db") as store:
            kept = []
            with pytest.raises(StorageFull, match="free some space"):
                while True:
                    with store.batch():
                        run = store.record_run("a", "a", exit_code=0)
                        store.attach_artifact(run, "file", secrets.token_bytes(50_000))
                    kept.append(run)
            assert kept
            ballast.unlink()
            assert [run.id for run in store.runs.list(limit=None)] == kept[::-1]
            store.record_run("after", "after", exit_code=0)
        assert examine(mount / "project.db").ok
    finally:
        subprocess.run(["umount", mount], check=True)


def test_no_home_and_no_repository_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no place for a database, the error names the ways to give one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(StoreError, match="HSTORE_DB"):
        Store.open()


def test_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted working directory is a clear error."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StoreError, match="working directory"):
        Store.open()


@pytest.mark.parametrize(
    "options",
    [{"durability": "eventual"}, {"busy_timeout": -1}, {"busy_timeout": "5"}, {"busy_timeout": float("nan")}],
)
def test_wrong_options(path: Path, options: dict[str, object]) -> None:
    """Wrong options are refused before anything is made."""
    with pytest.raises(InvalidInput):
        Store.open(path, **options)
    assert not path.exists()
