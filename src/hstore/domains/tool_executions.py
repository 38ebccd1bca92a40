"""Tool executions: what tools were called with, what came of it, how long it took, and who asked for it."""

from __future__ import annotations

from time import perf_counter_ns

from hstore.clock import days_ago, from_seconds, from_time, now, optional_datetime, to_datetime
from hstore.errors import HstoreError, InvalidInput, NotFound, NotRecorded, described
from hstore.listing import ALL, Filters, identifier, positive, truth, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Reference
    from hstore.models.devices import DeviceReference
    from hstore.models.work import DeviceActivity, Failure, ToolExecution, ToolUse


ADD = """
    INSERT INTO tool_executions (id, session_id, device_id, tool, parameters, success, result, error, duration,
                                 user_query, reasoning, executed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
SELECT = """
    SELECT t.id, t.tool, t.parameters, t.success, t.result, t.error, t.duration, s.key, d.key, t.user_query,
           t.reasoning, t.executed_at
    FROM tool_executions AS t
    LEFT JOIN sessions AS s ON s.id = t.session_id LEFT JOIN devices AS d ON d.id = t.device_id
"""
GET = SELECT + " WHERE t.id = $1"
# The names are found one by one in the index, so that of each tool only the executions of those days are read.
MOST_USED = """
    WITH RECURSIVE tools (tool) AS (
        SELECT min(tool) FROM tool_executions
        UNION ALL
        SELECT (SELECT min(t.tool) FROM tool_executions AS t WHERE t.tool > tools.tool)
        FROM tools WHERE tools.tool IS NOT NULL
    )
    SELECT tool, count(*), avg(duration), avg(success) FROM tool_executions
    WHERE tool IN (SELECT tool FROM tools) AND executed_at > $1
    GROUP BY tool ORDER BY 2 DESC, tool LIMIT $2
"""
FAILED = """
    SELECT d.key, f.tool, f.error, f.failures
    FROM (SELECT device_id, tool, error, count(*) AS failures FROM tool_executions
          WHERE success = 0 AND executed_at > $1 GROUP BY device_id, tool, error HAVING count(*) > $2) AS f
    LEFT JOIN devices AS d ON d.id = f.device_id
    ORDER BY f.failures DESC, f.tool, d.key, f.error LIMIT $3
"""
DEVICE_ACTIVITY = """
    SELECT d.key, d.hostname,
           (SELECT count(*) FROM tool_executions AS t WHERE t.device_id = d.id AND t.executed_at > $1) AS executions,
           (SELECT max(t.executed_at) FROM tool_executions AS t WHERE t.device_id = d.id)
    FROM devices AS d ORDER BY executions DESC, d.key LIMIT $2
