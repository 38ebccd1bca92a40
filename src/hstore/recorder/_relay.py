"""The loop between a running command and our own streams: pass bytes on first, record them second."""

from __future__ import annotations

import os
import select
import time

from hstore.recorder._keyboard import Keyboard
from hstore.recorder._outlet import GONE, Outlet
from hstore.recorder._terminal import unread

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

    from hstore.recorder._recording import Recording
    from hstore.recorder._signals import Signals
    from hstore.recorder._terminal import RawMode
    from hstore.recorder._wiring import Channel, Wiring
else:
    import _signal as signal  # without the enums of the plain module; see _signals.py

_READ_BYTES = 256 << 10

QUIET_SECONDS = 0.5
"""How long after the command's end silence on its output is taken for the end of that output."""
LONGEST_SECONDS = 2.0
"""How long after the command's end output of what it left running is still waited for."""


class _Flow:
    """A channel at work."""

    __slots__ = ("name", "outlet", "owed", "source", "unsent")

    def __init__(self, channel: Channel) -> None:
        self.name = channel.name
        self.source: int | None = channel.source
        self.outlet: Outlet | None = Outlet(channel.outlet)
        self.unsent: memoryview | None = None
        self.owed = 0  # bytes the command itself had left in the pipe when it ended

    def is_done(self) -> bool:
        """Whether nothing more will come and all that came is delivered."""
        return self.source is None and self.unsent is None


