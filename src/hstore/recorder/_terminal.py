"""Terminals: raw mode that is always taken back, window sizes, and the pseudo-terminal a command gets."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    import fcntl
    import termios
except ImportError:  # Windows: nothing here is used there
    if not TYPE_CHECKING:
        fcntl = termios = None

_TYPED_AHEAD = 4096  # bytes, what the kernel keeps of lines not yet read
_WINSIZE_BYTES = 8  # struct winsize: rows, columns and two pixel sizes, 16 bits each
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6


class PseudoTerminal:
    """A new pseudo-terminal that mirrors `mirrored`, the real terminal its output will appear on.

    With `keyboard` it becomes the command's controlling terminal and takes over all settings of the real
    one, which goes to raw mode meanwhile: echo, line editing and Ctrl-C then happen here. Without, the
    real terminal keeps those jobs, and this one only has to pass bytes through untouched.
    """

    def __init__(self, mirrored: int, *, keyboard: bool) -> None:
        self.mirrored = mirrored
        self.keyboard = keyboard
        self.master, self.slave = os.openpty()
        try:
            self.path = os.ttyname(self.slave)
            termios.tcsetattr(self.slave, termios.TCSANOW, self._settings())
            self.copy_window_size()
        except BaseException:
            os.close(self.master)
            os.close(self.slave)
            raise

    def _settings(self) -> list[Any]:
        settings = termios.tcgetattr(self.mirrored)
        if not self.keyboard:
            settings[_OFLAG] &= ~termios.OPOST
            settings[_LFLAG] &= ~termios.ECHO
        return settings

    def copy_window_size(self) -> None:
        """Give it the size of the real one; the kernel sends SIGWINCH where that changes something."""
        try:
            size = fcntl.ioctl(self.mirrored, termios.TIOCGWINSZ, bytes(_WINSIZE_BYTES))
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)
        except OSError:
            pass  # the real terminal is gone, its size no longer matters


class RawMode:
    """Puts the terminal `fd` into raw mode; `restore` takes it back and may be called at any time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._saved: list[Any] | None = termios.tcgetattr(fd)
        self.typed = _typed_ahead(fd, self._saved) if owns_keyboard(fd) else b""
        """Whole lines, and ends of input, that were typed before: in raw mode an end would be read as a NUL."""
        _set(fd, _raw(self._saved))

    def resume_in_foreground(self) -> None:
        """Set raw mode again, after a stop in which a shell has set its own; not from the background."""
        if self._saved is not None and owns_keyboard(self._fd):
            _set(self._fd, _raw(self._saved))

    def pause(self) -> None:
        """Bring back the settings from before for a while, until `resume_in_foreground`."""
        if self._saved is not None:
            _set(self._fd, self._saved)

    def restore(self) -> None:
        """Bring back the settings from before; in the background a shell has done so, and has set its own."""
        if self._saved is not None:
            saved, self._saved = self._saved, None
            if owns_keyboard(self._fd):
                _set(self._fd, saved)


def _typed_ahead(fd: int, settings: list[Any]) -> bytes:
    end: bytes = settings[_CC][termios.VEOF]
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    typed = b""
    while settings[_LFLAG] & termios.ICANON and len(typed) < _TYPED_AHEAD and waiting.poll(0) == [(fd, select.POLLIN)]:
        typed += os.read(fd, _TYPED_AHEAD) or end
    return typed


def _set(fd: int, settings: list[Any]) -> None:
    """Take effect now: waiting for output to drain could wait for ever on a terminal that is stopped."""
    try:
        termios.tcsetattr(fd, termios.TCSANOW, settings)
    except termios.error:
        pass  # the terminal is gone


def _raw(settings: list[Any]) -> list[Any]:
    """What cfmakeraw(3) does."""
    raw = list(settings)
    raw[_IFLAG] &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    raw[_OFLAG] &= ~termios.OPOST
    raw[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    raw[_CFLAG] = (raw[_CFLAG] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
    raw[_CC] = list(raw[_CC])
    raw[_CC][termios.VMIN], raw[_CC][termios.VTIME] = 1, 0
    return raw


def suspend_key(pseudo_terminal: int) -> bytes | None:
    """The key (Ctrl-Z) that suspends what runs on a pseudo-terminal; None while a program takes keys as they are."""
    try:
        settings = termios.tcgetattr(pseudo_terminal)
    except termios.error:
        return None
    key: bytes = settings[_CC][termios.VSUSP]
    return key if settings[_LFLAG] & termios.ISIG and key != b"\0" else None


def owns_keyboard(fd: int) -> bool:
    """Whether reading from the terminal `fd` is this process's business now.

    Not in the background of a shell with job control: touching the terminal there would stop the process,
    and the command along with it would not have been stopped without hstore. A terminal that controls no
    process, or another session, has no background.
    """
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True


def unread(fd: int) -> int:
    """How many bytes of a pipe or pseudo-terminal wait to be read."""
    import sys

    try:
        count = fcntl.ioctl(fd, termios.FIONREAD, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(count, sys.byteorder)
