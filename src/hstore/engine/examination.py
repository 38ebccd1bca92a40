"""Reading a database's state without changing anything, also when it is old, foreign or damaged; for `doctor`."""

from __future__ import annotations

import apsw

from hstore.engine import files, holders, migrations, settings
from hstore.engine.opening import OLDEST_SQLITE, open_reader

QUICK_CHECK = "PRAGMA quick_check(20)"
FOREIGN_KEY_CHECK = "PRAGMA foreign_key_check"
MISSING_DICTIONARIES = """
    SELECT DISTINCT dictionary_id FROM chunks WHERE dictionary_id IS NOT NULL
    AND dictionary_id NOT IN (SELECT id FROM dictionaries) LIMIT 20
"""


def sqlite_version() -> tuple[str, bool]:
    """The SQLite library's version, and whether it is free of the WAL-reset bug."""
    version = apsw.sqlite_lib_version()
    return version, tuple(int(part) for part in version.split(".")) >= OLDEST_SQLITE


class Examination:
    """An existing database, opened for reading whatever its schema's version.

    Raises:
        NotInitialised, NotADatabase, CorruptDatabase, StoreError: as `Store.open`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._shipped = migrations.load()
        self._connection = open_reader(path, timeout=5.0, checked=False)
        self.head = len(self._shipped)
        """The newest schema version that this library knows."""

    def close(self) -> None:
        """Close; idempotent."""
        self._connection.close()

    def schema_version(self) -> int:
        """The file's schema version, after comparing its migrations with those shipped."""
        return migrations.verify(self._connection, self._shipped)

    def journal_mode(self) -> str:
        """The journal mode, such as `wal` or `delete`."""
        return str(self._connection.value("PRAGMA journal_mode"))

    def wal(self) -> tuple[int, int, int, list[str]]:
        """Bytes of the WAL, those it has at most while nothing hinders, its limit, and who is reading now."""
        size = files.size(self._path + "-wal")
        usual = 4 * settings.WAL_INTERVAL * settings.PAGE_SIZE
        return size, usual, settings.WAL_LIMIT * settings.PAGE_SIZE, holders.readers(self._path)

    def file_system(self) -> tuple[str | None, bool]:
        """Type of the file system by the mount table, and whether WAL is safe on it."""
        kind = files.file_system(self._path)
        return kind, kind not in files.UNSAFE_FILE_SYSTEMS

    def quick_check(self) -> list[str]:
        """SQLite's quick check: at most 20 problems, none if the file is whole."""
        return [row[0] for row in self._connection.rows(QUICK_CHECK) if row[0] != "ok"]

    def broken_references(self) -> list[str]:
        """Rows whose foreign key leads nowhere."""
        return [f"{row[0]} row {row[1]} to {row[2]}" for row in self._connection.rows(FOREIGN_KEY_CHECK)[:20]]

    def missing_dictionaries(self) -> list[str]:
        """Dictionaries that chunks need and that are not there; no foreign key says so, since the column is older."""
        return [f"chunks to dictionary {row[0]}" for row in self._connection.rows(MISSING_DICTIONARIES)]
