"""Configuration: JSON values of the whole system by key, each with a description."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.domains.settings.values import Values, shown
from hstore.listing import Filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.settings import ConfigEntry
    from hstore.sealing import Sealing

SET = """
    INSERT INTO config (key, value, sealed, description, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT (key) DO UPDATE SET
        value = excluded.value, sealed = excluded.sealed,
        description = coalesce(excluded.description, config.description),
        updated_at = max(config.updated_at, excluded.updated_at)
"""
GET = "SELECT value, sealed FROM config WHERE key = $1"
DELETE = "DELETE FROM config WHERE key = $1 RETURNING id"
SELECT = "SELECT id, key, value, sealed IS NOT NULL, description, created_at, updated_at FROM config"
SEALED = "SELECT id, sealed FROM config WHERE sealed IS NOT NULL ORDER BY id"
RESEALED = "UPDATE config SET sealed = $1 WHERE id = $2"


class Config:
    """`store.config`: how the host is set up. Masked and sealed as `Preferences` are."""

    def __init__(self, connection: Connection, door: Door, sealing: Sealing) -> None:
        self._connection = connection
        self._door = door
        self._values = Values(connection, door, sealing)

    def set(self, key: str, value: Any, *, description: str | None = None, sensitive: bool = False) -> None:
        """Store a value in place of what was there.

        Args:
            key: its name; the value of one such as `api_key` is masked unless it is `sensitive`.
            value: any JSON value: at most 16 MiB, sealed 1 MiB.
            description: what it is for; None leaves the one that is there.
            sensitive: seal it as it is, instead of masking it.

        Raises:
            InvalidInput: the value is not JSON, or something is too long. NoKey: there is no key to seal it with.
        """
        name, told = self._door.key("key", key), self._door.optional("description", description)
        text, token = self._values.stored(name, value, sensitive)
        self._connection.write(SET, (name, text, token, told, now()))

    def get(self, key: str, default: Any = None) -> Any:
        """The value, opened if it is sealed, or `default` if there is none.

        Raises:
            NoKey, WrongKey: it is sealed, and cannot be opened here.
        """
        row = self._connection.row(GET, (self._door.key("key", key),))
        return default if row is None else self._values.read(*row)

    def delete(self, key: str) -> bool:
        """Delete a value; say whether there was one."""
        return bool(self._connection.write(DELETE, (self._door.key("key", key),)))

    def list(
        self,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[ConfigEntry]:
        """All that is set, newest first; sealed values stay so: they are None.

        Args:
            since, until: bounds of when they were first set.
            limit: at most so many.
            after: the last id seen.
        """
        from hstore.models.settings import ConfigEntry

        found = Filters().latest(
            self._connection, SELECT, "created_at", since=since, until=until, limit=limit, after=after
        )
        return [
            ConfigEntry._make((*row[:2], shown(row[2]), bool(row[3]), row[4], *map(to_datetime, row[5:])))
            for row in found
        ]

    def reseal(self) -> int:
        """As `Preferences.reseal`."""
        return self._values.reseal(SEALED, RESEALED)
