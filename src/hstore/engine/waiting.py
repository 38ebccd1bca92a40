"""Waiting for a lock that another process holds: bounded, and whoever has waited long tries more often."""

from __future__ import annotations

from _thread import get_ident
from time import monotonic, sleep

_FIRST, _LONGEST, _SHORTEST = 50e-6, 30e-3, 5e-3  # seconds; shorter ones at the end wake too many only to wait again
_PRESSING = 50e-6  # seconds between two tries of a checkpoint that everybody else waits for


def _pauses() -> tuple[float, ...]:
    """Seconds between tries: tripled up to the longest, then shrunk to the shortest.

    A holder is mostly gone after a few tens of microseconds, so the first tries come quickly. Where many wait, long
    pauses leave the processors to those that have something to write; but with SQLite's own handling, whose pauses only
    grow, newcomers go first again and again and somebody waits for seconds. So pauses shrink with age.
    A queue of waiters (a lock on a file beside the database) was tried too: no fairer in the tail, and somebody who is
    stopped at its head must be overtaken by a clock anyhow.
    """
    pauses = [_FIRST]
    while pauses[-1] < _LONGEST:
        pauses.append(min(3 * pauses[-1], _LONGEST))
    while pauses[-1] > _SHORTEST:
        pauses.append(max(0.8 * pauses[-1], _SHORTEST))
    return tuple(pauses)


_PAUSES = _pauses()


class Patience:
    """A busy handler: called by SQLite whenever a lock is held by somebody else.

    It is Python, so that a KeyboardInterrupt ends the wait at once, and other threads run meanwhile.

    Args:
        seconds: the longest wait for one lock.

    Attributes:
        impatient: threads, by their number, that rather do without than wait.
    """

    __slots__ = ("_deadline", "impatient", "pressing", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._deadline = 0.0
        self.impatient: set[int] = set()
        self.pressing = False

    def __call__(self, tries: int) -> bool:
        """Sleep a little; False once the bound is reached. `tries` were in vain for this lock before."""
        if self.impatient and get_ident() in self.impatient:
            return False
        now = monotonic()
        if self.pressing:
            pause = _PRESSING
        else:
            if not tries:
                self._deadline = now + self.seconds
            # The clock's last digits keep waiters from coming back in step; `random` costs every start milliseconds.
            pause = _PAUSES[min(tries, len(_PAUSES) - 1)] * (0.5 + now * 1e6 % 1.0)
        left = self._deadline - now
        if left <= 0:
            return False
        sleep(min(pause, left))
        return True

    def press(self, seconds: float) -> None:
        """Until `pressing` is set back: wait `seconds` at most in all, and try without long pauses."""
        self._deadline = monotonic() + seconds
        self.pressing = True
