"""Figures of use: features, measurements of operations, saved time, and the views of them."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Program
from hstore import Store
from hstore.domains import metrics as metrics_module
from hstore.door import fitting
from hstore.errors import HstoreError, InvalidInput, NotFound, NotRecorded

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time zone of this process, by POSIX's names: `UTC-1` is one hour east of Greenwich."""
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process can be set on POSIX only")

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def berlin(in_zone: Callable[[str], None]) -> None:
    """A time zone in which 23:30 UTC is the next day, whatever the machine's own is."""
    in_zone("UTC-1")


# --- usage ---


def test_a_use_is_begun_and_completed(store: Store) -> None:
    """While it goes on it has no end; completed, it has one, an outcome and an error, and cannot be completed again."""
    store.session("s")
    use = store.usage.start("search", "core", session="s", context={"query": "x"})
    (begun,) = store.usage.list()
    assert (begun.session, begun.feature, begun.category, begun.context) == ("s", "search", "core", {"query": "x"})
    assert (begun.completed_at, begun.success, begun.error) == (None, None, None)
    store.usage.complete(use, error="no index")
    (done,) = store.usage.list(success=False)
    assert (done.success, done.error) == (False, "no index")
    assert done.completed_at is not None
    assert done.completed_at >= done.started_at
    with pytest.raises(NotFound, match="use"):
        store.usage.complete(use)


def test_a_tracked_use_succeeds_or_fails_with_its_block(store: Store) -> None:
    """An exception goes through unchanged and is the use's error; even one that cannot say what it is."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("mute")

    with store.usage.track("search", "core") as use:
        assert store.usage.list()[0].id == use.id
    boom = RuntimeError("out of\0 paper \udcff")
    with pytest.raises(RuntimeError) as caught, store.usage.track("print", "advanced"):
        raise boom
    assert caught.value is boom
    with pytest.raises(Mute), store.usage.track("hush", "advanced"):
        raise Mute
    said = [(each.feature, each.success, each.error) for each in store.usage.list()]
    assert said == [
        ("hush", False, f"{Mute.__qualname__}"),
        ("print", False, "RuntimeError: out of\\x00 paper \\xff"),
        ("search", True, None),
    ]
    with pytest.raises(HstoreError, match="once"), use:
        pass


def test_a_block_can_say_that_its_use_failed(store: Store) -> None:
    """Without an exception; what an exception says comes first."""
    with store.usage.track("search", "core") as use:
        use.error = "nothing found"
    with pytest.raises(KeyError), store.usage.track("search", "core") as use:
        use.error = "nothing found"
        raise KeyError("a")
    assert [(each.success, each.error) for each in store.usage.list()] == [
        (False, "KeyError: 'a'"),
        (False, "nothing found"),
    ]
    with store.metrics.measure("fetch") as measured:
        measured.error_type = "Timeout"
    assert [(each.success, each.error_type) for each in store.metrics.list()] == [(False, "Timeout")]


def test_a_clock_that_goes_back_ends_no_use_before_it_began(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end is the beginning then; in a block the monotonic clock says how long it took."""
    use = store.usage.start("search", "core", started_at=time.time() + 3600)
    store.usage.complete(use)
    (row,) = store.usage.list()
    assert row.completed_at == row.started_at
    ticks = iter([5_000_000_000, 7_500_000_000])
    monkeypatch.setattr("hstore.domains.usage.perf_counter_ns", lambda: next(ticks))
    moments = iter([2_000_000_000_000_000, 2_000_000_000_000_000, 1_000_000_000_000_000])
    monkeypatch.setattr("hstore.domains.usage.now", lambda: next(moments))
    with store.usage.track("tracked", "core"):
        pass
    (row,) = store.usage.list(feature="tracked")
    assert row.completed_at is not None
    assert row.completed_at - row.started_at == timedelta(seconds=2.5)


