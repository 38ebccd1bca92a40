"""Long work beside other writers: transactions of some milliseconds, with pauses in which those who wait get in."""

from __future__ import annotations

from _thread import get_ident
from time import monotonic, sleep

import apsw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from hstore.engine.connection import Connection, Value

SLICE = 0.0015
"""Seconds of one transaction. Its steps take less each, and it ends after the one in which the time was up."""
_PAGES = 128
"""Pages that a transaction may change until the next ones are made shorter: writing them is part of the time."""
_ALONE, _COMPANY = 1.0, 8.0  # pauses, as multiples of the transaction before
_LONGEST = 0.05  # seconds of a pause
_REMEMBERED = 1.0  # seconds after another's commit in which more of them are expected
_LOOKS = 500  # virtual machine instructions between two looks at the clock

OTHERS_WRITE = "PRAGMA data_version"


class Pace:
    """Carries out work that is given as steps: each small, and after each of them the transaction may end.

    Nobody is told of waiting writers, who try again after pauses that grow to some 30 ms (see `waiting`). So what
    counts is the part of the time in which the lock is free: with eight ninths of it one try in nine is in vain, and
    six in a row, some 90 ms, are one in half a million. Transactions are short, so that more of the first tries fall
    into different ones. Where nobody else has written lately the lock is free for half of the time.

    In a batch of the caller's there are no pauses: all of it is part of that one transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pages = 0
        self._slice = SLICE
        self._version = -1
        self._company_until = 0.0

    def carry_out(self, steps: Iterator[object], between: Callable[[], object] = lambda: None) -> None:
        """Do all of it. What was committed stays, whatever interrupts the rest.

        Args:
            steps: the work.
            between: is called between two transactions.
        """
        connection = self._connection
        if connection.in_transaction:
            with connection.transaction():
                for _ in steps:
                    pass
            return
        self._checkpoint_often(True)
        try:
            more = True
            while more:
                with connection.transaction():
                    begun = monotonic()
                    more = _until(steps, begun + self._slice)
                self._adapt()
                taken = monotonic() - begun
                between()
                if more:
                    sleep(self._pause(taken))
        finally:
            self._checkpoint_often(False)

    def try_for(self, steps: Iterator[object], seconds: float) -> bool:
        """Do what can be done in about so many seconds, without waiting for anybody.

        Returns:
            Whether something may be left.

        Raises:
            Busy: another process is writing.
        """
        connection = self._connection
        impatient = set() if connection.checkpoints is None else connection.checkpoints.patience.impatient
        end = monotonic() + seconds
        impatient.add(get_ident())
        try:
            while True:
                with connection.transaction():
                    begun = monotonic()
                    if not _until(steps, min(begun + SLICE, end)):
                        return False
                pause = self._pause(monotonic() - begun)
                if monotonic() + pause >= end:
                    return True
                sleep(pause)
        finally:
            impatient.discard(get_ident())

    def _adapt(self) -> None:
        """Make the next transactions shorter if the last one has changed many pages, else longer again."""
        if self._connection.checkpoints is None:
            return
        before, self._pages = self._pages, self._connection.checkpoints.pages
        changed = self._pages if self._pages < before else self._pages - before  # of others too, if they have written
        self._slice = max(self._slice / 2, SLICE / 8) if changed > _PAGES else min(self._slice * 1.2, SLICE)

    def _checkpoint_often(self, often: bool) -> None:
        """Keep the WAL small, so that others come to no checkpoint; or as ever again."""
        if self._connection.checkpoints is not None:
            self._connection.checkpoints.often = often

    def _pause(self, taken: float) -> float:
        """Seconds to rest after a transaction that took so long."""
        now, version = monotonic(), int(self._connection.value(OTHERS_WRITE))
        if version != self._version:
            self._version, self._company_until = version, now + _REMEMBERED
        return min(_LONGEST, taken * (_COMPANY if now < self._company_until else _ALONE))


def _until(steps: Iterator[object], end: float) -> bool:
    """Take steps until there are none, or the time is up; say whether some may be left."""
    return any(monotonic() >= end for _ in steps)


def value_within(connection: Connection, seconds: float, sql: str, parameters: Sequence[Value] = ()) -> Any:
    """As `Connection.value` where the answer may take longer than there is time for.

    Raises:
        TimeoutError: it took longer.
    """
    end = monotonic() + seconds
    found: list[Any] = []

    def read(raw: apsw.Connection) -> None:
        raw.set_progress_handler(lambda: monotonic() >= end, _LOOKS)
        try:
            found.extend(raw.execute(sql, parameters).fetchall())
        except apsw.InterruptError:
            raise TimeoutError from None
        finally:
            raw.set_progress_handler(None)

    connection.using(read)
    return found[0][0] if found else None
