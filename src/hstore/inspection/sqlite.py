"""The schema of another SQLite database, by the engine: read-only, and never a file that this process has open."""

from __future__ import annotations

from hstore.engine import open_foreign
from hstore.errors import HstoreError, StoreError, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.engine import Connection

COUNTED = 10_000
"""Rows that are counted where ANALYZE has left no figure; of a table with more nobody knows how many."""

_OBJECTS = """
    SELECT name, type FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'virtual', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY name
"""
_COLUMNS = """
    SELECT name, type, "notnull" = 0 AND pk = 0, dflt_value, pk FROM pragma_table_xinfo($1, 'main') WHERE hidden <> 1
    ORDER BY cid
"""
_FOREIGN_KEYS = """
    SELECT id, "from", "table", "to", on_delete, on_update FROM pragma_foreign_key_list($1, 'main') ORDER BY id, seq
"""
_INDEXES = """
    SELECT l.name, l."unique", l.partial, l.origin = 'pk', x.name
    FROM pragma_index_list($1, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
    WHERE x.key = 1
    ORDER BY l.seq, x.seqno
"""
_HAS_STATISTICS = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"
_STATISTICS = "SELECT tbl, stat FROM sqlite_stat1"


def objects(path: str) -> list[dict[str, Any]]:
    """Tables and views of the database at `path`.

    Raises:
        Unreachable: there is no such file, this process has it open, or it cannot be read.
    """
    try:
        connection = open_foreign(path)
        try:
            counts = _analysed(connection)
            return [_object(connection, name, kind, counts) for name, kind in connection.rows(_OBJECTS)]
        finally:
            connection.close()
    except HstoreError as failure:
        raise Unreachable(f"sqlite: {failure}") from None


def _object(connection: Connection, name: str, kind: str, counts: dict[str, int]) -> dict[str, Any]:
    try:
        columns = connection.rows(_COLUMNS, (name,))
    except StoreError as failure:
        if type(failure) is not StoreError:
            raise
        columns = []  # a view of what is not there any more, or a virtual table whose module is not here
    return {
        "schema": "",
        "name": name,
        "kind": "view" if kind == "view" else "table",
        "columns": [_column(row) for row in columns],
        "relationships": _relationships(connection.rows(_FOREIGN_KEYS, (name,))),
        "indexes": _indexes(connection.rows(_INDEXES, (name,))),
        "row_count": _count(connection, name, counts) if kind == "table" else None,
    }


def _column(row: tuple[Any, ...]) -> dict[str, Any]:
    name, declared, nullable, default, primary = row
    return {
        "name": name,
        "type": declared,
        "nullable": bool(nullable),
        "default": default,
        "primary_key": bool(primary),
    }


def _relationships(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for number, column, table, referenced, on_delete, on_update in rows:
        key = found.setdefault(
            number,
            {
                "columns": [],
                "references_schema": "",
                "references_table": table,
                "references_columns": [],
                "on_delete": on_delete,
                "on_update": on_update,
            },
        )
        key["columns"].append(column)
        if referenced is not None:  # else it is the primary key of the other table
            key["references_columns"].append(referenced)
    return list(found.values())


def _indexes(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, unique, partial, primary, column in rows:
        index = found.setdefault(
            name,
            {"name": name, "unique": bool(unique), "primary": bool(primary), "partial": bool(partial), "columns": []},
        )
        index["columns"].append(column)  # None is an expression
    return list(found.values())


def _analysed(connection: Connection) -> dict[str, int]:
    """Rows of each table as ANALYZE last counted them."""
    if not connection.value(_HAS_STATISTICS):
        return {}
    found = {}
    for table, stat in connection.rows(_STATISTICS):
        first = str(stat).partition(" ")[0]
        if first.isdigit():
            found[table] = int(first)
    return found


def _count(connection: Connection, name: str, counts: dict[str, int]) -> int | None:
    if name in counts:
        return counts[name]
    quoted = name.replace('"', '""')
    some = f'SELECT 1 FROM main."{quoted}" LIMIT {COUNTED + 1}'  # noqa: S608 - quoted
    count = int(connection.value(f"SELECT count(*) FROM ({some})"))  # noqa: S608 - as above
    return count if count <= COUNTED else None
