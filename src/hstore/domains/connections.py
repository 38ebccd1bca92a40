"""Saved connections: how to reach a database. The password is sealed; whenever it is given, the audit log says so."""

from __future__ import annotations

from hstore.clock import now, optional_datetime, to_datetime
from hstore.door import NAME_LIMIT
from hstore.errors import InvalidInput, NotFound, SealingError
from hstore.listing import Filters, one_of, truth
from hstore.references import References
from hstore.sealing import without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.connections import ConnectionReference, SavedConnection
    from hstore.sealing import Sealing

TYPES = ("sqlite", "postgresql", "mysql", "sqlserver")
AUTHS = ("sql", "windows", "certificate")

ADD = """
    INSERT INTO database_connections (name, type, host, port, database, username, sealed_password, auth, ssl, options,
                                      created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
    ON CONFLICT (name) DO NOTHING
    RETURNING id
"""
UPDATE = """
    UPDATE database_connections SET
        type = coalesce($1, type), host = nullif(coalesce($2, host), ''), port = coalesce($3, port),
        database = coalesce($4, database), username = nullif(coalesce($5, username), ''),
        sealed_password = CASE WHEN $6 = 1 THEN $7 ELSE sealed_password END,
        auth = coalesce($8, auth), ssl = coalesce($9, ssl), options = coalesce($10, options),
        updated_at = max(updated_at, $11)
    WHERE id = $12
"""
SELECT = """
    SELECT id, name, type, host, port, database, username, sealed_password IS NOT NULL, auth, ssl, options, active,
           last_connected_at, last_error, created_at, updated_at
    FROM database_connections
"""
BY_ID = SELECT + " WHERE id = $1"
ID_OF_NAME = "SELECT id FROM database_connections WHERE name = $1"
NAME_OF_ID = "SELECT name FROM database_connections WHERE id = $1"
SEALED_OF = "SELECT name, sealed_password FROM database_connections WHERE id = $1"
DELETE = "DELETE FROM database_connections WHERE id = $1"
SET_ACTIVE = "UPDATE database_connections SET active = $1, updated_at = max(updated_at, $2) WHERE id = $3"
CONNECTED = """
    UPDATE database_connections SET last_connected_at = max(coalesce(last_connected_at, $1), $1), last_error = NULL
    WHERE id = $2
"""
FAILED = "UPDATE database_connections SET last_error = $1 WHERE id = $2"
SEALED = "SELECT id, sealed_password FROM database_connections WHERE sealed_password IS NOT NULL ORDER BY id"
RESEALED = "UPDATE database_connections SET sealed_password = $1 WHERE id = $2"


