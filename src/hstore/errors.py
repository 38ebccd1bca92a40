"""The errors hstore raises, each with the exit code that the command line gives for it.

::

    HstoreError                          1
    ├── InvalidInput (ValueError)        2   an argument or value that cannot be stored as given
    ├── NotFound (LookupError)           3   an unknown run, session, artifact or key
    ├── StoreError                       4   the database cannot be used
    │   ├── NotInitialised               4   there is no database yet
    │   ├── NotADatabase                 4   the file is not an SQLite database, or another program's
    │   ├── CorruptDatabase              4   SQLite found damage
    │   ├── ReadOnly                     4   the file or the store may not be written
    │   ├── StorageFull                  4   no room on the device
    │   ├── MigrationError               4   an altered, missing or failing migration
    │   ├── NewerDatabase                4   the file was written by a newer hstore
    │   ├── StoreClosed                  4   used after `close()`
    │   ├── StoreForked                  4   a process was forked in the middle of a transaction
    │   └── SQLiteTooOld                 4   the SQLite library has the WAL-reset bug
    ├── Busy                             5   another process or thread held the lock for too long
    ├── QueryRefused                     6   `query` would have written or reached outside
    ├── QueryTimeout                     7   `query` took longer than its limit
    ├── AccessDenied                     8   a device with a wrong secret, or that may not work
    ├── SealingError                     9   a password or sensitive setting cannot be sealed or opened
    │   ├── NoKey                        9   there is no key, or the package that uses it is not installed
    │   └── WrongKey                     9   none of the keys opens it, or it is damaged
    ├── Unreachable                     10   a saved connection's database could not be reached or read
    └── ClaimLost                       11   who held an idempotency key took too long, and another has it

    UnsafeFileSystem (UserWarning)           WAL is not safe there; a rollback journal is used
    NotRecorded (UserWarning)                work was done, but what it took could not be written down

A message says what happened, to which file or key, and what to do. No message carries an unmasked value.
"""

from __future__ import annotations


class HstoreError(Exception):
    """The base of every error that hstore raises by itself."""

    exit_code = 1


class InvalidInput(HstoreError, ValueError):
    """An argument or value that cannot be stored as given; the message names the field."""

    exit_code = 2


class NotFound(HstoreError, LookupError):
    """A run, session, artifact, chunk or key that the store does not have."""

    exit_code = 3


class StoreError(HstoreError):
    """The database cannot be opened or used."""

    exit_code = 4


class NotInitialised(StoreError):
    """There is no database yet at the place that was asked for."""


class NotADatabase(StoreError):
    """The file is not an SQLite database, or it belongs to another program."""


class CorruptDatabase(StoreError):
    """SQLite found damage in the file."""


class ReadOnly(StoreError):
    """The file, its folder or the store itself may not be written."""


class StorageFull(StoreError):
    """The device has no room left; the transaction was rolled back."""


class MigrationError(StoreError):
    """A migration recorded in the file is altered or missing here, or one failed to apply."""


class NewerDatabase(StoreError):
    """The file's schema is newer than this library knows."""


class StoreClosed(StoreError):
    """The store was used after `close()`."""


class StoreForked(StoreError):
    """The process was forked inside a transaction; the child cannot use the parent's store."""


class SQLiteTooOld(StoreError):
    """The SQLite library is older than 3.51.3 and can lose pages in WAL mode."""


class Busy(HstoreError):
    """Another process or thread held the lock past the bound."""

    exit_code = 5


class QueryRefused(HstoreError):
    """A statement given to `query` would write, or reach outside the database."""

    exit_code = 6


class QueryTimeout(HstoreError):
    """A statement given to `query` ran longer than its time limit."""

    exit_code = 7


class AccessDenied(HstoreError):
    """A device gave a wrong secret, or it is not approved, or was revoked."""

    exit_code = 8


class SealingError(HstoreError):
    """What is kept sealed cannot be sealed or opened here."""

    exit_code = 9


class NoKey(SealingError):
    """There is no key to seal with, or the package that would use it is not installed."""


class WrongKey(SealingError):
    """None of the keys at hand opens what is sealed, or it is damaged."""


class Unreachable(HstoreError):
    """The database of a saved connection could not be reached or read."""

    exit_code = 10


class ClaimLost(HstoreError):
    """Who held an idempotency key took too long, and another has its place; or it was finished already."""

    exit_code = 11


class UnsafeFileSystem(UserWarning):
    """WAL is not safe on this file system, so a rollback journal with full syncing is used."""


class NotRecorded(UserWarning):
    """A measurement or the end of a tracked use could not be written: that undoes no work and hides no exception."""

    @staticmethod
    def warn(message: str, *, failing: bool) -> None:
        """Warn; where warnings are made errors, that does not take the place of an exception that is on its way."""
        from warnings import warn

        try:
            warn(message, NotRecorded, stacklevel=3)
        except NotRecorded:
            if not failing:
                raise


def described(failure: BaseException) -> str:
    """An exception's type and message."""
    try:
        message = str(failure)
    except Exception:  # an exception of somebody else's may fail to say what it is
        message = ""
    name = type(failure).__qualname__
    return f"{name}: {message}" if message else name
