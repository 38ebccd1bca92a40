"""One connection to one database file: its lock, its one write path, and its reads.

Threads share a connection: a lock makes each call, and each transaction as a whole, exclusive. Waiting for it and for
other processes is bounded by the same `busy_timeout`.

A KeyboardInterrupt may come between any two steps in here. So nothing is believed that can be asked: whether this
thread has the lock is asked of the lock, whether a transaction is open of SQLite, and what an interrupt left behind is
put right by whoever comes next: the `finally` of the same call, what watches the transaction, the next call.
"""

from __future__ import annotations

from _thread import RLock

import apsw

from hstore.engine import forking
from hstore.engine.behind import LIMIT, ROW, Behind, write_together
from hstore.engine.failures import printable, translate
from hstore.engine.guard import Guard
from hstore.engine.transaction import Transaction
from hstore.errors import Busy, HstoreError, StoreClosed, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Union

    from hstore.engine.checkpoints import Checkpoints

    Value = Union[None, int, float, str, bytes]
    Row = tuple[Any, ...]
    Finish = Callable[[Sequence[tuple[Any, ...]]], Sequence[tuple[Value, ...]]]

_FORK_PATIENCE = 1.0  # seconds that a fork waits for another thread's transaction


class Connection:
    """A connection that closes itself before a fork and opens again when it is next used.

    Args:
        path: the file, absolute.
        opener: opens it; called again after a fork.
        timeout: seconds to wait for a lock that another thread or process holds.
        guard: notices that the file is gone.
    """

    def __init__(self, path: str, opener: Callable[[], apsw.Connection], timeout: float, guard: Guard) -> None:
        self.path = path
        self.timeout = timeout
        self.closed = False
        self.begun = 0
        """Counts transactions: what was read in one holds until the next."""
        self.rollbacks = 0
        """Counts what was undone, whole transactions and savepoints: what was read before may no longer be there."""
        self.checkpoints: Checkpoints | None = None
        self._opener = opener
        # Held once by a thread, however deep its transactions nest.
        self._lock: Any = RLock()
        # Not the transactions themselves: that one of them is gone is part of what puts an interrupt right.
        self._stack: list[object] = []
        self.behind = self._behind = Behind()
        self._forked = False
        self._raw: apsw.Connection | None = opener()
        self._guard = guard
        guard.opened()
        forking.watch(self)

    # --- reading -------------------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """All rows of a statement; nothing stays open behind it, so no snapshot is held."""
        try:
            return self._enter().execute(sql, parameters).fetchall()
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._leave()

    def row(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def value(self, sql: str, parameters: Sequence[Value] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    # --- writing -------------------------------------------------------------------------------------------------

    def transaction(self) -> Transaction:
        """All or nothing: `BEGIN IMMEDIATE`, or a savepoint inside another transaction of the same thread."""
        return Transaction(self)

    def write(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Run one writing statement, by itself or in the transaction that is open; return its rows."""
        try:
            return self._enter_writing().execute(sql, parameters).fetchall()
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._leave()

    def insert(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run an `INSERT … RETURNING id` and return the id."""
        return int(self.write(sql, parameters)[0][0])

    def append(self, sql: str, parameters: Sequence[Value]) -> int:
        """Run an INSERT that adds one row and updates none; return the row's id. Quicker than `RETURNING`."""
        try:
            raw = self._enter_writing()
            raw.execute(sql, parameters)
            return raw.last_insert_rowid()
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._leave()

    def append_behind(
        self, table: str, sql: str, row: tuple[Any, ...], size: int = 0, finish: Finish | None = None
    ) -> int:
        """As `append`, with the id as $1; in a transaction the row is written later, or before what may see it.

        Args:
            table: where the row goes; it has AUTOINCREMENT.
            row: the parameters behind the id.
            size: about how many bytes they are, if that is more than a hundred.
            finish: turns rows, with their ids, into those that can be written: cheaper for many. It does not fail.
        """
        if not self._stack or not self._lock._is_owned():
            whole = (None, *row)
            return self.append(sql, whole if finish is None else finish([whole])[0])
        behind = self._behind
        number = behind.ids[table] if table in behind.ids else self.last_id(table)
        behind.ids[table] = number = number + 1
        if finish is not None:
            behind.finish[sql] = finish
        self._later(sql, (number, *row), size)
        return number

    def append_many(self, table: str, sql: str, count: int, columns: Iterable[Iterable[Value]]) -> range:
        """As `append_behind` for `count` rows at once, given by column and written now; return their ids."""
        with Transaction(self):
            first = self.last_id(table) + 1
            ids = range(first, first + count)
            self.using(lambda raw: write_together(raw, sql, zip(ids, *columns, strict=False), count))
            return ids

    def write_behind(self, sql: str, row: tuple[Value, ...], size: int = 0) -> None:
        """As `append_behind` for a row without an id of its own."""
        if not self._stack or not self._lock._is_owned():
            self.write(sql, row)
        else:
            self._later(sql, row, size)

    def _later(self, sql: str, row: tuple[Value, ...], size: int) -> None:
        behind = self._behind
        waiting = behind.rows.get(sql)
        if waiting is None:
            waiting = behind.rows[sql] = []
        waiting.append(row)
        behind.size += ROW + size
        if behind.size > LIMIT:
            self.flush()

    def write_many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Run one writing statement for every row, in one transaction."""
        with Transaction(self):
            self.using(lambda raw: write_together(raw, sql, rows, len(rows)))

    def script(self, sql: str) -> None:
        """Run several statements inside the transaction that is open."""
        self.using(lambda raw: raw.execute(sql).fetchall())

    def last_id(self, table: str) -> int:
        """The largest id that an AUTOINCREMENT table has ever had, in the transaction that is open."""
        try:
            raw = self._raw
            if raw is None or not raw.in_transaction:
                raw = self._live()  # which says what is wrong
            return self._behind.last_id(raw, table)
        except apsw.Error as failure:
            raise translate(failure, self.path) from None

    def flush(self, more: bool = False) -> None:
        """Write what waits (with `more` to come, not all); if that fails, undo the transaction: some of it is lost."""
        raw = self._raw
        if raw is None or not raw.in_transaction:
            return  # `_live` says what is wrong
        try:
            self._behind.write(raw, more)
        except BaseException as failure:
            if raw.in_transaction:
                raw.execute("ROLLBACK")  # before anything is forgotten: another interrupt can come at any step
            self._behind.clear()
            self.rollbacks += 1
            if isinstance(failure, apsw.Error):
                raise translate(failure, self.path) from None
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction of this thread is open."""
        return bool(self._stack) and self._lock._is_owned()

    @property
    def others_transaction(self) -> bool:
        """Whether a transaction of another thread is open: what it has written may yet be undone."""
        return bool(self._stack) and not self._lock._is_owned()

    def using(self, action: Callable[[apsw.Connection], object]) -> None:
        """Let the engine's own modules act on the SQLite connection, with the lock held."""
        try:
            action(self._enter())
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._leave()

    # --- the transaction's steps, called by Transaction ------------------------------------------------------------

    def begin(self, transaction: object) -> None:
        """Open a transaction, or a savepoint inside the one that is open."""
        try:
            raw = self._enter()
            depth = len(self._stack)
            if depth == 0:
                self._ready(raw)
                self.begun += 1
            self._stack.append(transaction)  # before there is anything to undo
            raw.execute(f"SAVEPOINT level{depth}" if depth else "BEGIN IMMEDIATE")
        except BaseException as failure:
            self.drop(transaction)
            if isinstance(failure, apsw.Error):
                raise translate(failure, self.path) from None
            raise

    def commit(self, transaction: object) -> None:
        """Keep what was done since `begin`; on failure nothing of the transaction is kept."""
        try:
            depth = self._depth_of(transaction)
            raw = self._live()
            self._guard.before_commit(raw)
            raw.execute(f"RELEASE level{depth}" if depth else "COMMIT")
            del self._stack[depth:]
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self.drop(transaction)

    def drop(self, transaction: object) -> None:
        """End a transaction with all that is open inside it, undoing what was not committed; idempotent."""
        if self._forked:
            self._stack.clear()
            return
        if not self._lock._is_owned():
            return
        try:
            if transaction in self._stack:
                depth = self._stack.index(transaction)
                self._behind.clear()  # only of the innermost: beginning it has written what waited before
                self.rollbacks += 1
                self._undo(depth)
                del self._stack[depth:]
            elif not self._stack:
                self._undo(0)
        finally:
            self._leave()

    def _undo(self, depth: int) -> None:
        raw = self._raw
        # SQLite has already rolled back by itself after a full device or an I/O error.
        if raw is None or not raw.in_transaction:
            return
        try:
            raw.execute(f"ROLLBACK TO level{depth}; RELEASE level{depth}" if depth else "ROLLBACK")
        except apsw.SQLError:
            pass  # interrupted just before the savepoint was made: there is nothing to undo

    def _depth_of(self, transaction: object) -> int:
        if self._forked:
            raise forking.error(self.path)
        if transaction not in self._stack:
            raise HstoreError("this batch was ended by leaving the one around it first")
        if not self._lock._is_owned():
            raise HstoreError("a batch ends in the thread that began it")
        return self._stack.index(transaction)

    # --- life ------------------------------------------------------------------------------------------------------

    def _enter(self) -> apsw.Connection:
        """Have the lock and return the live connection; `_leave` must follow, whatever happens."""
        if not self._lock._is_owned() and not self._lock.acquire(True, self.timeout):
            raise Busy(
                f"{printable(self.path)}: another thread of this process has been in a batch, or in a query, for more"
                f" than {self.timeout:g} s; a batch must not wait for threads that record by themselves"
            )
        return self._live()

    def _enter_writing(self) -> apsw.Connection:
        """As `_enter`, for a statement that writes: it is its own transaction unless one is open.

        A single statement takes the write lock when it begins and waits for it just as BEGIN IMMEDIATE does
        (`sqlite3BtreeBeginTrans` calls the busy handler while no transaction is open), at a third of the calls.
        """
        raw = self._enter()
        if not self._stack:
            self._ready(raw)
        return raw

    def _ready(self, raw: apsw.Connection) -> None:
        """Before a transaction: undo what an interrupt left, and look whether the file is still there."""
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        self._guard.check(raw)

    def _leave(self) -> None:
        """Give the lock back unless a transaction is open."""
        if not self._stack and self._lock._is_owned():
            self._lock.release()

    def _live(self) -> apsw.Connection:
        raw = self._raw
        if raw is None:
            raw = self._reopen()
        elif self._stack:
            if self._behind.rows or self._behind.source is not None:
                self.flush()
            self._behind.ids.clear()  # the statement that comes may add rows
            if not raw.in_transaction:
                raise StoreError(
                    f"{printable(self.path)}: SQLite rolled this transaction back after an earlier error;"
                    " leave the batch"
                )
        return raw

    def _reopen(self) -> apsw.Connection:
        if self._forked:
            raise forking.error(self.path)
        if self.closed:
            raise StoreClosed(f"{printable(self.path)}: the store is closed")
        raw = self._raw = self._guard.note(self._opener())
        return raw

    def close(self) -> None:
        """Close; idempotent. An open transaction of this thread is rolled back."""
        if self._forked or self.closed:
            return
        try:
            raw = self._enter()
            self.closed = True
            self._stack.clear()
            self._behind.clear()
            self._raw = None
            forking.forget(self)
            self._guard.before_closing(raw)
            raw.close()
        except apsw.Error as failure:
            raise translate(failure, self.path) from None
        finally:
            self._leave()

    # --- forking, see engine/forking.py -----------------------------------------------------------------------------

    def suspend(self) -> bool:
        """Close before a fork and keep the lock; False if that is not possible now."""
        if self._stack and self._lock._is_owned():
            return False
        if not self._lock.acquire(True, _FORK_PATIENCE):
            return False
        raw, self._raw = self._raw, None
        try:
            if raw is not None:
                # The connection comes back at once: a checkpoint now would be work for nothing.
                raw.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                raw.close()
        except apsw.Error:
            self._raw = raw
            self._lock.release()
            return False
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
        self._behind.clear()
        self._lock = RLock()
        raw, self._raw = self._raw, None
        if raw is not None:
            forking.keep_for_ever(raw)
        return self._guard.identity
