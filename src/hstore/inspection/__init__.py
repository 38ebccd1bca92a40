"""Inspection: what tables, views and procedures another database has, read from it now and nothing changed in it."""

from __future__ import annotations

from hstore.errors import InvalidInput, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.models.connections import SavedConnection

__all__ = ["inspect"]


def inspect(saved: SavedConnection, password: str | None) -> list[dict[str, Any]]:
    """The objects of a saved connection's database, each as `store.schemas.put` takes it.

    Raises:
        InvalidInput: databases of its type are not read. Unreachable: it cannot be reached or read.
    """
    try:
        if saved.type == "sqlite":
            from hstore.inspection import sqlite

            return sqlite.objects(saved.database)
        if saved.type == "postgresql":
            from hstore.inspection import postgresql

            return postgresql.objects(saved, password)
    except UnicodeError:
        raise Unreachable(f"{saved.type}: a name in this database is not valid text") from None
    raise InvalidInput(
        "connection: sqlite and postgresql databases are read; what others have can be given to store.schemas.put"
    )
