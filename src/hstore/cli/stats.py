"""`hstore stats`: how much was done, how well and how fast, as tables and small charts."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli.charts import ASCII, BLOCKS
from hstore.cli.formats import plain
from hstore.cli.grammar import JSON, Command, argument, count
from hstore.cli.opening import readable
from hstore.cli.stats_page import Page
from hstore.config import ascii_only

if TYPE_CHECKING:
    from hstore.cli.output import Output
    from hstore.models.analytics import (
        FeatureAdoption,
        KnowledgeGrowth,
        OperationSummary,
        ProductivitySummary,
        ProgramRuns,
        RunsOfDay,
        SlowRun,
    )
    from hstore.models.work import ToolUse
    from hstore.store import Store

NEWEST = 100_000
"""Rows of each table that are looked at, at most: a million runs in the time asked for cost no more."""


class StatsOptions(NamedTuple):
    """`stats`."""

    db: str | None
    days: int
    limit: int
    json: bool


class Figures(NamedTuple):
    """What is shown, and in JSON printed under these names."""

    days: int
    since: datetime
    limit: int
    newest: int
    size: int
    runs: list[RunsOfDay]
    programs: list[ProgramRuns]
    slowest: list[SlowRun]
    tools: list[ToolUse]
    features: list[FeatureAdoption]
    operations: list[OperationSummary]
    productivity: list[ProductivitySummary]
    knowledge: list[KnowledgeGrowth]
    caches: dict[str, dict[str, int]]


def stats(options: StatsOptions, output: Output) -> int:
    """Show the figures of the last days."""
    with readable(options.db) as store:
        figures = gathered(store, options.days, options.limit)
    if options.json:
        output.json(plain(figures))
    else:
        Page(figures, output, ASCII if ascii_only() else BLOCKS).show()
    return 0


def gathered(store: Store, days: int, limit: int) -> Figures:
    """Ask the store for everything, from the beginning of the first of the last `days` days on."""
    since = datetime.combine(date.today() - timedelta(days=days - 1), datetime.min.time()).astimezone()
    bounds: dict[str, Any] = {"since": since, "newest": NEWEST}
    exactly = max(datetime.now(timezone.utc) - since, timedelta(seconds=1)) / timedelta(days=1)
    return Figures(
        days=days,
        since=since,
        limit=limit,
        newest=NEWEST,
        size=store.statistics.file_bytes(),
        runs=store.statistics.runs_by_day(**bounds),
        programs=store.statistics.programs(**bounds, limit=limit),
        slowest=store.statistics.slowest_runs(**bounds, limit=min(limit, 5)),
        tools=store.tool_executions.most_used(exactly, limit),
        features=store.usage.adoption(**bounds)[:limit],
        operations=store.metrics.summary(**bounds)[:limit],
        productivity=store.productivity.summary(exactly, newest=NEWEST)[:limit],
        knowledge=store.statistics.knowledge_growth(**bounds),
        caches={
            name: {"entries": found.entries, "size": found.size}
            for name, found in (("responses", store.response_cache.stats()), ("files", store.file_cache.stats()))
        },
    )


def _days_or_limit(text: str) -> int:
    number = count(text)
    if not 1 <= number <= 10_000:
        raise ArgumentTypeError(f"{text!r}: a whole number from 1 to 10000")
    return number


COMMAND = Command(
    "stats",
    "show how much was done, how well and how fast",
    StatsOptions,
    stats,
    (
        argument("--days", type=_days_or_limit, default=30, metavar="N", help="the last N days (default: 30)"),
        argument("--limit", type=_days_or_limit, default=10, metavar="N", help="rows of each table (default: 10)"),
        JSON,
    ),
    "Runs by day and program, tools, features, operations, time saved, knowledge and caches; what is empty is left\n"
    "out. Days are those of your time zone, the last is today.\n"
    f"Of each table the newest {NEWEST:,} rows are looked at, at most.",
    (("hstore stats", "the last 30 days"), ("hstore stats --days 1 --json", "today, for programs")),
)
