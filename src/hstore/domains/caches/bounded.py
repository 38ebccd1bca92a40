"""What both caches share: their bounds, the way of the least recently used out, the counting of uses, clearing.

What a cache holds is counted in `cache_totals`: by each put and, when a row goes for whatever reason, by a trigger. So
a put looks at one row, and at as many entries as it sends away, however many there are.
"""

from __future__ import annotations

from hstore.clock import from_seconds, now, optional_datetime
from hstore.errors import Busy, InvalidInput
from hstore.listing import ALL, identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.caches import CacheStats

MAX_ENTRIES = 10_000
"""Entries that a cache keeps unless a put says otherwise."""
MAX_BYTES = 256 * 1024 * 1024
"""Bytes that they may count for together."""
ROW = 256
"""Bytes that an entry counts for besides its content: its row and its places in the indexes."""
TOGETHER = 256
"""Entries that are deleted in one transaction when a cache is cleared."""

ADD = """
    INSERT INTO cache_totals (cache, entries, size) VALUES ($1, $2, $3)
    ON CONFLICT (cache) DO UPDATE SET
        entries = cache_totals.entries + excluded.entries, size = cache_totals.size + excluded.size
    RETURNING entries, size
"""


class Bounded:
    """A cache in a table; the statements are those of its own module.

    Attributes:
        table: its name, also in `cache_totals`.
        oldest: finds id and size of the least recently used, so many.
        remove: deletes one by its id.
        older: finds the ids of those that were made before a moment, so many.
        used: counts a use of one.
        summary: count, size, first and last time.
    """

    table = oldest = remove = older = used = summary = ""

    def __init__(self, connection: Connection, door: Door, readonly: bool) -> None:
        self._connection = connection
        self._door = door
        self._readonly = readonly

    def stats(self) -> CacheStats:
        """How many entries there are, what they count for, and how old they are. Looks at all of them."""
        from hstore.models.caches import CacheStats

        count, size, first, last = self._connection.rows(self.summary)[0]
        return CacheStats(count, size, optional_datetime(first), optional_datetime(last))

    def clear(self, *, older_than: float | None = None) -> int:
        """Delete everything, a few at a time beside other writers; return how many.

        Args:
            older_than: only what was put more than so many seconds ago.

        Raises:
            InvalidInput: it is no duration.
        """
        end = ALL if older_than is None else now() - from_seconds("older_than", older_than)
        gone = 0
        while found := self._clear_some(end):
            gone += found
        return gone

    def _clear_some(self, end: int) -> int:
        with self._connection.transaction():
            found = self._connection.rows(self.older, (end, TOGETHER))
            self._connection.write_many(self.remove, found)
            return len(found)

    def _make_room(self, added: int, size: int, max_entries: int, max_bytes: int) -> None:
        """Count what was put, and send the least recently used away until the rest is within the bounds."""
        entries, total = self._connection.write(ADD, (self.table, added, size))[0]
        while entries > max_entries or total > max_bytes:
            found = self._connection.rows(self.oldest, (max(1, min(TOGETHER, entries - max_entries)),))
            if not found:
                return
            for number, its in found:
                self._connection.write(self.remove, (number,))
                entries, total = entries - 1, total - its
                if entries <= max_entries and total <= max_bytes:
                    return

    @staticmethod
    def _too_old(max_age: float | None) -> int:
        """When an entry was made, at the latest, that is too old by now."""
        return -ALL if max_age is None else now() - from_seconds("max_age", max_age)

    def _count_use(self, number: int) -> bool:
        """Count a use and say whether it could be counted: what was found is to be given in any case."""
        if self._readonly:
            return False
        try:
            self._connection.write(self.used, (now(), number))
        except Busy:
            return False
        return True


def bound(field: str, value: Any) -> int:
    """Check a bound.

    Raises:
        InvalidInput: not an `int` from 1 to 2^63-1.
    """
    return identifier(field, value)


def digest_of(field: str, value: str | bytes) -> bytes:
    """The 32 bytes of a SHA-256, given as such or in hexadecimal.

    Raises:
        InvalidInput: it is neither.
    """
    try:
        raw = bytes.fromhex(value) if isinstance(value, str) else value
    except ValueError:
        raw = b""
    if not isinstance(raw, bytes) or len(raw) != 32:
        raise InvalidInput(f"{field}: a SHA-256, as 32 bytes or 64 hexadecimal digits")
    return raw
