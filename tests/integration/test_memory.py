"""`remember`, `recall`, `forget` and `store.memory`."""

from __future__ import annotations

import datetime as dt
import inspect
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store, clock
from hstore.domains import memory as memory_domain
from hstore.door import Door
from hstore.errors import InvalidInput, NotFound
from hstore.masking import Masker

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 60), 1 << 60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


class Clock:
    """A clock that stands where it is put, in microseconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = clock.now()
        monkeypatch.setattr(memory_domain, "now", lambda: self.at)


@given(value=json_values)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_value_comes_back_as_it_was(store: Store, value: object) -> None:
    """Round trip of every JSON value that holds no secret."""
    store.remember("key", value)
    assert store.recall("key", default="nothing") == value


def test_scopes_and_owners_do_not_mix(store: Store) -> None:
    """One key in every scope, for two devices and two sessions: each value its own."""
    store.session("s1")
    store.session("s2")
    places = [
        {},
        {"scope": "project"},
        {"scope": "device", "device": "d1"},
        {"scope": "device", "device": "d2"},
        {"scope": "session", "session": "s1"},
        {"scope": "session", "session": "s2"},
    ]
    for number, place in enumerate(places):
        store.remember("key", number, **place)
    assert [store.recall("key", **place) for place in places] == list(range(6))
    assert store.forget("key", **places[2])
    assert [store.recall("key", **place) for place in places] == [0, 1, None, 3, 4, 5]
    assert {found.owner for found in store.memory.list(scope="device")} == {"d2"}


def test_remembering_again_replaces_value_tags_category_and_expiry(store: Store) -> None:
    """The last word counts; created_at stays."""
    store.remember("k", 1, category="c", tags=["a", "b"], ttl=1000)
    first = store.memory.get("k")
    store.remember("k", {"new": True})
    second = store.memory.get("k")
    assert (second.value, second.category, second.tags, second.expires_at) == ({"new": True}, None, (), None)
    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert second.updated_at > first.updated_at


def test_expired_value_is_never_returned_not_even_one_tick_late(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One microsecond before its end it is there; at its end it is not, in no way of asking."""
    fake = Clock(monkeypatch)
    store.remember("k", 1, ttl=10, category="c", tags=["t"])
    fake.at += 10_000_000 - 1
    assert store.recall("k") == 1
    assert store.memory.get("k") is not None
    fake.at += 1
    assert store.recall("k", "gone") == "gone"
    assert store.memory.get("k") is None
    assert store.memory.list() == store.memory.list(category="c") == store.memory.list(tag="t") == []
    assert store.forget("k") is False
    store.remember("k", 2)
    assert store.recall("k") == 2


def test_expiry_between_reading_the_row_and_returning_it_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is read after the row: a value that expires while it is read is not returned."""
    store.remember("k", 1, ttl=10)
    times = iter([clock.now() + 11_000_000])
    monkeypatch.setattr(memory_domain, "now", lambda: next(times))
    assert store.recall("k") is None


def test_value_that_expires_while_a_listing_waits_is_not_in_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is read again after the rows."""
    store.remember("k", 1, ttl=10)
    times = iter([clock.now(), clock.now() + 11_000_000])
    monkeypatch.setattr(memory_domain, "now", lambda: next(times))
    assert store.memory.list() == []


