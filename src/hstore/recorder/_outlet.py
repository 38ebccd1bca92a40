"""Our own end of a channel: one of the descriptors 1 and 2, written so that a slow reader stops nothing else."""

from __future__ import annotations

import errno
import os
import stat

GONE = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO})
"""The reader has left: the pipe is closed, the terminal hung up."""


class Outlet:
    """Writes to the descriptor `given`, by a descriptor of its own where that can avoid blocking."""

    def __init__(self, given: int) -> None:
        self._given = given
        self.fd = _reopened(given)

    def write(self, data: bytes | memoryview) -> int:
        """Write what fits now and return how much that was.

        Raises:
            OSError: the reader is gone (`errno` in `GONE`), or the place is full or failing.
        """
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close the own descriptor; the given one stays as it was."""
        if self.fd != self._given:
            os.close(self.fd)
            self.fd = self._given


def _reopened(fd: int) -> int:
    """A second, non-blocking opening of a pipe; anything else is used as it is.

    Someone may read our standard error to its end before our standard output. A blocking write to the one
    would then keep us from ever serving the other, where the command by itself would not have hung. The
    flag O_NONBLOCK itself would be seen by everyone who shares the pipe, so it needs an opening of its own.
    Files do not block; a terminal that is stopped is meant to stop everything.
    """
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return fd  # no /proc, another user's pipe, or no reader any more
