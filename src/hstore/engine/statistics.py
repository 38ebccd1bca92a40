"""What a database file says of itself: sizes, versions, rows of each table."""

from __future__ import annotations

from hstore.clock import to_datetime
from hstore.engine import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.engine.connection import Connection
    from hstore.models import Info

TABLES = """
    SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
"""
META = "SELECT store_id, schema_version, app_version, created_at FROM meta"
LOGICAL = "SELECT coalesce(sum(size), 0) FROM artifacts"
STORED = "SELECT coalesce(sum(length(data)), 0) FROM chunks"


def statistics(connection: Connection, root: str) -> Info:
    """Count and measure a store; `root` is its project's directory."""
    from hstore.models import Info

    store_id, schema_version, app_version, created_at = connection.rows(META)[0]
    tables = [row[0] for row in connection.rows(TABLES)]
    return Info(
        path=connection.path,
        root=root,
        store_id=store_id,
        schema_version=schema_version,
        app_version=app_version,
        created_at=to_datetime(created_at),
        journal_mode=connection.value("PRAGMA journal_mode"),
        file_bytes=files.size(connection.path),
        wal_bytes=files.size(connection.path + "-wal"),
        logical_bytes=connection.value(LOGICAL),
        stored_bytes=connection.value(STORED),
        counts={table: connection.value(f'SELECT count(*) FROM "{table}"') for table in tables},  # noqa: S608 - names come from the schema
    )