def test_a_use_whose_end_cannot_be_recorded_keeps_the_exception_of_its_block(path: Path) -> None:
    """A closed store makes a warning of it; a body that succeeded hears of it."""

    def closed_and_failed() -> None:
        store = Store.open(path)
        with store.usage.track("a", "core"):
            store.close()
            raise KeyError("a")

    with pytest.raises(KeyError), pytest.warns(NotRecorded, match="not recorded"):
        closed_and_failed()
    store = Store.open(path)
    with pytest.raises(HstoreError, match="closed"), store.usage.track("a", "core"):
        store.close()


def test_uses_in_a_batch_that_is_rolled_back_are_rolled_back(store: Store) -> None:
    """As everything in a batch."""
    with pytest.raises(ValueError, match="no"), store.batch(), store.usage.track("a", "core"):
        raise ValueError("no")
    assert store.usage.list() == []


def test_uses_are_listed_by_every_filter(store: Store) -> None:
    """Feature, category, session, success and time; in pages that together are the whole."""
    for key in ("s", "t"):
        store.session(key)
    for number in range(12):
        store.usage.record(
            f"f{number % 3}",
            ("core", "files")[number % 2],
            session=("s", "t", None)[number % 3],
            success=bool(number % 4),
            started_at=NOON + timedelta(minutes=number // 2),
        )
    ids = lambda **given: [use.id for use in store.usage.list(**given)]  # noqa: E731 - said once for all
    assert ids() == [*range(12, 0, -1)]
    assert ids(feature="f0") == [10, 7, 4, 1]
    assert ids(category="files", session="t") == [8, 2]
    assert ids(success=False) == [9, 5, 1]
    assert ids(since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=2)) == [4, 3]
    pages, last = [], None
    while page := ids(limit=5, after=last):
        pages += page
        last = page[-1]
    assert pages == ids()


def test_adoption_is_the_view_with_bounds(store: Store) -> None:
    """Without bounds exactly the view's rows; with them, those of the stretch; uses without an end do not count."""
    store.session("s")
    store.session("t")
    for number in range(10):
        store.usage.record(
            "search" if number % 3 else "chat",
            "core",
            session="s" if number < 5 else "t",
            started_at=NOON + timedelta(hours=number),
            duration=number,
            success=number != 4,
        )
    store.usage.start("search", "core")
    view = store.query("SELECT * FROM feature_adoption ORDER BY usage_count DESC")
    assert [tuple(each) for each in store.usage.adoption()] == list(view)
    search, chat = store.usage.adoption()
    assert search == ("core", "search", 6, 2, pytest.approx(5 / 6), pytest.approx(mean([1, 2, 4, 5, 7, 8])))
    assert (chat.uses, chat.sessions) == (4, 2)
    bounded = store.usage.adoption(since=NOON + timedelta(hours=6), until=NOON + timedelta(hours=9))
    assert [(each.feature, each.uses, each.sessions) for each in bounded] == [("search", 2, 1), ("chat", 1, 1)]
    assert [(each.feature, each.uses) for each in store.usage.adoption(newest=1)] == [("chat", 1)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"feature": ""}, "feature"),
        ({"feature": "x" * 1025}, "feature"),
        ({"category": "kitchen"}, "category"),
        ({"category": None}, "category"),
        ({"context": {1, 2}}, "context"),
        ({"context": math.nan}, "context"),
        ({"started_at": datetime(2026, 1, 1)}, "started_at"),
        ({"started_at": True}, "started_at"),
        ({"duration": -1}, "duration"),
        ({"duration": math.inf}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": 1e18}, "duration"),
        ({"success": 1}, "success"),
        ({"success": True, "error": "x"}, "error"),
        ({"error": 5}, "error"),
    ],
)
def test_wrong_uses_are_refused(store: Store, wrong: dict[str, Any], said: str) -> None:
    """The argument is named, the value is not shown, nothing is stored."""
    with pytest.raises(InvalidInput, match=f"^{said}"):
        store.usage.record(**{"feature": "f", "category": "core", **wrong})
    assert store.usage.list() == []


