"""Rule 1 of the file: nothing that hstore does loses a lock that this process holds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.errors import Busy, StoreError

WRITE = """
import sys
from hstore import Store
from hstore.errors import Busy
try:
    with Store.open(sys.argv[1], busy_timeout=0.2) as store:
        store.record_run("other", "other", exit_code=0)
    print("wrote")
except Busy:
    print("busy")
"""

HOLD = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store, store.batch():
    store.record_run("holder", "holder", exit_code=0)
    print("holding", flush=True)
    sys.stdin.readline()
"""

TRUNCATE = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
print(connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE))
"""


def other_writer(program, path: Path) -> str:
    output, error = program(WRITE, path).communicate()
    assert error == ""
    return output.strip()


def everything_that_touches_the_file(store: Store) -> None:
    """Whatever may be done to a database in the process that holds its lock."""
    examine(store.path)
    Store.open(store.path, readonly=True).close()
    with Store.open(store.path, busy_timeout=0.1) as second:
        second.runs.list()
        with pytest.raises(Busy):
            second.record_run("second", "second", exit_code=0)
    store.info()
    store.query("SELECT count(*) FROM runs")
    store.migrations()


def test_nothing_hstore_does_drops_the_lock_of_an_open_transaction(store: Store, program) -> None:
    """Another process stays locked out while this one is in a batch, whatever this one does with the file."""
    with store.batch():
        run = store.record_run("mine", "mine", exit_code=0)
        everything_that_touches_the_file(store)
        assert other_writer(program, Path(store.path)) == "busy"
    assert store.runs.get(run).app == "mine"
    assert other_writer(program, Path(store.path)) == "wrote"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks are what is dropped")
def test_closing_a_descriptor_of_the_file_would_drop_it(store: Store, program) -> None:
    """The danger is real: opening and closing the file lets the other process in. So the test above can fail.

    The other one, thinking itself the last, takes the WAL away when it closes: the batch is refused, not lost silently.
    """
    with pytest.raises(StoreError, match="removed or replaced"), store.batch():
        store.record_run("mine", "mine", exit_code=0)
        for suffix in ("", "-shm"):
            with open(store.path + suffix, "rb"):
                pass
        assert other_writer(program, Path(store.path)) == "wrote"


def test_waiting_for_another_process_is_bounded_and_the_error_says_what_to_do(path: Path, program) -> None:
    """Past the bound a writer gets Busy, with the likely cause; readers are not stopped."""
    Store.open(path).close()
    holder = program(HOLD, path)
    assert holder.stdout.readline() == "holding\n"
    with Store.open(path, busy_timeout=0.1) as store:
        assert store.runs.list() == []
        with pytest.raises(Busy, match="another process.*busy_timeout"):
            store.record_run("a", "a", exit_code=0)
        holder.communicate("\n")
        assert store.record_run("a", "a", exit_code=0) == 2


def test_open_store_that_is_idle_takes_no_lock(store: Store, program) -> None:
    """While it is open, another process can write, and empty the WAL: no snapshot is held."""
    store.record_run("mine", "mine", exit_code=0)
    store.runs.list()
    store.query("SELECT * FROM runs")
    next(store.artifacts.replay(1), None)
    assert other_writer(program, Path(store.path)) == "wrote"
    output, error = program(TRUNCATE, store.path).communicate()
    assert error == ""
    assert output.startswith("(0, 0)")
    assert len(store.runs.list()) == 2


def test_batch_of_one_thread_makes_others_wait_with_a_bound(path: Path) -> None:
    """Another thread's write waits for the batch, and past the bound gets Busy instead of a deadlock."""
    from threading import Thread

    failures: list[BaseException] = []

    def write() -> None:
        try:
            store.record_run("thread", "thread", exit_code=0)
        except Busy as failure:
            failures.append(failure)

    with Store.open(path, busy_timeout=0.2) as store:
        with store.batch():
            thread = Thread(target=write)
            thread.start()
            thread.join()
        assert len(failures) == 1
        assert "another thread" in str(failures[0])
        write()
        assert [run.app for run in store.runs.list()] == ["thread"]
