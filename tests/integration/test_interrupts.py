"""Ctrl-C at any moment: after a KeyboardInterrupt at every single bytecode of a write the store is whole and usable."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hstore import Store
from hstore.domains.runs import noun, rows
from hstore.engine import behind, connection, transaction
from hstore.errors import StoreError

ENGINE = (connection, behind, transaction)


class InterruptAt:
    """Raises KeyboardInterrupt at the n-th bytecode that is run in some modules."""

    def __init__(self, number: int, modules: tuple[Any, ...] = ENGINE) -> None:
        self.left = number
        self.fired = False
        self.files = {module.__file__ for module in modules}

    def __enter__(self) -> InterruptAt:
        sys.settrace(self.trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def trace(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        """Trace only the modules in question, opcode by opcode; what runs as a destructor runs to its end."""
        if frame.f_code.co_filename not in self.files or frame.f_code.co_name == "_undo":
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
    """Run one batch with an interrupt in it; say whether it came. None is lost, as in a destructor it would be."""
    surfaced = False
    with InterruptAt(number) as interrupt:
        try:
            with store.batch():
                store._connection.write("INSERT INTO audit_log (at, level, event) VALUES (1, 'info', 'one')")
                with store.batch():
                    store._connection.write("INSERT INTO audit_log (at, level, event) VALUES (2, 'info', 'two')")
        except KeyboardInterrupt:
            surfaced = True
    assert surfaced == interrupt.fired
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


class Told:
    """Records runs of different names, and keeps what was told of each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids: dict[int, str] = {}
        self.names = map("run-{}".format, count())

    def record(self, **more: Any) -> None:
        """One that counts as soon as its id is returned."""
        name = next(self.names)
        number = self.store.record_run(name, name, exit_code=0, **more)
        assert number not in self.ids, "two runs with one id"
        self.ids[number] = name

    def undone(self) -> None:
        """One whose id nobody remembers."""
        self.store.record_run("undone", "undone", exit_code=0)


def in_the_block(told: Told, interrupt: InterruptAt) -> None:
    told.record()
    with interrupt:
        try:
            told.record()
        except KeyboardInterrupt:
            told.record()
    told.record()


def with_a_key(told: Told, interrupt: InterruptAt) -> None:
    told.record()
    with interrupt:
        try:
            told.record(key=next(told.names))
        except KeyboardInterrupt:
            told.record()
    told.record()


def while_it_looks(told: Told, interrupt: InterruptAt) -> None:
    told.record()
    told.store.remember("some", "thing")
    with interrupt:
        try:
            told.store.runs.latest()
        except KeyboardInterrupt:
            told.record()
    told.record()


def around_an_inner_batch(told: Told, interrupt: InterruptAt) -> None:
    told.record()
    with interrupt:
        try:
            with told.store.batch():
                told.undone()
        except KeyboardInterrupt:
            told.record()
    told.record()


def around_an_inner_batch_that_fails(told: Told, interrupt: InterruptAt) -> None:
    told.record()
    with interrupt:
        try:
            with told.store.batch():
                told.undone()
                raise ValueError("fails")
        except KeyboardInterrupt:
            told.record()
        except ValueError:
            pass
    told.record()


@pytest.mark.parametrize(
    "block",
    [in_the_block, with_a_key, while_it_looks, around_an_inner_batch, around_an_inner_batch_that_fails],
    ids=lambda block: block.__name__,
)
def test_a_batch_that_goes_on_after_an_interrupt_keeps_all_it_told_or_fails(
    path: Path, block: Callable[[Told, InterruptAt], None]
) -> None:
    """The program catches it inside the batch, records that it came, and goes on: no id is empty-handed."""
    with Store.open(path, busy_timeout=0.5) as store:
        told = Told(store)
        told.record()
        for number in count(1):
            interrupt = InterruptAt(number, (*ENGINE, noun, rows) if block is in_the_block else ENGINE)
            before = dict(told.ids)
            try:
                with store.batch():
                    block(told, interrupt)
            except StoreError:  # rolled back: leave the batch
                told.ids = before
            # The one that was interrupted may be there too.
            assert told.ids.items() <= dict(store.query("SELECT id, app FROM runs")).items()
            if not interrupt.fired:
                break
        assert number > 30  # moments, fewest where a version of Python tells lines only
        assert another_thread_can_write(store)


def test_what_is_recorded_while_an_interrupt_is_handled_stays(path: Path) -> None:
    """It ended a batch, at whichever bytecode; the run that tells of it is not undone with that batch afterwards."""
    with Store.open(path, busy_timeout=0.5) as store:
        told = Told(store)
        told.record()
        for number in count(1):
            with InterruptAt(number) as interrupt:
                try:
                    with store.batch():
                        told.undone()
                except KeyboardInterrupt:
                    told.record()
            assert told.ids.items() <= dict(store.query("SELECT id, app FROM runs")).items()
            if not interrupt.fired:
                break
        assert number > 30  # moments, fewest where a version of Python tells lines only


def test_a_batch_on_an_exit_stack_is_one(store: Store) -> None:
    """As it is with every context manager; also one that is entered and left by hand."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(store.batch())
        store.record_run("kept", "kept", exit_code=0)
    with pytest.raises(ValueError, match="undone"), contextlib.ExitStack() as stack:
        stack.enter_context(store.batch())
        store.record_run("undone", "undone", exit_code=0)
        raise ValueError("undone")
    batch = store.batch()
    batch.__enter__()
    assert callable(batch.__exit__)
    store.record_run("by hand", "by hand", exit_code=0)
    batch.__exit__(None, None, None)
    abandoned = store.batch()
    assert hasattr(abandoned, "__exit__")
    abandoned.__enter__()
    store.record_run("abandoned", "abandoned", exit_code=0)
    del abandoned
    assert not store._connection.in_transaction
    assert [run.app for run in store.runs.list()] == ["by hand", "kept"]


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
