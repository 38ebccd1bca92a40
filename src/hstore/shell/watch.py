"""Notices the end of a process that is not a child of this one, so that a recorder ends with its shell."""

from __future__ import annotations

import os
import select
import sys

POLL_SECONDS = 2.0
"""How often a process is looked for where the system cannot tell by itself that it has ended."""


class Watch:
    """A process under observation; `descriptor` becomes readable when it ends, or is None where it has to be asked."""

    __slots__ = ("_keep", "_pid", "descriptor")

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._keep: object = None
        self.descriptor: int | None = None
        try:
            if sys.platform == "linux" and hasattr(os, "pidfd_open"):
                self.descriptor = os.pidfd_open(pid)
            elif sys.platform == "darwin":
                queue = self._keep = select.kqueue()
                event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
                queue.control([event], 0)
                self.descriptor = queue.fileno()
        except OSError:
            pass  # it has ended already, or the kernel is too old: `has_ended` finds out which

    def has_ended(self) -> bool:
        """Say whether the process has ended."""
        if self.descriptor is not None:
            return bool(select.select([self.descriptor], [], [], 0)[0])
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        return False
