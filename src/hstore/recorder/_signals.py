"""Signals while a command runs: what is sent to the recorder goes to the command, once.

Handlers act directly instead of leaving a note for the loop: a write to a stalled reader is resumed by
Python after each signal, so the loop may be away for minutes. The wake-up descriptor only tells the loop
that something happened at all (the command ended, the window changed).
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import Any
else:
    import _signal as signal  # the plain module wraps its numbers into enums, for 4 ms before the start

KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
_PASSED_ON = (*KEYBOARD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_NOTICED = (signal.SIGWINCH, signal.SIGCONT)


class Signals:
    """Handlers for the time of one command; use it as a context manager in the main thread.

    A signal that was ignored when the recorder started stays ignored, here and in the command: that is
    how `nohup` works.
    """

    def __init__(self) -> None:
        self.wakeup = -1
        """Readable when a signal came; `take` empties it."""
        self.interrupts = 0
        """How often the user asked to stop since `detach`."""
        self.child_ended_at = 0.0
        """When the last child's end became known, by the monotonic clock; 0 before."""
        self._wakeup_writer = -1
        self._child: int | None = None
        self._same_group = True
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        self.wakeup, self._wakeup_writer = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(self._wakeup_writer, False)
        self._wakeup_before = signal.set_wakeup_fd(self._wakeup_writer, warn_on_full_buffer=False)
        for number in _PASSED_ON:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._pass_on)
        for number in _NOTICED:
            self._before[number] = signal.signal(number, _notice)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._child_ended)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.wakeup)
        os.close(self._wakeup_writer)

    def take(self) -> bytes:
        """The numbers of the signals that came since the last call."""
        try:
            return os.read(self.wakeup, 4096)
        except BlockingIOError:
            return b""

    def first_early(self) -> int | None:
        """A signal that came before the command started, when it need not start any more."""
        return self._early[0] if self._early else None

    def attach(self, child: int, *, same_group: bool) -> None:
        """From now on pass signals to `child`, which shares the recorder's process group or does not."""
        self._same_group = same_group
        self._child = child
        early, self._early = self._early, []
        for number in early:
            self._pass_on(number, None)

    def detach(self) -> None:
        """The command has ended: its process id may soon be another's."""
        self._child = None
        self.interrupts = 0

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
            self.interrupts += 1
        elif not self._reached_child(number):
            try:
                os.kill(self._child, number)
            except OSError:
                pass  # it has just ended, or became another user (sudo): nothing left to do for us

    def _child_ended(self, _number: int, _frame: FrameType | None) -> None:
        """Look at the clock now: the loop may be busy with opening the store for a short command."""
        self.child_ended_at = time.monotonic()

    def _reached_child(self, number: int) -> bool:
        r"""Whether the terminal has sent this signal to the command as well.

        Ctrl-C and Ctrl-\ go to the terminal's whole foreground group. Python does not tell a handler who
        sent a signal, so in that group they count as typed; `kill -INT` from elsewhere has to name the
        command or the group there.
        """
        return number in KEYBOARD and self._same_group and _in_foreground()


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False  # no controlling terminal: nobody can have typed it
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _notice(_number: int, _frame: FrameType | None) -> None:
    """Only the wake-up counts; without a handler the signal would not cause one."""
