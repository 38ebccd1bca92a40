"""How rows are named: by key, id or result, alike in every noun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hstore import Store
from hstore.errors import InvalidInput, NotFound


def given(store: Store) -> dict[str, tuple[Any, Any]]:
    """Of each noun one that is named `k`, as it is returned, and the noun."""
    store.conversations.add("q", "r", key="k")
    store.knowledge.add("t", "c", type="x", key="k")
    return {
        "devices": (store.devices.register("k"), store.devices),
        "agents": (store.agents.create("k"), store.agents),
        "sessions": (store.session("k"), store.sessions),
        "connections": (store.connections.save("k", "mysql", "d"), store.connections),
        "conversations": (store.conversations.get("k"), store.conversations),
        "knowledge": (store.knowledge.get("k"), store.knowledge),
    }


NOUNS = ("devices", "agents", "sessions", "connections", "conversations", "knowledge")


@pytest.mark.parametrize("noun", NOUNS)
def test_row_is_named_by_its_key_its_id_and_its_result(store: Store, noun: str) -> None:
    """All three name the same one."""
    result, verbs = given(store)[noun]
    assert [verbs.id_of(name) for name in ("k", result.id, result)] == [result.id] * 3
    assert verbs.get(result) == result


@pytest.mark.parametrize("noun", NOUNS)
def test_result_of_another_store_names_nothing_here(store: Store, noun: str) -> None:
    """Its id may be that of another row, so its key counts as well."""
    result, verbs = given(store)[noun]
    for other in (
        result._replace(**{result._fields[1]: "another"}),
        result._replace(id=99),
        result._replace(id=1 << 63),
    ):
        with pytest.raises(NotFound):
            verbs.id_of(other)


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    "wrong",
    [None, True, 1.0, b"k", (1, "k"), [1], lambda result: result._replace(id="1")],
    ids=lambda each: str(each)[:9],
)
def test_what_names_nothing_is_refused(store: Store, noun: str, wrong: object | Callable[[Any], object]) -> None:
    """By the name of the argument; a result of another noun is none of this one."""
    all_given = given(store)
    result, verbs = all_given[noun]
    with pytest.raises(InvalidInput, match="key or its id|name or its id"):
        verbs.id_of(wrong(result) if callable(wrong) else wrong)
    for other in set(all_given) - {noun}:
        with pytest.raises(InvalidInput, match="key or its id|name or its id"):
            verbs.id_of(all_given[other][0])
