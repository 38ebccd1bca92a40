"""A transaction as a `with` block, whatever interrupts it."""

from __future__ import annotations

from _weakref import ref

from hstore.errors import HstoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial
    from types import TracebackType
    from typing import Any

    from hstore.engine.connection import Connection
else:
    from _functools import partial  # at no cost, unlike `functools`


class _Exit:
    """Makes `__exit__` of a function: what a `with` statement holds on to, and nobody else, so it is watched.

    An interrupt can come between `__enter__` and the block, or at the first step of `__exit__`. The transaction itself
    then lives in the traceback for as long as the interrupt is being handled, and what the handler records would be
    undone with it afterwards. What is looked up here is an argument of no Python function, so no traceback keeps it.
    Nothing has a destructor: an interrupt that comes in one is lost, and every transaction would pass through it.
    """

    def __init__(self, leave: Callable[..., None]) -> None:
        self._leave = leave

    def __get__(self, transaction: Transaction | None, owner: type[Transaction]) -> Callable[..., None]:
        if transaction is None:
            return self._leave  # `contextlib.ExitStack` calls it with the transaction
        leave = partial(self._leave, transaction)
        if not transaction._entered:  # `with` looks it up before it enters
            transaction._watch = transaction._undone_with(leave)
        return leave


class Transaction:
    """A `with` block around writes: kept when it ends, undone by any exception."""

    __slots__ = ("__weakref__", "_connection", "_entered", "_key", "_watch")

    def __init__(self, connection: Connection) -> None:
        self._entered = False
        self._watch: ref[Any] | None = None
        self._connection = connection
        self._key = object()

    def __enter__(self) -> Transaction:
        if self._entered:
            raise HstoreError("a batch is entered once; call batch() again for another")
        self._entered = True
        if self._watch is None or self._watch() is None:  # without a `with` statement
            self._watch = self._undone_with(self)
        try:
            self._connection.begin(self._key)
            return self
        except BaseException:
            self._connection.drop(self._key)
            raise

    @_Exit
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self._connection.commit(self._key)
            except BaseException:
                self._connection.drop(self._key)
                self._entered = False
                raise
        else:
            self._connection.drop(self._key)
        self._entered = False
        self._watch = None

    def _undone_with(self, holder: object) -> ref[Any]:
        """Undo what is not committed when `holder` goes; no part of this keeps the transaction itself."""
        return ref(holder, partial(_undo, self._connection, self._key))


def _undo(connection: Connection, key: object, _: object) -> None:
    connection.drop(key)
