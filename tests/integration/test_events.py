"""Events: recorded, seen, settled, and listed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from pathlib import Path

import pytest

from hstore import Store
from hstore.domains import events
from hstore.errors import InvalidInput, NotFound

SECOND = 1_000_000
START = 1_700_000_000


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(events, "now", lambda: int(seconds * SECOND))


def test_event_comes_back_as_it_was_given(store: Store) -> None:
    """All of it, with the device by its key."""
    store.devices.register("laptop")
    moment = dt.datetime(2026, 2, 12, 10, 45, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    number = store.events.add(
        "low_disk_space", "critical", {"free": 1.5, "names": ["ü", "🜚"]}, device="laptop", created_at=moment
    )
    event = store.events.get(number)
    assert (event.id, event.type, event.severity, event.device) == (number, "low_disk_space", "critical", "laptop")
    assert event.data == {"free": 1.5, "names": ["ü", "🜚"]}
    assert event.created_at == moment
    assert event.created_at.tzinfo is dt.timezone.utc
    assert event.acknowledged_at is event.resolved_at is None


def test_little_is_needed(store: Store) -> None:
    """A type is enough: of severity info, now, without data or device. Any type will do."""
    event = store.events.get(store.events.add("ein eigener Typ, その他"))
    assert (event.type, event.severity, event.data, event.device) == ("ein eigener Typ, その他", "info", None, None)
    assert abs(event.created_at - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("data", [False, 0, "", [], {}, "text", {"a": {"b": [None]}}], ids=str)
def test_any_json_is_data(store: Store, data) -> None:
    """Also what is false or empty."""
    found = store.events.get(store.events.add("a", data=data)).data
    assert found == data
    assert type(found) is type(data)


@pytest.mark.parametrize(("verb", "field"), [("acknowledge", "acknowledged_at"), ("resolve", "resolved_at")])
def test_second_time_changes_nothing(store: Store, monkeypatch, verb: str, field: str) -> None:
    """True the first time; then False, and the time of then stays."""
    number = store.events.add("a", created_at=START)
    set_clock(monkeypatch, START + 10)
    assert getattr(store.events, verb)(number) is True
    set_clock(monkeypatch, START + 20)
    assert getattr(store.events, verb)(number) is False
    assert getattr(store.events.get(number), field).timestamp() == START + 10


def test_resolving_does_not_acknowledge(store: Store) -> None:
    """What settles itself was seen by nobody; it can be acknowledged later."""
    number = store.events.add("a")
    store.events.resolve(number)
    assert store.events.get(number).acknowledged_at is None
    assert store.events.acknowledge(number) is True


def test_clock_that_goes_backwards_makes_no_negative_spans(store: Store, monkeypatch) -> None:
    """Nothing is seen before it happened, nor settled before it was seen."""
    number = store.events.add("a", created_at=START + 100)
    set_clock(monkeypatch, START)
    store.events.acknowledge(number)
    store.events.resolve(number)
    event = store.events.get(number)
    assert event.created_at == event.acknowledged_at == event.resolved_at
    other = store.events.add("b", created_at=START)
    set_clock(monkeypatch, START + 50)
    store.events.acknowledge(other)
    set_clock(monkeypatch, START + 20)
    store.events.resolve(other)
    assert store.events.get(other).resolved_at == store.events.get(other).acknowledged_at


@pytest.mark.parametrize("verb", ["get", "acknowledge", "resolve"])
def test_unknown_event_is_not_found(store: Store, verb: str) -> None:
    """With its id in the message; what is no id is refused."""
    with pytest.raises(NotFound, match="no event 7"):
        getattr(store.events, verb)(7)
    for wrong in (0, -1, True, "1", None, 1 << 63):
        with pytest.raises(InvalidInput, match="event"):
            getattr(store.events, verb)(wrong)


def test_filters_narrow_and_combine(store: Store) -> None:
    """By type, severity, device, time, and what has become of it."""
    store.devices.register("a")
    store.devices.register("b")
    for number in range(12):
        store.events.add(
            f"type{number % 3}",
            ("info", "error")[number % 2],
            device=("a", "b", None)[number // 4],
            created_at=START + number,
        )
    for number in (1, 2, 3, 12):
        store.events.acknowledge(number)
    for number in (2, 4, 12):
        store.events.resolve(number)

    def ids(**wanted) -> list[int]:
        return [event.id for event in store.events.list(**wanted)]

    assert ids() == list(range(12, 0, -1))
    assert ids(type="type1") == [11, 8, 5, 2]
    assert ids(severity="error", type="type1") == [8, 2]
    assert ids(device="b") == [8, 7, 6, 5]
    assert ids(since=START + 3, until=START + 6) == [6, 5, 4]
    assert ids(acknowledged=True) == [12, 3, 2, 1]
    assert ids(acknowledged=True, resolved=False) == [3, 1]
    assert ids(resolved=True) == [12, 4, 2]
    assert ids(limit=2) == [12, 11]
    assert ids(limit=2, after=11) == [10, 9]
    assert ids(type="none") == ids(device="a", type="type9") == []
    assert [event.id for event in store.events.unresolved(device="a")] == [3, 1]
    assert [event.id for event in store.events.unresolved(severity="error", limit=2, after=10)] == [8, 6]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": ""}, "type"),
        ({"type": "x" * 1025}, "type"),
        ({"type": 5}, "type"),
        ({"type": None}, "type"),
        ({"severity": "panic"}, "severity"),
        ({"severity": None}, "severity"),
        ({"severity": ["info"]}, "severity"),
        ({"data": float("nan")}, "data"),
        ({"data": b"bytes"}, "data"),
        ({"data": {1: 2}}, "data"),
        ({"data": "\ud800"}, "data"),
        ({"data": "x" * (16 * 1024 * 1024 + 1)}, "data"),
        ({"device": True}, "device"),
        ({"device": 1.5}, "device"),
        ({"created_at": dt.datetime(2026, 1, 1)}, "created_at"),
        ({"created_at": float("inf")}, "created_at"),
        ({"created_at": "now"}, "created_at"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong, said: str) -> None:
    """A clear error that names the argument and does not show a long value; nothing is stored."""
    with pytest.raises(InvalidInput, match=said) as caught:
        store.events.add(**{"type": "a", **wrong})
    assert len(str(caught.value)) < 300
    assert store.events.list() == []


@pytest.mark.parametrize("device", ["none", 5])
def test_unknown_device_is_not_found(store: Store, device) -> None:
    """To record of it and to list by it; nothing is stored."""
    with pytest.raises(NotFound, match="device"):
        store.events.add("a", device=device)
    with pytest.raises(NotFound, match="device"):
        store.events.list(device=device)
    assert store.events.list() == []


@pytest.mark.parametrize("wrong", [{"resolved": 1}, {"acknowledged": "no"}, {"severity": "x"}, {"limit": 0}], ids=str)
def test_wrong_filters_are_refused_by_name(store: Store, wrong) -> None:
    """A text that means no would else mean yes."""
    (field,) = wrong
    with pytest.raises(InvalidInput, match=field):
        store.events.list(**wrong)


def test_large_data_is_kept(store: Store) -> None:
    """Ten megabytes are an unusual event, and no other thing."""
    data = {"dump": "line of a dump\n" * 700_000}
    assert store.events.get(store.events.add("a", data=data)).data == data


def test_events_go_with_their_device(store: Store) -> None:
    """Those of the host itself stay."""
    store.devices.register("a")
    store.events.add("a", device="a")
    kept = store.events.add("a")
    store._connection.write("DELETE FROM devices")
    assert [event.id for event in store.events.list()] == [kept]


def test_many_in_a_batch(store: Store) -> None:
    """They get their ids at once and come back as each was given; an error undoes all."""
    with store.batch():
        found = [store.events.add(f"t{number}", data={"n": number}) for number in range(200)]
    assert [(event.id, event.type, event.data) for event in store.events.list(limit=None)] == [
        (number, f"t{index}", {"n": index}) for index, number in reversed(list(enumerate(found)))
    ]
    with pytest.raises(ZeroDivisionError), store.batch():
        store.events.add("undone")
        _ = 1 / 0
    assert store.events.list(type="undone") == []


def _resolve(path: str, number: int, results) -> None:
    with Store.open(path) as store:
        results.put(store.events.resolve(number))


def test_of_many_processes_one_resolves(path: Path) -> None:
    """Whoever is told True has settled it; exactly one is."""
    with Store.open(path) as store:
        number = store.events.add("a")
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    processes = [spawn.Process(target=_resolve, args=(str(path), number, results)) for _ in range(4)]
    for process in processes:
        process.start()
    told = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(told) == [False, False, False, True]
