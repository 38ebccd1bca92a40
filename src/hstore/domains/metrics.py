"""Measurements of operations: how long each took, whether it succeeded, and what it needed."""

from __future__ import annotations

from time import perf_counter_ns

from hstore.clock import from_seconds, from_time, in_range, now, to_datetime
from hstore.errors import HstoreError, InvalidInput, NotRecorded
from hstore.listing import ALL, Filters, period, positive, truth, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Any, TypeVar

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.engine.connection import Value
    from hstore.models.analytics import Metric, OperationSummary

    Function = TypeVar("Function", bound=Callable[..., Any])

ADD = """
    INSERT INTO performance_metrics (operation, details, started_at, duration, success, error_type, memory, tokens,
                                     cache_hit)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING id
"""
SELECT = """
    SELECT id, operation, details, started_at, duration, success, error_type, memory, tokens, cache_hit
    FROM performance_metrics
"""
# A percentile is the measurement at the place of share times count, rounded up, by duration (nearest rank).
SUMMARY = """
    SELECT operation, max(many), avg(success), avg(cache_hit), avg(duration) / 1000000.0,
           max(CASE WHEN place = (many * 50 + 99) / 100 THEN duration END) / 1000000.0,
           max(CASE WHEN place = (many * 95 + 99) / 100 THEN duration END) / 1000000.0,
           max(duration) / 1000000.0, coalesce(sum(1.0 * tokens), 0.0)
    FROM (SELECT operation, success, cache_hit, duration, tokens,
                 row_number() OVER (PARTITION BY operation ORDER BY duration) AS place,
                 count(*) OVER (PARTITION BY operation) AS many
          FROM (SELECT operation, success, cache_hit, duration, tokens FROM performance_metrics
                WHERE started_at >= $1 AND started_at < $2 ORDER BY started_at DESC LIMIT $3) AS newest) AS ranked
    GROUP BY operation
    ORDER BY sum(1.0 * duration) DESC, operation
"""
SUMMARY_OF_ONE = SUMMARY.replace("$3", "$4").replace("< $2", "< $2 AND operation = $3")

_NOT_PLAIN = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR of a function's code: its call only makes what runs later."""


class Metrics:
    """`store.metrics`: record measurements, take them around a block or function, list them, and sum them up."""

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door

    def record(
        self,
        operation: str,
        *,
        duration: float,
        started_at: datetime | float | None = None,
        success: bool | None = None,
        error_type: str | None = None,
        details: Any = None,
        memory: int | None = None,
        tokens: int | None = None,
        cache_hit: bool = False,
    ) -> int:
        """Record a measurement and return its id.

        Args:
            operation: what was measured, such as `ai_call` or `database_query`.
            duration: seconds that it took.
            started_at: aware `datetime` or seconds since the epoch; default: now, less the duration.
            success: whether it did what it was to do; default: whether there is no error type.
            error_type: the kind of error, where it did not.
            details: any JSON value.
            memory: bytes that it needed.
            tokens: how many it used, for calls of a language model.
            cache_hit: whether its result came from a cache.

        Raises:
            InvalidInput: a value is of the wrong type or range, or there is an error type of a success.
        """
        length = from_seconds("duration", duration)
        start = now() - length if started_at is None else from_time("started_at", started_at)
        outcome = (success, error_type)
        return self._add(operation, in_range("duration", start), length, outcome, details, memory, tokens, cache_hit)

    def measure(
        self,
        operation: str,
        *,
        details: Any = None,
        tokens: int | None = None,
        cache_hit: bool = False,
        memory: bool = False,
    ) -> Measurement:
        """Measure a block or a function: `with store.metrics.measure("db_query"):`, `@store.metrics.measure("parse")`.

        The duration comes from a clock that never goes back. In the block, `details`, `tokens`, `cache_hit`, `memory`
        and `error_type` of the measurement can be set, to be recorded at its end. An exception is recorded by its type
        and goes through unchanged. What cannot be recorded for the database's sake only warns (`NotRecorded`): work is
        not lost for its measurement. Inside a batch that is rolled back, the measurement is rolled back too.

        Args:
            operation, details, tokens, cache_hit: as `record`.
            memory: also record by how many bytes the process's largest resident size has grown meanwhile; nothing
                where the system does not say.

        Raises:
            InvalidInput: an empty operation; or a function that is decorated is a generator or coroutine, whose call
                does not do its work: measure a block inside of it.
        """
        self._door.key("operation", operation)
        return Measurement(self, operation, details, tokens, cache_hit, memory)

    def summary(
        self,
        operation: str | None = None,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        newest: int | None = None,
    ) -> list[OperationSummary]:
        """The measurements of one operation, or of each, together; first what took the most time in all.

        Args:
            operation: only this one.
            since, until: bounds of the measurements' beginning, the second exclusive.
            newest: look at the newest so many measurements only; None: at all in these bounds.
        """
        from hstore.models.analytics import OperationSummary

        begin, end = period(since, until)
        most = positive("newest", newest) or ALL
        if operation is None:
            rows = self._connection.rows(SUMMARY, (begin, end, most))
        else:
            rows = self._connection.rows(SUMMARY_OF_ONE, (begin, end, self._door.key("operation", operation), most))
        return [OperationSummary._make((*row[:8], int(row[8]))) for row in rows]

    def list(
        self,
        *,
        operation: str | None = None,
        success: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Metric]:
        """Measurements, newest first, that fit every filter given.

        Args:
            operation: of this one.
            success: True: that succeeded; False: that failed.
            since, until: bounds of their beginning, from the first on, up to and without the second.
            limit: rows at most; None: all.
            after: id of the last measurement seen.
        """
        filters = (
            Filters()
            .add("operation =", self._door.optional("operation", operation))
            .when("success", success, "success = 1", "success = 0")
        )
        rows = filters.newest(
            self._connection,
            SELECT,
            "performance_metrics",
            "started_at",
            since=since,
            until=until,
            limit=limit,
            after=after,
        )
        return [_metric(row) for row in rows]

    def _add(
        self,
        operation: str,
        start: int,
        length: int,
        outcome: tuple[bool | None, str | None],
        details: Any,
        memory: int | None,
        tokens: int | None,
        cache_hit: bool,
    ) -> int:
        door, (success, error_type) = self._door, outcome
        succeeded = truth("success", error_type is None if success is None else success)
        if succeeded and error_type is not None:
            raise InvalidInput("error_type: an operation that succeeded has none")
        row: tuple[Value, ...] = (
            door.key("operation", operation),
            None if details is None else door.json("details", details),
            start,
            length,
            succeeded,
            door.optional("error_type", error_type),
            None if memory is None else whole("memory", memory),
            None if tokens is None else whole("tokens", tokens),
            truth("cache_hit", cache_hit),
        )
        return self._connection.insert(ADD, row)