def test_unknown_sessions_and_uses_are_not_found(store: Store) -> None:
    """For each verb that names one."""
    with pytest.raises(NotFound, match="session"):
        store.usage.start("f", "core", session="nobody")
    with pytest.raises(NotFound, match="session"):
        store.productivity.record("t", estimate=1, actual=1, session=77)
    with pytest.raises(NotFound, match="use"):
        store.usage.complete(77)
    with pytest.raises(InvalidInput, match="use"):
        store.usage.complete(True)
    assert store.usage.list() == []


# --- metrics ---


def test_a_measurement_comes_back(store: Store) -> None:
    """Every column."""
    store.metrics.record(
        "ai_call",
        started_at=NOON,
        duration=1.25,
        error_type="TimeoutError",
        details={"model": "m"},
        memory=5_000_000,
        tokens=321,
        cache_hit=True,
    )
    (found,) = store.metrics.list()
    assert found == (1, "ai_call", {"model": "m"}, NOON, 1.25, False, "TimeoutError", 5_000_000, 321, True)


def test_a_block_is_measured(store: Store) -> None:
    """Its time, its exception by type, and what the block says of itself."""
    with store.metrics.measure("db_query", details={"sql": "SELECT"}) as measured:
        time.sleep(0.002)
        measured.tokens, measured.cache_hit = 7, True
    with pytest.raises(ZeroDivisionError), store.metrics.measure("db_query"):
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), store.metrics.measure("db_query"):
        raise KeyboardInterrupt
    interrupted, failed, done = store.metrics.list()
    assert (done.success, done.error_type, done.tokens, done.cache_hit) == (True, None, 7, True)
    assert done.duration >= 0.002
    assert (failed.success, failed.error_type) == (False, "ZeroDivisionError")
    assert (interrupted.success, interrupted.error_type) == (False, "KeyboardInterrupt")
    with pytest.raises(HstoreError, match="once"), measured:
        pass


def test_a_function_is_measured_each_time(store: Store) -> None:
    """It takes and gives what it did, keeps its name, may call itself, and its exceptions go through."""

    @store.metrics.measure("fact")
    def factorial(number: int) -> int:
        """The product of all up to it."""
        if number < 0:
            raise ValueError("negative")
        return number * factorial(number - 1) if number else 1

    assert factorial(4) == 24
    assert (factorial.__name__, factorial.__doc__) == ("factorial", "The product of all up to it.")
    assert [each.success for each in store.metrics.list()] == [True] * 5
    with pytest.raises(ValueError, match="negative"):
        factorial(-1)
    assert store.metrics.list()[0].error_type == "ValueError"


def test_what_only_makes_its_work_is_not_decorated(store: Store) -> None:
    """The call of a generator function or coroutine takes no time; a block inside measures what it does."""

    def generator() -> Any:
        with store.metrics.measure("inside"):
            yield 1

    async def coroutine() -> None:
        with store.metrics.measure("awaited"):
            pass

    async def both() -> Any:
        yield 1

    class Asked:
        async def __call__(self) -> None:
            pass

    for function in (generator, coroutine, both, 5, partial(coroutine), partial(partial(generator)), Asked()):
        with pytest.raises(InvalidInput, match="function"):
            store.metrics.measure("x")(function)  # type: ignore[type-var] # the last on purpose
    assert store.metrics.measure("plain")(partial(int, "5"))() == 5
    assert list(generator()) == [1]
    with pytest.raises(StopIteration):
        coroutine().send(None)
    assert [each.operation for each in store.metrics.list()] == ["awaited", "inside", "plain"]


