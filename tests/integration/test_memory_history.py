"""What a key held before, and when."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.domains import memory
from hstore.errors import InvalidInput
from planted import Secrets
from unmasked import unmasked

SECOND = 1_000_000
START = 1_700_000_000


class Clock:
    """The clock of memory, to be set."""

    def __init__(self) -> None:
        self.second = 0

    def __call__(self) -> int:
        """The present."""
        return (START + self.second) * SECOND


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still until a test sets it."""
    made = Clock()
    monkeypatch.setattr(memory, "now", made)
    return made


def spans(store: Store, key: str = "k", **place) -> list[tuple[object, float, float]]:
    """The history: value, and from when to when in seconds of the test's clock."""
    return [
        (past.value, past.held_from.timestamp() - START, past.held_until.timestamp() - START)
        for past in store.memory.history(key, **place)
    ]


def test_replaced_values_stay_in_the_history(store: Store, clock: Clock) -> None:
    """Newest first, with category and tags, each until the next was remembered; the present value is not past."""
    for clock.second, value in enumerate(["a", {"b": [1]}, "c"]):
        store.remember("k", value, category=f"c{clock.second}", tags=[f"t{clock.second}"])
    assert spans(store) == [({"b": [1]}, 1, 2), ("a", 0, 1)]
    newest = store.memory.history("k")[0]
    assert (newest.category, newest.tags, newest.version) == ("c1", ("t1",), 2)
    assert newest.held_from.tzinfo is dt.timezone.utc
    assert store.memory.get("k").version == 3


def test_same_value_again_is_no_history(store: Store, clock: Clock) -> None:
    """It is held since it was remembered first; what else is said of it changes."""
    for clock.second in (1, 5, 7):
        store.remember("k", "same", category=str(clock.second))
    assert spans(store) == []
    assert store.memory.get("k").category == "7"
    assert store.memory.get("k").version == 1
    clock.second = 9
    store.remember("k", "other")
    assert spans(store) == [("same", 1, 9)]


def test_expired_value_was_held_until_its_expiry(store: Store, clock: Clock) -> None:
    """Whether nothing, the same or another value has been remembered since."""
    store.remember("k", "a", ttl=2)
    clock.second = 1
    assert spans(store) == []
    clock.second = 2
    assert spans(store) == [("a", 0, 2)]
    clock.second = 5
    store.remember("k", "a")
    assert spans(store) == [("a", 0, 2)]
    clock.second = 6
    store.remember("k", "b", ttl=1)
    clock.second = 9
    store.remember("k", "c")
    assert spans(store) == [("b", 6, 7), ("a", 5, 6), ("a", 0, 2)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    moves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.none() | st.integers(1, 4)), max_size=25),
    batches=st.booleans(),
)
def test_at_says_what_recall_said_then(store: Store, clock: Clock, moves, batches) -> None:
    """For every second, whatever was remembered and had expired; and spans of the history do not overlap."""
    store.forget("k")
    clock.second = 0
    said: dict[int, object] = {}
    for wait, value, ttl in moves:
        for _ in range(wait):
            said[clock.second] = store.recall("k")
            clock.second += 1
        if batches:
            with store.batch():
                store.remember("k", "between")
                store.remember("k", value, ttl=ttl)
        else:
            store.remember("k", value, ttl=ttl)
    said[clock.second] = store.recall("k")
    assert {second: store.memory.at("k", START + second) for second in said} == said
    edges = [edge for _, begin, end in reversed(spans(store)) for edge in (begin, end)]
    assert edges == sorted(edges)