def test_reading_a_sessions_memory_creates_no_session(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With HEIMDAL_SESSION set, recall, forget and list only look."""
    monkeypatch.setenv("HEIMDAL_SESSION", "s")
    with Store.open(path) as store:
        assert store.recall("k", "none", scope="session") == "none"
        assert store.forget("k", scope="session") is False
        assert store.sessions.list() == []


def test_project_memory_moves_with_its_file(tmp_path: Path) -> None:
    """A project that is renamed keeps what was remembered for it."""
    with Store.open(tmp_path / "a" / ".heimdall" / "project.db") as store:
        store.remember("k", 1, scope="project")
    (tmp_path / "a").rename(tmp_path / "b")
    with Store.open(tmp_path / "b" / ".heimdall" / "project.db") as store:
        assert store.recall("k", scope="project") == 1


def test_expiry_by_moment(store: Store) -> None:
    """`expires_at` takes aware datetimes and seconds."""
    moment = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)
    store.remember("k", 1, expires_at=moment)
    assert store.memory.get("k").expires_at == moment


def test_listing_by_scope_category_and_tag(store: Store) -> None:
    """Filters narrow and combine; pages go on."""
    for number in range(6):
        store.remember(f"k{number}", number, category=f"c{number % 2}", tags=[f"t{number % 3}", "all"])
    assert [found.key for found in store.memory.list(category="c1")] == ["k5", "k3", "k1"]
    assert [found.key for found in store.memory.list(tag="t0")] == ["k3", "k0"]
    assert [found.key for found in store.memory.list(tag="all", category="c0", limit=2)] == ["k4", "k2"]
    assert store.memory.list(tag="al") == store.memory.list(scope="project") == []
    assert len(store.memory.list(after=3)) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": ""}, "key"),
        ({"key": "x" * 1025}, "key"),
        ({"key": 1}, "key"),
        ({"value": float("nan")}, "value"),
        ({"value": float("-inf")}, "value"),
        ({"value": b"bytes"}, "value"),
        ({"value": {1: 2}}, "value"),
        ({"value": "\ud800"}, "value"),
        ({"value": "x" * (16 * 1024 * 1024 + 1)}, "value"),
        ({"value": {"a": object()}}, "value"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": "1h"}, "ttl"),
        ({"ttl": float("nan")}, "ttl"),
        ({"expires_at": 5}, "expires_at"),
        ({"ttl": 5, "expires_at": 9e9}, "ttl and expires_at"),
        ({"scope": "galaxy"}, "scope"),
        ({"scope": "device"}, "device"),
        ({"scope": "session"}, "session"),
        ({"scope": "global", "device": "d"}, "scope"),
        ({"tags": "abc"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"tags": 5}, "tags"),
        ({"category": 5}, "category"),
    ],
    ids=str,
)
def test_wrong_values_are_refused_by_name(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument and never shows the value; nothing is stored."""
    with pytest.raises(InvalidInput, match=said) as caught:
        store.remember(**{"key": "k", "value": 1, **wrong})
    assert len(str(caught.value)) < 300
    assert store.memory.list() == []


def test_deeply_nested_value_is_refused(store: Store) -> None:
    """Nesting beyond what JSON parsers take is an error, not a crash."""
    value: list[object] = []
    for _ in range(200_000):
        value = [value]
    with pytest.raises(InvalidInput, match="value"):
        store.remember("k", value)


def test_unknown_session_has_no_memory(store: Store) -> None:
    """A session's memory needs the session."""
    with pytest.raises(NotFound):
        store.remember("k", 1, scope="session", session="none")


def test_hot_verbs_are_the_nouns_own_from_their_first_use(store: Store) -> None:
    """However a hot verb is taken, nothing stands between it and its noun; what it takes is told by the class."""
    pairs = {
        "record_run": store.runs.record,
        "attach_artifact": store.artifacts.attach,
        "remember": store.memory.remember,
        "recall": store.memory.recall,
    }
    for name, own in pairs.items():
        assert getattr(store, name) == own
        assert next(iter(inspect.signature(getattr(Store, name)).parameters)) == "self"
        assert getattr(Store, name).__doc__


def test_hot_verb_of_a_subclass_is_called_and_may_call_the_one_above(path: Path) -> None:
    """An override stays, before and after what it overrides was used."""

    class Noting(Store):
        noted: list[str]

        def remember(self, key: str, value: object, **rest: object) -> None:
            self.noted = [*self.__dict__.get("noted", []), key]
            super().remember(key, value, **rest)

    with Noting.open(path) as store:
        store.remember("a", 1)
        store.remember("b", 2)
        assert store.noted == ["a", "b"]
        assert (store.recall("a"), store.recall("b")) == (1, 2)


def test_unknown_attribute_of_a_store_is_an_error(store: Store) -> None:
    """Nouns are made when they are asked for; what is none of them is not."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = store.nothing
    assert not hasattr(store, "artefacts")


def test_key_that_becomes_a_secret_while_it_is_looked_at_is_not_known_as_plain(secret: str) -> None:
    """Values may be added by another thread at any moment; what was plain before is looked at again."""

    class Adding(Masker):
        def leaves(self, texts: bytes) -> bool:
            found = super().leaves(texts)
            self.add_values([secret])
            return found

    door = Door(Adding())
    assert door.known_key("key", "usual") == "usual"
    assert door.plain_json(secret, 1) == "1"
    assert door.known_key("key", secret) == "[masked:value]"


def test_scope_that_does_not_fit_is_not_shown(store: Store, secret: str) -> None:
    """It may be a value in the wrong place."""
    for wrong in ({"scope": secret, "device": "d"}, {"scope": secret, "session": "s"}, {"scope": secret}):
        with pytest.raises(InvalidInput, match="^scope: ") as refused:
            store.recall("k", **wrong)
        assert secret not in str(refused.value)


@pytest.mark.parametrize("key", ["\ud800", "a\0b", "🜚"], ids=ascii)
def test_any_text_is_a_key(store: Store, key: str) -> None:
    """What cannot be kept of it stands there visibly, and it is found by what it was."""
    store.remember(key, 1)
    store.remember(key, {"a": ["b", "c"]}, category="c")
    assert store.recall(key) == {"a": ["b", "c"]}
    assert store.memory.history(key)[0].value == 1
    assert store.forget(key)


def test_value_behind_one_that_expired_is_a_new_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was created when it was remembered; one that takes the place of a living value keeps the key's beginning."""
    begin = clock.now()
    for seconds in (0, 1, 20):
        monkeypatch.setattr(memory_domain, "now", lambda at=begin + seconds * 1_000_000: at)
        store.remember("k", seconds, ttl=10)
        found = store.memory.get("k")
        assert found is not None
        assert found.created_at == clock.to_datetime(begin + (20_000_000 if seconds == 20 else 0))