def test_a_clock_that_goes_back_makes_no_negative_duration(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The duration is the monotonic clock's; the beginning is what the other clock said."""
    moments = iter([2_000_000_000_000_000, 1_000_000_000_000_000])
    monkeypatch.setattr(metrics_module, "now", lambda: next(moments))
    with store.metrics.measure("x"):
        metrics_module.now()
    (found,) = store.metrics.list()
    assert found.started_at == datetime.fromtimestamp(2_000_000_000, timezone.utc)
    assert 0 <= found.duration < 60


LARGE = """
import sys
from hstore import Store
from hstore.domains.metrics import _largest_size
with Store.open(sys.argv[1]) as store:
    with store.metrics.measure("large", memory=True):
        large = b"x" * (_largest_size() + (64 << 20))
        del large
    with store.metrics.measure("small"):
        pass
"""


def test_the_largest_size_is_measured_where_it_is_asked_for(path: Path, program: Program) -> None:
    """A block that takes 64 MiB more than its process ever had shows it; without being asked nothing is there."""
    # In a process of its own: this one may have had a gigabyte already.
    _, said = program(LARGE, path).communicate(timeout=60)
    assert said == ""
    with Store.open(path, readonly=True) as store:
        small, large = store.metrics.list()
    assert large.memory is not None
    assert large.memory >= 32 << 20
    assert small.memory is None


def test_work_is_not_lost_for_its_measurement(path: Path) -> None:
    """Where the database cannot be written, a function's result or its own exception comes through, with a warning."""
    store = Store.open(path)

    @store.metrics.measure("x")
    def half(number: int) -> float:
        return number / 0 if number < 0 else number / 2

    store.close()
    with pytest.warns(NotRecorded, match="not recorded"):
        assert half(3) == 1.5
    with pytest.warns(NotRecorded, match="not recorded"), pytest.raises(ZeroDivisionError):
        half(-1)


def test_a_measurement_that_says_nonsense_of_itself_is_refused(store: Store) -> None:
    """A mistake of the caller is an error, unless the block failed by itself."""
    with pytest.raises(InvalidInput, match="tokens"), store.metrics.measure("x") as measured:
        measured.tokens = -1
    for action in ("ignore", "error"):  # warnings that are errors hide no exception either
        with warnings.catch_warnings():
            warnings.simplefilter(action)  # type: ignore[arg-type] # both are actions
            with pytest.raises(ZeroDivisionError), store.metrics.measure("x") as measured:
                measured.tokens = -1
                _ = 1 / 0
    assert store.metrics.list() == []


def test_a_measurement_in_a_batch_shares_its_fate(store: Store) -> None:
    """Kept with it, rolled back with it; around the batch it stays."""
    with pytest.raises(ValueError, match="no"), store.metrics.measure("around"), store.batch():
        with store.metrics.measure("inside"):
            pass
        raise ValueError("no")
    assert [(each.operation, each.error_type) for each in store.metrics.list()] == [("around", "ValueError")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"operation": ""}, "operation"),
        ({"operation": 7}, "operation"),
        ({"duration": -0.1}, "duration"),
        ({"duration": math.nan}, "duration"),
        ({"duration": "1"}, "duration"),
        ({"started_at": datetime(2026, 1, 1)}, "started_at"),
        ({"memory": -1}, "memory"),
        ({"memory": 1.5}, "memory"),
        ({"tokens": True}, "tokens"),
        ({"tokens": 1 << 63}, "tokens"),
        ({"cache_hit": 1}, "cache_hit"),
        ({"success": "no"}, "success"),
        ({"success": True, "error_type": "E"}, "error_type"),
        ({"details": {"x": math.inf}}, "details"),
        ({"details": "x" * (17 << 20)}, "details"),
    ],
)
def test_wrong_measurements_are_refused(store: Store, wrong: dict[str, Any], said: str) -> None:
    """The argument is named, the value is not shown, nothing is stored."""
    with pytest.raises(InvalidInput, match=f"^{said}"):
        store.metrics.record(**{"operation": "o", "duration": 1.0, **wrong})
    assert store.metrics.list() == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**12), st.booleans()), min_size=1, max_size=60))