def test_many_rows_in_a_batch_make_the_same_history(path: Path, tmp_path: Path, clock: Clock) -> None:
    """Written together, with a key several times among those of one statement, or one by one: nothing differs."""
    rows = [(f"k{number % 7}", number // 3 % 5) for number in range(200)]
    found = []
    for name, together in (("a.db", True), ("b.db", False)):
        with Store.open(tmp_path / name) as store:
            if together:
                with store.batch():
                    for clock.second, (key, value) in enumerate(rows):
                        store.remember(key, value, category="c", tags=["t"])
            else:
                for clock.second, (key, value) in enumerate(rows):
                    store.remember(key, value, category="c", tags=["t"])
            columns = "memory_id, version, value, category, tags, held_from, held_until"
            found.append(store.query(f"SELECT {columns} FROM memory_history ORDER BY memory_id, version"))
            found.append(store.query("SELECT * FROM memory ORDER BY id"))
    assert found[:2] == found[2:]
    assert len(found[0]) > 100


def test_last_hundred_values_stay(store: Store, clock: Clock) -> None:
    """More would grow without bound under a key that changes all the time."""
    for clock.second in range(150):
        store.remember("k", clock.second)
    assert [value for value, _, _ in spans(store)] == list(range(148, 48, -1))
    assert store.memory.at("k", START + 48, "forgotten") == "forgotten"
    assert store.memory.at("k", START + 49) == 49


def test_history_comes_in_pages(store: Store) -> None:
    """`after` is the last version seen."""
    for value in range(10):
        store.remember("k", value)
    first = store.memory.history("k", limit=4)
    rest = store.memory.history("k", limit=None, after=first[-1].version)
    assert [past.value for past in first + rest] == list(range(8, -1, -1))


WRITER = """
import sys
from hstore import Store

with Store.open(sys.argv[1]) as store:
    for number in range(20):
        store.remember("k", f"{sys.argv[2]}-{number}")
"""


def test_history_of_many_processes_leaves_out_nothing(path: Path, program) -> None:
    """Each value that any of them remembered is in it once, with a version of its own, or is the present one."""
    Store.open(path).close()
    for process in [program(WRITER, path, number) for number in range(4)]:
        assert process.wait() == 0, process.stderr.read()
    with Store.open(path) as store:
        past = store.memory.history("k", limit=None)
        assert [value.version for value in past] == list(range(79, 0, -1))
        remembered = {f"{process}-{number}" for process in range(4) for number in range(20)}
        assert {value.value for value in past} | {store.recall("k")} == remembered


def test_forgetting_a_key_forgets_its_history(store: Store) -> None:
    """And what is remembered under it then begins anew."""
    store.remember("k", 1)
    store.remember("k", 2)
    store.forget("k")
    assert store.memory.history("k") == []
    store.remember("k", 3)
    assert store.memory.history("k") == []
    assert store.query("SELECT count(*) FROM memory_history") == ((0,),)


def test_scopes_have_histories_of_their_own(store: Store) -> None:
    """As they have values of their own; a device need not be registered."""
    store.session("s")
    places = [{}, {"scope": "project"}, {"scope": "device", "device": "d"}, {"scope": "session", "session": "s"}]
    for number, place in enumerate(places):
        store.remember("k", number, **place)
        store.remember("k", "later", **place)
    for number, place in enumerate(places):
        assert [past.value for past in store.memory.history("k", **place)] == [number]


def test_clock_that_goes_backwards_makes_no_negative_span(store: Store, clock: Clock) -> None:
    """A value replaced before it was remembered was held for no time; what was remembered last is what counts."""
    clock.second = 100
    store.remember("k", "a")
    clock.second = 50
    store.remember("k", "b")
    assert spans(store) == [("a", 100, 100)]
    assert store.memory.at("k", START + 60) == "b"
    assert store.memory.at("k", START + 100) == "b"


def test_unknown_key_has_no_history(store: Store) -> None:
    """Nothing is no error; `at` gives the default."""
    assert store.memory.history("none") == []
    assert store.memory.at("none", START) is None


@pytest.mark.parametrize("moment", [None, "today", True, float("nan"), dt.datetime(2026, 1, 1)], ids=str)
def test_wrong_moment_is_refused(store: Store, moment) -> None:
    """By name."""
    with pytest.raises(InvalidInput, match="moment"):
        store.memory.at("k", moment)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"after": 0}, {"key": ""}, {"scope": "galaxy"}], ids=str)
def test_wrong_arguments_of_history_are_refused(store: Store, wrong) -> None:
    """By name."""
    (field,) = wrong
    with pytest.raises(InvalidInput, match=field):
        store.memory.history(**{"key": "k", **wrong})


def test_values_are_listed_by_when_they_were_remembered(store: Store, clock: Clock) -> None:
    """From `since` on, up to and without `until`."""
    for clock.second in range(5):
        store.remember(f"k{clock.second}", 1)
    store.remember("k1", 2)
    found = store.memory.list(since=START + 2, until=START + 4)
    assert [value.key for value in found] == ["k3", "k2"]
    assert [value.key for value in store.memory.list(since=START + 4)] == ["k4", "k1"]


def test_masking_anew_makes_no_history_and_masks_what_is_there(path: Path) -> None:
    """A secret that is replaced in the present value does not go into the past; past ones are masked too."""
    hidden = Secrets()
    with unmasked(path) as store:
        store.remember("k", f"old {hidden.registered}")
        store.remember("k", f"new {hidden.registered}")
    with Store.open(path, values=[hidden.registered]) as store:
        assert store.masking.apply().clean
        assert [past.value for past in store.memory.history("k")] == ["old [masked:value]"]
        assert store.memory.get("k").version == 2
        assert store.recall("k") == "new [masked:value]"


def test_values_from_before_there_was_a_history_have_one(path: Path, clock: Clock) -> None:
    """What an older hstore remembered is held since it was remembered last."""
    clock.second = 3
    with Store.open(path) as store:
        store.remember("k", "a")
        store._connection.write("UPDATE memory SET held_from = NULL")
        clock.second = 5
        store.remember("k", "a")
        clock.second = 8
        store.remember("k", "b")
        assert spans(store) == [("a", 3, 8)]
