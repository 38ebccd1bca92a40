"""The audit log: append-only, in the same transaction as what it speaks of when it is written inside a batch."""

from __future__ import annotations

from hstore.clock import from_time, now, to_datetime
from hstore.door import NAME_LIMIT
from hstore.listing import Filters, one_of, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import AuditEntry

LEVELS = ("debug", "info", "warning", "error")

ADD = """
    INSERT INTO audit_log (at, level, run_id, scope, event, message, data) VALUES ($1, $2, $3, $4, $5, $6, $7)
    RETURNING id
"""
SELECT = "SELECT id, at, level, run_id, scope, event, message, data FROM audit_log"


class Audit:
    """`store.audit`: write and list. The database itself refuses to change or delete a line."""

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door

    def write(
        self,
        level: str,
        event: str,
        message: str = "",
        *,
        run: int | None = None,
        scope: str | None = None,
        data: Any = None,
    ) -> int:
        """Append a line and return its id.

        Args:
            level: debug, info, warning or error.
            event: what happened, as a short name such as `store.opened`.
            message: the same for people.
            run: id of the run it speaks of; the line stays when the run is deleted.
            scope: the part of the host it comes from.
            data: any JSON value.

        Raises:
            InvalidInput: an unknown level, an empty event, data that is not JSON.
        """
        door = self._door
        row = (
            now(),
            one_of("level", level, LEVELS),
            positive("run", run),
            door.optional("scope", scope),
            door.key("event", event),
            door.text("message", message),
            None if data is None else door.json("data", data),
        )
        return self._connection.insert(ADD, row)

    def list(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        level: str | None = None,
        event: str | None = None,
        run: int | None = None,
        scope: str | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[AuditEntry]:
        """Lines, newest first, that fit every filter given; `after` is the last id seen."""
        door = self._door
        filters = (
            Filters()
            .add("at >=", None if since is None else from_time("since", since))
            .add("at <", None if until is None else from_time("until", until))
            .add("level =", None if level is None else one_of("level", level, LEVELS))
            .add("event =", door.optional("event", event, NAME_LIMIT))
            .add("run_id =", positive("run", run))
            .add("scope =", door.optional("scope", scope))
        )
        return [_entry(row) for row in self._connection.rows(*filters.statement(SELECT, "id", limit, after))]


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    from json import loads

    from hstore.models import AuditEntry

    data = None if row[7] is None else loads(row[7])
    return AuditEntry._make((row[0], to_datetime(row[1]), *row[2:7], data))
