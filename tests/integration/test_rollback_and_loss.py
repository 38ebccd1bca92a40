"""Ways in which acknowledged data could get lost or wrong data be read, each closed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hstore import Store
from hstore.engine import files
from hstore.errors import HstoreError, InvalidInput, NotFound, ReadOnly, StoreError


def test_database_that_is_open_is_not_read_as_a_file(store: Store, run: int, tmp_path: Path) -> None:
    """Attaching the database, its WAL, or a link to it would drop this process's locks: refused."""
    (tmp_path / "link").symlink_to(store.path)
    os.link(store.path, tmp_path / "hard")
    for path in (store.path, store.path + "-wal", store.path + "-shm", tmp_path / "link", tmp_path / "hard"):
        with pytest.raises(InvalidInput, match="open here"):
            store.attach_artifact(run, "file", Path(path))
    other = tmp_path / "other.db"
    Store.open(other).close()
    assert store.attach_artifact(run, "file", other)


def test_writer_whose_batch_was_rolled_back_does_not_go_on_with_a_hole(store: Store, run: int) -> None:
    """The artifact that lost a step says so instead of calling itself complete."""
    writer = store.artifacts.writer(run, "log")
    with pytest.raises(ValueError, match="undo"), store.batch():
        writer.write(b"first")
        writer.step()
        raise ValueError("undo")
    writer.write(b"second")
    with pytest.raises(HstoreError, match="rolled back"):
        writer.close()
    assert not store.artifacts.get(writer.id).complete


def test_writer_made_in_a_batch_that_was_rolled_back_is_not_found(store: Store, run: int) -> None:
    """Its row is gone, and closing it says so."""
    with pytest.raises(ValueError, match="undo"), store.batch():
        writer = store.artifacts.writer(run, "log")
        raise ValueError("undo")
    writer.write(b"x")
    with pytest.raises(NotFound, match="rolled back"):
        writer.close()


def test_rollback_elsewhere_does_not_stop_a_writer(store: Store, run: int) -> None:
    """A step that was committed stays valid when another batch is undone."""
    writer = store.artifacts.writer(run, "log")
    with store.batch():
        writer.write(b"first ")
        writer.step()
        with pytest.raises(ValueError, match="undo"), store.batch():
            store.remember("x", 1)
            raise ValueError("undo")
    writer.write(b"second")
    writer.close()
    assert store.read_artifact(writer.id) == b"first second"


@pytest.mark.parametrize("replaced", [False, True])
def test_file_removed_or_replaced_under_an_open_store_is_noticed(path: Path, replaced: bool) -> None:
    """Nothing is acknowledged that nobody could read again."""
    store = Store.open(path)
    store.record_run("a", "a", exit_code=0)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    if replaced:
        Store.open(path).close()
    with pytest.raises(StoreError, match="removed or replaced"):
        store.record_run("b", "b", exit_code=0)
    store.close()


def test_reader_in_a_folder_it_cannot_write_refuses_what_a_crash_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a WAL or hot journal beside it, the file alone is not the whole truth: no immutable reading."""
    Store.open(path).close()
    from hstore.engine import opening

    def cannot(*arguments: object, **options: object) -> object:
        if "address" in options:
            return real(*arguments, **options)
        raw = real(*arguments, **options)
        raw.close()

        class Unwritable:
            def execute(self, _sql: str) -> None:
                raise opening.apsw.CantOpenError("unable to open")

            def close(self) -> None:
                pass

        return Unwritable()

    real = opening._open
    monkeypatch.setattr(opening, "_open", cannot)
    Store.open(path, readonly=True).close()
    for suffix in ("-wal", "-journal"):
        beside = Path(f"{path}{suffix}")
        beside.write_bytes(b"x")
        with pytest.raises(ReadOnly, match="folder may not be written"):
            Store.open(path, readonly=True)
        beside.unlink()


def test_file_is_private_before_sqlite_sees_it(tmp_path: Path) -> None:
    """Made with mode 0600, not made and then changed; a second creator is told that it is there."""
    before = os.umask(0)
    try:
        assert files.create(str(tmp_path / "x.db"))
        assert not files.create(str(tmp_path / "x.db"))
    finally:
        os.umask(before)
    if sys.platform != "win32":
        assert (tmp_path / "x.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")
def test_folder_named_as_ours_is_made_private_when_a_database_is_put_into_it(tmp_path: Path) -> None:
    """`.heimdall` made by hand gets its mode and .gitignore."""
    folder = tmp_path / ".heimdall"
    folder.mkdir(mode=0o755)
    Store.open(folder / "project.db").close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="Linux only")
def test_descriptor_for_an_unusual_name_takes_no_lock_away(tmp_path: Path) -> None:
    """The name of a path that is no UTF-8 goes by an O_PATH descriptor, whose closing drops no lock."""
    import fcntl

    path = os.fsencode(tmp_path) + b"/\xff.db"
    Path(os.fsdecode(path)).touch()
    name, descriptor = files.sqlite_name(os.fsdecode(path))
    assert name == f"/proc/self/fd/{descriptor}"
    assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_PATH
    os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_waiting_for_a_stream_holds_no_lock(store: Store, run: int, tmp_path: Path) -> None:
    """While attach_artifact waits for a slow producer, others write."""
    reading, writing = os.pipe()
    os.write(writing, b"first")

    def attach() -> None:
        with os.fdopen(reading, "rb", buffering=0) as stream:
            numbers.append(store.attach_artifact(run, "log", stream))

    numbers: list[int] = []
    thread = threading.Thread(target=attach)
    thread.start()
    time.sleep(0.05)
    with Store.open(store.path, busy_timeout=0.2) as second:
        second.record_run("second", "second", exit_code=0)
    os.write(writing, b" and last")
    os.close(writing)
    thread.join()
    assert store.read_artifact(numbers[0]) == b"first and last"


def test_stream_of_short_reads_is_cut_into_whole_chunks(store: Store, run: int) -> None:
    """However little a stream gives at a time, content is stepped, complete, and cut like any other."""

    class Short(io.RawIOBase):
        left = 3_000_000

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.left, 1000)
            self.left -= size
            return b"z" * size

    number = store.attach_artifact(run, "log", Short())
    assert store.read_artifact(number) == b"z" * 3_000_000
    assert store.info().counts["chunks"] == 2


def test_content_prepared_twice_is_stored_once(store: Store, run: int) -> None:
    """A second writer that stores the same content between preparing and storing adds no second chunk."""
    content = os.urandom(5000)
    chunks = store.artifacts._chunks
    (prepared,) = chunks.prepare([content])
    store.attach_artifact(run, "file", content)
    with store.batch():
        chunks.store(prepared)
    assert store.info().counts["chunks"] == 1


def test_session_that_was_rolled_back_is_not_found(store: Store, run: int) -> None:
    """A result from a batch that was undone names nothing any more; and only a session is a session."""
    with pytest.raises(ValueError, match="undo"), store.batch():
        stale = store.session("x")
        raise ValueError("undo")
    for use in (
        lambda: store.remember("k", 1, scope="session", session=stale),
        lambda: store.sessions.get(stale),
        lambda: store.sessions.context(stale),
        lambda: store.sessions.touch(stale),
        lambda: store.record_run("a", "a", session=stale),
    ):
        with pytest.raises(NotFound, match="session"):
            use()
    with pytest.raises(InvalidInput, match="session"):
        store.record_run("a", "a", session=store.runs.get(run))
    assert store.memory.list() == []


@pytest.mark.parametrize(
    "poison",
    [
        lambda store: store.record_run("a", "b", started_at=253402300799, duration=10),
        lambda store: store.record_run("a", "b", duration=1e11),
        lambda store: store.remember("k", 1, ttl=2.53e11),
    ],
)
def test_times_beyond_what_can_be_shown_are_refused_at_the_door(store: Store, poison) -> None:
    """No row can make a listing fail."""
    with pytest.raises(InvalidInput):
        poison(store)
    assert store.runs.list() == store.memory.list() == []


FORK_WHILE_BUSY = """
import os, sys, threading
from hstore import Store
stop = False
main = Store.open(sys.argv[1] + "/main.db")
run = main.record_run("a", "a")
def opener():
    while not stop:
        Store.open(sys.argv[1] + "/other.db").close()
