"""Files removed or replaced under an open store: nothing more is written, and nothing committed is lost for it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.errors import StoreError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows does not let open files be removed")

OTHER = """
import sys
from hstore import Store
store = Store.open(sys.argv[1])
store.record_run("other", "other", exit_code=0)
print("recorded", flush=True)
sys.stdin.readline()
"""


def apps(path: Path) -> list[str]:
    """The runs that a fresh opening finds, oldest first."""
    with Store.open(path) as store:
        found = [run.app for run in store.runs.list(limit=None)][::-1]
    assert examine(path).ok
    return found


def settle() -> None:
    """Let the folder's time of change get old enough that the guard relies on it."""
    time.sleep(0.1)


@pytest.mark.parametrize("quiet", [False, True], ids=["at once", "when all was quiet"])
@pytest.mark.parametrize("gone", [("-wal",), ("-wal", "-shm")], ids="+".join)
def test_wal_that_was_removed_is_brought_into_the_database(path: Path, quiet: bool, gone: tuple[str, ...]) -> None:
    """The next write is refused with what to do, and everything committed before is in the file."""
    store = Store.open(path)
    store.record_run("first", "first", exit_code=0)
    if quiet:
        settle()
        store.record_run("second", "second", exit_code=0)
    for suffix in gone:
        os.unlink(f"{path}{suffix}")
    for _ in range(2):
        with pytest.raises(StoreError, match="-wal was removed.*is in the database.*open the store again"):
            store.record_run("void", "void", exit_code=0)
    assert apps(path) == (["first", "second"] if quiet else ["first"])
    store.close()
    assert apps(path) == (["first", "second"] if quiet else ["first"])


def test_store_that_is_only_closed_after_its_wal_was_removed_saves_it_too(path: Path) -> None:
    """No further write is needed for what was committed to survive."""
    with Store.open(path) as store:
        store.record_run("first", "first", exit_code=0)
        os.unlink(f"{path}-wal")
    assert apps(path) == ["first"]


def test_wal_that_was_replaced_is_not_written_past(path: Path) -> None:
    """A copy put in its place has what was committed before; the open store does not touch it any more."""
    store = Store.open(path)
    store.record_run("first", "first", exit_code=0)
    settle()
    store.record_run("second", "second", exit_code=0)
    shutil.copy(f"{path}-wal", f"{path}-copy")
    os.replace(f"{path}-copy", f"{path}-wal")
    with pytest.raises(StoreError, match="-wal was removed or replaced"):
        store.record_run("void", "void", exit_code=0)
    os.unlink(f"{path}-shm")  # as after a restart of the machine
    store.close()
    assert apps(path) == ["first", "second"]


@pytest.mark.parametrize("used", [False, True], ids=["only closed", "written to"])
def test_store_without_its_shared_memory_destroys_nothing_that_others_commit(path: Path, program, used: bool) -> None:
    """Another process makes a new one, commits and is killed; this one writes nothing more and tidies nothing up."""
    store = Store.open(path)
    store.record_run("first", "first", exit_code=0)
    os.unlink(f"{path}-shm")
    other = program(OTHER, path)
    assert other.stdout.readline() == "recorded\n"
    other.kill()
    other.wait()
    if used:
        with pytest.raises(StoreError, match="-shm was removed"):
            store.record_run("void", "void", exit_code=0)
    store.close()
    assert apps(path) == ["first", "other"]


@pytest.mark.parametrize("used", [False, True], ids=["only closed", "written to"])
def test_store_of_a_removed_file_does_not_remove_the_new_ones_wal(path: Path, program, used: bool) -> None:
    """All its files were removed and a new store made at the same place: closing the old one takes nothing away."""
    old = Store.open(path)
    old.record_run("old", "old", exit_code=0)
    for suffix in ("", "-wal", "-shm"):
        os.unlink(f"{path}{suffix}")
    other = program(OTHER, path)
    assert other.stdout.readline() == "recorded\n"
    if used:
        with pytest.raises(StoreError, match="removed or replaced"):
            old.record_run("void", "void", exit_code=0)
    old.close()
    assert Path(f"{path}-wal").exists()
    other.kill()
    other.wait()
    assert apps(path) == ["other"]


def test_database_that_was_replaced_does_not_get_the_old_ones_wal(path: Path, tmp_path: Path) -> None:
    """A backup put in place under an open store stays what it is: the old WAL is emptied into the old file."""
    backup = tmp_path / "backup.db"
    with Store.open(path) as store:
        store.record_run("saved", "saved", exit_code=0)
    shutil.copy(path, backup)
    store = Store.open(path)
    for number in range(50):
        store.record_run("later", str(number), exit_code=0)
    os.rename(path, tmp_path / "old.db")
    os.replace(backup, path)
    with pytest.raises(StoreError, match="removed or replaced under this open store.*open the store again"):
        store.record_run("void", "void", exit_code=0)
    store.close()
    assert apps(path) == ["saved"]
    assert apps(tmp_path / "old.db") == ["saved"] + ["later"] * 50


