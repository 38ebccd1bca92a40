"""Migrations: ordered, immutable SQL files, each recorded in the database with its name, hash and time.

A file's name is `NNNN_name.sql`; NNNN counts from 1 without a gap. The hash is the SHA-256 of its bytes.
"""

from __future__ import annotations

import os
import sys

import hstore.migrations  # noqa: F401 - found in sys.modules below; to mypy it is untyped
from hstore.clock import now, optional_datetime
from hstore.engine._digest import sha256
from hstore.engine.failures import printable
from hstore.engine.settings import APPLICATION_ID, defensive, schema_text_writable
from hstore.errors import HstoreError, MigrationError, NewerDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.engine.connection import Connection
    from hstore.models import MigrationState

FOLDER = os.path.dirname(os.path.abspath(str(sys.modules["hstore.migrations"].__file__)))
"""Where the files are. `importlib.resources` would find them too, at 15 ms a start."""

RECORDED = "SELECT version, name, sha256, applied_at FROM schema_migrations ORDER BY version"
RECORD = "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)"
CREATE_META = """
    INSERT INTO meta (id, schema_version, app_version, store_id, created_at) VALUES (1, 0, $1, $2, $3)
    ON CONFLICT (id) DO NOTHING
"""
UPDATE_META = "UPDATE meta SET schema_version = $1, app_version = $2 WHERE id = 1"
SCHEMA_VERSION = "PRAGMA user_version"


class Migration:
    """One migration file: its `version`, `name`, `sql` and `sha256`."""

    __slots__ = ("name", "sha256", "sql", "version")

    def __init__(self, version: int, name: str, content: bytes) -> None:
        self.version = version
        self.name = name
        self.sql = content.decode("utf-8")
        self.sha256 = sha256(content).hexdigest()


def load(folder: str | None = None) -> list[Migration]:
    """Read the migrations that this library ships, in order.

    Raises:
        MigrationError: the folder cannot be read, or the numbering has a gap, a double or a wrong name.
    """
    folder = folder or FOLDER
    found = []
    try:
        for name in sorted(os.listdir(folder)):
            if name.endswith(".sql"):
                found.append(_read(folder, name))
    except OSError as failure:
        raise MigrationError(f"the migrations of this installation cannot be read: {failure}; reinstall it") from None
    if [migration.version for migration in found] != list(range(1, len(found) + 1)) or not found:
        raise MigrationError(f"{printable(folder)}: migrations are numbered from 0001 without gaps; reinstall hstore")
    return found


def _read(folder: str, name: str) -> Migration:
    number, _, title = name[: -len(".sql")].partition("_")
    if not (number.isascii() and number.isdigit() and title):
        raise MigrationError(f"{printable(folder)}: {name} is not named NNNN_name.sql")
    with open(os.path.join(folder, name), "rb") as file:
        return Migration(int(number), title, file.read())


def migrate(connection: Connection, shipped: list[Migration], app_version: str) -> list[Migration]:
    """Bring the database to the newest schema and return what was applied; write nothing if nothing is due.

    Raises:
        NewerDatabase: the file's schema is newer than this library.
        MigrationError: a recorded migration is altered or missing here, or one failed; nothing of it is kept.
    """
    if verify(connection, shipped) == len(shipped):
        return []
    try:
        with connection.transaction():
            # Another process may have migrated between the look above and the lock.
            due = shipped[verify(connection, shipped) :]
            connection.using(schema_text_writable)
            for migration in due:
                _apply(connection, migration, app_version)
    finally:
        connection.using(defensive)  # outside: where SQLite rolled back by itself, the transaction takes nothing more
    return due


def _apply(connection: Connection, migration: Migration, app_version: str) -> None:
    moment = now()
    try:
        connection.script(migration.sql)
        if migration.version == 1:
            connection.script(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.write(CREATE_META, (app_version, _new_store_id(), moment))
        connection.write(RECORD, (migration.version, migration.name, migration.sha256, moment))
        connection.write(UPDATE_META, (migration.version, app_version))
        connection.script(f"PRAGMA user_version = {migration.version}")
    except HstoreError as failure:
        raise type(failure)(f"migration {migration.version:04}_{migration.name} was not applied: {failure}") from None


def _new_store_id() -> str:
    """A random UUID (RFC 9562, version 4) as text."""
    random = bytearray(os.urandom(16))
    random[6] = random[6] & 0x0F | 0x40
    random[8] = random[8] & 0x3F | 0x80
    digits = random.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def verify(connection: Connection, shipped: list[Migration]) -> int:
    """Compare what the file records with what is shipped; return the number of migrations applied.

    Raises:
        NewerDatabase: the file's schema is newer than this library.
        MigrationError: a recorded migration is altered or missing here.
    """
    version, recorded = _state(connection)
    if version == 0:
        return 0
    path = printable(connection.path)
    if version > len(shipped):
        raise NewerDatabase(
            f"{path}: its schema is version {version}, this hstore knows up to {len(shipped)}; use a newer hstore"
        )
    if [row[0] for row in recorded] != list(range(1, version + 1)):
        raise MigrationError(f"{path}: schema_migrations does not list 1 to {version}; restore it from a backup")
    for row, migration in zip(recorded, shipped, strict=False):
        if row[1] != migration.name or row[2] != migration.sha256:
            raise MigrationError(
                f"{path}: migration {row[0]:04}_{row[1]} was altered or replaced after it was applied"
                f" (recorded {row[2][:12]}…, here {migration.sha256[:12]}…); reinstall the hstore that made this file"
            )
    return version


def _state(connection: Connection) -> tuple[int, list[tuple[Any, ...]]]:
    """The schema version and the migrations recorded, of one moment though another process may be migrating."""
    while True:
        version = int(connection.value(SCHEMA_VERSION))
        recorded = connection.rows(RECORDED) if version else []
        if int(connection.value(SCHEMA_VERSION)) == version:
            return version, recorded


def states(connection: Connection) -> list[MigrationState]:
    """Every migration shipped or recorded, with the time it was applied or None."""
    from hstore.models import MigrationState

    recorded = {row[0]: row for row in _state(connection)[1]}
    shipped = {migration.version: migration for migration in load()}
    found = []
    for version in sorted(recorded.keys() | shipped.keys()):
        row = recorded.get(version)
        name, digest = (row[1], row[2]) if row else (shipped[version].name, shipped[version].sha256)
        found.append(MigrationState(version, name, digest, optional_datetime(row[3] if row else None)))
    return found
