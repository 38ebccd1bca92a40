"""The keyboard of a command with a terminal of its own: what is typed here goes there, but for Ctrl-Z."""

from __future__ import annotations

import os
import select

from hstore.recorder._terminal import owns_keyboard, suspend_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

    from hstore.recorder._terminal import RawMode
else:
    import _signal as signal  # without the enums of the plain module; see _signals.py

_READ_BYTES = 64 << 10
_STDIN = 0


class Keyboard:
    """Carries what is typed to the pseudo-terminal `master`, and waits with reading while that is full.

    Ctrl-Z is done here. On its own pseudo-terminal the command leads a session in which no shell could
    continue it, so the kernel does not suspend it there. Instead it is stopped from here, together with the
    recorder, and the shell around sees a stopped job that `fg` continues. A program that takes keys as they
    are (a full-screen editor) gets Ctrl-Z like any other.
    """

    def __init__(
        self,
        master: int,
        child: int,
        raw_mode: RawMode,
        watch: Callable[[int, int, Callable[[int], None]], None],
        forget: Callable[[int], None],
    ) -> None:
        self.master = master
        self._child = child
        self._raw_mode = raw_mode
        self._watch = watch
        self._forget = forget
        # A number of its own, because poll(2) serves each once; the flag is shared, and reading can bear it.
        self._writer = os.dup(master)
        os.set_blocking(self._writer, False)
        self._unsent: bytes = b""
        self._watch(_STDIN, select.POLLIN, self._typed)
        if raw_mode.typed:
            self._press(raw_mode.typed)

    def stop(self) -> None:
        """Leave the keyboard alone from now on."""
        if self._writer >= 0:
            self._forget(_STDIN)
            self._forget(self._writer)
            os.close(self._writer)
            self._writer = -1

    def come_back(self) -> None:
        """Look at the keyboard again, after a stop: `fg` gives it back."""
        if self._writer >= 0 and not self._unsent:
            self._watch(_STDIN, select.POLLIN, self._typed)

    def _typed(self, _events: int) -> None:
        if not owns_keyboard(_STDIN):
            self._forget(_STDIN)  # in the background, after Ctrl-Z and `bg`: these keys are the shell's
            return
        try:
            keys = os.read(_STDIN, _READ_BYTES)
        except OSError:
            keys = b""  # hung up: the command hears of that by SIGHUP
        if not keys:
            self._forget(_STDIN)
            return
        key = suspend_key(self.master)
        if key is not None and key in keys and self._is_alone():
            keys = keys.replace(key, b"")
            self._suspend()
        if keys:
            self._press(keys)

    def _is_alone(self) -> bool:
        """Whether the command itself is in the foreground there, and not a job of a shell that it is."""
        try:
            return os.tcgetpgrp(self.master) == self._child
        except OSError:
            return False

    def _suspend(self) -> None:
        self._raw_mode.pause()
        try:
            os.killpg(self._child, signal.SIGSTOP)
            os.kill(0, signal.SIGTSTP)  # the recorder's whole group, as the terminal would have done
            # Here the recorder stands still until SIGCONT, whose handling sets raw mode again (see _relay.py).
            # Where no shell could continue it, the kernel has ignored the signal and all goes on.
            os.killpg(self._child, signal.SIGCONT)
        except OSError:
            pass  # it has just ended
        self._raw_mode.resume_in_foreground()

    def _press(self, keys: bytes) -> None:
        try:
            sent = os.write(self._writer, keys)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.stop()
            return
        self._unsent = keys[sent:]
        if self._unsent:
            self._forget(_STDIN)
            self._watch(self._writer, select.POLLOUT, lambda _events: self._press(self._unsent))
        else:
            self._forget(self._writer)
            self._watch(_STDIN, select.POLLIN, self._typed)