def test_the_summary_equals_what_python_computes(rows: list[tuple[str, int, bool]]) -> None:
    """Count, rates, mean, nearest-rank percentiles and the longest, for each operation and for one alone."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "project.db")) as store:
        with store.batch():
            for operation, length, good in rows:
                store.metrics.record(operation, duration=length / 1e6, success=good, cache_hit=good, tokens=2)
        found = store.metrics.summary()
        totals = {name: sum(length for each, length, _ in rows if each == name) for name, *_ in rows}
        assert [each.operation for each in found] == sorted(totals, key=lambda name: (-totals[name], name))
        for each in found:
            lengths = sorted(length / 1e6 for name, length, _ in rows if name == each.operation)
            rate = mean(good for name, _, good in rows if name == each.operation)
            nearest = [lengths[math.ceil(len(lengths) * part / 100) - 1] for part in (50, 95)]
            assert (each.measurements, each.tokens) == (len(lengths), 2 * len(lengths))
            assert each.success_rate == each.cache_hit_rate == pytest.approx(rate)
            assert each.average == pytest.approx(mean(lengths))
            assert [each.p50, each.p95, each.longest] == pytest.approx([*nearest, lengths[-1]])
            assert store.metrics.summary(each.operation) == [each]


def test_summary_and_list_are_bounded_by_time(store: Store) -> None:
    """`since` is part of the stretch, `until` is not; `newest` leaves out the oldest."""
    for hour in range(6):
        store.metrics.record("x", started_at=NOON + timedelta(hours=hour), duration=hour, success=hour != 3)
    (bounded,) = store.metrics.summary(since=NOON + timedelta(hours=2), until=NOON + timedelta(hours=5))
    assert (bounded.measurements, bounded.p50, bounded.longest) == (3, 3.0, 4.0)
    assert [each.p50 for each in store.metrics.summary("x", newest=1)] == [5.0]
    assert store.metrics.summary("y") == []
    assert [each.duration for each in store.metrics.list(until=NOON + timedelta(hours=2))] == [1.0, 0.0]
    assert [each.duration for each in store.metrics.list(operation="x", success=False)] == [3.0]


# --- productivity ---


def test_saved_time_is_computed(store: Store) -> None:
    """In seconds and per cent of the estimate; work that took longer than estimated saved less than nothing."""
    store.session("s")
    store.productivity.record("review", estimate=3600, actual=900, session="s", context={"pr": 7}, satisfaction=5)
    store.productivity.record("review", estimate=60, actual=90)
    slow, quick = store.productivity.list()
    assert (quick.session, quick.estimate, quick.actual, quick.saved, quick.improvement) == ("s", 3600, 900, 2700, 75)
    assert (quick.context, quick.satisfaction) == ({"pr": 7}, 5)
    assert (slow.saved, slow.improvement, slow.satisfaction) == (-30, -50, None)


def test_the_last_days_are_summed_up(store: Store) -> None:
    """By type, most saved first, without what is older."""
    now = datetime.now(timezone.utc)
    for age, kind, estimate in ((0, "a", 20), (1, "b", 300), (29, "a", 40), (31, "a", 1e6)):
        moment = now - timedelta(days=age)
        store.productivity.record(kind, estimate=estimate, actual=10, created_at=moment, satisfaction=age % 5 + 1)
    b, a = store.productivity.summary()
    assert b == ("b", 1, 290, 290, pytest.approx(100 * 290 / 300), 2)
    assert a == ("a", 2, 20, 40, pytest.approx((50 + 75) / 2), 3)
    assert [each.events for each in store.productivity.summary(days=40)] == [3, 1]
    assert [each.type for each in store.productivity.summary(days=3_650_000)] == ["a", "b"]
    assert [each.events for each in store.productivity.summary(days=0.5)] == [1]
    assert [each.events for each in store.productivity.summary(newest=1)] == [1]


def test_sums_beyond_64_bits_are_numbers_still(store: Store) -> None:
    """Ten thousand years, many times: neither the view nor the verbs fail."""
    for _ in range(40):
        store.productivity.record("x", estimate=2.5e11, actual=0)
    assert [each.total_saved for each in store.productivity.summary()] == [pytest.approx(1e13)]
    assert store.query("SELECT total_time_saved FROM productivity_summary") == ((pytest.approx(1e13),),)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": ""}, "type"),
        ({"estimate": 0}, "estimate"),
        ({"estimate": 1e-9}, "estimate"),
        ({"estimate": -5}, "estimate"),
        ({"actual": -1}, "actual"),
        ({"actual": math.nan}, "actual"),
        ({"satisfaction": 0}, "satisfaction"),
        ({"satisfaction": 6}, "satisfaction"),
        ({"satisfaction": True}, "satisfaction"),
        ({"satisfaction": 3.0}, "satisfaction"),
        ({"created_at": datetime(2026, 1, 1)}, "created_at"),
        ({"context": b"bytes"}, "context"),
    ],
)
def test_wrong_productivity_is_refused(store: Store, wrong: dict[str, Any], said: str) -> None:
    """The argument is named, the value is not shown, nothing is stored."""
    with pytest.raises(InvalidInput, match=f"^{said}"):
        store.productivity.record(**{"type": "t", "estimate": 2.0, "actual": 1.0, **wrong})
    assert store.productivity.list() == []


@pytest.mark.parametrize("days", [True, 0, -1, math.nan, math.inf, "7", 1 << 62, 10**400, None])
def test_wrong_days_are_refused(store: Store, days: Any) -> None:
    """With the same words wherever days are asked for."""
    for verb in (store.productivity.summary, store.tool_executions.most_used, store.tool_executions.device_activity):
        with pytest.raises(InvalidInput, match="^days: a number above 0"):
            verb(days)


def test_productivity_is_listed_by_type_session_and_time(store: Store) -> None:
    """In pages as well."""
    store.session("s")
    for number in range(9):
        store.productivity.record(
            "ab"[number % 2],
            estimate=1,
            actual=1,
            session="s" if number > 5 else None,
            created_at=NOON + timedelta(minutes=number),
        )
    assert [each.id for each in store.productivity.list(type="a", session="s")] == [9, 7]
    assert [each.id for each in store.productivity.list(until=NOON + timedelta(minutes=2))] == [2, 1]
    assert [each.id for each in store.productivity.list(limit=2, after=5)] == [4, 3]


@pytest.mark.usefixtures("berlin")
def test_days_are_those_of_the_readers_time_zone(store: Store) -> None:
    """23:30 UTC is tomorrow one hour east, in the view and in the verb, which give the same."""
    late = datetime(2026, 11, 20, 23, 30, tzinfo=timezone.utc)
    for moment in (NOON, late, late + timedelta(hours=1)):
        store.productivity.record("t", estimate=20, actual=10, created_at=moment)
    view = store.query("SELECT * FROM productivity_summary ORDER BY date DESC")
    assert view == (("2026-11-21", "t", 2, 10.0, 50.0, 20.0), ("2026-11-20", "t", 1, 10.0, 50.0, 10.0))
    found = store.productivity.by_day()
    assert [(each.date, each.events, each.total_saved) for each in found] == [
        (date(2026, 11, 21), 2, 20.0),
        (date(2026, 11, 20), 1, 10.0),
    ]
    assert [each.events for each in store.productivity.by_day(since=late, until=late + timedelta(minutes=5))] == [1]


def test_what_blocks_say_is_masked(path: Path, secret: str) -> None:
    """An exception's message, an error, details and figures that hold a secret are kept without it."""
    with Store.open(path, values=[secret]) as store:
        with pytest.raises(ValueError, match=secret), store.usage.track("a", "core"):
            raise ValueError(f"refused: {secret}")
        with store.usage.track("b", "core") as use:
            use.error = secret
        with store.metrics.measure("c") as measured:
            measured.details, measured.error_type = {"url": secret}, secret
        with store.runs.step(store.record_run("a", "a"), "build") as step:
            step.stats["said"] = secret
        kept = [*store.usage.list(), *store.metrics.list(), *store.runs.steps(1)]
    assert len(kept) == 4
    assert str(kept).count("[masked:value]") == 5
    assert secret not in str(kept)


