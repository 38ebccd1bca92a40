"""Schemas: what tables, views and procedures a saved connection's database had when it was last looked at."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.door import KEY_LIMIT
from hstore.errors import InvalidInput, NotFound, Unreachable
from hstore.listing import Filters, one_of, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.connections import ConnectionReference, DatabaseObject, SavedConnection

KINDS = ("table", "view", "stored_procedure")
FIELDS = frozenset({"schema", "name", "kind", "columns", "relationships", "indexes", "row_count"})

DELETE = "DELETE FROM database_schemas WHERE connection_id = $1"
ADD = """
    INSERT INTO database_schemas (connection_id, schema, name, kind, columns, relationships, indexes, row_count,
                                  updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
SELECT = """
    SELECT id, connection_id, schema, name, kind, columns, relationships, indexes, row_count, updated_at
    FROM database_schemas
"""
BY_NAME = SELECT + " WHERE connection_id = $1 AND name = $2 ORDER BY schema LIMIT 2"
BY_SCHEMA_AND_NAME = SELECT + " WHERE connection_id = $1 AND schema = $2 AND name = $3"


class Schemas:
    """`store.schemas`: cached schemas of saved connections, masked like everything that is stored."""

    def __init__(
        self,
        connection: Connection,
        door: Door,
        saved: Callable[[ConnectionReference], SavedConnection],
        inspect: Callable[[SavedConnection], list[dict[str, Any]]],
        came_of_it: Callable[[int, str | None], None],
    ) -> None:
        self._connection = connection
        self._door = door
        self._saved = saved
        self._inspect = inspect
        self._came_of_it = came_of_it

    def put(self, connection: ConnectionReference, tables: Iterable[Mapping[str, Any]]) -> int:
        """Cache what a database has, in place of all that was cached of it; return how much it is.

        Args:
            connection: a saved connection, its name or its id.
            tables: for each object a mapping with `name`, and as far as they are known `schema` (a text), `kind`
                (table, view or stored_procedure; default: table), `columns`, `relationships`, `indexes` (lists of JSON
                objects), `row_count` (a whole number).

        Raises:
            InvalidInput: one of them is wrong, or comes twice; nothing is changed. NotFound: no such connection.
        """
        rows = _rows(self._door, tables)
        with self._connection.transaction():
            number = self._saved(connection).id
            self._connection.write(DELETE, (number,))
            moment = now()
            self._connection.write_many(ADD, [(number, *row, moment) for row in rows])
        return len(rows)

    def refresh(self, connection: ConnectionReference) -> int:
        """Read a database's schema from itself and cache it, in place of all that was cached of it.

        Of SQLite, the file is opened for reading; of PostgreSQL, the catalogues are read in one read-only transaction,
        with the sealed password (which the audit log notes). Outside of `batch()`, nothing is locked meanwhile.
        What came of it is noted at the connection. Rows are counted by the database's own statistics; in SQLite
        without them up to 10,000, and of more it is unknown.

        Returns:
            How many objects it has.

        Raises:
            Unreachable: the database cannot be reached or read; what was cached stays.
            InvalidInput: databases of its type are not read. NotFound: no such connection.
            NoKey, WrongKey: its password cannot be opened here.
        """
        saved = self._saved(connection)
        try:
            found = self._inspect(saved)
        except Unreachable as failure:
            said = self._door.shortened("error", str(failure))
            self._came_of_it(saved.id, said)
            raise Unreachable(said) from None
        with self._connection.transaction():
            count = self.put(saved.id, found)
            self._came_of_it(saved.id, None)
        return count

    def get(self, connection: ConnectionReference, table: str, schema: str | None = None) -> DatabaseObject:
        """One object by its name; without `schema` from whichever has one of that name.

        Raises:
            NotFound: none is cached. InvalidInput: several schemas have one, so say which.
        """
        number = self._saved(connection).id
        name = self._door.key("table", table)
        if schema is None:
            found = self._connection.rows(BY_NAME, (number, name))
        else:
            place = (number, self._door.text("schema", schema, KEY_LIMIT), name)
            found = self._connection.rows(BY_SCHEMA_AND_NAME, place)
        if not found:
            raise NotFound("table: nothing of that name is cached; store.schemas.refresh looks again")
        if len(found) > 1:
            raise InvalidInput("schema: several schemas have a table of that name; say which")
        return _object(found[0])

    def list(
        self,
        connection: ConnectionReference | None = None,
        *,
        table: str | None = None,
        kind: str | None = None,
        schema: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[DatabaseObject]:
        """What is cached: the newest first, and of one connection by schema and name.

        Args:
            connection: only of this one.
            table: only what has this name, in whichever connection and schema.
            kind: only table, view or stored_procedure.
            schema: only of this schema.
            since, until: bounds of when it was cached.
            limit: at most so many.
            after: the last id seen.
        """
        filters = (
            Filters()
            .add("connection_id =", None if connection is None else self._saved(connection).id)
            .add("name =", self._door.optional("table", table))
            .add("kind =", None if kind is None else one_of("kind", kind, KINDS))
            .add("schema =", self._door.optional("schema", schema))
        )
        found = filters.latest(
            self._connection, SELECT, "updated_at", since=since, until=until, limit=limit, after=after
        )
        return [_object(row) for row in found]


def _rows(door: Door, tables: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What is to be stored, the last by schema and name first: listings show the newest first."""
    if isinstance(tables, (str, bytes, dict)):
        raise InvalidInput("tables: several mappings, one for each table")
    try:
        given = list(tables)
    except TypeError:
        raise InvalidInput("tables: several mappings, one for each table") from None
    taken: set[tuple[str, str]] = set()
    named: set[tuple[Any, Any]] = set()
    rows = []
    for position, table in enumerate(given):
        try:
            row = _row(door, table)
            place = (table.get("schema", ""), table["name"])
            if place in named:
                raise InvalidInput("name: the same schema and name as one before it")
        except InvalidInput as wrong:
            raise InvalidInput(f"tables[{position}]: {wrong}") from None
        named.add(place)
        name = _free(row[0], row[1], taken)
        taken.add((row[0], name))
        rows.append((row[0], name, *row[2:]))
    return sorted(rows, key=lambda row: row[:2], reverse=True)


def _row(door: Door, table: Mapping[str, Any]) -> tuple[Any, ...]:
    if not isinstance(table, dict) or not FIELDS.issuperset(table):
        raise InvalidInput(f"a dict with some of {', '.join(sorted(FIELDS))}")
    count = table.get("row_count")
    parts = [table.get(field, []) for field in ("columns", "relationships", "indexes")]
    if not all(isinstance(part, list) and all(isinstance(each, dict) for each in part) for part in parts):
        raise InvalidInput("columns, relationships, indexes: lists of JSON objects")
    return (
        door.text("schema", table.get("schema", ""), KEY_LIMIT),
        door.key("name", table.get("name", "")),
        one_of("kind", table.get("kind", "table"), KINDS),
        door.json("columns", parts[0]),
        door.json("relationships", parts[1]),
        door.json("indexes", parts[2]),
        None if count is None else whole("row_count", count),
    )


def _free(schema: str, name: str, taken: set[tuple[str, str]]) -> str:
    """`name`, or with a number behind it: two names that are masked alike are still two."""
    shown, number = name, 1
    while (schema, shown) in taken:
        number += 1
        shown = f"{name} ({number})"
    return shown


def _object(row: tuple[Any, ...]) -> DatabaseObject:
    from json import loads

    from hstore.models.connections import DatabaseObject

    return DatabaseObject._make((*row[:5], *map(loads, row[5:8]), row[8], to_datetime(row[9])))
