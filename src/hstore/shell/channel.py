"""What a recorder and its shell share: a pipe for messages, memory for the shell's own use, a notice to be shown.

On Linux all three are anonymous and reached through `/proc/PID/fd/N`: nothing of them is on a disk, nothing is left
behind by `kill -9`, and no command inherits them. N is drawn at random, so that a process that is given the number of a
recorder that has died is not mistaken for it: it would need a pipe under this very number. Elsewhere there is a named
pipe in a private folder, and nothing else.
"""

from __future__ import annotations

import os
import sys

HAS_DESCRIPTOR_PATHS = sys.platform == "linux" and hasattr(os, "memfd_create")
"""Whether another process can open what this one has open."""
PIPE_BYTES = 1 << 20
"""What the pipe holds where the system allows it, so that a shell need not wait while its recorder is busy."""
NOTICE_BYTES = 4096
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ (fcntl(2)), which Python names from 3.10 on


class Channel:
    """One recorder's side; made before the recorder is forked, so that the shell can write before it runs.

    Attributes:
        pipe: the descriptor that messages are read from, without blocking.
    """

    def __init__(self) -> None:
        self._folder: str | None = None
        self._memory = self._notice = self._writer = -1
        if HAS_DESCRIPTOR_PATHS and os.path.isdir("/proc/self/fd"):
            reader, writer = os.pipe()
            # The end for writing stays open: a pipe without writers would be ready to be read all the time.
            self.pipe, self._writer = _moved(reader), _moved(writer)
            self._memory = _moved(os.memfd_create("hstore-line"))
            self._notice = _moved(os.memfd_create("hstore-notice"))
        else:
            self.pipe = self._writer = self._named()
        os.set_blocking(self.pipe, False)
        os.set_blocking(self._writer, False)
        _enlarge(self.pipe)

    def _named(self) -> int:
        from tempfile import mkdtemp

        self._folder = mkdtemp(prefix="hstore-")
        path = os.path.join(self._folder, "pipe")
        os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def addresses(self, pid: int) -> tuple[str, ...]:
        """Paths by which the shell reaches the pipe, memory and notice of the recorder `pid`.

        A named pipe may outlive its recorder, so there the last two are empty and the process's id follows.
        """
        if self._folder is not None:
            return (os.path.join(self._folder, "pipe"), "", "", str(pid))
        return tuple(f"/proc/{pid}/fd/{number}" for number in (self.pipe, self._memory, self._notice))

    def descriptors(self) -> frozenset[int]:
        """All that are open."""
        return frozenset(number for number in (self.pipe, self._writer, self._memory, self._notice) if number >= 0)

    def tell(self, message: str) -> None:
        """Have the shell show one line before its next prompt, where there is a notice."""
        shown = "".join(letter if letter.isprintable() else "?" for letter in message)
        line = shown.encode("utf-8", "backslashreplace") + b"\n"
        if self._notice >= 0 and os.fstat(self._notice).st_size + len(line) <= NOTICE_BYTES:
            os.lseek(self._notice, 0, os.SEEK_END)
            os.write(self._notice, line)

    def wake(self) -> None:
        """Make the pipe ready to be read, from a signal's handler."""
        if self._writer >= 0:
            try:
                os.write(self._writer, b"\0")
            except BlockingIOError:
                pass  # it is full, so it is ready

    def close(self) -> None:
        """Close everything, and remove what has a name; its folder is renamed first, so that nobody can write there."""
        for number in self.descriptors():
            os.close(number)
        if self._folder is not None:
            gone = f"{self._folder}.gone"
            os.rename(self._folder, gone)
            os.unlink(os.path.join(gone, "pipe"))
            os.rmdir(gone)


def _moved(descriptor: int) -> int:
    """The same under a number drawn at random, where there are so many."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    try:
        moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 100 + int.from_bytes(os.urandom(2), "big") % 900)
    except OSError:
        return descriptor
    os.close(descriptor)
    return moved


def _enlarge(pipe: int) -> None:
    from fcntl import fcntl

    if sys.platform != "linux":
        return
    try:
        fcntl(pipe, _SET_PIPE_SIZE, PIPE_BYTES)
    except OSError:
        pass  # the user has many large pipes already; what it holds by default will do
