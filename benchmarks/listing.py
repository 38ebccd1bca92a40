"""Whether a page of a listing costs the same anywhere, and what the named queries take, with a million rows.

Usage: python benchmarks/listing.py [--rows N] [--rounds N] [--json FILE]

A store is filled through its own verbs, evenly over 90 days. Then the first page of 100 rows, the one in the middle and
the last one take turns, so that each is compared with the first of the same round; processor time, since waiting for a
core is no part of a page. Beside it stands the plan that SQLite takes with all these rows in the file, without ANALYZE,
as the files of users are. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hstore import Store

PAGE, CALLS = 100, 20
"""Rows of a page, and how often each is read in a round."""
DAYS = 90
TOOLS, DEVICES, SESSIONS, ERRORS, FAILED, UNRESOLVED = 40, 100, 1000, 7, 20, 10
"""One row of so many has a certain tool, device, session, error, has failed, is unresolved."""
SEVERITIES = ("debug", "info", "warning", "error", "critical")
CHUNK = 20_000


@dataclass(frozen=True)
class Listing:
    """A listing, what it is narrowed by, and that one row of `every` fits."""

    verb: str
    filters: dict[str, Any]
    every: int = 1


LISTINGS = (
    Listing("tool_executions.list", {}),
    Listing("tool_executions.list", {"tool": "tool 0"}, TOOLS),
    Listing("tool_executions.list", {"device": "device 0"}, DEVICES),
    Listing("tool_executions.list", {"session": "session 0"}, SESSIONS),
    Listing("tool_executions.list", {"success": False}, FAILED),
    Listing("events.list", {}),
    Listing("events.list", {"type": "tool 0"}, TOOLS),
    Listing("events.list", {"severity": "debug"}, len(SEVERITIES)),
    Listing("events.list", {"device": "device 0"}, DEVICES),
    Listing("events.unresolved", {}, UNRESOLVED),
)
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tool_executions.most_used", {"days": 30}),
    ("tool_executions.most_used", {"days": 1}),
    ("tool_executions.device_activity", {"days": 7}),
    ("tool_executions.failed", {}),
    ("tool_executions.failed", {"days": 7}),
)


def fill(store: Store, rows: int) -> None:
    """Executions and events, oldest first, with ids from 1 on."""
    begin, step = time.time() - DAYS * 86_400, DAYS * 86_400 / rows
    for number in range(DEVICES):
        store.devices.register(f"device {number}")
    for number in range(SESSIONS):
        store.session(f"session {number}")
    for first in range(0, rows, CHUNK):
        with store.batch():
            for number in range(first, min(first + CHUNK, rows)):
                failed = number % FAILED == 0
                store.tool_executions.record(
                    f"tool {number % TOOLS}",
                    {"path": f"/home/user/projects/{number}/main.py", "lines": [number, number + 20]},
                    success=not failed,
                    error=f"error {number % ERRORS}" if failed else None,
                    duration=number % 1000 / 1000,
                    executed_at=begin + number * step,
                )
                store.events.add(
                    f"tool {number % TOOLS}",
                    SEVERITIES[number % 5],
                    {"value": number},
                    created_at=begin + number * step,
                )
    # Through the verbs each of these would be a transaction's statement of its own: minutes for nothing measured here.
    placed = "SET device_id = (id - 1) % $1 + 1"
    store._connection.write(f"UPDATE tool_executions {placed}, session_id = (id - 1) % $2 + 1", (DEVICES, SESSIONS))
    store._connection.write(f"UPDATE events {placed}", (DEVICES,))
    store._connection.write("UPDATE events SET resolved_at = created_at WHERE (id - 1) % $1 <> 0", (UNRESOLVED,))


def verb_of(store: Store, name: str) -> Callable[..., list[Any]]:
    """The method that `noun.verb` names."""
    noun, _, verb = name.partition(".")
    found: Callable[..., list[Any]] = getattr(getattr(store, noun), verb)
    return found


def plan(store: Store, call: Callable[[], object]) -> list[str]:
    """The steps of the last statement that a call runs."""
    asked: list[tuple[str, Any]] = []
    rows = store._connection.rows

    def noted(sql: str, parameters: Any = ()) -> Any:
        asked.append((sql, parameters))
        return rows(sql, parameters)

    store._connection.rows = noted  # type: ignore[method-assign]
    try:
        call()
    finally:
        store._connection.rows = rows  # type: ignore[method-assign]
    return [row[3] for row in rows(f"EXPLAIN QUERY PLAN {asked[-1][0]}", asked[-1][1])]


def spent(call: Callable[[], object], calls: int) -> float:
    """Microseconds of processor time of one call."""
    begin = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begin) / calls * 1e6


def listed(store: Store, listing: Listing, rows: int, rounds: int) -> dict[str, Any]:
    """Each page's microseconds, and its ratio to the first page of the same round."""
    verb = verb_of(store, listing.verb)
    places = {"first": None, "middle": rows // 2, "last": PAGE * listing.every + 1}
    pages = {
        name: lambda after=after: verb(**listing.filters, limit=PAGE, after=after) for name, after in places.items()
    }
    assert rows < PAGE * listing.every * 2 or all(len(page()) == PAGE for page in pages.values()), listing
    found: dict[str, list[float]] = {name: [] for name in pages}
    for number in range(rounds):
        for name in list(pages)[:: 1 if number % 2 else -1]:
            found[name].append(spent(pages[name], CALLS))
    return {
        "verb": listing.verb,
        "filters": listing.filters,
        "µs": {name: statistics.median(times) for name, times in found.items()},
        "ratio": {
            name: statistics.median(one / first for one, first in zip(times, found["first"], strict=True))
            for name, times in found.items()
        },
        "plan": plan(store, pages["last"]),
    }


def asked(store: Store, name: str, arguments: dict[str, Any], rounds: int) -> dict[str, Any]:
    """A named query's milliseconds and plan."""

    def call() -> list[Any]:
        return verb_of(store, name)(**arguments)

    times = [spent(call, 1) / 1000 for _ in range(rounds)]
    found = {"verb": name, "arguments": arguments, "rows": len(call()), "ms": statistics.median(times)}
    return {**found, "plan": plan(store, call)}


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="listing-") as folder, Store.open(Path(folder, "data")) as store:
        begin = time.perf_counter()
        fill(store, options.rows)
        print(f"{options.rows:,} executions and events: filled in {time.perf_counter() - begin:.0f} s")
        pages = [listed(store, listing, options.rows, options.rounds) for listing in LISTINGS]
        questions = [asked(store, name, arguments, options.rounds) for name, arguments in QUESTIONS]
    print(f"\n{'a page of 100 rows':52} {'first':>8} {'middle':>8} {'last':>8} µs   middle and last by the first")
    for page in pages:
        micros, ratios = page["µs"], page["ratio"]
        name = f"{page['verb']} {page['filters'] or ''}"
        print(
            f"{name:52} {micros['first']:8.0f} {micros['middle']:8.0f} {micros['last']:8.0f}"
            f"      {ratios['middle']:.2f} {ratios['last']:.2f}   {page['plan'][0]}"
        )
    print(f"\n{'a named query':52} {'ms':>8}")
    for question in questions:
        print(f"{question['verb'] + ' ' + str(question['arguments']):52} {question['ms']:8.2f}")
        for step in question["plan"]:
            print(f"    {step}")
    if options.json:
        options.json.write_text(json.dumps({"pages": pages, "queries": questions}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
