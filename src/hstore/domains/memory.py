"""Memory: values remembered under a key in a scope, until they are forgotten or expire."""

from __future__ import annotations

from hstore.clock import above_zero, from_time, in_range, now, optional_datetime, to_datetime
from hstore.door import fitting, several_texts
from hstore.errors import InvalidInput
from hstore.listing import ALL, Filters, one_of, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Memory, Reference
    from hstore.models.work import PastValue

_decode: Callable[[str], tuple[Any, int]] | None = None

SCOPES = ("global", "device", "session", "project")

REMEMBER = """
    INSERT INTO memory (scope, owner, key, value, category, tags, created_at, updated_at, held_from, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8)
    ON CONFLICT (scope, owner, key) DO UPDATE SET
        version = memory.version + CASE WHEN memory.value = excluded.value
            AND (memory.expires_at IS NULL OR memory.expires_at > excluded.updated_at) THEN 0 ELSE 1 END,
        held_from = CASE WHEN memory.value = excluded.value
            AND (memory.expires_at IS NULL OR memory.expires_at > excluded.updated_at)
            THEN coalesce(memory.held_from, memory.updated_at) ELSE excluded.updated_at END,
        value = excluded.value, category = excluded.category, tags = excluded.tags,
        created_at = CASE WHEN memory.expires_at <= excluded.updated_at THEN excluded.updated_at
            ELSE memory.created_at END,
        updated_at = excluded.updated_at, expires_at = excluded.expires_at
"""
RECALL = "SELECT value, expires_at FROM memory WHERE scope = $1 AND owner = $2 AND key = $3"
FORGET = "DELETE FROM memory WHERE scope = $1 AND owner = $2 AND key = $3 RETURNING expires_at"
SELECT = """
    SELECT id, key, value, scope, owner, category, tags, created_at, updated_at, expires_at, version FROM memory
"""
GET = SELECT + " WHERE scope = $1 AND owner = $2 AND key = $3"
# A value that has expired and not been replaced is past as well.
PAST = """
    SELECT h.version, h.value, h.category, h.tags, h.held_from, h.held_until
    FROM memory AS m JOIN memory_history AS h ON h.memory_id = m.id
    WHERE m.scope = $1 AND m.owner = $2 AND m.key = $3 AND h.version < $4
    UNION ALL
    SELECT version, value, category, tags, coalesce(held_from, updated_at), expires_at FROM memory
    WHERE scope = $1 AND owner = $2 AND key = $3 AND version < $4 AND expires_at <= $5
    ORDER BY 1 DESC LIMIT $6
"""
AT = """
    SELECT h.version, h.value FROM memory AS m JOIN memory_history AS h ON h.memory_id = m.id
    WHERE m.scope = $1 AND m.owner = $2 AND m.key = $3 AND h.held_from <= $4 AND h.held_until > $4
    UNION ALL
    SELECT version, value FROM memory
    WHERE scope = $1 AND owner = $2 AND key = $3 AND coalesce(held_from, updated_at) <= $4
        AND (expires_at IS NULL OR expires_at > $4)
    ORDER BY 1 DESC LIMIT 1
"""


