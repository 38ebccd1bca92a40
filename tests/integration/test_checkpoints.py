"""The WAL stays small: whoever writes, whoever reads, and for however long."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import apsw
import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.engine import checkpoints, guard, holders, settings
from hstore.errors import Busy

PAGE = settings.PAGE_SIZE

READ = """
import sys, time, apsw
path, how = sys.argv[1:]
readers = [apsw.Connection(path), apsw.Connection(path)]
readers[0].execute("BEGIN; SELECT count(*) FROM runs").fetchall()
print("reading", flush=True)
number = 1
while how == "overlapping":
    time.sleep(0.005)
    readers[number].execute("BEGIN; SELECT count(*) FROM runs").fetchall()
    number = 1 - number
    readers[number].execute("COMMIT").fetchall()
sys.stdin.readline()
"""

WRITE = """
import sys
from hstore import Store
from hstore.engine import checkpoints, settings
checkpoints.WAL_INTERVAL = settings.WAL_INTERVAL = int(sys.argv[2])
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[3])):
        store.record_run("writer", str(number), exit_code=0)
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A checkpoint every 50 pages and a limit of 1000, so that tests see many of them."""
    monkeypatch.setattr(checkpoints, "WAL_INTERVAL", 50)
    monkeypatch.setattr(checkpoints, "WAL_LIMIT", 1000)
    monkeypatch.setattr(guard, "WAL_LIMIT", 1000)
    return 50


def pages(path: Path) -> int:
    return os.stat(f"{path}-wal").st_size // PAGE


def record(store: Store, count: int) -> None:
    for number in range(count):
        store.record_run("a", str(number), exit_code=0)


def test_wal_of_a_single_writer_begins_anew_at_each_interval(path: Path, small: int) -> None:
    """However many commits, the WAL keeps the size of one interval and what one commit adds."""
    Store.open(path).close()  # to make the schema is one commit of more pages than that
    with Store.open(path) as store:
        record(store, 500)
        assert small <= pages(path) < small + 60


def test_wal_under_readers_that_overlap_without_end_stays_bounded(path: Path, small: int, program) -> None:
    """Somebody reads at every moment, one snapshot taken before the last ends: the WAL begins anew all the same."""
    Store.open(path).close()
    reader = program(READ, path, "overlapping")
    assert reader.stdout.readline() == "reading\n"
    with Store.open(path) as store:
        record(store, 2000)
        assert len(store.runs.list(limit=None)) == 2000
        # 2000 commits are more than 8000 pages.
        assert pages(path) < 1000 + 60
    assert reader.poll() is None


def test_wal_of_writers_that_never_pause_stays_bounded(path: Path, program) -> None:
    """Somebody has always appended meanwhile; it begins anew all the same, long before it holds everything."""
    Store.open(path).close()
    writers = [program(WRITE, path, 100, 1000) for _ in range(4)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    connection = apsw.Connection(str(path))
    connection.execute("SELECT 1 FROM runs").fetchall()  # keeps the WAL there behind the last writer
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    assert [writer.communicate()[1] for writer in writers] == [""] * 4
    size = pages(path)
    connection.close()
    # 4000 commits are more than 16,000 pages. A file that has grown is cut only to the journal's limit.
    assert size <= settings.JOURNAL_SIZE_LIMIT // PAGE + 100
    assert examine(path).ok


@pytest.mark.parametrize("newcomer", [False, True], ids=["the same store", "a store opened later"])
def test_reader_that_never_ends_stops_writing_at_the_limit(path: Path, small: int, program, newcomer: bool) -> None:
    """One old snapshot pins the WAL: nothing is written past the limit, the reader is named, after it all goes on."""
    store = Store.open(path, busy_timeout=0.05)
    record(store, 1)
    reader = program(READ, path, "holding")
    assert reader.stdout.readline() == "reading\n"
    with pytest.raises(Busy) as refused:
        record(store, 1000)
    there = len(store.runs.list(limit=None))
    if os.path.exists(holders.LOCKS):
        assert f" {reader.pid} (" in str(refused.value)
    assert "limit" in str(refused.value)
    assert 1000 <= pages(path) < 1000 + small + 60
    if newcomer:
        store.close()
        store = Store.open(path, busy_timeout=0.05)
    for _ in range(3):
        with pytest.raises(Busy, match="limit"):
            record(store, 1)
        with pytest.raises(Busy, match="limit"), store.batch():
            record(store, 1)
    assert pages(path) < 1000 + small + 60
    assert len(store.runs.list(limit=None)) == there
    assert reader.communicate("\n") == ("", "")
    record(store, 10)
    assert len(store.runs.list(limit=None)) == there + 10
    store.close()
    assert examine(path).ok


def test_doctor_says_who_may_be_in_the_way_of_a_large_wal(path: Path, program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small WAL is in order; a large one is a warning with the process that reads, or the advice to write once."""

    def said() -> tuple[str, str]:
        (check,) = [check for check in examine(path).checks if check.name == "wal"]
        return check.status, check.message

    monkeypatch.setattr(checkpoints, "WAL_INTERVAL", 1 << 20)
    store = Store.open(path)
    record(store, 100)
    assert said()[0] == "ok"
    monkeypatch.setattr(settings, "WAL_INTERVAL", 10)
    assert "writes will make it small" in said()[1]
    reader = program(READ, path, "holding")
    assert reader.stdout.readline() == "reading\n"
    status, message = said()
    assert status == "warn"
    if os.path.exists(holders.LOCKS):
        assert f" {reader.pid} (" in message
    store.close()


def test_what_fails_in_a_checkpoint_does_not_fail_the_commit(
    path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is committed by then; the WAL keeps it, and the next checkpoint is tried when more has come."""
    tried = []

    def fail(*_: object) -> None:
        tried.append(1)
        raise apsw.FullError("no room for the database to grow")

    monkeypatch.setattr(checkpoints.Checkpoints, "_advance", fail)
    with Store.open(path) as store:
        record(store, 200)
        assert len(store.runs.list(limit=None)) == 200
    assert 2 <= len(tried) <= 200 * 5 // small + 5
    assert examine(path).ok


def test_iterating_and_following_hold_no_snapshot(path: Path, small: int) -> None:
    """Between two steps of anything that hstore hands out piece by piece, the WAL can begin anew."""
    connection = apsw.Connection(str(path))
    emptied = []

    class Sink:
        def write(self, part: bytes) -> int:
            connection.execute("SELECT 1 FROM runs").fetchall()
            emptied.append(connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE))
            return len(part)

    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        artifact = store.attach_artifact(run, "log", b"".join(b"%d line\n" % n for n in range(200_000)), name="stdout")
        assert store.artifacts.stream_to(artifact, Sink()) > 1 << 20
        replayed = store.artifacts.replay(run)
        for _ in range(2):
            assert next(replayed)
            Sink().write(b"")
        store.query("SELECT * FROM runs")
        Sink().write(b"")
    connection.close()
    assert emptied == [(0, 0)] * len(emptied)
    assert len(emptied) > 5


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
def test_checkpoints_go_on_after_a_fork(path: Path, small: int) -> None:
    """The connection that is opened again keeps the WAL as small, in parent and child."""
    with Store.open(path) as store:
        record(store, 10)
        child = os.fork()
        if child == 0:
            try:
                record(store, 300)
                os._exit(0 if pages(path) < small + 120 else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        record(store, 300)
        assert pages(path) < small + 120
