"""Use of features: when one was begun, when it was over, and whether it succeeded."""

from __future__ import annotations

from time import perf_counter_ns

from hstore.clock import from_seconds, from_time, in_range, now, optional_datetime, to_datetime
from hstore.door import TEXT_LIMIT
from hstore.errors import HstoreError, InvalidInput, NotFound, NotRecorded, described
from hstore.listing import ALL, Filters, identifier, one_of, period, positive, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Reference
    from hstore.models.analytics import FeatureAdoption, FeatureUse

CATEGORIES = ("core", "database", "files", "advanced")

ADD = """
    INSERT INTO feature_usage (session_id, feature, category, context, started_at, completed_at, success, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING id
"""
# A clock that went back does not end a use before it began.
COMPLETE = """
    UPDATE feature_usage
    SET completed_at = CASE WHEN $1 < started_at THEN started_at ELSE $1 END, success = $2, error = $3
    WHERE id = $4 AND completed_at IS NULL
    RETURNING id
"""
SELECT = """
    SELECT u.id, s.key, u.feature, u.category, u.context, u.started_at, u.completed_at, u.success, u.error
    FROM feature_usage AS u LEFT JOIN sessions AS s ON s.id = u.session_id
"""
# The view feature_adoption, of a stretch of time.
ADOPTION = """
    SELECT category, feature, count(*), count(DISTINCT session_id),
           avg(CASE WHEN success = 1 THEN 1.0 ELSE 0.0 END), avg(completed_at - started_at) / 1000000.0
    FROM (SELECT category, feature, session_id, success, started_at, completed_at
          FROM feature_usage
          WHERE started_at >= $1 AND started_at < $2 AND completed_at IS NOT NULL
          ORDER BY started_at DESC LIMIT $3) AS uses
    GROUP BY category, feature
    ORDER BY count(*) DESC, category, feature
"""


