"""Stores and fork: no SQLite connection crosses it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import StoreForked

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # Python 3.12 and later warn of forking with threads; pytest-timeout and the like start some.
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


def in_child(action: Callable[[], None]) -> int:
    """Run `action` in a forked child; return 0, or 1 if it raised."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException as failure:
            print(f"child: {failure!r}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def record(store: Store, name: str) -> int:
    return store.record_run(name, name, exit_code=0)


def test_child_and_parent_both_go_on_with_an_idle_store(store: Store) -> None:
    """The store works in both processes after a fork, and both see all rows."""
    record(store, "before")
    assert in_child(lambda: record(store, "child")) == 0
    record(store, "parent")
    assert {run.app for run in store.runs.list()} == {"before", "child", "parent"}


def test_child_that_exits_normally_leaves_the_parents_wal_alone(store: Store) -> None:
    """A child's destructors and close neither checkpoint nor unlink what the parent is using."""

    def use_and_close() -> None:
        record(store, "child")
        store.close()

    for number in range(5):
        record(store, f"before{number}")
        assert in_child(use_and_close) == 0
        record(store, f"after{number}")
    assert len(store.runs.list()) == 15
    with Store.open(store.path, readonly=True) as second:
        assert len(second.runs.list()) == 15


def test_fork_inside_a_batch_gives_the_child_a_clear_error(store: Store) -> None:
    """The child may not use the parent's store, nor open the file beside it; the parent's batch is whole."""

    def child() -> None:
        with pytest.raises(StoreForked, match="spawn"):
            record(store, "child")
        with pytest.raises(StoreForked, match="spawn"):
            Store.open(store.path)
        store.close()

    with store.batch():
        record(store, "parent")
        assert in_child(child) == 0
        record(store, "parent")
    assert [run.app for run in store.runs.list()] == ["parent", "parent"]


def test_leaving_a_batch_in_the_child_commits_nothing(store: Store) -> None:
    """A child that runs to the end of the parent's `with` block gets an error and changes nothing."""

    def fork_inside() -> int:
        with store.batch():
            record(store, "parent")
            child = os.fork()
        return child

    try:
        child = fork_inside()
    except StoreForked:
        os._exit(7)
    assert child > 0
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(store.runs.list()) == 1


def test_many_children_write_at_once(store: Store) -> None:
    """Sixteen forked children each record through the inherited store: nothing is missing."""
    children = []
    for number in range(16):
        child = os.fork()
        if child == 0:
            try:
                record(store, f"child{number}")
                os._exit(0)
            except BaseException as failure:
                print(f"child: {failure!r}", file=sys.stderr)
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 16
    assert len({run.app for run in store.runs.list()}) == 16


def test_store_that_was_closed_is_not_opened_by_a_fork(path: Path) -> None:
    """Forking after close changes nothing."""
    store = Store.open(path)
    store.close()
    assert in_child(lambda: None) == 0
