"""Rows that the open transaction has taken but not written yet: gathered by statement, written together.

A statement for each row costs twice what the row does in `executemany`. So in a batch rows wait here, with the ids that
they will have: the transaction has the write lock, so nobody else can take those.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import apsw

    from hstore.engine.connection import Value

LIMIT = 1024 * 1024
"""Bytes that wait at most; each row counts with `ROW` besides its texts."""
ROW = 256

SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = $1"


class Behind:
    """What waits, in the order in which the statements first came."""

    __slots__ = ("ids", "rows", "size")

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        """The last id given out, by table, while nobody but this has added rows to it."""
        self.rows: dict[str, list[tuple[Value, ...]]] = {}
        self.size = 0

    def last_id(self, raw: apsw.Connection, table: str) -> int:
        """The largest id that an AUTOINCREMENT table has ever had."""
        found: list[tuple[int]] = raw.execute(SEQUENCE, (table,)).fetchall()  # type: ignore[assignment] # of one column
        return found[0][0] if found else 0

    def write(self, raw: apsw.Connection) -> None:
        """Write all of it. When this raises, the transaction must not be committed: what failed is not known."""
        for sql, rows in list(self.rows.items()):
            raw.executemany(sql, rows).fetchall()
            # Only now: an interrupt before this line makes the next try fail on the ids, and nothing is left out.
            del self.rows[sql]
        self.size = 0

    def clear(self) -> None:
        """Forget everything: it was undone with its transaction."""
        self.ids.clear()
        self.rows.clear()
        self.size = 0
