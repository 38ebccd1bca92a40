"""Scrubbing: what was deleted or replaced leaves no bytes behind in the database file, its WAL or its journal.

SQLite marks what is deleted as free and leaves the bytes in place. Four things together take them away:
`secure_delete` overwrites what is freed from then on; `VACUUM` builds the file anew from its live rows alone, so that
neither free pages nor the unused room inside of pages (which no other command touches) come along; a checkpoint with
TRUNCATE brings that into the file and empties the WAL. `search` then looks at the bytes themselves.

`VACUUM` builds the copy in memory (`temp_store`, see settings.py), so nothing is put into a temporary file; in WAL
mode it is one transaction in the WAL, and readers go on with what they see.
"""

from __future__ import annotations

import os
import time

import apsw

from hstore.engine import files
from hstore.engine.failures import printable, translate
from hstore.engine.pacing import Pace
from hstore.errors import Busy, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hstore.engine.connection import Connection

WINDOW = 8 * 1024 * 1024
"""Bytes of the file that are looked at together."""
_PAUSE = 0.05  # seconds between two tries to empty the WAL
_SECURE_DELETE = "PRAGMA secure_delete = ON"
_CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
_FREE_PAGES = "PRAGMA freelist_count"
_PAGES = "PRAGMA page_count"
_PAGE_SIZE = "PRAGMA page_size"
_FEWER_PAGES = "PRAGMA incremental_vacuum(32)"
_STEPS = 500  # virtual machine instructions between two looks for a signal


def overwrite_deleted(connection: Connection) -> None:
    """From now on this connection overwrites what it deletes or replaces with zeros."""
    connection.rows(_SECURE_DELETE)


def free_pages(connection: Connection) -> int:
    """Pages of the file that hold nothing that lives."""
    return int(connection.value(_FREE_PAGES))


def pages(connection: Connection) -> int:
    """All pages of the file."""
    return int(connection.value(_PAGES))


def fits_in_memory(connection: Connection) -> bool:
    """Whether there is memory for `rebuild`: it takes the size of the database without its free pages."""
    needed = pages(connection) - free_pages(connection)
    there = files.memory_available()
    return there is None or needed * page_size(connection) < there * 3 // 4


def page_size(connection: Connection) -> int:
    """Bytes of a page."""
    return int(connection.value(_PAGE_SIZE))


def give_free_pages_back(connection: Connection) -> None:
    """Take free pages out of the file, some at a time, so that others can write in between."""
    Pace(connection).carry_out(fewer_pages(connection))


def fewer_pages(connection: Connection) -> Iterator[None]:
    """The steps of that: each takes some pages from the end of the file."""
    while before := free_pages(connection):
        connection.rows(_FEWER_PAGES)
        if free_pages(connection) >= before:
            return
        yield


def rebuild(connection: Connection) -> None:
    """Build the file anew from its live rows; other writers wait meanwhile, readers do not.

    Raises:
        Busy: another process writes for longer than the bound. StorageFull: no room for the WAL.
    """
    if connection.in_transaction:
        raise StoreError(f"{printable(connection.path)}: a file is not built anew inside of a batch")

    def vacuum(raw: apsw.Connection) -> None:
        # Between its steps Python is asked, so that Ctrl-C ends it while the copy is being made.
        raw.set_progress_handler(lambda: False, _STEPS)
        try:
            raw.execute("VACUUM").fetchall()
        finally:
            raw.set_progress_handler(None)

    connection.using(vacuum)


def empty_wal(connection: Connection, patience: float) -> int:
    """Bring the WAL into the file and cut it to nothing; return the bytes that are still in it.

    A process that reads an older snapshot keeps the WAL from being emptied; it is waited for `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            busy = connection.rows(_CHECKPOINT)[0][0]
        except Busy:
            busy = 1
        left = files.size(connection.path + "-wal")
        if not busy and not left:
            return 0
        if time.monotonic() >= deadline:
            return left
        time.sleep(_PAUSE)


def search(path: str, needles: Callable[[bytes], list[bytes]], overlap: int, page_size: int) -> set[bytes]:
    """Look at every byte of the file, its WAL and its journal; return what of the needles stands there.

    Args:
        path: the database, which may be open here.
        needles: says which needles stand in a stretch of bytes.
        overlap: bytes that two stretches share: those of the longest needle.
        page_size: of the database; stretches begin at a page.
    """
    found: set[bytes] = set()
    for name in (path, path + "-wal", path + "-journal"):
        for stretch in _stretches(name, -(-overlap // page_size) * page_size):
            found.update(needles(stretch))
    return found


def _stretches(name: str, overlap: int) -> Iterator[bytes]:
    """The bytes of a file, read through SQLite itself.

    A descriptor of our own would drop this process's locks on the database when it is closed; SQLite's keeps it open
    until no lock is held (unixClose in os_unix.c).
    """
    if not os.path.exists(name) or not os.path.getsize(name):
        return
    given, descriptor = files.sqlite_name(name)
    try:
        file = apsw.VFSFile("", given, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
        try:
            position, size = 0, file.xFileSize()
            while position < size:
                yield file.xRead(min(WINDOW + overlap, size - position), position)
                position += WINDOW
        finally:
            file.xClose()
    except apsw.Error as failure:
        raise translate(failure, name) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)
