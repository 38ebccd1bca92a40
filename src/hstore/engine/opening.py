"""Opening a database: private creation, settings, journal mode, recognition of foreign files, migration."""

from __future__ import annotations

import os
import time

import apsw

from hstore.engine import files, forking, migrations, settings
from hstore.engine.checkpoints import Checkpoints
from hstore.engine.connection import Connection
from hstore.engine.failures import printable, translate
from hstore.engine.guard import Guard
from hstore.engine.waiting import Patience
from hstore.errors import (
    Busy,
    InvalidInput,
    MigrationError,
    NotADatabase,
    NotInitialised,
    ReadOnly,
    SQLiteTooOld,
    UnsafeFileSystem,
)

OLDEST_SQLITE = (3, 51, 3)
"""The first release without the WAL-reset bug: from 3.7.0 to 3.51.2 a write during a checkpoint could lose pages
(https://sqlite.org/wal.html#walresetbug)."""

IDENTITY = "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id()"
JOURNAL_MODE = "PRAGMA journal_mode"

_READ = apsw.SQLITE_OPEN_READONLY
_WRITE = apsw.SQLITE_OPEN_READWRITE
_PAUSE = 0.005  # seconds between two tries to change the journal mode

_warned: set[str] = set()


class Opened:
    """An open database: its `connection`, the migrations `applied` now, and whether its file was `created` now."""

    __slots__ = ("applied", "connection", "created")

    def __init__(self, connection: Connection, applied: list[migrations.Migration], created: bool) -> None:
        self.connection = connection
        self.applied = applied
        self.created = created


def open_writer(path: str, *, create: bool, durability: str, timeout: float, app_version: str) -> Opened:
    """Open `path` for reading and writing, made and migrated as needed; see `Store.open` for what is raised."""
    _check(durability, timeout)
    if not create:
        files.require(path)
    created = False
    unsafe = files.wal_is_unsafe(path)
    level = "journal" if unsafe else durability

    patience = Patience(timeout)
    checkpoints = Checkpoints(patience)

    def opener() -> apsw.Connection:
        raw = _open(path, _WRITE, patience, durability=level)
        if unsafe:
            settings.no_spilling(raw)
        raw.set_wal_hook(checkpoints)
        return raw

    with files.opening:
        if not files.exists(path):
            created = files.create(path)
        guard = Guard(path, checkpoints)
        connection = Connection(path, opener, timeout, guard)
    connection.checkpoints = checkpoints
    try:
        applied = _prepare(connection, unsafe, app_version)
        connection.using(guard.note)
    except BaseException:
        connection.close()
        raise
    return Opened(connection, applied, created)


def open_reader(path: str, *, timeout: float, checked: bool = True) -> Connection:
    """Open `path` so that nothing can be written; `checked=False` takes a schema of any version.

    Raises:
        NotInitialised: no file, or an empty one. NotADatabase, CorruptDatabase, NewerDatabase, MigrationError.
    """
    _check("normal", timeout)
    files.require(path)
    patience = Patience(timeout)
    connection = Connection(path, lambda: _open_read_only(path, patience), timeout, Guard(path))
    try:
        if not _recognise(connection):
            raise NotInitialised(f"{printable(path)}: the file is empty; `hstore project init` makes it a database")
        shipped = migrations.load()
        if checked and migrations.verify(connection, shipped) < len(shipped):
            raise MigrationError(f"{printable(path)}: older than this hstore; `hstore db migrate` brings it up to date")
    except BaseException:
        connection.close()
        raise
    return connection


def open_foreign(path: str, *, timeout: float = 5.0) -> Connection:
    """Open another program's database so that nothing can be written.

    Raises:
        InvalidInput: this process has the file open: closing it again would drop that other one's locks.
        NotInitialised: there is no file. NotADatabase: something else stands there.
    """
    path = os.path.abspath(os.path.expanduser(path))
    if not files.exists(path):
        raise NotInitialised(f"{printable(path)}: there is no such file")
    if forking.is_open_here(path) or files.has_descriptor(path):
        raise InvalidInput(f"{printable(path)}: this process has this file open, so it cannot be opened a second time")
    _check("normal", timeout)
    patience = Patience(timeout)
    return Connection(path, lambda: _open_read_only(path, patience), timeout, Guard(path))


