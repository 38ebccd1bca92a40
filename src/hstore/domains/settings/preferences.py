"""Preferences: JSON values of a user, by category and key."""

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
    from hstore.models.settings import Preference
    from hstore.sealing import Sealing

SET = """
    INSERT INTO preferences (user_hash, category, key, value, sealed, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)
    ON CONFLICT (user_hash, category, key) DO UPDATE SET
        value = excluded.value, sealed = excluded.sealed, updated_at = max(preferences.updated_at, excluded.updated_at)
"""
GET = "SELECT value, sealed FROM preferences WHERE user_hash = $1 AND category = $2 AND key = $3"
DELETE = "DELETE FROM preferences WHERE user_hash = $1 AND category = $2 AND key = $3 RETURNING id"
SELECT = "SELECT id, user_hash, category, key, value, sealed IS NOT NULL, created_at, updated_at FROM preferences"
SEALED = "SELECT id, sealed FROM preferences WHERE sealed IS NOT NULL ORDER BY id"
RESEALED = "UPDATE preferences SET sealed = $1 WHERE id = $2"


class Preferences:
    """`store.preferences`: what users chose. A user is named by a hash of the host's, or not at all.

    Values are masked as everything is, those under a telling key such as `api_key` too. What must come back as it was
    is to be `sensitive`: then it is sealed.
    """

    def __init__(self, connection: Connection, door: Door, sealing: Sealing) -> None:
        self._connection = connection
        self._door = door
        self._values = Values(connection, door, sealing)

    def set(self, category: str, key: str, value: Any, *, user_hash: str = "", sensitive: bool = False) -> None:
        """Store a value in place of what was there.

        Args:
            category: such as `ui`, `ai`, `privacy`, `performance`.
            key: its name in the category.
            value: any JSON value: at most 16 MiB, sealed 1 MiB.
            user_hash: whose it is; empty: everybody's.
            sensitive: seal it as it is, instead of masking it.

        Raises:
            InvalidInput: the value is not JSON, or something is too long. NoKey: there is no key to seal it with.
        """
        place = self._place(category, key, user_hash)
        text, token = self._values.stored(place[2], value, sensitive)
        self._connection.write(SET, (*place, text, token, now()))

    def get(self, category: str, key: str, default: Any = None, *, user_hash: str = "") -> Any:
        """The value, opened if it is sealed, or `default` if there is none.

        Raises:
            NoKey, WrongKey: it is sealed, and cannot be opened here.
        """
        row = self._connection.row(GET, self._place(category, key, user_hash))
        return default if row is None else self._values.read(*row)

    def delete(self, category: str, key: str, *, user_hash: str = "") -> bool:
        """Delete a value; say whether there was one."""
        return bool(self._connection.write(DELETE, self._place(category, key, user_hash)))

    def list(
        self,
        *,
        user_hash: str | None = None,
        category: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Preference]:
        """Preferences, newest first; sealed ones stay so: their value is None.

        Args:
            user_hash: only this user's; empty: only everybody's.
            category: only of this category.
            since, until: bounds of when they were first set.
            limit: at most so many.
            after: the last id seen.
        """
        from hstore.models.settings import Preference

        door = self._door
        filters = Filters().add("user_hash =", door.optional("user_hash", user_hash))
        filters.add("category =", door.optional("category", category))
        found = filters.latest(
            self._connection, SELECT, "created_at", since=since, until=until, limit=limit, after=after
        )
        return [Preference._make((*row[:4], shown(row[4]), bool(row[5]), *map(to_datetime, row[6:]))) for row in found]

    def reseal(self) -> int:
        """Seal all sealed values with the first key; return how many. No older key is needed for them then.

        Raises:
            NoKey, WrongKey: one of them cannot be opened; none is changed.
        """
        return self._values.reseal(SEALED, RESEALED)

    def _place(self, category: str, key: str, user_hash: str) -> tuple[str, str, str]:
        door = self._door
        return door.text("user_hash", user_hash, 1024), door.key("category", category), door.key("key", key)
