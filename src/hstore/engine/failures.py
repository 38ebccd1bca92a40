"""SQLite's failures in hstore's words: no APSW exception leaves the engine."""

from __future__ import annotations

import apsw

from hstore.errors import (
    Busy,
    CorruptDatabase,
    HstoreError,
    InvalidInput,
    NotADatabase,
    QueryRefused,
    QueryTimeout,
    ReadOnly,
    StorageFull,
    StoreError,
)

_FAILURES: tuple[tuple[type[apsw.Error], type[HstoreError], str], ...] = (
    (
        apsw.BusyError,
        Busy,
        "another process kept the database locked past the bound; it is probably in a long transaction or stopped"
        " in the middle of one: find it, or open with a larger busy_timeout",
    ),
    (apsw.LockedError, Busy, "another statement of this process holds the table; finish it first"),
    (
        apsw.FullError,
        StorageFull,
        "the device is full; nothing of this transaction was kept: free some space",
    ),
    (
        apsw.ReadOnlyError,
        ReadOnly,
        "the database or its folder may not be written; check owner and permissions",
    ),
    (apsw.PermissionsError, ReadOnly, "access denied; check owner and permissions"),
    (
        apsw.NotADBError,
        NotADatabase,
        "this file is not an SQLite database (or it is encrypted); it was left as it is",
    ),
    (
        apsw.CorruptError,
        CorruptDatabase,
        "SQLite found damage in this database; run `hstore doctor`, and keep a copy before anything else",
    ),
    (apsw.CantOpenError, StoreError, "cannot be opened; check that its folder exists and may be written"),
    (apsw.AuthError, QueryRefused, "only reading is allowed here"),
    (apsw.InterruptError, QueryTimeout, "the query took longer than its time limit"),
    (apsw.TooBigError, InvalidInput, "a text or blob is larger than SQLite's limit"),
    (apsw.ConstraintError, InvalidInput, "refused by the schema"),
    (
        apsw.IOError,
        StoreError,
        "the device reported an input/output error; nothing of this transaction was kept",
    ),
)


def translate(failure: apsw.Error, path: str) -> HstoreError:
    """Return hstore's error for an APSW one; `path` names the database in the message."""
    shown = printable(path)
    for kind, ours, advice in _FAILURES:
        if isinstance(failure, kind):
            return ours(f"{shown}: {advice} ({_said(failure)}{_holder(failure, path)})")
    return StoreError(f"{shown}: {_said(failure)}")


def printable(path: str) -> str:
    """The path as one line of valid text, whatever bytes it is made of."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace").replace("\n", "\\n")


def _said(failure: apsw.Error) -> str:
    return f"SQLite: {failure}"


def _holder(failure: apsw.Error, path: str) -> str:
    if not isinstance(failure, apsw.BusyError):
        return ""
    from hstore.engine.holders import writers

    found = writers(path)
    return f"; at this moment {', '.join(found)} is writing" if found else ""
