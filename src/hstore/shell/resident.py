"""The resident recorder: one process for each shell, in a session of its own, that ends when the shell has ended."""

from __future__ import annotations

import os
import select
import time

from hstore.errors import HstoreError
from hstore.shell.channel import Channel
from hstore.shell.messages import Message, Messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from hstore.shell.ledger import Ledger
    from hstore.shell.watch import Watch
else:
    import _signal as signal  # the plain module wraps its numbers into enums, for 4 ms

TAKEN_ON_SECONDS = 30.0
"""How long a recorder waits for a shell to evaluate the script that names it."""
_READ_BYTES = 1 << 18


def offer() -> tuple[str, ...]:
    """Start a recorder that waits for a shell to take it on, and return where it can be reached.

    Raises:
        HstoreError: this system has no processes of that kind.
    """
    if not hasattr(os, "fork"):
        raise HstoreError("init: shells are recorded on POSIX systems only")
    channel = Channel()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become_resident(channel)
            _Resident(channel).run()
            code = 0
        finally:
            os._exit(code)
    return channel.addresses(pid)


def _become_resident(channel: Channel) -> None:
    """Leave everything of the shell's: its terminal with its signals, its directory, its descriptors."""
    os.setsid()
    for name in ("SIGINT", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGTSTP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # being woken, it does not push its shell aside
    os.chdir("/")
    os.umask(0o077)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    keep = channel.descriptors()
    for number in range(3, max(keep) + 1):
        if number not in keep:
            _close(number)
    os.closerange(max(keep) + 1, 4096)


def _close(number: int) -> None:
    try:
        os.close(number)
    except OSError:
        pass


class _Resident:
    """The process's one loop: drain the pipe, write what has come, sleep; without a thread and without waking."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._messages = Messages()
        self._watch: Watch | None = None
        self._ledger: Ledger | None = None
        self._over = False
        self._deadline = time.monotonic() + TAKEN_ON_SECONDS

    def run(self) -> None:
        """Serve one shell to its end."""
        signal.signal(signal.SIGTERM, self._end)
        try:
            while not self._over:
                self._wait()
                ended = self._has_ended()
                self._drain()  # behind the question: what was said before the end is then here
                if self._ledger is not None:
                    self._ledger.write()
                if ended:
                    break
            self._drain()
        finally:
            self._channel.close()
        if self._ledger is not None:
            self._ledger.finish()

    def _end(self, *_: object) -> None:
        self._over = True
        self._channel.wake()

    def _wait(self) -> None:
        """Sleep until something is said, the shell ends, or something is due."""
        descriptors = [self._channel.pipe]
        if self._watch is not None and self._watch.descriptor is not None:
            descriptors.append(self._watch.descriptor)
        try:
            select.select(descriptors, [], [], self._patience())
        except InterruptedError:
            pass

    def _patience(self) -> float | None:
        if self._ledger is None:
            return max(0.0, self._deadline - time.monotonic())
        due = [self._ledger.patience()]
        if self._watch is not None and self._watch.descriptor is None:
            from hstore.shell.watch import POLL_SECONDS

            due.append(0.0 if self._watch.has_ended() else POLL_SECONDS)
        return min((each for each in due if each is not None), default=None)

    def _has_ended(self) -> bool:
        if self._watch is None:
            return time.monotonic() >= self._deadline
        return self._watch.has_ended()

    def _drain(self) -> None:
        while True:
            try:
                data = os.read(self._channel.pipe, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                return
            for message in self._messages.feed(data):
                self._take(message)

    def _take(self, message: Message) -> None:
        if message.kind == b"end":
            self._over = True
        elif message.kind == b"shell":
            self._take_on(*message.fields)
        elif self._ledger is not None:
            if message.kind == b"exports":
                self._ledger.learn(message.fields[0])
            else:
                self._ledger.add(message.fields)

    def _take_on(self, pid: bytes, shell: bytes) -> None:
        from hstore.shell.ledger import Ledger
        from hstore.shell.watch import Watch

        if self._ledger is not None:
            self._ledger.follow(os.fsdecode(shell))
        elif pid.isdigit():
            self._watch = Watch(int(pid))
            self._ledger = Ledger(int(pid), os.fsdecode(shell), self._channel.tell)
