"""`store.masking`: what is stored already, masked anew by present rules and values, scrubbed, and looked for after."""

from __future__ import annotations

from _thread import allocate_lock

from hstore.clock import from_seconds
from hstore.errors import Busy, HstoreError, ReadOnly
from hstore.listing import to_call, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import RemaskProgress, RemaskReport

    Watch = Callable[[RemaskProgress], None]


class Remasking:
    """`store.masking`: masks what is stored anew.

    Args:
        connection: the store's.
        door: holds the masker by which everything new is masked, too.
        values: the values that the masker knows.
        readonly: whether the store may not be written.
    """

    def __init__(self, connection: Connection, door: Door, values: Sequence[str | bytes], readonly: bool) -> None:
        self._connection = connection
        self._door = door
        self._values = values
        self._readonly = readonly
        self._running = allocate_lock()

    def apply(
        self,
        *,
        dry_run: bool = False,
        everything: bool = False,
        patience: float = 30.0,
        progress: Watch | None = None,
    ) -> RemaskReport:
        """Mask all that is stored by the rules and values that the store was opened with.

        It works in bounded batches beside other processes and keeps its place in the file: after an interruption of
        any kind the next call goes on where it ended. What was replaced is then scrubbed: the file is built anew
        from its live rows (in memory, as large as the file), the WAL is emptied, and the bytes of the file are
        searched for what was replaced. Names that must be unique get ` (2)` behind them where two become one.

        Args:
            dry_run: count what would be replaced, and write nothing.
            everything: look again at content that the same rules and values have been over, and begin anew.
            patience: seconds to wait for processes that read an older state and so keep the WAL from being emptied.
            progress: is told of each batch.

        Returns:
            The report; `report.clean` says whether nothing is left. An audit line is never changed, and an artifact
            that somebody is still writing is left: the report names both.

        Raises:
            InvalidInput: an argument of the wrong type, or a negative patience.
            ReadOnly: the store was opened for reading, and it is no dry run.
            Busy: another process or thread is at it, or holds the lock for too long; what was done is kept.
            StorageFull: no room for the WAL, which becomes as large as the file. HstoreError: called in a batch.
        """
        from hstore.remasking.going_over import GoingOver

        tell = _unwatched if progress is None else progress
        to_call("progress", tell)
        only_said, begin_anew = truth("dry_run", dry_run), truth("everything", everything)
        seconds = from_seconds("patience", patience) / 1e6
        if self._readonly and not only_said:
            raise ReadOnly("this store was opened for reading only, so nothing in it can be masked anew")
        if self._connection.in_transaction:
            raise HstoreError("masking anew commits its own batches; call it outside of batch()")
        if not self._running.acquire(False):
            raise Busy("another thread is masking this store anew")
        try:
            going = GoingOver(self._connection, self._door, self._values, tell)
            return going.dry_run() if only_said else going.run(everything=bool(begin_anew), patience=seconds)
        finally:
            self._running.release()


def _unwatched(_: RemaskProgress) -> None:
    return None
