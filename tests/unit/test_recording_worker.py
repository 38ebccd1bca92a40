"""The recorder's worker: one thing at a time, errors come back, and no thread is left when nothing comes."""

from __future__ import annotations

import threading
import time
from _thread import _count

import pytest

from hstore.recorder import _worker
from hstore.recorder._worker import Worker


def test_things_are_done_in_order_by_one_thread() -> None:
    """A hundred things are done one after another, all by the same thread, which is not the caller's."""
    worker, done = Worker(), []
    for number in range(100):
        worker.start(lambda number=number: done.append((number, threading.get_ident())))
        worker.wait()
    assert [number for number, _ in done] == list(range(100))
    assert len({thread for _, thread in done} - {threading.get_ident()}) == 1


def test_it_is_busy_until_it_has_finished() -> None:
    """`busy` and `wait` tell whether the last thing is done."""
    worker, gate = Worker(), threading.Event()
    assert not worker.busy
    worker.start(gate.wait)
    assert worker.busy
    assert not worker.wait(0.01)
    gate.set()
    assert worker.wait()
    assert not worker.busy


def test_an_error_comes_back_once() -> None:
    """What was raised in the thread is raised by `outcome`, and the next thing is done as if nothing had been."""
    worker, done = Worker(), []

    def failing() -> None:
        raise ValueError("no room")

    worker.start(failing)
    worker.wait()
    with pytest.raises(ValueError, match="no room"):
        worker.outcome()
    worker.outcome()
    worker.start(lambda: done.append(1))
    worker.wait()
    worker.outcome()
    assert done == [1]


def test_the_thread_ends_when_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while without anything to do there is no thread, and a new one does what comes then."""
    monkeypatch.setattr(_worker, "_IDLE_SECONDS", 0.01)
    before = _count()
    worker, done = Worker(), []
    for _ in range(3):
        worker.start(lambda: done.append(1))
        worker.wait()
        deadline = time.monotonic() + 30
        while _count() > before and time.monotonic() < deadline:
            time.sleep(0.001)
        assert _count() == before
    assert done == [1, 1, 1]


def test_things_that_come_just_when_the_thread_ends_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the pauses fall beside the thread's own patience, nothing is left undone."""
    monkeypatch.setattr(_worker, "_IDLE_SECONDS", 0.0005)
    worker, done = Worker(), []
    for number in range(300):
        worker.start(lambda: done.append(1))
        assert worker.wait(30)
        time.sleep(0.0001 * (number % 12))
    assert len(done) == 300


def test_without_a_thread_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no thread, the caller does it, and errors come back the same way."""

    def refused(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_worker, "start_new_thread", refused)
    worker, done = Worker(), []
    worker.start(lambda: done.append(threading.get_ident()))
    assert not worker.busy
    worker.outcome()
    assert done == [threading.get_ident()]
