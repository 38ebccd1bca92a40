"""Noticing that the files of an open database were removed or replaced, before anything is written into the void.

SQLite holds the files themselves, whatever their names lead to by now. A commit into a database or WAL that nobody can
open any more succeeds and is lost; one with a shared memory (`-shm`) of its own writes over what others commit.

Each transaction asks for the folder's time of change, which every making, renaming and removing in it moves on: one
`stat`. Only when it has moved, or so lately that another change could have the same time, the files themselves are
looked at. A file overwritten in place (`cp` onto it) is the same file by all this and is not noticed.
"""

from __future__ import annotations

import os
from os import stat
from time import monotonic, sleep, time_ns

import apsw

from hstore.engine import files
from hstore.engine.failures import printable
from hstore.engine.settings import PAGE_SIZE, WAL_LIMIT
from hstore.errors import Busy, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.engine.checkpoints import Checkpoints

    Identity = tuple[int, int]

FIRST_READ = "PRAGMA schema_version"
"""With the first read SQLite opens WAL and shared memory, and keeps them open until the connection is closed."""
JOURNAL_MODE = "PRAGMA journal_mode"

_NOWHERE = (-1, -1)
_COARSE = 3_000_000_000  # ns; longer than the steps of a file system that counts in seconds
_FINE = 50_000_000  # ns; longer than the steps in which kernels move the clock that they stamp files with
_SAVING = 1.0  # seconds for which saving is tried while others are in the way
_PAUSE = 0.01  # seconds between two tries
_GONE = "was removed or replaced under this open store, so nothing more is written"


def identity(path: str) -> Identity:
    """Device and inode of the file at `path`, by path; (-1, -1) where there is none."""
    try:
        found = stat(path)
    except OSError:
        return _NOWHERE
    return (found.st_dev, found.st_ino)