def _check(durability: str, timeout: float) -> None:
    if durability not in ("normal", "full"):
        raise InvalidInput(f"durability: 'normal' or 'full', not {durability!r}")
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not 0 <= timeout <= 86_400:
        raise InvalidInput("busy_timeout: seconds from 0 to 86400")
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_SQLITE:
        raise SQLiteTooOld(
            f"SQLite {apsw.sqlite_lib_version()} can lose pages in WAL mode; install an apsw with 3.51.3 or newer"
        )


def _open(
    path: str, flags: int, patience: Patience, *, address: str | None = None, durability: str | None = None
) -> apsw.Connection:
    forking.check(path)
    name, descriptor = (address, None) if address else files.sqlite_name(path)
    try:
        raw = apsw.Connection(name, flags=flags)
        raw.set_busy_handler(patience)
        settings.apply(raw, readonly=durability is None)
        if durability is not None:
            settings.durability(raw, durability)
        return raw
    except apsw.Error as failure:
        raise translate(failure, path) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open_read_only(path: str, patience: Patience) -> apsw.Connection:
    raw = _open(path, _READ, patience)
    try:
        raw.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        return raw
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        # A WAL database in a folder where the shared memory cannot be made. Without a WAL nobody is writing
        # now, so the file may be read as it stands.
        raw.close()
        for journal in (path + "-wal", path + "-journal"):
            if os.path.exists(journal):
                raise ReadOnly(
                    f"{printable(path)}: its folder may not be written, and what is in {printable(journal)} belongs to"
                    " it; open it where its folder may be written"
                ) from None
    except apsw.Error as failure:
        raw.close()
        raise translate(failure, path) from None
    from urllib.parse import quote

    address = f"file:{quote(os.fsencode(path))}?immutable=1"
    return _open(path, _READ | apsw.SQLITE_OPEN_URI, patience, address=address)


def _prepare(connection: Connection, unsafe: str | None, app_version: str) -> list[migrations.Migration]:
    """Recognise, set the journal mode, migrate; write nothing when nothing is due."""
    if not _recognise(connection):
        files.make_private(connection.path)
        connection.using(settings.new_file)
    shipped = migrations.load()
    migrations.verify(connection, shipped)
    _set_journal(connection, "delete" if unsafe else "wal")
    if unsafe:
        _warn_once(connection.path, unsafe)
    return migrations.migrate(connection, shipped, app_version)


def _recognise(connection: Connection) -> bool:
    """Say whether the file already is a store of ours, False if it is empty.

    Raises:
        NotADatabase: another program's database, or no database at all.
    """
    application, objects = _identity(connection)
    if application == settings.APPLICATION_ID:
        return True
    if objects or application:
        raise NotADatabase(
            f"{printable(connection.path)}: an SQLite database of another program"
            f" (application_id {application:#x}); it was left as it is: name another path"
        )
    # SQLite takes a file of one byte for an empty one (os_unix.c, unixFileSize) and would overwrite it.
    if os.stat(connection.path).st_size == 1:
        raise NotADatabase(f"{printable(connection.path)}: this file is not an SQLite database; it was left as it is")
    return False


def _identity(connection: Connection) -> tuple[int, int]:
    # One statement, so one snapshot: another process may be making the schema right now.
    found = connection.rows(IDENTITY)[0]
    return int(found[0]), int(found[1])


def _set_journal(connection: Connection, mode: str) -> None:
    """Change the journal mode if it is another; it needs the file for itself for a moment.

    SQLite does not wait for others here (a lock upgrade could deadlock), so this does, within the same bound.
    """
    deadline = time.monotonic() + connection.timeout
    while connection.value(JOURNAL_MODE) != mode:
        try:
            if connection.value(f"{JOURNAL_MODE} = {mode}") == mode:
                return
        except Busy:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)
        if time.monotonic() > deadline:
            raise Busy(f"{printable(connection.path)}: its journal mode could not be set to {mode} in time")


def _warn_once(path: str, kind: str) -> None:
    if path in _warned:
        return
    _warned.add(path)
    from warnings import warn

    warn(
        f"{printable(path)}: on {kind}, where WAL is not safe; a rollback journal with full syncing is used instead,"
        " which is slower; keep the database on a local disk if you can",
        UnsafeFileSystem,
        stacklevel=2,
    )
