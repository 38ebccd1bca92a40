"""A transaction as a `with` block, whatever interrupts it."""

from __future__ import annotations

from hstore.errors import HstoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from hstore.engine.connection import Connection


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
        # An interrupt can come between `__enter__` and the block, or at the first step of `__exit__`.
        if getattr(self, "_entered", False):
            self._connection.drop(self._key)
