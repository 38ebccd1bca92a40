"""Statistics of runs and of knowledge: what `hstore stats` shows besides the summaries of other nouns."""

from __future__ import annotations

from hstore.clock import local_date
from hstore.engine import files
from hstore.listing import ALL, period, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.engine.connection import Value
    from hstore.models.analytics import KnowledgeGrowth, ProgramRuns, RunsOfDay, SlowRun

RUNS_BY_DAY = """
    SELECT date(started_at / 1000000, 'unixepoch', 'localtime'), count(*),
           sum(CASE WHEN status = 'ok' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'running' THEN 1 ELSE 0 END)
    FROM (SELECT started_at, status FROM runs
          WHERE started_at >= $1 AND started_at < $2 ORDER BY started_at DESC LIMIT $3) AS newest
    GROUP BY 1 ORDER BY 1
"""
PROGRAMS = """
    SELECT app, count(*), avg(CASE WHEN status = 'running' THEN NULL WHEN status = 'ok' THEN 1.0 ELSE 0.0 END),
           avg(duration) / 1000000.0, max(duration) / 1000000.0
    FROM (SELECT app, status, duration FROM runs
          WHERE started_at >= $1 AND started_at < $2 ORDER BY started_at DESC LIMIT $3) AS newest
    GROUP BY app ORDER BY count(*) DESC, app LIMIT $4
"""
SLOWEST = """
    SELECT id, coalesce(name, app), duration / 1000000.0, status
    FROM (SELECT id, name, app, duration, status FROM runs
          WHERE started_at >= $1 AND started_at < $2 ORDER BY started_at DESC LIMIT $3) AS newest
    WHERE duration IS NOT NULL ORDER BY duration DESC, id DESC LIMIT $4
"""
# The view knowledge_growth, of a stretch of time.
KNOWLEDGE = """
    SELECT date(created_at / 1000000, 'unixepoch', 'localtime'), type, count(*), avg(confidence)
    FROM (SELECT created_at, type, confidence FROM knowledge_items
          WHERE created_at >= $1 AND created_at < $2 ORDER BY created_at DESC LIMIT $3) AS newest
    GROUP BY 1, 2 ORDER BY 1 DESC, 2
"""


class Statistics:
    """`store.statistics`: runs by day and by program, the slowest ones, how knowledge grew, and the file's size.

    The first four take the same bounds: `since` and `until`, the second exclusive, and `newest`: look at the newest so
    many only, so that the answer costs the same however much there is; None: at all in these bounds. Days are those of
    the time zone of this process.
    """

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection

    def runs_by_day(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        newest: int | None = None,
    ) -> list[RunsOfDay]:
        """How many runs began on each day, and how many of them succeeded; the oldest day first, none without runs."""
        from hstore.models.analytics import RunsOfDay

        rows = self._connection.rows(RUNS_BY_DAY, _bounds(since, until, newest))
        return [RunsOfDay._make((local_date(row[0]), *row[1:])) for row in rows]

    def programs(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        newest: int | None = None,
        limit: int | None = 100,
    ) -> list[ProgramRuns]:
        """How often each program ran, how often it succeeded and how long it took; the most often run first."""
        from hstore.models.analytics import ProgramRuns

        rows = self._connection.rows(PROGRAMS, (*_bounds(since, until, newest), positive("limit", limit) or ALL))
        return [ProgramRuns._make(row) for row in rows]

    def slowest_runs(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        newest: int | None = None,
        limit: int | None = 100,
    ) -> list[SlowRun]:
        """The runs that took longest."""
        from hstore.models.analytics import SlowRun

        rows = self._connection.rows(SLOWEST, (*_bounds(since, until, newest), positive("limit", limit) or ALL))
        return [SlowRun._make(row) for row in rows]

    def knowledge_growth(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        newest: int | None = None,
    ) -> list[KnowledgeGrowth]:
        """What was learnt on each day, by type, the newest day first: the view `knowledge_growth`."""
        from hstore.models.analytics import KnowledgeGrowth

        rows = self._connection.rows(KNOWLEDGE, _bounds(since, until, newest))
        return [KnowledgeGrowth._make((local_date(row[0]), *row[1:])) for row in rows]

    def file_bytes(self) -> int:
        """The size of the database file, with what waits beside it to be brought into it."""
        path = self._connection.path
        return files.size(path) + files.size(path + "-wal")


def _bounds(
    since: datetime | float | None, until: datetime | float | None, newest: int | None
) -> tuple[Value, Value, Value]:
    return (*period(since, until), positive("newest", newest) or ALL)
