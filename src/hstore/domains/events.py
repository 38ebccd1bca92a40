"""Events: what happened to a device or to the host itself, until somebody has seen to it."""

from __future__ import annotations

from hstore.clock import from_time, now, optional_datetime, to_datetime
from hstore.errors import NotFound
from hstore.listing import Filters, identifier, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.devices import DeviceReference
    from hstore.models.work import Event

SEVERITIES = ("debug", "info", "warning", "error", "critical")

ADD = "INSERT INTO events (id, device_id, type, severity, data, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
SELECT = """
    SELECT e.id, e.type, e.severity, e.data, d.key, e.created_at, e.acknowledged_at, e.resolved_at
    FROM events AS e LEFT JOIN devices AS d ON d.id = e.device_id
"""
GET = SELECT + " WHERE e.id = $1"
ACKNOWLEDGE = """
    UPDATE events SET acknowledged_at = max($1, created_at) WHERE id = $2 AND acknowledged_at IS NULL RETURNING id
"""
RESOLVE = """
    UPDATE events SET resolved_at = max($1, created_at, coalesce(acknowledged_at, created_at))
    WHERE id = $2 AND resolved_at IS NULL RETURNING id
"""
EXISTS = "SELECT 1 FROM events WHERE id = $1"


class Events:
    """`store.events`: add, get, list, acknowledge and resolve."""

    def __init__(self, connection: Connection, door: Door, device_id: Callable[[DeviceReference], int]) -> None:
        self._connection = connection
        self._door = door
        self._device_id = device_id

    def add(
        self,
        type: str,  # noqa: A002 - the document's own word, and only ever given by name or place
        severity: str = "info",
        data: Any = None,
        *,
        device: DeviceReference | None = None,
        created_at: datetime | float | None = None,
    ) -> int:
        """Record an event and return its id.

        Args:
            type: what happened, as a short name such as `low_disk_space`, `high_cpu_usage`, `high_memory_usage`,
                `new_file_detected`, `service_down`, `error_occurred`; any name will do.
            severity: debug, info, warning, error or critical.
            data: any JSON value.
            device: to which device, by key, id or result; None: to the host itself.
            created_at: when, if not now.

        Raises:
            InvalidInput: an empty type, an unknown severity, data that is not JSON, a time without a time zone.
            NotFound: an unknown device.
        """
        door = self._door
        kind = door.known_key("type", type)
        one_of("severity", severity, SEVERITIES)
        text = None if data is None else door.plain_json("data", data) or door.json("data", data)
        moment = now() if created_at is None else from_time("created_at", created_at)
        if device is None:
            return self._append((None, kind, severity, text, moment))
        with self._connection.transaction():  # so that the device is still there
            return self._append((self._device_id(device), kind, severity, text, moment))

    def _append(self, row: tuple[Any, ...]) -> int:
        return self._connection.append_behind("events", ADD, row, len(row[3] or ""))

    def get(self, event: int) -> Event:
        """One event.

        Raises:
            NotFound: there is none of that id.
        """
        row = self._connection.row(GET, (identifier("event", event),))
        if row is None:
            raise _unknown(event)
        return _event(row)

    def acknowledge(self, event: int) -> bool:
        """Note that somebody has seen an event; False if that was noted before, and the time of then stays.

        Raises:
            NotFound: there is none of that id.
        """
        return self._once(ACKNOWLEDGE, event)

    def resolve(self, event: int) -> bool:
        """Note that an event is settled, acknowledged or not; False if it was before, and the time of then stays.

        Where the clock went backwards it is settled when it happened, never before.

        Raises:
            NotFound: there is none of that id.
        """
        return self._once(RESOLVE, event)

    def _once(self, sql: str, event: int) -> bool:
        if self._connection.write(sql, (now(), identifier("event", event))):
            return True
        if self._connection.row(EXISTS, (event,)) is None:
            raise _unknown(event)
        return False

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `add`
        severity: str | None = None,
        device: DeviceReference | None = None,
        acknowledged: bool | None = None,
        resolved: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Event]:
        """Events, newest first, that fit every filter.

        Args:
            type, severity, device: only these.
            acknowledged, resolved: only those that are, or with False those that are not.
            since, until: bounds of when they happened, up to and without the second.
            limit: how many at most; None: all.
            after: the last id seen.
        """
        filters = (
            Filters()
            .add("e.type =", self._door.optional("type", type))
            .add("e.severity =", None if severity is None else one_of("severity", severity, SEVERITIES))
            .add("e.device_id =", None if device is None else self._device_id(device))
            .when("acknowledged", acknowledged, "e.acknowledged_at IS NOT NULL", "e.acknowledged_at IS NULL")
            .when("resolved", resolved, "e.resolved_at IS NOT NULL", "e.resolved_at IS NULL")
        )
        bounds: dict[str, Any] = {"since": since, "until": until, "limit": limit, "after": after}
        rows = filters.newest(self._connection, SELECT, "events", "created_at", prefix="e.", **bounds)
        return [_event(row) for row in rows]

    def unresolved(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `add`
        severity: str | None = None,
        device: DeviceReference | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> builtins.list[Event]:
        """What is still to be settled, newest first; as `list` with `resolved=False`."""
        return self.list(type=type, severity=severity, device=device, resolved=False, limit=limit, after=after)


def _unknown(event: int) -> NotFound:
    return NotFound(f"event: there is no event {event}")


def _event(row: tuple[Any, ...]) -> Event:
    from json import loads

    from hstore.models.work import Event

    data = None if row[3] is None else loads(row[3])
    times = (to_datetime(row[5]), optional_datetime(row[6]), optional_datetime(row[7]))
    return Event._make((*row[:3], data, row[4], *times))
