"""Rows that the open transaction has taken but not written yet: gathered by statement, written together.

A statement for each row costs twice what the row does in `executemany`. So in a batch rows wait here, with the ids that
they will have: the transaction has the write lock, so nobody else can take those.
"""

from __future__ import annotations

from itertools import chain, islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    import apsw

    from hstore.engine.connection import Finish, Value

LIMIT = 1024 * 1024
"""Bytes that wait at most; each row counts with `ROW` besides its texts."""
ROW = 256

GROUP = 64
"""Rows in one statement: with so many a row takes 0.8 of the time that it takes alone; with 400 it is the same."""

_grouped: dict[str, str | None] = {}

SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = $1"


class Behind:
    """What waits, in the order in which the statements first came."""

    __slots__ = ("finish", "first", "ids", "rows", "size", "source")

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        """The last id given out, by table, while nobody but this has added rows to it."""
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.finish: dict[str, Finish] = {}
        """What has to be done with rows first, by statement."""
        self.size = 0
        self.first: dict[str, int] = {}
        self.source: Callable[[bool], None] | None = None
        """Writes what cannot be told row by row, when the rows have been written: called once, in the transaction. Told
        that more is to come, it may keep some of it, and must then put itself here again."""

    def has_given(self, table: str, number: int) -> bool:
        """Whether an id was given out in this transaction, so that a row has it or will have it.

        False does not mean that there is none: after any other statement nothing is known any more.
        """
        return table in self.ids and self.first[table] <= number <= self.ids[table]

    def last_id(self, raw: apsw.Connection, table: str) -> int:
        """The largest id that an AUTOINCREMENT table has ever had."""
        found: list[tuple[int]] = raw.execute(SEQUENCE, (table,)).fetchall()  # type: ignore[assignment] # of one column
        number = found[0][0] if found else 0
        self.first[table] = number + 1
        return number

    def write(self, raw: apsw.Connection, more: bool = False) -> None:
        """Write all of it. When this raises, the transaction must not be committed: what failed is not known."""
        for sql, rows in list(self.rows.items()):
            finish = self.finish.get(sql)
            write_together(raw, sql, rows if finish is None else finish(rows), len(rows))
            # Only now: an interrupt before this line makes the next try fail on the ids, and nothing is left out.
            del self.rows[sql]
        self.size = 0
        source, self.source = self.source, None
        if source is not None:
            source(more)

    def clear(self) -> None:
        """Forget everything: it was undone with its transaction."""
        self.ids.clear()
        self.rows.clear()
        self.size = 0
        self.source = None


def write_together(raw: apsw.Connection, sql: str, rows: Iterable[tuple[Value, ...]], count: int) -> None:
    """Run an INSERT for each of `count` rows; where its values are plain parameters, many rows share a statement."""
    left = iter(rows)
    if count >= GROUP and (grouped := _of_a_group(sql)) is not None:
        groups = (list(chain.from_iterable(islice(left, GROUP))) for _ in range(count // GROUP))
        raw.executemany(grouped, groups).fetchall()
    raw.executemany(sql, left).fetchall()


def _of_a_group(sql: str) -> str | None:
    """The statement for a group of rows, or None if it has another form than `… VALUES ($1, …)` and what follows."""
    if sql not in _grouped:
        head, _, rest = sql.rpartition("VALUES")
        values, _, behind = rest.partition(")")
        names = values.strip(" \n(").split(", ")
        if all(name[:1] == "$" and name[1:].isdigit() for name in names) and "$" not in behind:
            numbers = [int(name[1:]) for name in names]
            width = max(numbers)
            many = (f"({', '.join(f'?{row * width + number}' for number in numbers)})" for row in range(GROUP))
            _grouped[sql] = f"{head}VALUES {', '.join(many)}{behind}"
        else:
            _grouped[sql] = None
    return _grouped[sql]