@pytest.mark.parametrize(
    ("zone", "moment", "shown"),
    [
        ("UTC+5", datetime(1, 1, 1, tzinfo=timezone.utc), date.min),
        ("UTC-9", datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc), date.max),
    ],
)
def test_a_day_beyond_the_calendar_is_its_first_or_last(
    store: Store, in_zone: Callable[[str], None], zone: str, moment: datetime, shown: date
) -> None:
    """The first and the last moment there is are in the years 0 and 10000 of a time zone; no figure is lost for it."""
    in_zone(zone)
    store.record_run("a", "a", started_at=moment, duration=0.0, exit_code=0)
    store.productivity.record("t", estimate=2.0, actual=1.0, created_at=moment)
    assert [each.date for each in store.productivity.by_day()] == [shown]
    assert [(each.date, each.runs) for each in store.statistics.runs_by_day()] == [(shown, 1)]


def test_threads_share_a_measured_function(store: Store) -> None:
    """Each call is one measurement, whichever thread it is in."""
    double = store.metrics.measure("double")(lambda number: number * 2)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(double, range(200))) == [number * 2 for number in range(200)]
    assert [each.measurements for each in store.metrics.summary("double")] == [200]


# --- what all have in common ---


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), min_size=1, max_size=30))
def test_names_may_be_any_unicode(store: Store, text: str) -> None:
    """What no database can keep stands there visibly, everything else as it is; and it can be filtered by."""
    shown = fitting(text)
    store.usage.record(text, "core")
    store.metrics.record(text, duration=1)
    store.productivity.record(text, estimate=2, actual=1)
    assert store.usage.list(feature=text, limit=1)[0].feature == shown
    assert store.metrics.list(operation=text, limit=1)[0].operation == shown
    assert store.productivity.list(type=text, limit=1)[0].type == shown


