"""Waiting for other processes: bounded, interruptible, fair, and past the bound it is said for whom."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from hstore import Store
from hstore.engine import holders, waiting
from hstore.errors import Busy

HOLD = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store, store.batch():
    store.record_run("holder", "holder", exit_code=0)
    print("holding", flush=True)
    sys.stdin.readline()
"""

WRITE = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[2])):
        store.record_run("writer", [sys.argv[3], str(number)], exit_code=0)
"""

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals between processes here")
needs_locks = pytest.mark.skipif(not os.path.exists(holders.LOCKS), reason="no list of locks here")


def holding(program, path: Path):
    Store.open(path).close()
    holder = program(HOLD, path)
    assert holder.stdout.readline() == "holding\n"
    return holder


def test_pauses_grow_and_then_shrink_with_age() -> None:
    """Who has waited for long tries more often than who has just come back from a few tries."""
    pauses = waiting._PAUSES
    top = pauses.index(max(pauses))
    assert list(pauses[: top + 1]) == sorted(pauses[: top + 1])
    assert list(pauses[top:]) == sorted(pauses[top:], reverse=True)
    assert pauses[-1] < pauses[top] / 4


def test_patience_without_time_does_not_wait() -> None:
    """A bound of 0 gives up at the first try, and a bound of a moment after that moment."""
    assert not waiting.Patience(0)(0)
    patience = waiting.Patience(0.01)
    assert patience(0)
    time.sleep(0.02)
    assert not patience(1)
    assert patience(0), "another lock, another wait"


def test_pressing_has_a_bound_of_its_own_and_leaves_the_usual_one_as_it_was() -> None:
    """A checkpoint that keeps writers out gives up in time, whatever busy_timeout says."""
    patience = waiting.Patience(3600)
    patience.press(0.005)
    time.sleep(0.01)
    assert not patience(0)
    patience.pressing = False
    assert patience(0)


@needs_locks
def test_error_past_the_bound_names_the_process_that_writes(path: Path, program) -> None:
    """Whoever waited in vain need not guess."""
    holder = holding(program, path)
    with Store.open(path, busy_timeout=0.05) as store, pytest.raises(Busy, match=rf"at this moment {holder.pid} \(py"):
        store.record_run("a", "a", exit_code=0)


@needs_signals
def test_interrupt_ends_the_wait_at_once_and_nothing_is_left_open(path: Path, program) -> None:
    """Ctrl-C while waiting for another process is not put off until the bound is reached."""
    holder = holding(program, path)
    with Store.open(path, busy_timeout=3600) as store:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            store.record_run("a", "a", exit_code=0)
        timer.join()
        assert holder.communicate("\n") == ("", "")
        store.record_run("b", "b", exit_code=0)
        assert [run.app for run in store.runs.list()] == ["b", "holder"]


@needs_signals
def test_process_stopped_while_it_waits_holds_nobody_up(path: Path, program) -> None:
    """There is no queue in which somebody who is stopped could stand before others."""
    holder = holding(program, path)
    waiter = program(WRITE, path, 1, "waiter")
    assert waiter.stdout.readline() == "ready\n"
    waiter.stdin.write("\n")
    waiter.stdin.flush()
    time.sleep(0.2)
    waiter.send_signal(signal.SIGSTOP)
    assert holder.communicate("\n") == ("", "")
    with Store.open(path) as store:
        for number in range(100):
            store.record_run("b", str(number), exit_code=0)
    waiter.send_signal(signal.SIGCONT)
    assert waiter.communicate() == ("", "")
    with Store.open(path) as store:
        assert len(store.runs.list(limit=None)) == 102


def test_thirty_two_processes_write_at_once_and_none_is_refused(path: Path, program) -> None:
    """Each commit its own transaction, the usual bound of waiting: no error, and nothing lost."""
    Store.open(path).close()
    writers = [program(WRITE, path, 50, f"w{number}") for number in range(32)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    assert [writer.communicate()[1] for writer in writers] == [""] * 32
    with Store.open(path) as store:
        there = {run.argv for run in store.runs.list(limit=None)}
    assert there == {(f"w{writer}", str(number)) for writer in range(32) for number in range(50)}


def test_threads_of_one_store_and_another_process_share_the_file(path: Path, program) -> None:
    """A thread that waits for another process lets the other threads of its own run."""
    holder = holding(program, path)
    ticks: list[float] = []
    with Store.open(path) as store:
        thread = threading.Thread(target=store.record_run, args=("a", "a"), kwargs={"exit_code": 0})
        thread.start()
        for _ in range(20):
            time.sleep(0.005)
            ticks.append(time.monotonic())
        assert thread.is_alive()
        assert holder.communicate("\n") == ("", "")
        thread.join()
        assert len(ticks) == 20
        assert len(store.runs.list()) == 2