"""


class ToolExecutions:
    """`store.tool_executions`: record, measure, get, list, and what hosts ask of them."""

    def __init__(
        self,
        connection: Connection,
        door: Door,
        session_id: Callable[[Reference | None], int | None],
        device_id: Callable[[DeviceReference], int],
        count: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._door = door
        self._session_id = session_id
        self._device_id = device_id
        self._count = count

    def record(
        self,
        tool: str,
        parameters: Any,
        *,
        success: bool,
        result: Any = None,
        error: str | None = None,
        duration: float | None = None,
        session: Reference | None = None,
        device: DeviceReference | None = None,
        user_query: str | None = None,
        reasoning: str | None = None,
        executed_at: datetime | float | None = None,
    ) -> int:
        """Record an execution and return its id; its session counts one more, in the same transaction.

        Args:
            tool: its name.
            parameters: any JSON value.
            success: whether it did what it should.
            result: any JSON value; None: none.
            error: what it said; of more than 1 MiB the middle is left out, as of the two texts below.
            duration: seconds.
            session: by key, id or result; None: the one of `HEIMDAL_SESSION`, if any.
            device: on which device, by key, id or result; None: on the host itself.
            user_query: what the user asked for.
            reasoning: why the model took this tool.
            executed_at: when it began, if not now.

        Raises:
            InvalidInput: an empty tool, values that are not JSON, a negative duration, a time without a time zone.
            NotFound: an unknown session or device.
        """
        asked = self._asked(tool, parameters, user_query, reasoning)
        moment = now() if executed_at is None else from_time("executed_at", executed_at)
        spent = None if duration is None else from_seconds("duration", duration)
        return self._store(asked, (truth("success", success), result, error, spent), session, device, moment)

    def measure(
        self,
        tool: str,
        parameters: Any,
        *,
        session: Reference | None = None,
        device: DeviceReference | None = None,
        user_query: str | None = None,
        reasoning: str | None = None,
    ) -> Call:
        """Record what happens in a `with` block: how long it takes, and whether it ends by an exception.

        What the block puts into `call.result` is recorded; `call.success = False` and `call.error` tell of a failure
        without an exception. An exception goes on after it was recorded, also where it could not be: that only warns
        (`NotRecorded`). Afterwards `call.id` is the execution's. Each block takes a call of its own.

        Raises:
            InvalidInput, NotFound: as by `record`; of the arguments given here, before the block begins.
        """
        asked = self._asked(tool, parameters, user_query, reasoning)
        number = None if device is None else self._device_id(device)
        place = self._session_id(session)
        begun = now()
        return Call(lambda outcome: self._store(asked, outcome, place, number, begun))

    def _asked(self, tool: str, parameters: Any, user_query: str | None, reasoning: str | None) -> tuple[Any, ...]:
        """What is known before it is executed: tool, parameters, query, reasoning, as they are stored."""
        door = self._door
        beside = [text for text in (user_query, reasoning) if text is not None]
        name = door.known_key("tool", tool)
        text = door.plain_json("parameters", parameters, *beside)
        if text is not None:
            return name, text, user_query, reasoning
        return (
            name,
            door.json("parameters", parameters),
            self._said("user_query", user_query),
            self._said("reasoning", reasoning),
        )

    def _said(self, field: str, text: str | None) -> str | None:
        return None if text is None else self._door.shortened(field, text)

    def _store(
        self,
        asked: tuple[Any, ...],
        outcome: tuple[Any, ...],
        session: Reference | None,
        device: DeviceReference | None,
        moment: int,
    ) -> int:
        tool, parameters, user_query, reasoning = asked
        success, result, error, duration = outcome
        door = self._door
        given = None if result is None else door.plain_json("result", result) or door.json("result", result)
        said = self._said("error", error)
        told = (tool, parameters, success, given, said, duration, user_query, reasoning)
        connection = self._connection
        place = self._session_id(None) if session is None else None
        if session is device is place is None:
            size = sum(map(len, filter(None, (parameters, given, said, user_query, reasoning))))
            return connection.append_behind("tool_executions", ADD, (None, None, *told, moment), size)
        with connection.transaction():
            place = self._session_id(session)
            number = None if device is None else self._device_id(device)
            if place is not None:
                self._count(place)
            return connection.append(ADD, (None, place, number, *told, moment))

    def get(self, execution: int) -> ToolExecution:
        """One execution.

        Raises:
            NotFound: there is none of that id.
        """
        row = self._connection.row(GET, (identifier("execution", execution),))
        if row is None:
            raise NotFound(f"execution: there is no tool execution {execution}")
        return _execution(row)

    def list(
        self,
        *,
        tool: str | None = None,
        device: DeviceReference | None = None,
        session: Reference | None = None,
        success: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[ToolExecution]:
        """Executions, newest first, that fit every filter.

        Args:
            tool, device, session: only these.
            success: only those that succeeded, or with False those that failed.
            since, until: bounds of when they began, up to and without the second.
            limit: how many at most; None: all.
            after: the last id seen.
        """
        filters = (
            Filters()
            .add("t.tool =", self._door.optional("tool", tool))
            .add("t.device_id =", None if device is None else self._device_id(device))
            .add("t.session_id =", None if session is None else self._session_id(session))
            .when("success", success, "t.success = 1", "t.success = 0")
        )
        bounds: dict[str, Any] = {"since": since, "until": until, "limit": limit, "after": after}
        rows = filters.newest(self._connection, SELECT, "tool_executions", "executed_at", prefix="t.", **bounds)
        return [_execution(row) for row in rows]

    def most_used(self, days: float = 30, limit: int | None = 100) -> builtins.list[ToolUse]:
        """The tools of the last `days`, most used first."""
        from hstore.models.work import ToolUse

        rows = self._connection.rows(MOST_USED, (days_ago("days", days), _at_most(limit)))
        return [ToolUse(row[0], row[1], _seconds(row[2]), row[3]) for row in rows]

    def failed(
        self, more_than: int = 3, *, days: float | None = None, limit: int | None = 100
    ) -> builtins.list[Failure]:
        """What failed more than so many times with the same error on the same device, most often first.

        Args:
            more_than: a failure that occurred only so often is left out.
            days: only the last; None: ever.
            limit: how many at most; None: all.
        """
        from hstore.models.work import Failure

        begin = -ALL if days is None else days_ago("days", days)
        rows = self._connection.rows(FAILED, (begin, whole("more_than", more_than), _at_most(limit)))
        return [Failure._make(row) for row in rows]

    def device_activity(self, days: float = 7, limit: int | None = 100) -> builtins.list[DeviceActivity]:
        """What each device executed in the last `days`, the busiest first.

        Devices that executed nothing are there too, with when they last did, since they are often what one looks for.
        """
        from hstore.models.work import DeviceActivity

        rows = self._connection.rows(DEVICE_ACTIVITY, (days_ago("days", days), _at_most(limit)))
        return [DeviceActivity._make((*row[:3], optional_datetime(row[3]))) for row in rows]


class Call:
    """An execution that is under way in a `with` block.

    Attributes:
        result: any JSON value, to be set by the block.
        success, error: to be set by the block where it failed without an exception.
        id: the execution's, once it is recorded.
    """

    def __init__(self, record: Callable[[tuple[Any, ...]], int]) -> None:
        self.result: Any = None
        self.success = True
        self.error: str | None = None
        self.id: int | None = None
        self._record = record
        self._begun = 0

    def __enter__(self) -> Call:
        if self._begun:
            raise HstoreError("a block is measured once; call measure() again for another")
        self._begun = perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        spent = (perf_counter_ns() - self._begun) // 1000
        if error is None:
            self.id = self._record((truth("success", self.success), self.result, self.error, spent))
            return
        try:
            self.id = self._failed(described(error), spent)
        except HstoreError as refused:
            NotRecorded.warn(f"an execution was not recorded: {refused}", failing=True)

    def _failed(self, said: str, spent: int) -> int:
        try:
            return self._record((0, self.result, said, spent))
        except InvalidInput:
            return self._record((0, None, said, spent))  # its result is no JSON; it failed all the same


def _at_most(limit: int | None) -> int:
    count = positive("limit", limit)
    return ALL if count is None else count


def _seconds(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


def _execution(row: tuple[Any, ...]) -> ToolExecution:
    from json import loads

    from hstore.models.work import ToolExecution

    parameters, success, result = loads(row[2]), bool(row[3]), None if row[4] is None else loads(row[4])
    spent, moment = _seconds(row[6]), to_datetime(row[11])
    return ToolExecution._make((*row[:2], parameters, success, result, row[5], spent, *row[7:11], moment))
