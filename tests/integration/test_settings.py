"""Every setting of a connection is what design and documents say, on writers and readers."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import apsw
import pytest

from hstore import Store
from hstore.engine import files, opening
from hstore.engine.waiting import Patience
from hstore.errors import Busy, SQLiteTooOld, UnsafeFileSystem

READING = """
import sys, apsw
reader = apsw.Connection(sys.argv[1])
reader.execute("BEGIN")
print(reader.execute("SELECT count(*) FROM runs").fetchall(), flush=True)
sys.stdin.readline()
"""


def pragma(store: Store, name: str) -> object:
    return store._connection.value(f"PRAGMA {name}")


def test_writer(store: Store) -> None:
    """WAL, NORMAL, foreign keys and the rest, each asked back from SQLite."""
    expected = {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "temp_store": 2,
        "mmap_size": 0,
        "journal_size_limit": 16 * 1024 * 1024,
        "auto_vacuum": 2,
        "page_size": 4096,
        "application_id": 0x68737430,
        "query_only": 0,
    }
    assert {name: pragma(store, name) for name in expected} == expected


def test_writer_is_defensive_and_takes_no_double_quoted_strings(store: Store) -> None:
    """The switches that are no pragmas, by their effect."""
    with pytest.raises(Exception, match="may not be modified"):
        store._connection.write("UPDATE sqlite_schema SET sql = ''")
    with pytest.raises(Exception, match="no such column"):
        store._connection.value('SELECT "nosuch"')


def test_full_durability_syncs_every_commit(path: Path) -> None:
    """`durability="full"` is synchronous=FULL."""
    with Store.open(path, durability="full") as store:
        assert pragma(store, "synchronous") == 2


def test_reader_cannot_write_and_leaves_the_file_as_it_was(store: Store) -> None:
    """A read-only store reads, refuses to write, and changes neither the database nor its WAL."""
    store.record_run("a", "a", exit_code=0)
    watched = [store.path, store.path + "-wal"]
    before = [(os.stat(file).st_mtime_ns, os.stat(file).st_size) for file in watched]
    with Store.open(store.path, readonly=True) as reader:
        assert len(reader.runs.list()) == 1
        assert reader._connection.value("PRAGMA query_only") == 1
        for write in (
            lambda: reader.record_run("b", "b", exit_code=0),
            lambda: reader.remember("a", 1),
            lambda: reader.session("s"),
            reader.batch().__enter__,
        ):
            with pytest.raises(Exception, match="may not be written|read.?only"):
                write()
    assert [(os.stat(file).st_mtime_ns, os.stat(file).st_size) for file in watched] == before


def test_opening_writes_nothing_when_nothing_is_due(path: Path) -> None:
    """Open and close of an existing store: the same bytes, the same time of change."""
    Store.open(path).close()
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    with Store.open(path) as store:
        store.runs.list()
        store.recall("x")
        assert store.migrated == ()
        assert not store.created
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_all_tables_are_strict_and_few_are_without_rowid(store: Store) -> None:
    """STRICT everywhere; WITHOUT ROWID only where rows are small."""
    tables = store.query("SELECT name, strict, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    ours = [table for table in tables if not table[0].startswith("sqlite_")]
    assert len(ours) >= 12
    assert [name for name, strict, _ in ours if not strict] == []
    assert {name for name, _, without_rowid in ours if without_rowid} == {"artifact_pieces", "cache_totals"}


def test_every_id_is_autoincrement(store: Store) -> None:
    """An `id INTEGER PRIMARY KEY` counts on for ever, except those of the one-row tables."""
    schema = store.query(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql GLOB '*[ (]id *PRIMARY KEY*'"
    )
    assert {name for name, sql in schema if "AUTOINCREMENT" not in sql} == {"meta", "audit_chain"}


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_rollback_journal_where_wal_is_unsafe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, recwarn: pytest.WarningsRecorder
) -> None:
    """By the mount table: a rollback journal, EXTRA, said once; back on a local disk WAL returns."""
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
        f"36 22 0:32 / {str(tmp_path).replace(' ', chr(92) + '040')} rw shared:9 - {kind} server:/x rw\n"
    )
    path = tmp_path / "project.db"
    with monkeypatch.context() as patch:
        patch.setattr(files, "MOUNTS", str(table))
        warnings.simplefilter("always")
        for _ in range(2):
            with Store.open(path) as store:
                assert (pragma(store, "journal_mode"), pragma(store, "synchronous")) == ("delete", 3)
                store.record_run("a", "a", exit_code=0)
    assert [warning.category for warning in recwarn] == [UnsafeFileSystem]
    assert kind in str(recwarn[0].message)
    with Store.open(path) as store:
        assert pragma(store, "journal_mode") == "wal"
        assert len(store.runs.list()) == 2


def test_large_batch_waits_for_a_reader_once_with_a_rollback_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch, program
) -> None:
    """It is refused when the bound is reached at the commit, and waits at no page before; afterwards all is well."""
    waits: list[int] = []
    wait = Patience.__call__
    monkeypatch.setattr(Patience, "__call__", lambda self, tries: (waits.append(tries), wait(self, tries))[1])
    monkeypatch.setattr("hstore.engine.files.wal_is_unsafe", lambda _: "nfs")
    monkeypatch.setattr(opening, "_warned", {str(path)})
    large = [{"app": "a", "cmdline": "x" * 4000, "exit_code": 0}] * 800
    with Store.open(path, busy_timeout=0.05) as store:
        reader = program(READING, path)
        reader.stdout.readline()
        with pytest.raises(Busy):
            store.record_runs(large)
        assert waits.count(0) == 1
        reader.communicate("")
        assert len(store.record_runs(large)) == 800
        assert store.info().counts["runs"] == 800


def test_mount_table_is_read_with_its_escapes_and_the_innermost_mount_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount point with spaces, inside another one; and the real table of this machine."""
    folder = tmp_path / "a b" / "c"
    folder.mkdir(parents=True)
    assert files.file_system(str(folder / "x.db")) == files.file_system(str(tmp_path / "x.db"))
    table = tmp_path / "mountinfo"
    escaped = str(tmp_path / "a b").replace(" ", "\\040")
    table.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {escaped} rw a:1 b:2 - nfs4 y rw\nnonsense\n")
    monkeypatch.setattr(files, "MOUNTS", str(table))
    assert files.file_system(str(folder / "x.db")) == "nfs4"
    assert files.file_system(str(tmp_path / "x.db")) == "ext4"
    monkeypatch.setattr(files, "MOUNTS", str(tmp_path / "none"))
    assert files.file_system(str(folder / "x.db")) is None


def test_sqlite_is_new_enough_and_an_old_one_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """3.51.2 and older can lose pages in WAL mode; opening says so."""
    Store.open(path).close()
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(SQLiteTooOld, match=r"3\.51\.3"):
        Store.open(path)
    assert opening.OLDEST_SQLITE == (3, 51, 3)