@pytest.mark.parametrize("noun", ["usage", "metrics", "productivity"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"since": datetime(2026, 1, 1)}, "since"),
        ({"until": "2026-01-01"}, "until"),
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"after": -1}, "after"),
    ],
)
def test_wrong_bounds_of_listings_are_refused(store: Store, noun: str, wrong: dict[str, Any], said: str) -> None:
    """A time without a zone, a page of nothing: the argument is named."""
    with pytest.raises(InvalidInput, match=f"^{said}"):
        getattr(store, noun).list(**wrong)


# --- statistics ---


@pytest.mark.usefixtures("berlin")
def test_knowledge_by_day_is_the_view_with_bounds(store: Store) -> None:
    """In the reader's days; `newest` looks at the newest only."""
    late = datetime(2026, 11, 20, 23, 30, tzinfo=timezone.utc)
    for kind, moment, confidence in (("a", NOON, 0.5), ("a", NOON, 1.0), ("b", late, 0.25), ("a", late, 0.75)):
        number = store.knowledge.add(type=kind, title="t", content="c", confidence=confidence)
        changed = "UPDATE knowledge_items SET created_at = $1 WHERE title = 't' AND created_at > $1 + 1000000"
        assert number
        store._connection.write(changed, (int(moment.timestamp() * 1e6),))
    found = store.statistics.knowledge_growth()
    assert [(str(each.date), *each[1:]) for each in found] == [
        ("2026-11-21", "a", 1, 0.75),
        ("2026-11-21", "b", 1, 0.25),
        ("2026-11-20", "a", 2, 0.75),
    ]
    view = store.query("SELECT * FROM knowledge_growth ORDER BY date DESC, knowledge_type")
    assert [(str(each.date), *each[1:]) for each in found] == list(view)
    assert [each.type for each in store.statistics.knowledge_growth(newest=1)] == ["a"]
    assert [each.items for each in store.statistics.knowledge_growth(until=late)] == [2]


