"""Ctrl-C at any moment: after a KeyboardInterrupt at every single bytecode of a write the store is whole and usable."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hstore import Store
from hstore.engine import connection as module


class InterruptAt:
    """Raises KeyboardInterrupt at the n-th bytecode that is run in the engine's connection module."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.fired = False

    def __enter__(self) -> InterruptAt:
        sys.settrace(self.trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def trace(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        """Trace only the module in question, opcode by opcode; destructors run to their end, as in real life."""
        if frame.f_code.co_filename != module.__file__ or frame.f_code.co_name == "__del__":
            return None
        frame.f_trace_opcodes = True
        return self.step

    def step(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        """Count down."""
        # CPython 3.12 delivers no opcode events here; its lines still make sixty moments.
        if event in ("opcode", "line") and not self.fired:
            self.left -= 1
            if self.left == 0:
                self.fired = True
                raise KeyboardInterrupt
        return self.step


def interrupted(store: Store, number: int) -> bool:
    """Run one batch with an interrupt in it; say whether it came."""
    with InterruptAt(number) as interrupt:
        try:
            with store.batch():
                store._connection.write("INSERT INTO audit_log (at, level, event) VALUES (1, 'info', 'one')")
                with store.batch():
                    store._connection.write("INSERT INTO audit_log (at, level, event) VALUES (2, 'info', 'two')")
        except KeyboardInterrupt:
            assert interrupt.fired
    return interrupt.fired


def another_thread_can_write(store: Store) -> bool:
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(store.record_run("thread", "thread", exit_code=0)))
    thread.start()
    thread.join()
    return bool(done)


def test_interrupt_at_every_bytecode_of_a_batch_leaves_a_usable_store(path: Path) -> None:
    """Nothing else than KeyboardInterrupt comes out; the batch is there whole or not at all; writing goes on."""
    number, whole, lost_locks = 0, set(), 0
    with Store.open(path, busy_timeout=0.5) as store:
        store.record_run("warm", "warm", exit_code=0)
        came = True
        while came:
            number += 1
            before = len(store.audit.list(limit=None))
            came = interrupted(store, number)
            added = len(store.audit.list(limit=None)) - before
            assert added in (0, 2)
            whole.add(added)
            run = store.record_run("after", "after", exit_code=0)
            assert store.query("SELECT count(*) FROM runs WHERE id = $1", (run,)) == ((1,),)
            lost_locks += not another_thread_can_write(store)
    assert number > 40
    assert whole == {0, 2}
    assert lost_locks == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
def test_real_signals_in_a_loop_of_records_lose_nothing_acknowledged(store: Store) -> None:
    """300 alarms at odd moments: each surfaces as KeyboardInterrupt, and every returned id is in the file."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    acknowledged: list[int] = []
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(300):
            with pytest.raises(KeyboardInterrupt):
                # Repeated, because one that falls into a destructor is reported by the interpreter and dropped.
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + number % 37 * 0.00003, 0.05)
                while True:
                    acknowledged.append(store.record_run("a", "b", exit_code=0))
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    there = {row[0] for row in store.query("SELECT id FROM runs")}
    assert set(acknowledged) <= there
    assert another_thread_can_write(store)
