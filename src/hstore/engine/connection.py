"""One connection to one database file: its lock, its one write path, and its reads.

Threads share a connection: a lock makes each call, and each transaction as a whole, exclusive. Waiting for it and for
other processes is bounded by the same `busy_timeout`.
"""

from __future__ import annotations

import os
from _thread import RLock

import apsw

from hstore.engine import forking
from hstore.engine.failures import printable, translate
from hstore.errors import Busy, HstoreError, StoreClosed, StoreError, StoreForked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Any, Union

    Value = Union[None, int, float, str, bytes]
    Row = tuple[Any, ...]

_FORK_PATIENCE = 1.0  # seconds that a fork waits for another thread's transaction


class Connection:
    """A connection that closes itself before a fork and opens again when it is next used.

    Args:
        path: the file, absolute.
        opener: opens it; called again after a fork.
        timeout: seconds to wait for a lock that another thread or process holds.
    """

    def __init__(self, path: str, opener: Callable[[], apsw.Connection], timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        self._opener = opener
        self._lock = RLock()
        self._depth = 0
        self._closed = False
        self._forked = False
        self.rollbacks = 0
        """Counts what was undone, whole transactions and savepoints: what was read before may no longer be there."""
        self._raw: apsw.Connection | None = opener()
        forking.watch(self)

    # --- reading -------------------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """All rows of a statement; nothing stays open behind it, so no snapshot is held."""
        raw = self._acquire()
        try:
            return raw.execute(sql, parameters).fetchall()
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._lock.release()

    def row(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def value(self, sql: str, parameters: Sequence[Value] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    def table(self, sql: str, parameters: Sequence[Value] = ()) -> tuple[tuple[str, ...], list[Row]]:
        """Column names and all rows of a statement."""
        raw = self._acquire()
        try:
            cursor = raw.cursor()
            names: tuple[str, ...] = ()

            def note(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
                nonlocal names
                names = tuple(column[0] for column in cursor.get_description())
                return True

            cursor.exec_trace = note
            return names, cursor.execute(sql, parameters).fetchall() if sql.strip() else []
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._lock.release()

    # --- writing -------------------------------------------------------------------------------------------------

    def transaction(self) -> Transaction:
        """All or nothing: `BEGIN IMMEDIATE`, or a savepoint inside another transaction of the same thread."""
        return Transaction(self)

    def write(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Run one writing statement in a transaction of its own or in the one that is open; return its rows."""
        with Transaction(self):
            return self.rows(sql, parameters)

    def insert(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run an `INSERT … RETURNING id` and return the id."""
        with Transaction(self):
            return int(self.rows(sql, parameters)[0][0])

    def write_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one writing statement for every row, in one transaction."""
        with Transaction(self):
            try:
                self._live().executemany(sql, rows)
            except apsw.Error as failure:
                raise translate(failure, self.path) from None

    def script(self, sql: str) -> None:
        """Run several statements inside the transaction that is open."""
        try:
            self._live().execute(sql).fetchall()
        except apsw.Error as failure:
            raise translate(failure, self.path) from None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open (of whichever thread)."""
        return self._depth > 0

    # --- the transaction's steps, called by Transaction with the lock held -----------------------------------------

    def begin(self) -> int:
        """Open a transaction or savepoint and return its depth."""
        raw = self._acquire()
        try:
            raw.execute(f"SAVEPOINT level{self._depth}" if self._depth else "BEGIN IMMEDIATE")
        except apsw.Error as failure:
            self._lock.release()
            raise translate(failure, self.path) from None
        except BaseException:
            self._lock.release()
            raise
        self._depth += 1
        return self._depth - 1

    def commit(self, depth: int) -> None:
        """Keep what was done since `begin` returned `depth`; on failure nothing of the transaction is kept."""
        try:
            raw = self._live()
            raw.execute(f"RELEASE level{depth}" if depth else "COMMIT")
        except apsw.Error as failure:
            self._undo(depth)
            raise translate(failure, self.path) from None
        except BaseException:
            self._undo(depth)
            raise
        finally:
            self._leave(depth)

    def roll_back(self, depth: int) -> None:
        """Undo what was done since `begin` returned `depth`."""
        try:
            self._undo(depth)
        finally:
            self._leave(depth)

    def _undo(self, depth: int) -> None:
        raw = self._raw
        self.rollbacks += 1
        # SQLite has already rolled back by itself after a full device or an I/O error.
        if raw is None or self._forked or not raw.in_transaction:
            return
        try:
            raw.execute(f"ROLLBACK TO level{depth}; RELEASE level{depth}" if depth else "ROLLBACK")
        except apsw.Error as failure:
            raise translate(failure, self.path) from None

    def _leave(self, depth: int) -> None:
        self._depth = depth
        if not self._forked:
            self._lock.release()

    # --- life ------------------------------------------------------------------------------------------------------

    def _acquire(self) -> apsw.Connection:
        """Take the lock and return the live connection; the caller releases the lock."""
        if not self._lock.acquire(timeout=self.timeout):
            raise Busy(
                f"{printable(self.path)}: another thread of this process has been in a transaction for more than"
                f" {self.timeout:g} s; a batch() must not wait for work that records by itself"
            )
        try:
            return self._live()
        except BaseException:
            self._lock.release()
            raise

    def _live(self) -> apsw.Connection:
        raw = self._raw
        if raw is None:
            raw = self._reopen()
        elif self._depth and not raw.in_transaction:
            raise StoreError(
                f"{printable(self.path)}: SQLite rolled this transaction back after an earlier error; leave the batch"
            )
        return raw

    def _reopen(self) -> apsw.Connection:
        if self._forked:
            raise StoreForked(
                f"{printable(self.path)}: this process was forked inside a transaction of its parent's store;"
                " fork outside of batch(), or start the child with exec or the 'spawn' method"
            )
        if self._closed:
            raise StoreClosed(f"{printable(self.path)}: the store is closed")
        raw = self._raw = self._opener()
        return raw

    def close(self) -> None:
        """Close; idempotent. An open transaction is rolled back."""
        if self._forked:
            return
        with self._lock:
            self._closed = True
            self._depth = 0
            raw, self._raw = self._raw, None
            forking.forget(self)
            if raw is not None:
                try:
                    raw.close()
                except apsw.Error as failure:
                    raise translate(failure, self.path) from None

    def using(self, action: Callable[[apsw.Connection], None]) -> None:
        """Let the engine's own modules act on the SQLite connection, with the lock held."""
        raw = self._acquire()
        try:
            action(raw)
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._lock.release()

    # --- forking, see engine/forking.py -----------------------------------------------------------------------------

    def suspend(self) -> bool:
        """Close before a fork and keep the lock; False if that is not possible now."""
        if not self._lock.acquire(timeout=_FORK_PATIENCE):
            return False
        if self._depth:
            self._lock.release()
            return False
        raw, self._raw = self._raw, None
        if raw is not None:
            # The connection comes back at once: a checkpoint now would be work for nothing.
            raw.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            raw.close()
        return True

    def resume(self) -> None:
        """After a fork, in the parent: let threads go on."""
        self._lock.release()

    def renew_lock(self) -> None:
        """After a fork, in the child: the lock's owner may be a thread that does not exist here."""
        self._lock = RLock()

    def abandon(self) -> tuple[int, int]:
        """After a fork, in the child: never touch the parent's connection; return the file's device and inode."""
        self._forked = True
        self._lock = RLock()
        raw, self._raw = self._raw, None
        if raw is not None:
            # Even its destructor would act on the parent's file, so it must outlive the interpreter.
            from ctypes import py_object, pythonapi

            pythonapi.Py_IncRef(py_object(raw))
        try:
            found = os.stat(self.path)
        except OSError:
            return (-1, -1)
        return (found.st_dev, found.st_ino)


class Transaction:
    """A `with` block around writes: kept when it ends, undone by any exception."""

    __slots__ = ("_connection", "_depth")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._depth = -1

    def __enter__(self) -> Transaction:
        if self._depth >= 0:
            raise HstoreError("a batch is entered once; call batch() again for another")
        self._depth = self._connection.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        depth, self._depth = self._depth, -1
        if kind is None:
            self._connection.commit(depth)
        else:
            self._connection.roll_back(depth)