class Guard:
    """Watches the files of one connection.

    Args:
        path: the database.
        checkpoints: those of the connection, if it writes: a WAL that has reached its limit stops transactions too.

    Attributes:
        identity: device and inode of the database as it was opened.
    """

    __slots__ = ("_beside", "_checkpoints", "_folder", "_lost", "_path", "_quiet", "identity")

    def __init__(self, path: str, checkpoints: Checkpoints | None = None) -> None:
        self.identity = _NOWHERE
        self._path = path
        self._checkpoints = checkpoints
        # A link to the database can be changed without any change in the database's folder.
        self._folder = os.path.dirname(path) if os.path.realpath(path) == path else None
        self._quiet = -1
        self._beside: tuple[Identity, Identity] | None = None
        self._lost: StoreError | None = None

    def opened(self) -> None:
        """Take the database for the right one: SQLite has just opened it.

        Not before that: opening it for writing makes another file of it on an overlay of read-only layers.
        """
        self.identity = identity(self._path)

    def note(self, raw: apsw.Connection) -> apsw.Connection:
        """Take the WAL and the shared memory for the right ones, as SQLite opens them; return `raw`."""
        raw.execute(FIRST_READ).fetchall()
        found = (identity(self._path + "-wal"), identity(self._path + "-shm"))
        self._beside = None if _NOWHERE in found else found
        if self._checkpoints is not None and self._beside is not None:
            self._checkpoints.found(files.size(self._path + "-wal") // PAGE_SIZE)
        return raw

    def check(self, raw: apsw.Connection) -> None:
        """Before a transaction: all files are where they were, and the WAL has room.

        Raises:
            StoreError: one of them was removed or replaced. Busy: a reader keeps the WAL from beginning anew.
        """
        try:
            unchanged = stat(self._folder).st_mtime_ns == self._quiet  # type: ignore[arg-type]  # None: TypeError
            if unchanged and (self._checkpoints is None or not self._checkpoints.over):
                return
        except (OSError, TypeError):
            pass
        self._look(raw)

    def before_commit(self, raw: apsw.Connection) -> None:
        """Before a transaction of several statements is kept; it may have been open for long.

        Raises:
            StoreError: a file was removed or replaced since it began; the transaction is undone.
        """
        try:
            if stat(self._folder).st_mtime_ns == self._quiet:  # type: ignore[arg-type]  # None: TypeError
                return
        except (OSError, TypeError):
            pass
        self._look_at_files(raw)

    def _look(self, raw: apsw.Connection) -> None:
        self._look_at_files(raw)
        if self._checkpoints is not None and self._checkpoints.over and not self._checkpoints.make_room(raw):
            raise Busy(self._full())

    def _look_at_files(self, raw: apsw.Connection) -> None:
        changed = _changed(self._folder)
        self._lost = self._lost or self._missing(raw)
        if self._lost is not None:
            raise StoreError(*self._lost.args)
        margin = _FINE if changed % 1_000_000_000 else _COARSE
        self._quiet = changed if changed < time_ns() - margin else -1

    def before_closing(self, raw: apsw.Connection) -> None:
        """Keep SQLite from tidying up beside a database that is not this one any more.

        The last one to close a database deletes its WAL, by name: that would be somebody else's.
        """
        self._lost = self._lost or self._missing(raw)
        if self._lost is not None:
            raw.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    def _missing(self, raw: apsw.Connection) -> StoreError | None:
        """Look at each file; save what can be saved. The error to raise, or None."""
        shown = printable(self._path)
        main = identity(self._path) == self.identity
        if self._beside is None:
            return None if main else StoreError(f"{shown}: the file {_GONE} into the old one; open the store again")
        now = (identity(self._path + "-wal"), identity(self._path + "-shm"))
        if main and now == self._beside:
            return None
        if main and now == (_NOWHERE, _NOWHERE) and raw.execute(JOURNAL_MODE).fetchall() != [("wal",)]:
            self._beside = None  # by a statement of this connection there is no WAL any more
            return None
        saved = self._alone(*now) and _save(raw)
        if not main:
            return StoreError(
                f"{shown}: the file {_GONE} into the old one; open the store again"
                + (" (what was committed is in the old file, should it have been renamed)" if saved else "")
            )
        if saved:
            return StoreError(f"{shown}: its -wal {_GONE}; what was committed is in the database: open the store again")
        if now[0] == self._beside[0]:
            return StoreError(
                f"{shown}: its -shm {_GONE}; what was committed is in its -wal: close all that have it open, and open"
                " the store again"
            )
        return StoreError(
            f"{shown}: its -wal {_GONE} into the old one; what was committed since the last checkpoint was in it: bring"
            " it back if you can, or see with `hstore doctor` what is there"
        )

    def _full(self) -> str:
        from hstore.engine.holders import readers

        who = ", ".join(readers(self._path)) or "a process"
        return (
            f"{printable(self._path)}-wal: has reached its limit of {WAL_LIMIT * PAGE_SIZE >> 20} MiB, because {who}"
            " does not end reading an older state of the database; nothing more is written until it does: end it"
        )

    def _alone(self, wal: Identity, shm: Identity) -> bool:
        """Whether no other process can have made a WAL or a shared memory of its own."""
        assert self._beside is not None  # noqa: S101 - for the type checker
        if shm == self._beside[1]:
            return wal in (self._beside[0], _NOWHERE)
        return shm == wal == _NOWHERE


def _save(raw: apsw.Connection) -> bool:
    """Bring all that is committed into the database, and empty the WAL: it must meet no other database."""
    deadline = monotonic() + _SAVING
    while True:
        try:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            return True
        except apsw.BusyError:  # another process may be saving it too
            if monotonic() > deadline:
                return False
            sleep(_PAUSE)
        except apsw.Error:
            return False


def _changed(folder: str | None) -> int:
    """The folder's time of change in ns; a time that is never quiet where there is none."""
    if folder is None:
        return -1
    try:
        return stat(folder).st_mtime_ns
    except OSError:
        return -1
