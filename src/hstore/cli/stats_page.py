"""The page that `hstore stats` shows: tables with figures at the right and small charts in what is left of a line."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.charts import bar, course
from hstore.cli.escapes import visible
from hstore.cli.formats import duration_text, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.cli.charts import Strokes
    from hstore.cli.output import Output
    from hstore.cli.stats import Figures
    from hstore.models.analytics import KnowledgeGrowth

    Chart = Callable[[int, Strokes], str]
    """Draws itself in so many columns."""

_WIDTH = 80
"""Columns, where there is no terminal."""
_BAR = 20
"""Columns of the longest bar."""
_NARROW = 6
"""Columns in which no chart says anything."""
_RIGHT = {"RUNS", "OK", "AVERAGE", "LONGEST", "RUN", "TIME", "USED", "SESSIONS", "COUNT", "MEDIAN", "95 %"}
_RIGHT |= {"FROM CACHE", "TIMES", "SAVED", "IMPROVEMENT", "RATED", "ADDED", "CONFIDENCE", "ENTRIES", "SIZE"}


class Table(NamedTuple):
    """Rows under a title, the first column a name; with charts, one for each row."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    charts: Sequence[Chart] = ()


class Page:
    """Everything that is not empty, one below the other."""

    def __init__(self, figures: Figures, output: Output, strokes: Strokes) -> None:
        self._figures = figures
        self._output = output
        self._strokes = strokes
        self._width = output.width or _WIDTH

    def show(self) -> None:
        """Print it; for a store in which there is nothing, one line that says so."""
        figures, output = self._figures, self._output
        tables = [table for table in (make(figures) for make in _TABLES) if table.rows]
        if not tables and not figures.runs:
            output.line(f"nothing was recorded in the last {_days(figures.days)}")
            return
        output.line(f"the last {_days(figures.days)}; the database has {size_text(figures.size)}")
        if figures.runs:
            self._runs()
        for table in tables:
            output.line()
            output.line(output.paint("bold", table.title))
            output.table(*self._laid_out(table))

    def _runs(self) -> None:
        figures, output = self._figures, self._output
        total = sum(each.runs for each in figures.runs)
        ended = total - sum(each.running for each in figures.runs)
        said = [f"{total:,} run{'s' * (total > 1)}"]
        if ended:
            said.append(f"{_percent(sum(each.ok for each in figures.runs) / ended)} ok")
        if ended < total:
            said.append(f"{total - ended:,} not ended")
        output.line()
        output.line(output.paint("bold", ", ".join(said)))
        if total >= figures.newest:
            output.line(f"(the newest {figures.newest:,} only)")
        if figures.days > 1:
            self._courses()

    def _courses(self) -> None:
        figures = self._figures
        started = {each.date: each.runs for each in figures.runs}
        failed = {each.date: each.runs - each.ok - each.running for each in figures.runs}
        for name, values in (("runs", started), ("failed", failed)):
            if any(values.values()):
                drawn = _by_day(figures, values)(max(_NARROW, self._width - 34), self._strokes)
                self._output.line(f"{name:<6}  {drawn}  at most {max(values.values()):,} a day")
        self._output.line(f"        from {figures.since.date()} to today")

    def _laid_out(self, table: Table) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Names and rows: long names cut, figures at the right of their columns, charts where there is room."""
        longest = max(16, self._width // 3)
        rows = [(self._cut(row[0], longest), *row[1:]) for row in table.rows]
        widths = [max(len(name), *(len(row[place]) for row in rows)) for place, name in enumerate(table.columns)]
        names, *others = (_aligned(table.columns, widths, row) for row in (table.columns, *rows))
        room = self._width - sum(widths) - 2 * len(widths) - 1
        if not table.charts or room < _NARROW:
            return names, others
        drawn = [chart(room, self._strokes) for chart in table.charts]
        return [*names, ""], [[*row, chart] for row, chart in zip(others, drawn, strict=True)]

    def _cut(self, name: str, longest: int) -> str:
        shown = visible(name)
        return shown if len(shown) <= longest else shown[: longest - 2] + ".."


def _aligned(columns: Sequence[str], widths: Sequence[int], row: Sequence[str]) -> list[str]:
    cells = zip(columns, widths, row, strict=True)
    return [cell.rjust(width) if name in _RIGHT else cell for name, width, cell in cells]


def _bars(parts: Sequence[float]) -> Sequence[Chart]:
    """A bar for each part, the longest for the largest."""
    most = max(parts, default=0) or 1

    def chart(part: float) -> Chart:
        return lambda width, strokes: bar(max(0.0, part) / most, min(width, _BAR), strokes)

    return [chart(part) for part in parts]


def _by_day(figures: Figures, values: dict[date, int]) -> Chart:
    """The course of values over all days that are looked at."""
    first = figures.since.date()
    listed = [values.get(first + timedelta(days=number), 0) for number in range(figures.days)]
    return lambda width, strokes: course(listed, width, strokes)


def _programs(figures: Figures) -> Table:
    rows = [
        (
            each.app,
            f"{each.runs:,}",
            _percent(each.success_rate),
            duration_text(each.average_duration),
            duration_text(each.longest),
        )
        for each in figures.programs
    ]
    bars = _bars([each.runs for each in figures.programs])
    return Table("programs", ("PROGRAM", "RUNS", "OK", "AVERAGE", "LONGEST"), rows, bars)


def _slowest(figures: Figures) -> Table:
    rows = [(each.name, str(each.id), duration_text(each.duration), each.status) for each in figures.slowest]
    return Table("slowest runs", ("NAME", "RUN", "TIME", "STATUS"), rows)


def _tools(figures: Figures) -> Table:
    rows = [
        (each.tool, f"{each.executions:,}", _percent(each.success_rate), duration_text(each.average_duration))
        for each in figures.tools
    ]
    return Table("tools", ("TOOL", "USED", "OK", "AVERAGE"), rows, _bars([each.executions for each in figures.tools]))


def _features(figures: Figures) -> Table:
    rows = [
        (
            each.feature,
            each.category,
            f"{each.uses:,}",
            f"{each.sessions:,}",
            _percent(each.success_rate),
            duration_text(each.average_duration),
        )
        for each in figures.features
    ]
    bars = _bars([each.uses for each in figures.features])
    return Table("features", ("FEATURE", "CATEGORY", "USED", "SESSIONS", "OK", "AVERAGE"), rows, bars)


def _operations(figures: Figures) -> Table:
    rows = [
        (
            each.operation,
            f"{each.measurements:,}",
            _percent(each.success_rate),
            duration_text(each.p50),
            duration_text(each.p95),
            duration_text(each.longest),
            _percent(each.cache_hit_rate) if each.cache_hit_rate else "",
        )
        for each in figures.operations
    ]
    return Table("operations", ("OPERATION", "COUNT", "OK", "MEDIAN", "95 %", "LONGEST", "FROM CACHE"), rows)


def _productivity(figures: Figures) -> Table:
    rows = [
        (
            each.type,
            f"{each.events:,}",
            ("-" if each.total_saved < 0 else "") + duration_text(abs(each.total_saved)),
            f"{each.average_improvement:.0f} %",
            "" if each.average_satisfaction is None else f"{each.average_satisfaction:.1f} of 5",
        )
        for each in figures.productivity
    ]
    bars = _bars([each.total_saved for each in figures.productivity])
    return Table("time saved", ("WORK", "TIMES", "SAVED", "IMPROVEMENT", "RATED"), rows, bars)


def _knowledge(figures: Figures) -> Table:
    by_type: dict[str, list[KnowledgeGrowth]] = {}
    for each in figures.knowledge:
        by_type.setdefault(each.type, []).append(each)
    items = {kind: sum(each.items for each in found) for kind, found in by_type.items()}
    kinds = sorted(by_type, key=lambda kind: (-items[kind], kind))[: figures.limit]
    rows = [
        (
            kind,
            f"{items[kind]:,}",
            _percent(sum(each.average_confidence * each.items for each in by_type[kind]) / items[kind]),
        )
        for kind in kinds
    ]
    courses = [_by_day(figures, {each.date: each.items for each in by_type[kind]}) for kind in kinds]
    return Table("knowledge", ("KNOWLEDGE", "ADDED", "CONFIDENCE"), rows, courses if figures.days > 1 else ())


def _caches(figures: Figures) -> Table:
    rows = [
        (name, f"{found['entries']:,}", size_text(found["size"]))
        for name, found in figures.caches.items()
        if found["entries"]
    ]
    return Table("caches", ("CACHE", "ENTRIES", "SIZE"), rows)


_TABLES = (_programs, _slowest, _tools, _features, _operations, _productivity, _knowledge, _caches)


def _percent(share: float | None) -> str:
    """As `97 %`; 100 only where it is all, 0 only where it is nothing."""
    if share is None:
        return ""
    return f"{min(max(round(100 * share), 1 if share > 0 else 0), 99 if share < 1 else 100)} %"


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"