def compresser():
    with Store.open(sys.argv[1] + "/third.db") as third:
        own = third.record_run("a", "a")
        while not stop:
            third.attach_artifact(own, "file", os.urandom(100_000))
threads = [threading.Thread(target=opener), threading.Thread(target=compresser)]
for thread in threads: thread.start()
codes = []
for number in range(15):
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(20)
        with Store.open(sys.argv[1] + "/main.db") as fresh:
            fresh.attach_artifact(run, "log", os.urandom(5000))
        main.attach_artifact(run, "log", os.urandom(5000))
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop = True
for thread in threads: thread.join()
print(codes == [0] * 15, len(main.artifacts.list(run=run)))
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_child_of_a_process_with_busy_threads_does_not_hang(tmp_path: Path) -> None:
    """Forks while other threads open stores and compress: every child opens, writes and ends."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK_WHILE_BUSY, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True 30\n", "", 0)


FORK_WHILE_IMPORTING = """
import os, signal, sys, threading, time
import hstore
from hstore import Store
Store.open(sys.argv[1] + "/main.db").record_run("a", "a")
with open(sys.argv[1] + "/slow.py", "w") as module:
    module.write("import time; open(__file__ + '.begun', 'w').close(); time.sleep(0.5); done = 1")
hstore.__path__.append(sys.argv[1])
thread = threading.Thread(target=__import__, args=("hstore.slow",))
thread.start()
while not os.path.exists(sys.argv[1] + "/slow.py.begun"):
    time.sleep(0.001)
child = os.fork()
if child == 0:
    signal.alarm(20)
    import hstore.slow
    import json.tool
    os._exit(hstore.slow.done)
thread.join()
import json.tool
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_child_forked_while_a_thread_imports_a_part_of_hstore_does_not_hang(tmp_path: Path) -> None:
    """Parts are imported at their first use: the child's first use waits for nobody who is not there."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK_WHILE_IMPORTING, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


def test_batches_ended_out_of_order_leave_the_store_usable(store: Store) -> None:
    """Leaving the outer batch first ends the inner one, which then says so."""
    outer, inner = store.batch(), store.batch()
    outer.__enter__()
    inner.__enter__()
    store.record_run("a", "a", exit_code=0)
    outer.__exit__(None, None, None)
    with pytest.raises(HstoreError, match="around it"):
        inner.__exit__(None, None, None)
    store.record_run("b", "b", exit_code=0)
    assert len(store.runs.list()) == 2


def test_thread_that_got_busy_holds_no_lock(path: Path, program) -> None:
    """After BEGIN failed, other threads of the process go on."""
    holder = program(
        "import sys\nfrom hstore import Store\n"
        "with Store.open(sys.argv[1]) as s, s.batch():\n s.remember('a', 1)\n print('holding', flush=True)\n"
        " sys.stdin.readline()",
        path,
    )
    assert holder.stdout.readline() == "holding\n"
    with Store.open(path, busy_timeout=0.1) as store:
        with pytest.raises(HstoreError, match="another process"):
            store.record_run("a", "a")
        found: list[object] = []
        thread = threading.Thread(target=lambda: found.append(store.runs.list()))
        thread.start()
        thread.join()
        assert found == [[]]