@pytest.mark.parametrize("gone", [("-wal",), ("-wal", "-shm"), ("", "-wal", "-shm")], ids=lambda gone: "+".join(gone))
def test_batch_whose_files_were_removed_before_its_end_is_refused(path: Path, gone: tuple[str, ...]) -> None:
    """A batch can be open for long; what it holds is not acknowledged, what was committed before is saved."""
    store = Store.open(path)
    store.record_run("first", "first", exit_code=0)
    settle()
    with pytest.raises(StoreError, match="removed or replaced"), store.batch():
        store.record_run("void", "void", exit_code=0)
        for suffix in gone:
            os.unlink(f"{path}{suffix}")
    with pytest.raises(StoreError, match="removed or replaced"):
        store.record_run("void", "void", exit_code=0)
    store.close()
    assert apps(path) == ([] if "" in gone else ["first"])


def test_folder_that_was_renamed_is_noticed(tmp_path: Path) -> None:
    """What was committed goes with the folder; nothing is written under a name that leads elsewhere."""
    (tmp_path / "project").mkdir()
    store = Store.open(tmp_path / "project" / "project.db")
    store.record_run("first", "first", exit_code=0)
    settle()
    store.record_run("second", "second", exit_code=0)
    (tmp_path / "project").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="removed or replaced"):
        store.record_run("void", "void", exit_code=0)
    store.close()
    assert apps(tmp_path / "elsewhere" / "project.db") == ["first", "second"]


def test_several_processes_whose_wal_is_gone_save_it_together(path: Path, program) -> None:
    """Each refuses to go on and says that nothing is lost, and nothing is."""
    source = (
        "import sys\nfrom hstore import Store\nfrom hstore.errors import StoreError\n"
        "store = Store.open(sys.argv[1])\n"
        "try:\n"
        "    while True: print(store.record_run('a', 'a', exit_code=0), flush=True)\n"
        "except StoreError as failure: print(failure, flush=True)\n"
    )
    writers = [program(source, path) for _ in range(4)]
    told = [[writer.stdout.readline()] for writer in writers]
    os.unlink(f"{path}-wal")
    for writer, lines in zip(writers, told, strict=True):
        lines += writer.stdout.read().splitlines(keepends=True)
    assert all("is in the database" in lines[-1] for lines in told)
    with Store.open(path) as store:
        there = {run.id for run in store.runs.list(limit=None)}
    assert {int(line) for lines in told for line in lines[:-1]} <= there
    assert examine(path).ok


def test_process_that_writes_in_a_loop_notices_that_its_wal_is_gone(path: Path, program) -> None:
    """Another process removes the WAL in the middle of the stream: every run that was acknowledged is in the file."""
    writer = program(
        "import sys\nfrom hstore import Store\nfrom hstore.errors import StoreError\n"
        "store = Store.open(sys.argv[1])\n"
        "try:\n"
        "    while True: print(store.record_run('a', 'a', exit_code=0), flush=True)\n"
        "except StoreError as failure: print(failure, flush=True)\n",
        path,
    )
    told = [writer.stdout.readline() for _ in range(100)]
    os.unlink(f"{path}-wal")
    told += writer.stdout.read().splitlines(keepends=True)
    assert "was removed or replaced" in told[-1]
    acknowledged = {int(line) for line in told[:-1]}
    with Store.open(path) as store:
        assert acknowledged <= {run.id for run in store.runs.list(limit=None)}
    assert examine(path).ok


def test_file_that_becomes_another_by_being_opened_is_the_right_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an overlay of read-only layers, opening for writing copies the file up: that is no replacement."""
    from hstore.engine import opening

    with Store.open(path) as store:
        store.record_run("first", "first", exit_code=0)
    real = opening._open

    def copied_up(*arguments: object, **options: object) -> object:
        shutil.copy(path, f"{path}-copy")
        os.replace(f"{path}-copy", path)
        return real(*arguments, **options)

    monkeypatch.setattr(opening, "_open", copied_up)
    with Store.open(path) as store:
        monkeypatch.undo()
        store.record_run("second", "second", exit_code=0)
    assert apps(path) == ["first", "second"]


def test_other_files_in_the_folder_disturb_nobody(path: Path) -> None:
    """The folder's time of change is a hint; what is beside the database may come and go."""
    with Store.open(path) as store:
        for number in range(30):
            beside = path.with_name(f"beside{number}")
            beside.touch()
            store.record_run("a", "a", exit_code=0)
            beside.unlink()
            time.sleep(0.01)
        assert len(store.runs.list()) == 30