class Connections:
    """`store.connections`: databases that the host knows how to reach."""

    def __init__(self, connection: Connection, door: Door, sealing: Sealing, audit: Callable[..., int]) -> None:
        self._connection = connection
        self._door = door
        self._sealing = sealing
        self._audit = audit
        self._references = References(
            connection,
            door,
            "connection",
            by_key=ID_OF_NAME,
            by_id=NAME_OF_ID,
            result=_result,
            named="a saved connection, its name or its id",
            unknown="there is no such connection; store.connections.save makes one",
        )

    def save(
        self,
        name: str,
        type: str,  # noqa: A002 - the document's own word, and only ever given by name or place
        database: str,
        *,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        auth: str = "sql",
        ssl: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> SavedConnection:
        """Save a new connection.

        Everything but the password is masked. So a password in `ssl`, in `options` or in a URL is lost: give it as
        `password`.

        Args:
            name: a name of your own, unique.
            type: sqlite, postgresql, mysql or sqlserver.
            database: its name; for sqlite the path of its file.
            host, port: where its server is.
            username: for whom.
            password: sealed as it is (docs/masking.md); at most 64 KiB of UTF-8.
            auth: sql, windows or certificate.
            ssl, options: JSON objects; with postgresql, parameters of libpq such as `sslmode` by their names.

        Raises:
            InvalidInput: the name is taken, or a value is wrong. NoKey: there is no key to seal the password with.
        """
        door = self._door
        row = (
            door.key("name", name),
            one_of("type", type, TYPES),
            door.optional("host", host) or None,
            _port(port),
            _database(door, database),
            door.optional("username", username) or None,
            self._sealed(password),
            one_of("auth", auth, AUTHS),
            door.json_object("ssl", {} if ssl is None else ssl),
            door.json_object("options", {} if options is None else options),
            now(),
        )
        with self._connection.transaction():
            made = self._connection.write(ADD, row)
            if not made:
                raise InvalidInput("name: there is a connection of that name already; `update` changes it")
            return self._read(int(made[0][0]))

    def update(
        self,
        connection: ConnectionReference,
        *,
        type: str | None = None,  # noqa: A002 - as in `save`
        database: str | None = None,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        auth: str | None = None,
        ssl: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> SavedConnection:
        """Change what is given; what is None stays. An empty text takes host, username or password away.

        Raises:
            InvalidInput, NoKey: as `save`. NotFound: there is no such connection.
        """
        door = self._door
        row = (
            None if type is None else one_of("type", type, TYPES),
            door.optional("host", host),
            _port(port),
            None if database is None else _database(door, database),
            door.optional("username", username),
            int(password is not None),
            self._sealed(password),
            None if auth is None else one_of("auth", auth, AUTHS),
            None if ssl is None else door.json_object("ssl", ssl),
            None if options is None else door.json_object("options", options),
            now(),
        )
        with self._connection.transaction():
            number = self.id_of(connection)
            self._connection.write(UPDATE, (*row, number))
            return self._read(number)

    def get(self, connection: ConnectionReference) -> SavedConnection:
        """A connection by its name, its id, or an earlier result.

        Raises:
            NotFound: there is none.
        """
        return self._read(self.id_of(connection))

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `save`
        active: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[SavedConnection]:
        """Connections, newest first; `since` and `until` bound when they were saved, `after` is the last id seen."""
        filters = Filters()
        filters.add("type =", None if type is None else one_of("type", type, TYPES))
        filters.add("active =", None if active is None else truth("active", active))
        found = filters.latest(
            self._connection, SELECT, "created_at", since=since, until=until, limit=limit, after=after
        )
        return [_saved(row) for row in found]

    def delete(self, connection: ConnectionReference) -> None:
        """Delete a connection with the schemas cached of it; NotFound if there is none."""
        with self._connection.transaction():
            self._connection.write(DELETE, (self.id_of(connection),))

    def activate(self, connection: ConnectionReference) -> None:
        """Mark a connection as one to be used."""
        self._set_active(connection, 1)

    def deactivate(self, connection: ConnectionReference) -> None:
        """Mark a connection as one not to be used; it stays."""
        self._set_active(connection, 0)

    def password(self, connection: ConnectionReference) -> str:
        """The password, as it was given; a line of the audit log in the same transaction says that it was asked for.

        Raises:
            NotFound: there is no such connection, or it has no password. NoKey, WrongKey: it cannot be opened here.
            ReadOnly: the store cannot write that line.
        """
        with self._connection.transaction():
            number = self.id_of(connection)
            name, token = self._connection.rows(SEALED_OF, (number,))[0]
            if token is None:
                raise NotFound("password: this connection was saved without one")
            found = self._sealing.open(token).decode()
            self._audit("info", "connection.password", data={"connection": number, "name": name})
            return found

    def connected(self, connection: ConnectionReference) -> None:
        """Note that it was connected to now; an earlier error is over."""
        with self._connection.transaction():
            self._connection.write(CONNECTED, (now(), self.id_of(connection)))

    def failed(self, connection: ConnectionReference, error: str) -> None:
        """Note why connecting failed. The connection's own password is masked in it, if it can be opened here."""
        if not isinstance(error, str):
            raise InvalidInput(f"error: text (str), not {error.__class__.__name__}")
        with self._connection.transaction():
            number = self.id_of(connection)
            shown = self._door.shortened("error", self._without_password(number, error))
            self._connection.write(FAILED, (shown, number))

    def reseal(self) -> int:
        """Seal all passwords with the first key; return how many. None of the older keys is needed for them then.

        Raises:
            NoKey, WrongKey: one of them cannot be opened; none is changed.
        """
        with self._connection.transaction():
            found = self._connection.rows(SEALED)
            tokens = self._sealing.reseal(token for _, token in found)
            self._connection.write_many(RESEALED, [(token, row[0]) for token, row in zip(tokens, found, strict=True)])
            return len(found)

    def id_of(self, connection: ConnectionReference) -> int:
        """The row id of a connection named by name, id or result.

        Raises:
            NotFound: there is none.
        """
        return self._references.id_of(connection)

    def _read(self, number: int) -> SavedConnection:
        return _saved(self._connection.rows(BY_ID, (number,))[0])

    def _set_active(self, connection: ConnectionReference, active: int) -> None:
        with self._connection.transaction():
            self._connection.write(SET_ACTIVE, (active, now(), self.id_of(connection)))

    def _sealed(self, password: str | None) -> bytes | None:
        if password is None or password == "":
            return None
        return self._sealing.seal(self._door.sealed_text("password", password))

    def _without_password(self, number: int, error: str) -> str:
        token = self._connection.rows(SEALED_OF, (number,))[0][1]
        try:
            return error if token is None else without(self._sealing.open(token).decode(), error)
        except (SealingError, InvalidInput):
            return error


def _result() -> type[SavedConnection]:
    from hstore.models.connections import SavedConnection

    return SavedConnection


def _port(port: int | None) -> int | None:
    if port is not None and (not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535):
        raise InvalidInput("port: a whole number from 1 to 65535")
    return port


def _database(door: Door, database: str) -> str:
    masked = door.text("database", database, NAME_LIMIT)
    if not masked:
        raise InvalidInput("database: empty; give its name, or the path of an SQLite file")
    return masked


def _saved(row: tuple[Any, ...]) -> SavedConnection:
    from json import loads

    from hstore.models.connections import SavedConnection

    times = (optional_datetime(row[12]), row[13], to_datetime(row[14]), to_datetime(row[15]))
    return SavedConnection._make((*row[:7], bool(row[7]), row[8], loads(row[9]), loads(row[10]), bool(row[11]), *times))