class Usage:
    """`store.usage`: begin and complete uses of features, record finished ones, list them, and see their adoption."""

    def __init__(
        self, connection: Connection, door: Door, session_id: Callable[[Reference | None], int | None]
    ) -> None:
        self._connection = connection
        self._door = door
        self._session_id = session_id

    def start(
        self,
        feature: str,
        category: str,
        *,
        session: Reference | None = None,
        context: Any = None,
        started_at: datetime | float | None = None,
    ) -> int:
        """Note that a feature is being used and return the use's id, for `complete`.

        Args:
            feature: its name.
            category: core, database, files or advanced.
            session: who uses it; default: the session of `HEIMDAL_SESSION`, if that is set.
            context: any JSON value.
            started_at: aware `datetime` or seconds since the epoch; default: now.

        Raises:
            InvalidInput: an empty feature, an unknown category, a context that is not JSON. NotFound: no such session.
        """
        start = now() if started_at is None else from_time("started_at", started_at)
        return self._add(feature, category, session, context, start, (None, None, None))

    def complete(self, use: int, *, success: bool | None = None, error: str | None = None) -> None:
        """Note that a use is over.

        Args:
            use: the id that `start` returned.
            success: whether it did what it was to do; default: whether there is no error.
            error: what went wrong, for people.

        Raises:
            NotFound: there is no such use, or it is over already. InvalidInput: an error of a success.
        """
        self._complete(use, now(), self._outcome(success, error))

    def record(
        self,
        feature: str,
        category: str,
        *,
        session: Reference | None = None,
        context: Any = None,
        started_at: datetime | float | None = None,
        duration: float = 0.0,
        success: bool | None = None,
        error: str | None = None,
    ) -> int:
        """Record a use that is over and return its id.

        Args:
            feature, category, session, context: as `start`.
            started_at: default: now, less the duration.
            duration: seconds that it took.
            success, error: as `complete`.

        Raises:
            InvalidInput, NotFound: as `start` and `complete`.
        """
        length = from_seconds("duration", duration)
        start = now() - length if started_at is None else from_time("started_at", started_at)
        end = in_range("duration", start + length)
        outcome = self._outcome(success, error)
        return self._add(feature, category, session, context, in_range("duration", start), (end, *outcome))

    def track(
        self, feature: str, category: str, *, session: Reference | None = None, context: Any = None
    ) -> TrackedUse:
        """A use as a block: `with store.usage.track("search", "core"):`.

        The use is there from the beginning of the block, so one whose process dies stays without an end. An exception
        completes it as failed, with the exception's type and message as its error, and goes through unchanged; if the
        use cannot be completed then, that only warns (`NotRecorded`). In a batch that is rolled back, the use is
        rolled back too.

        Args:
            feature, category, session, context: as `start`.
        """
        return TrackedUse(self, lambda: self.start(feature, category, session=session, context=context))

    def adoption(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        newest: int | None = None,
    ) -> list[FeatureAdoption]:
        """How much each feature is used, the most used first: the view `feature_adoption`, of a stretch of time.

        Args:
            since, until: bounds of the uses' beginning, the second exclusive.
            newest: look at the newest so many uses only; None: at all in these bounds.
        """
        from hstore.models.analytics import FeatureAdoption

        begin, end = period(since, until)
        rows = self._connection.rows(ADOPTION, (begin, end, positive("newest", newest) or ALL))
        return [FeatureAdoption._make(row) for row in rows]

    def list(
        self,
        *,
        feature: str | None = None,
        category: str | None = None,
        session: Reference | None = None,
        success: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[FeatureUse]:
        """Uses, newest first, that fit every filter given; `since` and `until` bound their beginning.

        Args:
            feature, category, session: of these.
            success: True: that succeeded; False: that failed; None: all, those without an end too.
            since, until: from the first on, up to and without the second.
            limit: rows at most; None: all.
            after: id of the last use seen.
        """
        filters = (
            Filters()
            .add("u.feature =", self._door.optional("feature", feature))
            .add("u.category =", None if category is None else one_of("category", category, CATEGORIES))
            .add("u.session_id =", None if session is None else self._session_id(session))
            .when("success", success, "u.success = 1", "u.success = 0")
        )
        rows = filters.newest(
            self._connection,
            SELECT,
            "feature_usage",
            "started_at",
            since=since,
            until=until,
            limit=limit,
            after=after,
            prefix="u.",
        )
        return [_use(row) for row in rows]

    def _add(
        self,
        feature: str,
        category: str,
        session: Reference | None,
        context: Any,
        start: int,
        end: tuple[Any, ...],
    ) -> int:
        door = self._door
        named = (
            door.key("feature", feature),
            one_of("category", category, CATEGORIES),
            None if context is None else door.json("context", context),
        )
        with self._connection.transaction():
            return self._connection.insert(ADD, (self._session_id(session), *named, start, *end))

    def _complete(self, use: int, end: int, outcome: tuple[int, str | None]) -> None:
        if not self._connection.write(COMPLETE, (end, *outcome, identifier("use", use))):
            raise NotFound(f"use: there is no use {use} that goes on")

    def _outcome(self, success: bool | None, error: str | None) -> tuple[int, str | None]:
        succeeded = truth("success", error is None if success is None else success)
        if succeeded and error is not None:
            raise InvalidInput("error: a use that succeeded has none")
        return succeeded, self._door.optional("error", error, TEXT_LIMIT)


class TrackedUse:
    """A use of a feature as a `with` block, once; `id` is that of the use, from the block's beginning on.

    Setting `error` makes it a failed one.
    """

    def __init__(self, usage: Usage, start: Callable[[], int]) -> None:
        self.id = 0
        self.error: str | None = None
        self._usage = usage
        self._start = start
        self._began = (0, 0)

    def __enter__(self) -> TrackedUse:
        if self.id:
            raise HstoreError("a use is tracked once; call track() again for another")
        self.id = self._start()
        self._began = (now(), perf_counter_ns())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        moment, count = self._began
        end = moment + (perf_counter_ns() - count) // 1000
        if failure is None:
            self._usage._complete(self.id, end, self._usage._outcome(None, self.error))
            return
        try:
            said = self._usage._door.shortened("error", described(failure))
            self._usage._complete(self.id, end, (0, said))
        except HstoreError as refused:
            NotRecorded.warn(f"the end of a use of a feature was not recorded: {refused}", failing=True)


def _use(row: tuple[Any, ...]) -> FeatureUse:
    from json import loads

    from hstore.models.analytics import FeatureUse

    context = None if row[4] is None else loads(row[4])
    succeeded = None if row[7] is None else bool(row[7])
    times = (to_datetime(row[5]), optional_datetime(row[6]))
    return FeatureUse._make((*row[:4], context, *times, succeeded, row[8]))
