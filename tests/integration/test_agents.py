"""`store.agents`: creation, configuration, listing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.domains import agents
from hstore.errors import InvalidInput, NotFound

CONFIGURE = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    for number in range(20):
        store.agents.update_config("a", {f"{sys.argv[2]}/{number}": number})
"""


def test_agent_comes_back_as_it_was_created(store: Store) -> None:
    """Name, workspace and configuration are there; without a name it has its key."""
    made = store.agents.create("coder", "The coder", workspace_path=Path("/w"), config={"model": "m", "n": [1, None]})
    assert (made.key, made.name, made.workspace_path, made.config) == (
        "coder",
        "The coder",
        "/w",
        {"model": "m", "n": [1, None]},
    )
    assert made.created_at == made.updated_at
    assert store.agents.get("coder") == store.agents.get(made.id) == store.agents.get(made) == made
    bare = store.agents.create("bare 😀")
    assert (bare.name, bare.workspace_path, bare.config) == ("bare 😀", None, {})


def test_taken_key_is_refused_and_changes_nothing(store: Store) -> None:
    """A second agent of the same key is a clear error that shows no key."""
    made = store.agents.create("coder", "first")
    with pytest.raises(InvalidInput, match="key: is taken") as refused:
        store.agents.create("coder", "second")
    assert "coder" not in str(refused.value)
    assert store.agents.list() == [made]


def test_unknown_agents_are_not_found(store: Store) -> None:
    """Every verb that needs an agent says NotFound; `find` says None; what names none is InvalidInput."""
    made = store.agents.create("coder")
    for unknown in ("nope", 99, 0, -1, 1 << 70, made._replace(key="other")):
        for call in (
            store.agents.get,
            store.agents.update,
            lambda agent: store.agents.configure(agent, {}),
            lambda agent: store.agents.update_config(agent, {}),
            store.agents.delete,
        ):
            with pytest.raises(NotFound, match="agent"):
                call(unknown)
        assert store.agents.find(unknown) is None
    for wrong in (None, True, b"coder", 1.0):
        with pytest.raises(InvalidInput, match="agent"):
            store.agents.find(wrong)
    assert store.agents.list() == [made]


def test_deleted_agent_is_gone_and_its_sessions_stay(store: Store) -> None:
    """By key, id or result; an agent created under the key anew is another one, and nothing else is touched."""
    for named in ("key", "id", "result"):
        made = store.agents.create("coder", config={"named": named})
        kept = store.agents.create(f"other {named}")
        store.session("s", agent="coder")
        store.agents.delete({"key": made.key, "id": made.id, "result": made}[named])
        assert store.agents.find("coder") is None
        with pytest.raises(NotFound, match="agent"):
            store.agents.get(made)
        assert store.agents.get(kept) == kept
        assert [session.agent for session in store.sessions.list(agent="coder")] == ["coder"]
        assert store.agents.create("coder").id > kept.id
        store.agents.delete("coder")


def test_update_changes_what_is_given_alone(store: Store) -> None:
    """Name and workspace change by themselves; the configuration stays."""
    made = store.agents.create("coder", "one", workspace_path="/one", config={"a": 1})
    named = store.agents.update("coder", name="two")
    assert named == made._replace(name="two", updated_at=named.updated_at)
    moved = store.agents.update(named, workspace_path="/two")
    assert moved == named._replace(workspace_path="/two", updated_at=moved.updated_at)


values = st.dictionaries(st.text("ab", max_size=2), st.integers(0, 9) | st.none() | st.lists(st.booleans()), max_size=4)


@given(changes=st.lists(st.tuples(st.booleans(), values), max_size=6))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_configuration_is_what_a_dict_would_be(store: Store, changes: list[tuple[bool, dict[str, object]]]) -> None:
    """`configure` replaces and `update_config` merges, as assignment and `update` do."""
    if store.agents.find("a") is None:
        store.agents.create("a")
    expected: dict[str, object] = store.agents.configure("a", {}).config
    for merge, given_values in changes:
        if merge:
            expected.update(given_values)
            assert store.agents.update_config("a", given_values).config == expected
        else:
            expected = dict(given_values)
            assert store.agents.configure("a", given_values).config == expected
    assert store.agents.get("a").config == expected


def test_configurations_of_many_processes_are_all_there(store: Store, program) -> None:
    """Three processes set different values of one configuration at once: none is lost."""
    store.agents.create("a", config={"before": True})
    setters = [program(CONFIGURE, store.path, name) for name in "abc"]
    assert [setter.communicate(timeout=60)[1] for setter in setters] == [""] * 3
    expected = {f"{name}/{number}": number for name in "abc" for number in range(20)}
    assert store.agents.get("a").config == {"before": True, **expected}


def test_listing_by_name_and_time(store: Store) -> None:
    """Those created last come first, filters narrow, pages are the whole."""
    made = [store.agents.create(f"a{number}", f"n{number % 2}") for number in range(6)]
    assert store.agents.list() == made[::-1]
    assert [agent.key for agent in store.agents.list(name="n1")] == ["a5", "a3", "a1"]
    assert store.agents.list(limit=4) + store.agents.list(after=made[2].id) == made[::-1]
    assert store.agents.list(since=made[3].created_at) == made[:2:-1]
    assert store.agents.list(until=made[3].created_at) == made[2::-1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": ""}, "key"),
        ({"key": 5}, "key"),
        ({"key": "x" * 1025}, "key"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"workspace_path": 5}, "workspace_path"),
        ({"config": [1]}, "config"),
        ({"config": {"a": float("nan")}}, "config"),
        ({"config": {1: 2}}, "config"),
        ({"config": {"a": "x" * (17 << 20)}}, "config"),
    ],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument; no row."""
    with pytest.raises(InvalidInput, match=f"^{said}: "):
        store.agents.create(**{"key": "k", **wrong})
    assert store.agents.list() == []


def test_value_under_a_secret_name_is_set_again(store: Store, secret: str) -> None:
    """A name is kept masked, and is the same one each time."""
    said = f"password={secret}"
    store.agents.create("a", config={said: 0})
    for number in range(3):
        config = store.agents.update_config("a", {said: number}).config
        assert list(config.values()) == [number]
    assert secret not in str(config)


@pytest.mark.parametrize("wrong", ["", [], ["ab"], [("a", 1)], 5], ids=str)
def test_configuration_must_be_a_mapping(store: Store, wrong) -> None:
    """An empty text does not quietly empty it."""
    store.agents.create("a", config={"a": 1})
    with pytest.raises(InvalidInput, match="^config: a mapping"):
        store.agents.configure("a", wrong)
    with pytest.raises(InvalidInput, match="^values: a mapping"):
        store.agents.update_config("a", wrong)
    assert store.agents.get("a").config == {"a": 1}


def test_change_while_the_clock_goes_back_is_no_older_than_the_last(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updated, configured, set: `updated_at` stays where it was."""
    made = store.agents.create("a")
    monkeypatch.setattr(agents, "now", lambda: 1)
    store.agents.update("a", name="b")
    store.agents.update_config("a", {"c": 1})
    assert store.agents.configure("a", {"d": 1})[2:] == ("b", None, {"d": 1}, made.created_at, made.updated_at)