_NOT_YET = (0, 0)


class Measurement:
    """A measurement as a `with` block, once, or of each call of a function that it decorates."""

    def __init__(
        self, metrics: Metrics, operation: str, details: Any, tokens: int | None, cache_hit: bool, sized: bool
    ) -> None:
        self.details = details
        self.tokens = tokens
        self.cache_hit = cache_hit
        self.memory: int | None = None
        self.error_type: str | None = None
        self._metrics = metrics
        self._operation = operation
        self._sized = sized
        self._size: int | None = None
        self._began = _NOT_YET

    def __call__(self, function: Function) -> Function:
        """A function that is measured each time it is called."""
        if not callable(function) or _flags(function) & _NOT_PLAIN:
            raise InvalidInput("function: a plain one; inside a generator or coroutine, measure a block")
        from functools import wraps

        @wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            with self._anew():
                return function(*args, **kwargs)

        return measured  # type: ignore[return-value] # called as the function is

    def __enter__(self) -> Measurement:
        if self._began is not _NOT_YET:
            raise HstoreError("a block is measured once; call measure() again for another")
        self._size = _largest_size() if self._sized else None
        self._began = (now(), perf_counter_ns())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        start, count = self._began
        length = (perf_counter_ns() - count) // 1000
        if self.memory is None and self._size is not None:
            self.memory = (_largest_size() or self._size) - self._size
        outcome = (None, self.error_type if kind is None else kind.__qualname__)
        try:
            self._metrics._add(
                self._operation, start, length, outcome, self.details, self.memory, self.tokens, self.cache_hit
            )
        except HstoreError as refused:
            if kind is None and isinstance(refused, InvalidInput):
                raise
            NotRecorded.warn(f"a measurement was not recorded: {refused}", failing=kind is not None)

    def _anew(self) -> Measurement:
        return Measurement(self._metrics, self._operation, self.details, self.tokens, self.cache_hit, self._sized)


def _largest_size() -> int | None:
    """The largest resident size of this process so far, in bytes; None where the system does not say."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return None
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit


def _metric(row: tuple[Any, ...]) -> Metric:
    from json import loads

    from hstore.models.analytics import Metric

    details = None if row[2] is None else loads(row[2])
    times = (to_datetime(row[3]), row[4] / 1_000_000)
    return Metric._make((*row[:2], details, *times, bool(row[5]), *row[6:9], bool(row[9])))


def _flags(function: Any) -> int:
    """Those of the code that a call runs, also through `functools.partial` and an object with `__call__`."""
    while hasattr(function, "func"):
        function = function.func
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return code.co_flags if code is not None else 0
