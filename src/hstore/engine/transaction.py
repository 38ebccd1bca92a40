"""A transaction as a `with` block, whatever interrupts it."""

from __future__ import annotations

from hstore.errors import HstoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial
    from types import TracebackType

    from hstore.engine.connection import Connection
else:
    from _functools import partial  # at no cost, unlike `functools`


class _Leaving(partial[None]):
    """The `__exit__` that a `with` statement holds on to, and nobody else: with it goes what was not committed.

    An interrupt can come at the first step of `__exit__`, or between `__enter__` and the block. The transaction itself
    then lives in the traceback for as long as the interrupt is being handled, and what the handler records would be
    undone with it afterwards. This one is no argument of any Python function, so no traceback keeps it.
    """

    def __del__(self) -> None:
        self.args[0].__del__()


class _Exit:
    """Makes `__exit__` of a function; looked up before the transaction was entered, as `with` does, a `_Leaving`."""

    def __init__(self, leave: Callable[..., None]) -> None:
        self._leave = leave

    def __get__(self, transaction: Transaction | None, owner: type[Transaction]) -> Callable[..., None]:
        if transaction is None:
            return self._leave  # `contextlib.ExitStack` calls it with the transaction
        return (partial if transaction._entered else _Leaving)(self._leave, transaction)


class Transaction:
    """A `with` block around writes: kept when it ends, undone by any exception."""

    __slots__ = ("_connection", "_entered", "_key")

    def __init__(self, connection: Connection) -> None:
        self._entered = False
        self._connection = connection
        self._key = object()

    def __enter__(self) -> Transaction:
        if self._entered:
            raise HstoreError("a batch is entered once; call batch() again for another")
        self._entered = True
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

    def __del__(self) -> None:
        # Where no `with` statement is, `_Leaving` is not either.
        if getattr(self, "_entered", False):
            self._connection.drop(self._key)