@pytest.mark.usefixtures("berlin")
def test_runs_are_summed_up_by_day_and_program(store: Store) -> None:
    """What succeeded, what goes on, what took longest; in the reader's days."""
    late = datetime(2026, 11, 20, 23, 30, tzinfo=timezone.utc)
    for app, moment, code, length in (("a", NOON, 0, 3.0), ("a", late, 1, 5.0), ("b", late, 0, 4.0)):
        store.record_run(app, app, started_at=moment, exit_code=code, duration=length)
    store.record_run("b", "b", started_at=late)
    days = store.statistics.runs_by_day()
    assert days == [(date(2026, 11, 20), 1, 1, 0), (date(2026, 11, 21), 3, 1, 1)]
    assert store.statistics.programs() == [("a", 2, 0.5, 4.0, 5.0), ("b", 2, 1.0, 4.0, 4.0)]
    assert store.statistics.programs(limit=1, since=late) == [("b", 2, 1.0, 4.0, 4.0)]
    assert store.statistics.programs(newest=1) == [("b", 1, None, None, None)]
    assert store.statistics.slowest_runs(limit=2) == [(2, "a", 5.0, "failed"), (3, "b", 4.0, "ok")]
    assert [each.id for each in store.statistics.slowest_runs(until=late)] == [1]
    assert store.statistics.file_bytes() > 0
    with pytest.raises(InvalidInput, match="newest"):
        store.statistics.runs_by_day(newest=0)


USED: dict[str, tuple[Callable[[Store], object], str]] = {
    "uses": (lambda store: store.usage.list(since=NOON), "feature_usage_started"),
    "uses of a feature": (lambda store: store.usage.list(feature="f", after=7), "feature_usage_feature"),
    "uses in a session": (lambda store: store.usage.list(session="s", feature="f"), "feature_usage_"),
    "adoption": (lambda store: store.usage.adoption(since=NOON, newest=9), "feature_usage_started"),
    "metrics": (lambda store: store.metrics.list(until=NOON), "performance_metrics_started"),
    "metrics of one": (lambda store: store.metrics.list(operation="o", since=NOON), "performance_metrics_operation"),
    "failed ones": (lambda store: store.metrics.list(success=False, since=NOON), "performance_metrics_failed"),
    "summary": (lambda store: store.metrics.summary(since=NOON), "performance_metrics_started"),
    "summary of one": (lambda store: store.metrics.summary("o", since=NOON), "performance_metrics_operation"),
    "productivity": (lambda store: store.productivity.list(since=NOON), "productivity_events_created"),
    "productivity of a type": (lambda store: store.productivity.list(type="t"), "productivity_events_type"),
    "the last 30 days": (lambda store: store.productivity.summary(30), "productivity_events_created"),
    "saved by day": (lambda store: store.productivity.by_day(since=NOON), "productivity_events_created"),
    "runs by day": (lambda store: store.statistics.runs_by_day(since=NOON), "runs_started"),
    "programs": (lambda store: store.statistics.programs(since=NOON, newest=9), "runs_started"),
    "slowest": (lambda store: store.statistics.slowest_runs(since=NOON), "runs_started"),
    "knowledge": (lambda store: store.statistics.knowledge_growth(since=NOON), "knowledge_items_created"),
}


@pytest.mark.parametrize("what", USED)
def test_what_is_asked_by_time_uses_an_index(store: Store, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """SQLite's plan of each statement names the index that was made for it, and reads the table by nothing else."""
    store.session("s")
    for number in range(8):
        store.usage.record("f", "core", session="s", started_at=NOON + timedelta(hours=number))
    asked: list[tuple[str, Any]] = []
    rows = store._connection.rows

    def noted(sql: str, given: Any = ()) -> Any:
        asked.append((sql, given))
        return rows(sql, given)

    monkeypatch.setattr(store._connection, "rows", noted)
    ask, index = USED[what]
    ask(store)
    sql, given = asked[-1]
    plan = [str(row[3]).split() for row in rows(f"EXPLAIN QUERY PLAN {sql}", given)]
    tables = ("feature_usage", "u", "performance_metrics", "productivity_events", "p", "runs", "knowledge_items")
    read = [step for step in plan if step[0] in ("SCAN", "SEARCH") and step[1] in tables]
    assert len(read) == 1
    assert index in " ".join(read[0]), plan
