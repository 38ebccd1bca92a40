"""Which index each listing and each named query takes: without ANALYZE, as the files of users are.

A listing takes an index that begins with the columns of its filters and goes on in its order, of times or of ids, so it
sorts nothing and reads nothing before its page. benchmarks/listing.py measures that with a million rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from hstore import Store
from hstore.nouns import LateNouns


class Listing(NamedTuple):
    """A listing with one filter, its index, and whether its order is that of ids instead of times."""

    verb: str
    filters: dict[str, Any]
    index: str
    by_id: bool = False


class Question(NamedTuple):
    """A named query, what its plan must search, and what it reads as a whole on purpose."""

    verb: str
    arguments: dict[str, Any]
    searched: tuple[str, ...]
    whole: frozenset[str] = frozenset()


IDS = "INTEGER PRIMARY KEY (rowid<?)"
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
    Listing("events.list", {"resolved": False}, "events_unresolved"),
    Listing("conversations.list", {}, "conversations_created"),
    Listing("conversations.list", {"session": "s"}, "conversations_session"),
    Listing("knowledge.list", {}, "knowledge_items_created"),
    Listing("knowledge.list", {"type": "t"}, "knowledge_items_type"),
    Listing("metrics.list", {}, "performance_metrics_started"),
    Listing("metrics.list", {"operation": "o"}, "performance_metrics_operation"),
    Listing("metrics.list", {"success": False}, "performance_metrics_failed"),
    Listing("usage.list", {}, "feature_usage_started"),
    Listing("usage.list", {"feature": "f"}, "feature_usage_feature"),
    Listing("productivity.list", {}, "productivity_events_created"),
    Listing("productivity.list", {"type": "t"}, "productivity_events_type"),
    Listing("response_cache.list", {}, "response_cache_created"),
    Listing("file_cache.list", {}, "file_cache_created"),
    Listing("runs.list", {}, IDS, by_id=True),
    Listing("runs.list", {"app": "a"}, "runs_app", by_id=True),
    Listing("runs.list", {"session": "s"}, "runs_session", by_id=True),
    Listing("artifacts.list", {}, IDS, by_id=True),
    Listing("artifacts.list", {"run": 1}, "artifacts_run", by_id=True),
    Listing("sessions.list", {}, IDS, by_id=True),
    *(
        Listing("sessions.list", {name: "x"}, f"sessions_{name}", by_id=True)
        for name in ("device", "agent", "sender", "channel")
    ),
    Listing("audit.list", {}, IDS, by_id=True),
    Listing("audit.list", {"run": 1}, "audit_log_run", by_id=True),
    Listing("wiki.list", {}, IDS, by_id=True),
    Listing("wiki.list", {"session": "s"}, "wiki_refs_session", by_id=True),
    Listing("wiki.list", {"run": 1}, "wiki_refs_run", by_id=True),
    Listing("memory.list", {}, IDS, by_id=True),
    Listing("memory.list", {"scope": "global"}, IDS, by_id=True),
    Listing("memory.list", {"category": "c"}, "memory_category", by_id=True),
    Listing("files.list", {}, IDS, by_id=True),
    Listing("files.list", {"type": "t"}, "tracked_files_type", by_id=True),
    Listing("devices.list", {}, IDS, by_id=True),
    Listing("agents.list", {}, IDS, by_id=True),
    Listing("nonces.list", {}, IDS, by_id=True),
    Listing("idempotency.list", {}, IDS, by_id=True),
)
FEW = {"config.list", "preferences.list", "connections.list", "retention.list", "schemas.list"}
"""Listings of what somebody has set up by hand, and of the tables of databases: reading all of them takes no time."""
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
def known(store: Store) -> Store:
    """A store that knows the device `d` and the session `s`."""
    store.devices.register("d")
    store.session("s")
    return store


def method(store: Store, verb: str) -> Callable[..., object]:
    """What `noun.verb` names."""
    noun, _, name = verb.partition(".")
    found: Callable[..., object] = getattr(getattr(store, noun), name)
    return found


def plan(store: Store, verb: str, arguments: dict[str, Any]) -> list[str]:
    """The steps of the last statement that a verb runs, with the parameters that it binds.

    The row that a page goes on behind is always there.
    """
    asked: list[tuple[str, Any]] = []
    connection = store._connection
    rows, row = connection.rows, connection.row

    def noted(sql: str, parameters: Any = ()) -> Any:
        asked.append((sql, parameters))
        return rows(sql, parameters)

    def seen(sql: str, parameters: Any = ()) -> Any:
        return (0, parameters[0]) if "id <= $1 ORDER BY id DESC" in sql else row(sql, parameters)

    connection.rows, connection.row = noted, seen
    try:
        method(store, verb)(**arguments)
    finally:
        connection.rows, connection.row = rows, row
    sql, parameters = asked[-1]
    return [step[3] for step in rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]


def read_as_a_whole(steps: list[str]) -> set[str]:
    """What is scanned without an index."""
    return {found[1] for step in steps if (found := re.fullmatch(r"SCAN (\w+)", step))}


def test_no_statistics_are_there(known: Store) -> None:
    """The premise: what the planner does here it does in any file that nobody has analysed."""
    assert known.query("SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'") == ()


@pytest.mark.parametrize("bounds", [{}, {"after": 2}, {"since": 0}, {"until": 9e9}, {"since": 0, "after": 2}], ids=str)
@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: f"{listing.verb} {listing.filters}")
def test_listing_takes_its_index_and_sorts_nothing(known: Store, listing: Listing, bounds) -> None:
    """For the first page, those behind it, and between two times. By id, the first page begins at the newest row."""
    steps = plan(known, listing.verb, {**listing.filters, **bounds})
    assert not any("TEMP B-TREE" in step for step in steps), steps
    if listing.by_id and listing.index == IDS and "after" not in bounds:
        return
    assert any(re.search(rf"\b{re.escape(listing.index)}(?!\w)", step) for step in steps), steps
    assert read_as_a_whole(steps) == set()
    if bounds:
        assert any("SEARCH" in step and listing.index in step for step in steps), steps


def test_every_listing_is_looked_at(store: Store) -> None:
    """A noun that gets a listing fails here until its index is named above, or why it needs none."""
    nouns = ["runs", *(name for name in LateNouns.__annotations__ if not name.startswith("_"))]
    listings = {f"{noun}.list" for noun in nouns if hasattr(getattr(store, noun), "list")}
    assert listings == {listing.verb for listing in LISTINGS} | FEW


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
