"""`hstore stats`: how much was done, how well and how fast, as tables and small charts."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli.charts import ASCII, BLOCKS, bar, course
from hstore.cli.formats import duration_text, plain, size_text
from hstore.cli.grammar import JSON, Command, argument
from hstore.cli.opening import readable
from hstore.config import ascii_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hstore.cli.charts import Strokes
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

    Table = tuple[Sequence[str], Sequence[Sequence[str]]]

NEWEST = 100_000
"""Rows of each table that are looked at, at most: a million runs in the time asked for cost no more."""
_BAR = 20  # columns
_WIDTH = 80  # columns, where there is no terminal


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
        _Page(figures, output, ASCII if ascii_only() else BLOCKS).show()
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


class _Page:
    """Everything that is not empty, one below the other."""

    def __init__(self, figures: Figures, output: Output, strokes: Strokes) -> None:
        self._figures = figures
        self._output = output
        self._strokes = strokes
        self._width = output.width or _WIDTH

    def show(self) -> None:
        """Print it; for a store in which there is nothing, one line that says so."""
        figures, output = self._figures, self._output
        tables = [
            (title, table)
            for title, table in (
                ("programs", self._programs()),
                ("slowest runs", self._slowest()),
                ("tools", self._tools()),
                ("features", self._features()),
                ("operations", self._operations()),
                ("time saved", self._productivity()),
                ("knowledge", self._knowledge()),
                ("caches", self._caches()),
            )
            if table[1]
        ]
        if not tables and not figures.runs:
            output.line(f"nothing was recorded in the last {_days(figures.days)}")
            return
        output.line(f"the last {_days(figures.days)}; the database has {size_text(figures.size)}")
        if figures.runs:
            self._runs()
        for title, (columns, rows) in tables:
            output.line()
            output.line(output.paint("bold", title))
            output.table(*_aligned(columns, rows))

    def _runs(self) -> None:
        found = self._figures.runs
        total, ok = sum(each.runs for each in found), sum(each.ok for each in found)
        running = sum(each.running for each in found)
        output = self._output
        output.line()
        parts = [f"{total:,} runs", f"{_percent(ok, total - running)} ok"] + [f"{running:,} not ended"] * (running > 0)
        output.line(output.paint("bold", ", ".join(parts)))
        if total >= NEWEST:
            output.line(f"(the newest {NEWEST:,} only)")
        if self._figures.days == 1:
            return
        started = {each.date: each.runs for each in found}
        failed = {each.date: each.runs - each.ok - each.running for each in found}
        for name, values in (("runs", started), ("failed", failed)):
            if any(values.values()):
                output.line(f"{name:<6}  {self._course(values, 34)}  at most {max(values.values()):,} a day")
        output.line(f"        from {self._figures.since.date()} to today")

    def _course(self, values: dict[date, int], margin: int) -> str:
        first = self._figures.since.date()
        listed = [values.get(first + timedelta(days=number), 0) for number in range(self._figures.days)]
        return course(listed, max(10, self._width - margin - 1), self._strokes)

    def _bar(self, part: float, most: float) -> str:
        return bar(part / most if most else 0, _BAR, self._strokes)

    def _programs(self) -> Table:
        found = self._figures.programs
        most = max((each.runs for each in found), default=0)
        return ("PROGRAM", "RUNS", "OK", "AVERAGE", "LONGEST", ""), [
            (
                each.app,
                f"{each.runs:,}",
                _percent(each.success_rate),
                duration_text(each.average_duration),
                duration_text(each.longest),
                self._bar(each.runs, most),
            )
            for each in found
        ]

    def _slowest(self) -> Table:
        return ("RUN", "TIME", "STATUS", "NAME"), [
            (str(each.id), duration_text(each.duration), each.status, each.name) for each in self._figures.slowest
        ]

    def _tools(self) -> Table:
        found = self._figures.tools
        most = max((each.executions for each in found), default=0)
        return ("TOOL", "USED", "OK", "AVERAGE", ""), [
            (
                each.tool,
                f"{each.executions:,}",
                _percent(each.success_rate),
                duration_text(each.average_duration),
                self._bar(each.executions, most),
            )
            for each in found
        ]

    def _features(self) -> Table:
        found = self._figures.features
        most = max((each.uses for each in found), default=0)
        return ("FEATURE", "CATEGORY", "USED", "SESSIONS", "OK", "AVERAGE", ""), [
            (
                each.feature,
                each.category,
                f"{each.uses:,}",
                f"{each.sessions:,}",
                _percent(each.success_rate),
                duration_text(each.average_duration),
                self._bar(each.uses, most),
            )
            for each in found
        ]

    def _operations(self) -> Table:
        return ("OPERATION", "COUNT", "OK", "MEDIAN", "95 %", "LONGEST", "FROM CACHE"), [
            (
                each.operation,
                f"{each.measurements:,}",
                _percent(each.success_rate),
                duration_text(each.p50),
                duration_text(each.p95),
                duration_text(each.longest),
                _percent(each.cache_hit_rate) if each.cache_hit_rate else "",
            )
            for each in self._figures.operations
        ]

    def _productivity(self) -> Table:
        found = self._figures.productivity
        most = max((each.total_saved for each in found), default=0.0)
        return ("WORK", "TIMES", "SAVED", "IMPROVEMENT", "RATED", ""), [
            (
                each.type,
                f"{each.events:,}",
                ("-" if each.total_saved < 0 else "") + duration_text(abs(each.total_saved)),
                f"{each.average_improvement:.0f} %",
                "" if each.average_satisfaction is None else f"{each.average_satisfaction:.1f} of 5",
                self._bar(max(0.0, each.total_saved), most),
            )
            for each in found
        ]

    def _knowledge(self) -> Table:
        by_type: dict[str, list[KnowledgeGrowth]] = {}
        for each in self._figures.knowledge:
            by_type.setdefault(each.type, []).append(each)
        rows = []
        for kind, found in by_type.items():
            items = sum(each.items for each in found)
            confidence = sum(each.average_confidence * each.items for each in found) / items
            rows.append((items, kind, _percent(confidence), {each.date: each.items for each in found}))
        rows.sort(key=lambda row: (-row[0], row[1]))
        return ("KNOWLEDGE", "ADDED", "CONFIDENCE", ""), [
            (kind, f"{items:,}", confidence, self._course(grown, self._width // 2))
            for items, kind, confidence, grown in rows[: self._figures.limit]
        ]

    def _caches(self) -> Table:
        return ("CACHE", "ENTRIES", "SIZE"), [
            (name, f"{found['entries']:,}", size_text(found["size"]))
            for name, found in self._figures.caches.items()
            if found["entries"]
        ]


_RIGHT = {"RUNS", "OK", "AVERAGE", "LONGEST", "RUN", "TIME", "USED", "SESSIONS", "COUNT", "MEDIAN", "95 %"}
_RIGHT |= {"FROM CACHE", "TIMES", "SAVED", "IMPROVEMENT", "RATED", "ADDED", "CONFIDENCE", "ENTRIES", "SIZE"}


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Names and rows with figures at the right of their columns."""
    widths = [max(len(name), *(len(row[place]) for row in rows)) for place, name in enumerate(columns)]
    names, *others = (
        [cell.rjust(width) if name in _RIGHT else cell for name, width, cell in zip(columns, widths, row, strict=True)]
        for row in (columns, *rows)
    )
    return names, others


def _percent(part: float | None, whole: float = 1) -> str:
    """As `97 %`; 100 only where it is all, 0 only where it is nothing."""
    if part is None or not whole:
        return ""
    share = 100 * part / whole
    return f"{min(max(round(share), 1 if share > 0 else 0), 99 if share < 100 else 100)} %"


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _days_or_limit(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10_000:
        raise ValueError(text)
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