class Relay:
    """Carries bytes, keys and signals until the command has ended and its output is through.

    Never busy: it sleeps in poll(2) until something can be read or written, a signal comes, or the
    recording's next commit is due.
    """

    def __init__(
        self,
        child: int,
        wiring: Wiring,
        signals: Signals,
        recording: Recording,
        raw_mode: RawMode | None,
        warn: Callable[[str], None],
    ) -> None:
        self._child = child
        self._terminals = wiring.terminals
        self._signals = signals
        self._recording = recording
        self._raw_mode = raw_mode
        self._warn = warn
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._flows = [_Flow(channel) for channel in wiring.channels]
        self._status: int | None = None
        self._ended = self._heard = 0.0
        self._watch(signals.wakeup, select.POLLIN, self._signalled)
        for flow in self._flows:
            self._watch_flow(flow)
        self._keys: Keyboard | None = None
        if raw_mode is not None and wiring.keyboard is not None:
            self._keys = Keyboard(wiring.keyboard.master, child, raw_mode, self._watch, self._forget)

    def run(self) -> int:
        """Work until the end and return the command's wait status."""
        while True:
            happened = self._poll.poll(self._patience())
            for fd, events in happened:
                handler = self._handlers.get(fd)
                if handler is not None:
                    handler(events)
            self._record()
            if self._status is not None and self._is_through(quiet=not happened):
                return self._status

    def close(self) -> bool:
        """Let go of everything; True if all output was seen to its end."""
        complete = not self._flows
        for flow in list(self._flows):
            self._end_flow(flow)
        if self._keys is not None:
            self._keys.stop()
        return complete

    # Waiting.

    def _patience(self) -> float | None:
        """Milliseconds until something is due without any event."""
        due = [self._recording.patience()]
        if self._status is not None:
            due.append(self._grace())
        seconds = [wait for wait in due if wait is not None]
        return max(0.0, min(seconds)) * 1000 if seconds else None

    def _grace(self) -> float | None:
        """Seconds until the output counts as ended; None while known bytes are still to be delivered."""
        if any(flow.unsent is not None for flow in self._flows):
            return None
        end = self._heard + QUIET_SECONDS
        if all(flow.owed <= 0 for flow in self._flows):
            end = min(end, self._ended + LONGEST_SECONDS)
        return end - time.monotonic()

    def _is_through(self, *, quiet: bool) -> bool:
        if not self._flows:
            return True
        grace = self._grace()
        if grace is None or grace > 0:
            return False
        return quiet or time.monotonic() >= self._ended + LONGEST_SECONDS

    def _record(self) -> None:
        """Give the recording its turn; the time it takes, with a store that is locked, is not time of silence."""
        begun = time.monotonic()
        self._recording.tick()
        spent = time.monotonic() - begun
        self._ended += spent
        self._heard += spent

    # Descriptors.

    def _watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poll.register(fd, events)

    def _forget(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _watch_flow(self, flow: _Flow) -> None:
        """Read where nothing is unsent; write where something is; always see the reader leave.

        A command like `tail -f` ends when the reader of its output leaves, without having to write. So the
        outlet is watched for errors even while it has nothing to write.
        """
        if flow.source is not None:
            if flow.unsent is None:
                self._watch(flow.source, select.POLLIN, lambda _events: self._receive(flow))
            else:
                self._forget(flow.source)
        if flow.outlet is not None:
            wanted = 0 if flow.unsent is None else select.POLLOUT
            self._watch(flow.outlet.fd, wanted, lambda events: self._outlet_ready(flow, events))

    # Output.

    def _receive(self, flow: _Flow) -> None:
        assert flow.source is not None  # noqa: S101 - only watched while it is open
        try:
            data = os.read(flow.source, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # EIO: the last one to hold the pseudo-terminal has closed it
        if not data:
            self._end_source(flow)
            return
        at = time.time_ns() // 1000
        self._heard = time.monotonic()
        flow.owed -= len(data)
        self._send(flow, data)
        self._recording.write(flow.name, data, at)

    def _send(self, flow: _Flow, data: bytes | memoryview) -> None:
        if flow.outlet is None:
            return
        try:
            sent = flow.outlet.write(data)
        except OSError as error:
            self._reader_left(flow, error)
            return
        was_unsent = flow.unsent is not None
        flow.unsent = memoryview(data)[sent:] if sent < len(data) else None
        if was_unsent != (flow.unsent is not None):
            self._watch_flow(flow)

    def _outlet_ready(self, flow: _Flow, events: int) -> None:
        unsent = flow.unsent
        if unsent is not None:
            self._send(flow, unsent)
            self._heard = time.monotonic()
            if flow.is_done():
                self._end_flow(flow)
        elif events & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            self._reader_left(flow, None)

    def _reader_left(self, flow: _Flow, error: OSError | None) -> None:
        """Close the command's end too: its next write then fails as it would have failed without us."""
        if error is not None and error.errno not in GONE:
            self._warn(f"cannot write the command's output: {error.strerror}")
        self._end_flow(flow)

    def _end_source(self, flow: _Flow) -> None:
        self._close_source(flow)
        if flow.is_done():
            self._end_flow(flow)

    def _end_flow(self, flow: _Flow) -> None:
        self._close_source(flow)
        flow.unsent = None
        if flow.outlet is not None:
            self._forget(flow.outlet.fd)
            flow.outlet.close()
            flow.outlet = None
        if flow in self._flows:
            self._flows.remove(flow)

    def _close_source(self, flow: _Flow) -> None:
        if flow.source is not None:
            if self._keys is not None and self._keys.master == flow.source:
                self._keys.stop()
            self._forget(flow.source)
            os.close(flow.source)
            flow.source = None

    # Signals.

    def _signalled(self, _events: int) -> None:
        numbers = self._signals.take()
        if signal.SIGCHLD in numbers and self._status is None:
            self._reap()
        if signal.SIGCONT in numbers and self._raw_mode is not None:
            self._raw_mode.resume_in_foreground()
            if self._keys is not None:
                self._keys.come_back()
        if signal.SIGWINCH in numbers or signal.SIGCONT in numbers:
            self._resize()

    def _reap(self) -> None:
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid == 0:
            return
        self._status = status
        self._signals.detach()
        self._ended = self._heard = time.monotonic()
        for flow in self._flows:
            flow.owed = 0 if flow.source is None else unread(flow.source)

    def _resize(self) -> None:
        for terminal in self._terminals:
            if any(flow.source == terminal.master for flow in self._flows):
                terminal.copy_window_size()
        if self._status is None and any(not terminal.keyboard for terminal in self._terminals):
            # The real terminal has told the command as well, but maybe before the new size was here.
            try:
                os.kill(self._child, signal.SIGWINCH)
            except PermissionError:
                pass  # it became another user (sudo)
