"""Rows of one table, masked anew in batches: looked at without a lock, changed in a transaction of their own."""

from __future__ import annotations

from hstore.remasking.tables import TABLES, free_name, masked_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.remasking.evidence import Evidence
    from hstore.remasking.tables import Row, Table
    from hstore.remasking.tally import Tally

OF_SESSION = "SELECT id FROM memory WHERE scope = 'session' AND owner = $1"
_MEMORY = next(table for table in TABLES if table.name == "memory")


class RowMasker:
    """Masks the rows of tables anew.

    Args:
        connection: where they are.
        door: knows what would be stored today.
        evidence: is shown what is replaced; None where nothing is to be written.
    """

    def __init__(self, connection: Connection, door: Door, evidence: Evidence | None) -> None:
        self._connection = connection
        self._door = door
        self._evidence = evidence

    def batch(self, table: Table, after: int, tally: Tally, keep_place: Callable[[int, int], None]) -> int | None:
        """Go over the next rows behind the id `after`; return the last one's id, or None when there are no more.

        What changes is written together with `keep_place(last id, rows changed)`, called in the same transaction.
        """
        rows = [_row(table, values) for values in self._connection.rows(table.page, (after,))]
        if not rows:
            return None
        last = int(rows[-1]["id"])
        found = [(row, changes) for row in rows if (changes := masked_row(self._door, table, row))]
        if self._evidence is None or table.append_only:
            for row, changes in found:
                self._note(tally, row, changes, left=table.append_only)
        elif found:
            with self._connection.transaction():
                done = [pair for row, _ in found if (pair := self._change(table, row["id"]))]
                keep_place(last, len(done))
            for row, changes in done:
                self._note(tally, row, changes, left=False)
        tally.looked += len(rows)
        return last

    def _change(self, table: Table, number: int) -> tuple[Row, Row] | None:
        """Change one row as it is now: another process may have written it since it was looked at."""
        values = self._connection.row(table.row, (number,))
        if values is None:
            return None
        row = _row(table, values)
        changes = masked_row(self._door, table, row)
        if not changes:
            return None
        written = self._write(table, row, changes)
        if table.name == "sessions" and "key" in written:
            self._hand_over(row["key"], written["key"])
        return row, changes

    def _write(self, table: Table, row: Row, changes: Row) -> Row:
        changes = dict(changes)
        for column, within in table.unique.items():
            after = {**row, **changes}
            if after[column] is not None and not changes.keys().isdisjoint((column, *within)):
                place = (row["id"], *(after[name] for name in within))
                statement = table.taken(column)
                free = free_name(after[column], lambda name: bool(self._connection.row(statement, (name, *place))))  # noqa: B023 - called at once
                if free != row[column]:
                    changes[column] = free
        self._connection.write(table.update(tuple(changes)), (*changes.values(), row["id"]))
        return changes

    def _hand_over(self, before: str, after: str) -> None:
        """What is remembered for a session goes by the session's key, so it follows it."""
        for (number,) in self._connection.rows(OF_SESSION, (before,)):
            row = _row(_MEMORY, self._connection.rows(_MEMORY.row, (number,))[0])
            self._write(_MEMORY, row, {"owner": after})

    def _note(self, tally: Tally, row: Row, changes: Row, *, left: bool) -> None:
        tally.note(row["id"], left=left)
        for column, value in changes.items():
            before, after = str(row[column]).encode(), str(value).encode()
            tally.count(before, after)
            if self._evidence is not None:
                self._evidence.add(before, after)


def _row(table: Table, values: Sequence[Any]) -> Row:
    return dict(zip(("id", *table.columns), values, strict=True))
