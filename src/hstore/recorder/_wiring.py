"""Decides what each of the command's streams is connected to, and makes those pipes and terminals.

| here | there |
|---|---|
| output is a terminal | a pseudo-terminal, one for both outputs where they are one terminal |
| output is anything else | a pipe, one for both outputs where they are one pipe or file (`2>&1`) |
| output is closed | closed |
| input and standard output are terminals | the keyboard is forwarded, the pseudo-terminal is the command's own |
| any other input | inherited |

The keyboard is forwarded only where standard output is a terminal too: in `hstore run -- make | less` it
belongs to `less`, and reading it here would take its keys away. Whoever shares the real terminal in that
way stays in the recorder's process group, so that Ctrl-C and Ctrl-Z reach it as they always did.
"""

from __future__ import annotations

import os
import stat

from hstore.recorder._terminal import PseudoTerminal, owns_keyboard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STDIN, STDOUT, STDERR = 0, 1, 2
_NAMES: dict[tuple[int, ...], str] = {(STDOUT,): "stdout", (STDERR,): "stderr"}
_PIPE_BYTES = 1 << 20  # fewer, larger reads; a hint that a kernel or its limits may refuse


class Channel:
    """One way for output: from the command's end at `source` to our own descriptor `outlet`, as `name`."""

    __slots__ = ("name", "outlet", "source")

    def __init__(self, name: str, source: int, outlet: int) -> None:
        self.name = name
        self.source = source
        self.outlet = outlet


class Wiring:
    """Everything that connects one command; `actions` are for posix_spawn, in its form.

    Call `started` once the command runs, or `close` where it never did.
    """

    def __init__(self) -> None:
        self.channels: list[Channel] = []
        self.terminals: list[PseudoTerminal] = []
        self.keyboard: PseudoTerminal | None = None
        self.actions: list[tuple[Any, ...]] = []
        self._theirs: list[int] = []

    def started(self) -> None:
        """Close the command's ends here, so that the end of its output can be seen."""
        for fd in self._theirs:
            os.close(fd)
        self._theirs.clear()

    def close(self) -> None:
        """Close everything."""
        self.started()
        for channel in self.channels:
            os.close(channel.source)
        self.channels.clear()

    def add_terminal(self, outputs: tuple[int, ...], *, keyboard: bool) -> None:
        """Connect `outputs`, which are one terminal here, to a pseudo-terminal."""
        terminal = PseudoTerminal(outputs[0], keyboard=keyboard)
        self.terminals.append(terminal)
        self._theirs.append(terminal.slave)
        if keyboard:
            self.keyboard = terminal
            # Opened by its path, not duplicated: that makes it the controlling terminal (see _spawn.py).
            self.actions.append((os.POSIX_SPAWN_OPEN, STDIN, terminal.path, os.O_RDWR, 0))
        self.actions += [(os.POSIX_SPAWN_DUP2, terminal.slave, fd) for fd in outputs]
        self.channels.append(Channel(_NAMES.get(outputs, "terminal"), terminal.master, outputs[0]))

    def add_pipe(self, outputs: tuple[int, ...]) -> None:
        """Connect `outputs`, which are one pipe or file here, to a pipe."""
        source, theirs = os.pipe()
        _widen(source)
        self._theirs.append(theirs)
        self.actions += [(os.POSIX_SPAWN_DUP2, theirs, fd) for fd in outputs]
        self.channels.append(Channel(_NAMES.get(outputs, "stdout"), source, outputs[0]))


def keep_standard_descriptors() -> frozenset[int]:
    """Put /dev/null at those of 0, 1, 2 that are closed, and say which are open.

    Otherwise the next file opened, the database for one, would get such a number and with it whatever is
    printed. The stand-in closes itself in the command, which finds the descriptor closed as it should be.
    """
    given = frozenset(fd for fd in (STDIN, STDOUT, STDERR) if _is_open(fd))
    while len(given) < 3:
        placed = os.open(os.devnull, os.O_RDWR)
        if placed > STDERR:
            os.close(placed)
            break
    return given


def connect(given: frozenset[int]) -> Wiring:
    """Make the pipes and pseudo-terminals for the outputs among the `given` descriptors.

    Raises:
        OSError: the system has no pseudo-terminal or descriptor left.
    """
    wiring = Wiring()
    try:
        for outputs in _grouped([fd for fd in (STDOUT, STDERR) if fd in given]):
            if os.isatty(outputs[0]):
                keyboard = STDOUT in outputs and STDIN in given and _forwards_keyboard()
                wiring.add_terminal(outputs, keyboard=keyboard)
            else:
                wiring.add_pipe(outputs)
    except BaseException:
        wiring.close()
        raise
    return wiring


def _forwards_keyboard() -> bool:
    return os.isatty(STDIN) and owns_keyboard(STDIN)


def _grouped(outputs: list[int]) -> list[tuple[int, ...]]:
    if len(outputs) == 2 and _are_one(*outputs):
        return [tuple(outputs)]
    return [(fd,) for fd in outputs]


def _are_one(first: int, second: int) -> bool:
    """Whether bytes written to either land in one place, in the order of writing."""
    one, other = os.fstat(first), os.fstat(second)
    if (one.st_dev, one.st_ino) != (other.st_dev, other.st_ino):
        return False
    if stat.S_ISCHR(one.st_mode):
        return os.isatty(first)  # on /dev/null there is no order to keep
    return True


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _widen(pipe: int) -> None:
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            pass  # over the user's limit: the ordinary size works as well
