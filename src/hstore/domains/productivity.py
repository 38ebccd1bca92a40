"""Saved time: what work was estimated to take, and what it took."""

from __future__ import annotations

from hstore.clock import days_ago, from_seconds, from_time, local_date, now, to_datetime
from hstore.errors import InvalidInput
from hstore.listing import ALL, Filters, period, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Reference
    from hstore.models.analytics import ProductivityDay, ProductivityEvent, ProductivitySummary


ADD = """
    INSERT INTO productivity_events (session_id, type, estimate, actual, saved, improvement, context, satisfaction,
                                     created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING id
"""
SELECT = """
    SELECT p.id, s.key, p.type, p.estimate, p.actual, p.saved, p.improvement, p.context, p.satisfaction, p.created_at
    FROM productivity_events AS p LEFT JOIN sessions AS s ON s.id = p.session_id
"""
SUMMARY = """
    SELECT type, count(*), avg(saved) / 1000000.0, sum(saved / 1000000.0), avg(improvement), avg(satisfaction)
    FROM (SELECT type, saved, improvement, satisfaction FROM productivity_events
          WHERE created_at > $1 ORDER BY created_at DESC LIMIT $2) AS newest
    GROUP BY type
    ORDER BY sum(saved / 1000000.0) DESC, type
"""
# The view productivity_summary, of a stretch of time.
BY_DAY = """
    SELECT date(created_at / 1000000, 'unixepoch', 'localtime'), type, count(*), avg(saved) / 1000000.0,
           avg(improvement), sum(saved / 1000000.0)
    FROM productivity_events
    WHERE created_at >= $1 AND created_at < $2
    GROUP BY 1, 2
    ORDER BY 1 DESC, 2
"""


class Productivity:
    """`store.productivity`: record work with its estimate, list it, and sum up what was saved."""

    def __init__(
        self, connection: Connection, door: Door, session_id: Callable[[Reference | None], int | None]
    ) -> None:
        self._connection = connection
        self._door = door
        self._session_id = session_id

    def record(
        self,
        type: str,  # noqa: A002 - the column's name, and the documents'
        *,
        estimate: float,
        actual: float,
        session: Reference | None = None,
        context: Any = None,
        satisfaction: int | None = None,
        created_at: datetime | float | None = None,
    ) -> int:
        """Record a piece of work and return the event's id.

        What was saved is the estimate less the actual time, and negative where the work took longer; the improvement
        is that in per cent of the estimate.

        Args:
            type: such as `code_review` or `database_exploration`.
            estimate: seconds that it would have taken otherwise; more than nothing.
            actual: seconds that it took.
            session: in which it was done; default: the session of `HEIMDAL_SESSION`, if that is set.
            context: any JSON value.
            satisfaction: the user's rating from 1 to 5.
            created_at: when; aware `datetime` or seconds since the epoch; default: now.

        Raises:
            InvalidInput: a value is of the wrong type or range. NotFound: no such session.
        """
        planned, taken = from_seconds("estimate", estimate), from_seconds("actual", actual)
        if planned == 0:
            raise InvalidInput("estimate: more than nothing (0.5 microseconds), an improvement is a part of it")
        door = self._door
        row = (
            door.key("type", type),
            planned,
            taken,
            planned - taken,
            100 * (planned - taken) / planned,
            None if context is None else door.json("context", context),
            _rating(satisfaction),
            now() if created_at is None else from_time("created_at", created_at),
        )
        with self._connection.transaction():
            return self._connection.insert(ADD, (self._session_id(session), *row))

    def summary(self, days: float = 30, *, newest: int | None = None) -> list[ProductivitySummary]:
        """What each type of work saved in the last so many days, the most first.

        Args:
            days: how many, to a part of one.
            newest: look at the newest so many events only; None: at all of these days.

        Raises:
            InvalidInput: `days` is no number above 0, or `newest` no whole number from 1.
        """
        from hstore.models.analytics import ProductivitySummary

        begin = days_ago("days", days)
        rows = self._connection.rows(SUMMARY, (begin, positive("newest", newest) or ALL))
        return [ProductivitySummary._make(row) for row in rows]

    def by_day(
        self, *, since: datetime | float | None = None, until: datetime | float | None = None
    ) -> list[ProductivityDay]:
        """What each type of work saved on each day, the newest first: the view `productivity_summary`.

        Days are those of the time zone of this process.

        Args:
            since, until: bounds of the events, the second exclusive.
        """
        from hstore.models.analytics import ProductivityDay

        begin, end = period(since, until)
        rows = self._connection.rows(BY_DAY, (begin, end))
        return [ProductivityDay._make((local_date(row[0]), *row[1:])) for row in rows]

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as above
        session: Reference | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[ProductivityEvent]:
        """Events, newest first, that fit every filter given.

        Args:
            type, session: of these.
            since, until: from the first on, up to and without the second.
            limit: rows at most; None: all.
            after: id of the last event seen.
        """
        filters = (
            Filters()
            .add("p.type =", self._door.optional("type", type))
            .add("p.session_id =", None if session is None else self._session_id(session))
        )
        rows = filters.newest(
            self._connection,
            SELECT,
            "productivity_events",
            "created_at",
            since=since,
            until=until,
            limit=limit,
            after=after,
            prefix="p.",
        )
        return [_event(row) for row in rows]


def _rating(satisfaction: int | None) -> int | None:
    if satisfaction is None:
        return None
    if not isinstance(satisfaction, int) or isinstance(satisfaction, bool) or not 1 <= satisfaction <= 5:
        raise InvalidInput("satisfaction: a whole number from 1 to 5")
    return satisfaction


def _event(row: tuple[Any, ...]) -> ProductivityEvent:
    from json import loads

    from hstore.models.analytics import ProductivityEvent

    seconds = (each / 1_000_000 for each in row[3:6])
    context = None if row[7] is None else loads(row[7])
    return ProductivityEvent._make((*row[:3], *seconds, row[6], context, row[8], to_datetime(row[9])))