class Memories:
    """`store.memory`: get, list, and what a key held before; `remember`, `recall`, `forget` are also on the store."""

    def __init__(
        self, connection: Connection, door: Door, session_key: Callable[[Reference | None, bool], str]
    ) -> None:
        self._connection = connection
        self._door = door
        self._session_key = session_key

    def remember(
        self,
        key: str,
        value: Any,
        *,
        scope: str = "global",
        device: str | None = None,
        session: Reference | None = None,
        category: str | None = None,
        tags: Iterable[str] = (),
        ttl: float | None = None,
        expires_at: datetime | float | None = None,
    ) -> None:
        """As `Store.remember`."""
        door = self._door
        moment = now()
        owner = (
            "" if scope == "global" and device is session is None else self._owner(scope, device, session, create=True)
        )
        text = door.plain_json(key, value) if category is None else door.plain_json(key, value, category)
        if text is None:
            key, text, category = (
                door.key("key", key),
                door.json("value", value, fitting(key)),
                door.optional("category", category),
            )
        labels = "[]" if tags == () else door.json("tags", several_texts("tags", tags))
        expiry = None if ttl is None and expires_at is None else _expiry(moment, ttl, expires_at)
        row = (scope, owner, key, text, category, labels, moment, expiry)
        self._connection.write_behind(REMEMBER, row, len(text))

    def recall(
        self,
        key: str,
        default: Any = None,
        *,
        scope: str = "global",
        device: str | None = None,
        session: Reference | None = None,
    ) -> Any:
        """As `Store.recall`."""
        owner = "" if scope == "global" and device is session is None else self._owner(scope, device, session)
        found = self._connection.rows(RECALL, (scope, owner, self._door.known_key("key", key)))
        # The clock is read after the row, so that an expired value is not returned even one tick late.
        if not found or (found[0][1] is not None and found[0][1] <= now()):
            return default
        return _value(found[0][0])

    def forget(
        self, key: str, *, scope: str = "global", device: str | None = None, session: Reference | None = None
    ) -> bool:
        """As `Store.forget`."""
        place = (scope, self._owner(scope, device, session), self._door.key("key", key))
        gone = self._connection.write(FORGET, place)
        return bool(gone) and (gone[0][0] is None or gone[0][0] > now())

    def get(
        self, key: str, *, scope: str = "global", device: str | None = None, session: Reference | None = None
    ) -> Memory | None:
        """The value with all that is known of it, or None."""
        place = (scope, self._owner(scope, device, session), self._door.key("key", key))
        row = self._connection.row(GET, place)
        return None if row is None or (row[9] is not None and row[9] <= now()) else _memory(row)

    def list(
        self,
        *,
        scope: str | None = None,
        device: str | None = None,
        session: Reference | None = None,
        category: str | None = None,
        tag: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Memory]:
        """Values that have not expired, those whose keys are newest first, that fit every filter.

        Args:
            scope, device, session: whose values.
            category, tag: what they were remembered with.
            since, until: bounds of when they were last remembered, up to and without the second.
            limit: how many at most; None: all.
            after: the last id seen.
        """
        door = self._door
        owner = None
        if device is not None or session is not None:
            scope = scope or ("device" if session is None else "session")
            owner = self._owner(scope, device, session)
        # Most values are of one scope: by its index all of them would be sorted for a page, so it is kept from that.
        scoped = "coalesce(scope, '') =" if owner is None else "scope ="
        filters = (
            Filters()
            .add(scoped, None if scope is None else one_of("scope", scope, SCOPES))
            .add("owner =", owner)
            .add("category =", door.optional("category", category))
            .between("updated_at", since, until)
            .add("coalesce(expires_at, 9223372036854775807) >", now())
        )
        if tag is not None:
            filters.add("(SELECT count(*) FROM json_each(tags) AS t WHERE t.value =", door.text("tag", tag), ") > 0")
        found = self._connection.rows(*filters.statement(SELECT, "id", limit, after))
        late = now()  # the rows may have waited for another thread's batch
        return [_memory(row) for row in found if row[9] is None or row[9] > late]

    def history(
        self,
        key: str,
        *,
        scope: str = "global",
        device: str | None = None,
        session: Reference | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> builtins.list[PastValue]:
        """What a key held before its present value, newest first; the last hundred values are kept.

        The same value remembered again is no new one. One that expired was held until then. Forgetting a key forgets
        its history.

        Args:
            key, scope, device, session: as they were remembered.
            limit: how many at most; None: all.
            after: the last version seen.
        """
        place = (scope, self._owner(scope, device, session), self._door.key("key", key))
        last, count = positive("after", after), positive("limit", limit)
        bounds = (ALL if last is None else last, now(), ALL if count is None else count)
        return [_past(row) for row in self._connection.rows(PAST, (*place, *bounds))]

    def at(
        self,
        key: str,
        moment: datetime | float,
        default: Any = None,
        *,
        scope: str = "global",
        device: str | None = None,
        session: Reference | None = None,
    ) -> Any:
        """The value that a key held at a moment, or `default` if it held none then, or none that is still known.

        Raises:
            InvalidInput: `moment` is no time, or one without a time zone.
        """
        place = (scope, self._owner(scope, device, session), self._door.key("key", key))
        found = self._connection.rows(AT, (*place, from_time("moment", moment)))
        return _value(found[0][1]) if found else default

    def _owner(self, scope: str, device: str | None, session: Reference | None, *, create: bool = False) -> str:
        """Whose the value is: nobody's (global), a device's, a session's, or the project's."""
        if (device is not None and scope != "device") or (session is not None and scope != "session"):
            raise InvalidInput("scope: another one than that of the device or session that is given")
        if scope == "global":
            return ""
        if scope == "device":
            if device is None:
                raise InvalidInput("device: scope 'device' needs the device's name")
            return self._door.key("device", device)
        if scope == "session":
            return self._session_key(session, create)
        one_of("scope", scope, SCOPES)
        return ""  # a file is one project's, wherever that may be moved


def _value(text: str) -> Any:
    """A stored value; `json` (7 ms) is imported at the first."""
    global _decode
    if _decode is None:
        from json import JSONDecoder

        _decode = JSONDecoder().raw_decode
    return _decode(text)[0]


def _expiry(moment: int, ttl: float | None, expires_at: datetime | float | None) -> int | None:
    if ttl is not None and expires_at is not None:
        raise InvalidInput("ttl and expires_at say the same thing; give one of them")
    if ttl is not None:
        return in_range("ttl", moment + above_zero("ttl", ttl))
    if expires_at is None:
        return None
    expiry = from_time("expires_at", expires_at)
    if expiry <= moment:
        raise InvalidInput("expires_at: in the past")
    return expiry


def _memory(row: tuple[Any, ...]) -> Memory:
    from json import loads

    from hstore.models import Memory

    times = (to_datetime(row[7]), to_datetime(row[8]), optional_datetime(row[9]))
    return Memory._make((row[0], row[1], loads(row[2]), *row[3:6], tuple(loads(row[6])), *times, row[10]))


def _past(row: tuple[Any, ...]) -> PastValue:
    from json import loads

    from hstore.models.work import PastValue

    times = (to_datetime(row[4]), to_datetime(row[5]))
    return PastValue._make((loads(row[1]), row[2], tuple(loads(row[3])), row[0], *times))
