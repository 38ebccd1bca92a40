"""Which index each listing and each named query takes: without ANALYZE, as the files of users are.

A listing takes an index that begins with the columns of its filters and goes on in its order, so it sorts nothing and
reads nothing before its page. How long that takes with a million rows is measured by benchmarks/listing.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hstore import Store


class Listing(NamedTuple):
    """A listing by time with one filter, and its index."""

    verb: str
    filters: dict[str, Any]
    index: str


class Question(NamedTuple):
    """A named query, what its plan must search, and what it reads as a whole on purpose."""

    verb: str
    arguments: dict[str, Any]
    searched: tuple[str, ...]
    whole: frozenset[str] = frozenset()


LISTINGS = (
    Listing("tool_executions.list", {}, "tool_executions_executed"),
    Listing("tool_executions.list", {"tool": "t"}, "tool_executions_tool"),
    Listing("tool_executions.list", {"device": "d"}, "tool_executions_device"),
    Listing("tool_executions.list", {"session": "s"}, "tool_executions_session"),
    Listing("tool_executions.list", {"success": False}, "tool_executions_failed"),
    Listing("events.list", {}, "events_created"),
    Listing("events.list", {"type": "t"}, "events_type"),
    Listing("events.list", {"severity": "error"}, "events_severity"),
    Listing("events.list", {"device": "d"}, "events_device"),
    Listing("events.unresolved", {}, "events_unresolved"),
)
QUESTIONS = (
    Question(
        "tool_executions.most_used",
        {"days": 30},
        (
            "SEARCH t USING COVERING INDEX tool_executions_tool (tool>?)",
            "SEARCH tool_executions USING COVERING INDEX tool_executions_tool (tool=? AND executed_at>?)",
        ),
        frozenset({"tools"}),  # the names of the tools, which are found one by one
    ),
    Question(
        "tool_executions.device_activity",
        {"days": 7},
        (
            "SEARCH t USING COVERING INDEX tool_executions_device (device_id=? AND executed_at>?)",
            "SEARCH t USING COVERING INDEX tool_executions_device (device_id=?)",
        ),
        frozenset({"d"}),  # all devices are wanted
    ),
    Question(
        "tool_executions.failed",
        {"days": 7},
        ("SEARCH tool_executions USING INDEX tool_executions_failed (executed_at>?)",),
        frozenset({"f"}),  # what was found, with the names of its devices
    ),
    Question("memory.history", {"key": "k"}, ("SEARCH h USING INDEX sqlite_autoindex_memory_history_1",)),
    Question("memory.at", {"key": "k", "moment": 5}, ("SEARCH h USING INDEX sqlite_autoindex_memory_history_1",)),
)


@pytest.fixture
def known(path: Path) -> Iterator[Store]:
    """A store that knows the device `d` and the session `s`, with a row or two to go on behind."""
    with Store.open(path) as store:
        store.devices.register("d")
        store.session("s")
        store.remember("k", 1)
        store.remember("k", 2)
        for _ in range(2):
            store.tool_executions.record("t", {}, success=False, device="d", session="s")
            store.events.add("t", "error", device="d")
        yield store


def plan(store: Store, verb: str, arguments: dict[str, Any]) -> list[str]:
    """The steps of the last statement that a verb runs, with the parameters that it binds."""
    noun, _, name = verb.partition(".")
    call: Callable[..., object] = getattr(getattr(store, noun), name)
    asked: list[tuple[str, Any]] = []
    rows = store._connection.rows

    def noted(sql: str, parameters: Any = ()) -> Any:
        asked.append((sql, parameters))
        return rows(sql, parameters)

    store._connection.rows = noted  # type: ignore[method-assign]
    try:
        call(**arguments)
    finally:
        store._connection.rows = rows  # type: ignore[method-assign]
    sql, parameters = asked[-1]
    return [row[3] for row in rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]


def read_as_a_whole(steps: list[str]) -> set[str]:
    """What is scanned without an index."""
    return {found[1] for step in steps if (found := re.fullmatch(r"SCAN (\w+)", step))}


def test_no_statistics_are_there(known: Store) -> None:
    """The premise: what the planner does here it does in any file that nobody has analysed."""
    assert known.query("SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'") == ()


@pytest.mark.parametrize("bounds", [{}, {"after": 2}, {"since": 0}, {"until": 9e9}, {"since": 0, "after": 2}], ids=str)
@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: f"{listing.verb} {listing.filters}")
def test_listing_takes_its_index_and_sorts_nothing(known: Store, listing: Listing, bounds) -> None:
    """For the first page, those behind it, and between two times."""
    if listing.verb == "events.unresolved" and not bounds.keys() <= {"after"}:
        listing = Listing("events.list", {"resolved": False}, listing.index)
    steps = plan(known, listing.verb, {**listing.filters, **bounds})
    assert any(re.search(rf"\b{listing.index}\b", step) for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    assert read_as_a_whole(steps) == set()
    if bounds:
        assert any("SEARCH" in step and listing.index in step for step in steps), steps


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.verb)
def test_named_query_searches_its_indexes(known: Store, question: Question) -> None:
    """Nothing but what it is meant to read as a whole is read without one."""
    steps = plan(known, question.verb, question.arguments)
    for wanted in question.searched:
        assert any(step.startswith(wanted) for step in steps), steps
    assert read_as_a_whole(steps) == question.whole


def test_a_query_without_an_index_would_be_seen(known: Store) -> None:
    """Of a column that has none, the whole table is read, and that is what the tests above look for."""
    steps = [row[3] for row in known._connection.rows("EXPLAIN QUERY PLAN SELECT 1 FROM events WHERE data = 'x'")]
    assert read_as_a_whole(steps) == {"events"}


@pytest.mark.parametrize("after", [None, 1])
@pytest.mark.parametrize(
    "filters", [{"device": "d"}, {"agent": "a"}, {"sender": "x"}, {"channel": "c"}, {"active": True}], ids=str
)
def test_sessions_come_in_the_order_of_an_index(known: Store, filters: dict[str, Any], after: int | None) -> None:
    """By each filter a page is read from its index, newest first, and sorts nothing."""
    steps = plan(known, "sessions.list", {**filters, "after": after})
    assert steps[0].startswith(("SEARCH s USING INDEX sessions_", "SCAN s USING INDEX sessions_active")), steps
    assert next(iter(filters)) in steps[0]
    assert not any("TEMP B-TREE" in step for step in steps), steps
