"""Steps of runs as blocks: how they end, whatever ends them."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from conftest import Program
from hstore import Store
from hstore.errors import HstoreError, InvalidInput, NotFound, NotRecorded

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)

DYING = """
import os, signal, sys
from hstore import Store
store = Store.open(sys.argv[1])
run = store.record_run("build", ["build"])
with store.runs.step(run, "fetch"):
    pass
with store.runs.step(run, "compile"):
    with store.runs.step(run, "compile a.c"):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def going(store: Store) -> int:
    """A run that goes on."""
    return store.record_run("build", ["build"])


def statuses(store: Store, run: int) -> list[tuple[str, str]]:
    """Each step's name and how it is."""
    return [(step.name, step.status) for step in store.runs.steps(run)]


def test_a_step_ends_with_its_block(store: Store, going: int) -> None:
    """As ok with its figures, as skipped, as failed by an exception that goes through; nested, each by itself."""
    boom = RuntimeError("boom")
    with store.runs.step(going, "build") as step:
        assert statuses(store, going) == [("build", "running")]
        step.stats["files"] = 3
        with pytest.raises(RuntimeError) as caught, store.runs.step(going, "inner") as inner:
            inner.stats["seen"] = [1]
            raise boom
    with store.runs.step(going, "deploy") as step:
        step.skip()
    with pytest.raises(KeyboardInterrupt), store.runs.step(going, "wait") as step:
        step.skip()
        raise KeyboardInterrupt
    assert caught.value is boom
    assert statuses(store, going) == [("build", "ok"), ("inner", "failed"), ("deploy", "skipped"), ("wait", "failed")]
    assert [step.stats for step in store.runs.steps(going)] == [{"files": 3}, {"seen": [1]}, {}, {}]
    with pytest.raises(HstoreError, match="once"), inner:
        pass


def test_a_step_needs_a_run_that_goes_on(store: Store, run: int) -> None:
    """Unknown and finished runs are refused; a step that is recorded afterwards is started and finished by hand."""
    with pytest.raises(NotFound, match="run"), store.runs.step(999, "x"):
        pass
    with pytest.raises(InvalidInput, match=f"run: {run} has already ended as ok"), store.runs.step(run, "x"):
        pass
    with pytest.raises(InvalidInput, match="name"), store.runs.step(store.record_run("a", "a"), ""):
        pass
    with pytest.raises(InvalidInput, match="run"), store.runs.step(True, "x"):
        pass
    assert store.runs.steps(run) == []
    store.runs.step_finish(store.runs.step_start(run, "afterwards"))
    assert statuses(store, run) == [("afterwards", "ok")]


def test_steps_of_a_killed_process_are_lost_with_their_run(path: Path, program: Program) -> None:
    """What had ended is as it ended; what had not is lost, and has failed once somebody says how the run ended."""
    assert program(DYING, path).wait(timeout=60) == -9
    with Store.open(path) as store:
        (run,) = store.runs.list()
        assert run.status == "lost"
        expected = [("fetch", "ok"), ("compile", "lost"), ("compile a.c", "lost")]
        assert statuses(store, run.id) == expected
        assert store.runs.lose_dead() == [run.id]
        assert statuses(store, run.id) == expected
        store.runs.finish(run.id, exit_code=1)
        assert statuses(store, run.id) == [("fetch", "ok"), ("compile", "failed"), ("compile a.c", "failed")]
        ended = store.runs.get(run.id).finished_at
        assert [step.finished_at for step in store.runs.steps(run.id)[1:]] == [ended, ended]


def test_a_run_that_ends_leaves_no_step_running(store: Store, going: int) -> None:
    """Its own only; the block of one of them hears that it is over."""
    other = store.record_run("other", ["other"])
    store.runs.step_start(other, "stays")
    with pytest.raises(NotFound, match="no running step"), store.runs.step(going, "build"):
        store.runs.finish(going, exit_code=0)
    assert statuses(store, going) == [("build", "failed")]
    assert statuses(store, other) == [("stays", "running")]


def test_figures_that_are_no_json_end_the_step_all_the_same(store: Store, going: int) -> None:
    """The mistake is an error, unless the block failed by itself."""
    with pytest.raises(InvalidInput, match="stats"), store.runs.step(going, "build") as step:
        step.stats["files"] = {1, 2}
    for action in ("ignore", "error"):
        with warnings.catch_warnings():
            warnings.simplefilter(action)  # type: ignore[arg-type] # both are actions
            with pytest.raises(ZeroDivisionError), store.runs.step(going, "test") as step:
                step.stats["files"] = {1, 2}
                _ = 1 / 0
    assert statuses(store, going) == [("build", "ok"), ("test", "failed"), ("test", "failed")]
    assert [step.stats for step in store.runs.steps(going)] == [{}, {}, {}]


def test_a_step_whose_end_cannot_be_recorded_hides_no_exception(path: Path) -> None:
    """A closed store makes a warning of it."""

    def closed_and_failed() -> None:
        store = Store.open(path)
        with store.runs.step(store.record_run("a", "a"), "build"):
            store.close()
            raise KeyError("a")

    with pytest.raises(KeyError), pytest.warns(NotRecorded, match="step"):
        closed_and_failed()


def test_a_clock_that_goes_back_ends_no_step_before_it_began(store: Store, going: int) -> None:
    """Its end is its beginning then."""
    step = store.runs.step_start(going, "build", started_at=NOON)
    store.runs.step_finish(step, finished_at=NOON - timedelta(hours=1))
    (found,) = store.runs.steps(going)
    assert found.finished_at == found.started_at == NOON


def test_steps_are_listed_in_their_order_in_pages_and_by_time(store: Store, run: int) -> None:
    """The oldest first; a page goes on behind a step that is gone as well."""
    other = store.record_run("other", ["other"], exit_code=0)
    for number in range(10):
        store.runs.step_start(other if number == 4 else run, str(number), started_at=NOON + timedelta(minutes=number))
    ids = lambda **given: [step.id for step in store.runs.steps(run, **given)]  # noqa: E731 - said once for all
    assert ids() == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert ids(limit=3, after=3) == [4, 6, 7]
    assert ids(after=5) == [6, 7, 8, 9, 10]
    assert ids(since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=6)) == [3, 4, 6]
    with pytest.raises(InvalidInput, match="limit"):
        ids(limit=0)


def test_a_step_in_a_batch_shares_its_fate(store: Store, going: int) -> None:
    """Rolled back with it."""
    with pytest.raises(ValueError, match="no"), store.batch(), store.runs.step(going, "build"):
        raise ValueError("no")
    assert store.runs.steps(going) == []
