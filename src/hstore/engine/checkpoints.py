"""When the WAL is brought into the database: often enough that it stays small, never for long at a time.

SQLite's own rule, a passive checkpoint whenever a commit finds 1000 pages, fails in two ways. A WAL can begin anew only
when all of it is in the database and nobody reads it; with two processes that write all the time somebody has always
appended meanwhile, and the WAL grows for as long as they write. And a reader that never ends keeps it growing until the
device is full. So the rule here has three steps:

1. a passive checkpoint whenever the WAL has grown by `WAL_INTERVAL`: it hinders nobody but the one who commits;
2. if the WAL cannot begin anew after that, a checkpoint that keeps writers out until it can, with a short bound that
   grows with the WAL; after one in vain, the next comes when the WAL is twice as large;
3. at `WAL_LIMIT` no transaction begins before the WAL has begun anew; past the bound for waiting it is refused, and
   told who reads.
"""

from __future__ import annotations

from time import monotonic, sleep

import apsw

from hstore.engine.settings import WAL_INTERVAL, WAL_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.engine.waiting import Patience

_PASSIVE = apsw.SQLITE_CHECKPOINT_PASSIVE
_RESTART = apsw.SQLITE_CHECKPOINT_RESTART
_BOUND = 0.025  # seconds that writers may be kept out, for each `WAL_INTERVAL` in the WAL
_LONGEST = 0.25  # seconds
_PAUSE = 0.005  # seconds between two tries while another process is at a checkpoint


class Checkpoints:
    """A hook that SQLite calls after each commit with the number of pages in the WAL.

    Attributes:
        over: the WAL has reached its limit; `make_room` before writing more.
        often: at a sixteenth of the interval: who does long work that nobody waits for keeps the WAL so small that
            others do not come to a checkpoint, or have to be kept out for one, and each of its own syncs little: while
            the device is busy with that, others who append to the WAL stand still.
        pages: in the WAL after the last commit.
        patience: how the connection waits.
    """

    __slots__ = ("_due", "_in_vain", "often", "over", "pages", "patience")

    def __init__(self, patience: Patience) -> None:
        self.over = False
        self.often = False
        self.pages = 0
        self.patience = patience
        self._due = WAL_INTERVAL
        self._in_vain = 0

    def found(self, pages: int) -> None:
        """Say how large the WAL was when it was opened.

        A process that lives for one command presses nobody for a WAL that others have not got small either, unless
        it has reached the limit.
        """
        self.over = pages >= WAL_LIMIT
        self._in_vain = pages if pages > 2 * WAL_INTERVAL else 0

    def __call__(self, raw: apsw.Connection, _database: str, pages: int) -> int:
        """After a commit. What fails here has not failed the commit, so nothing is raised."""
        self.pages = pages
        interval = WAL_INTERVAL // 16 if self.often else WAL_INTERVAL
        if pages < self._due and (self._due == interval or pages >= self._due - interval):
            return 0
        if pages < self._due:  # it began anew
            self._due = interval
            self._in_vain = 0
            self.over = False
        if pages >= self._due:
            self._due = pages + interval
            self.over = pages >= WAL_LIMIT
            try:
                self._advance(raw, pages)
            except apsw.Error:
                pass  # another process is at it, or the device is full: the WAL keeps what was committed
        return 0

    def _advance(self, raw: apsw.Connection, pages: int) -> None:
        there, done = raw.wal_checkpoint(mode=_PASSIVE)
        if self.often and pages < 2 * WAL_INTERVAL:
            return  # there is time to try again, and keeping others out includes a sync
        if (done < there or pages >= 2 * WAL_INTERVAL) and pages >= 2 * self._in_vain:
            self._in_vain = pages
            self._restart(raw, min(_LONGEST, _BOUND * pages / WAL_INTERVAL))

    def _restart(self, raw: apsw.Connection, seconds: float) -> None:
        """Keep writers out until all is in the database and readers have left the WAL; BusyError past the bound."""
        try:
            self.patience.press(seconds)
            raw.wal_checkpoint(mode=_RESTART)
        finally:
            self.patience.pressing = False  # no call, in which a second interrupt could come first
        self._in_vain = 0
        self.over = False

    def make_room(self, raw: apsw.Connection) -> bool:
        """Begin the WAL anew within the usual bound of waiting; False if somebody was reading it all the time."""
        deadline = monotonic() + self.patience.seconds
        while True:
            try:
                self._restart(raw, deadline - monotonic())
                return True
            except apsw.BusyError:  # at once, without any waiting, if another process is at a checkpoint
                if monotonic() >= deadline:
                    return False
                sleep(_PAUSE)
