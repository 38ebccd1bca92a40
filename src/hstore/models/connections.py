"""What is given back of saved connections to databases and of their schemas."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Union


class SavedConnection(NamedTuple):
    """A database that can be connected to; the password is sealed, and only `store.connections.password` gives it."""

    id: int
    name: str
    type: str
    host: str | None
    port: int | None
    database: str
    username: str | None
    has_password: bool
    auth: str
    ssl: dict[str, Any]
    options: dict[str, Any]
    active: bool
    last_connected_at: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


ConnectionReference = Union[SavedConnection, str, int]
"""How a connection is named: as it was returned, by its name, or by its id."""


class DatabaseObject(NamedTuple):
    """A table, view or stored procedure of a connection's database, as it was when it was cached at `updated_at`.

    `row_count` is about how many rows it has, None where nobody knows.
    """

    id: int
    connection: int
    schema: str
    name: str
    kind: str
    columns: list[dict[str, Any]]
    relationships: list[dict[str, Any]]
    indexes: list[dict[str, Any]]
    row_count: int | None
    updated_at: datetime
