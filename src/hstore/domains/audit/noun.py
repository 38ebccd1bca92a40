"""The verbs of `store.audit`: lines that stay, in the transaction of what they speak of, and their chain."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.door import NAME_LIMIT
from hstore.errors import InvalidInput
from hstore.listing import Filters, one_of, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import AuditEntry
    from hstore.models.audit_chain import ChainHead, ChainReport

LEVELS = ("debug", "info", "warning", "error")

# Nothing is added where there is a chain: what is added then needs a hash.
ADD = """
    INSERT INTO audit_log (at, level, run_id, scope, event, message, data)
    SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM audit_chain)
    RETURNING id
"""
ADD_CHAINED = """
    INSERT INTO audit_log (id, at, level, run_id, scope, event, message, data, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
BEGIN = """
    INSERT INTO audit_chain (id, first_id, last_id, last_hash, started_at)
    SELECT 1, $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM audit_chain)
    RETURNING id
"""
EXTEND = "UPDATE audit_chain SET last_id = $1, last_hash = $2"
HEAD = "SELECT last_id, last_hash FROM audit_chain"
STORE_ID = "SELECT store_id FROM meta"
SELECT = "SELECT id, at, level, run_id, scope, event, message, data FROM audit_log"


class Audit:
    """`store.audit`: write and list, and chain and verify. The database itself refuses to change or delete a line."""

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door
        self._chained = False  # True once a chain has been seen: there is no way back

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
        if not self._chained:
            made = self._connection.write(ADD, row)
            if made:
                return int(made[0][0])
        return self._write_chained(row)

    def chain(self) -> ChainHead:
        """Have every line from now on carry a hash that covers the line before it; return the chain's head.

        A line says that it begins. Lines before that are not covered. It cannot be switched off; where there is a
        chain already, nothing is done. What it proves and what not is in docs/file-format.md.
        """
        from hstore.domains.audit.links import beginning

        connection = self._connection
        with connection.transaction():
            before = connection.last_id("audit_log")
            start = beginning(connection.value(STORE_ID))
            if connection.write(BEGIN, (before + 1, before, start, now())):
                self.write("info", "audit.chained", "from this line on each line's hash covers the line before it")
            head = self.head()
        assert head is not None  # noqa: S101 - it has just been made
        return head

    def head(self) -> ChainHead | None:
        """The chain's last line and its hash, to be kept where this file's owner cannot write; None without a chain."""
        from hstore.models.audit_chain import ChainHead

        found = self._connection.row(HEAD)
        return None if found is None else ChainHead(found[0], found[1].hex())

    def verify(self, head: str | None = None) -> ChainReport:
        """Look at the whole chain, some lines at a time, and name each line that is not as it was written.

        Args:
            head: the hash, in hex, of a head that was kept elsewhere: also prove that the log still is the one it was
                the head of. Who can write the file can make a new chain in it, but none that holds this hash.

        Raises:
            InvalidInput: the head is no SHA-256 in hex.
        """
        from hstore.domains.audit.verification import verified

        return verified(self._connection, None if head is None else _digest("head", head))

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
            .between("at", since, until)
            .add("level =", None if level is None else one_of("level", level, LEVELS))
            .add("event =", door.optional("event", event, NAME_LIMIT))
            .add("run_id =", positive("run", run))
            .add("scope =", door.optional("scope", scope))
        )
        return [_entry(row) for row in self._connection.rows(*filters.statement(SELECT, "id", limit, after))]

    def _write_chained(self, row: tuple[int | str | None, ...]) -> int:
        from hstore.domains.audit.links import link

        connection = self._connection
        with connection.transaction():
            head = connection.row(HEAD)
            self._chained = head is not None
            if head is None:  # the batch in which it began was undone
                return self._connection.insert(ADD, row)
            number = connection.last_id("audit_log") + 1
            digest = link(head[1], (number, *row))
            connection.write(ADD_CHAINED, (number, *row, digest))
            connection.write(EXTEND, (number, digest))
        return number


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    from json import loads

    from hstore.models import AuditEntry

    data = None if row[7] is None else loads(row[7])
    return AuditEntry._make((row[0], to_datetime(row[1]), *row[2:7], data))


def _digest(field: str, text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except (TypeError, ValueError):
        digest = b""
    if len(digest) != 32:
        raise InvalidInput(f"{field}: a SHA-256 in hex, 64 digits")
    return digest
