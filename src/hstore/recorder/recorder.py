"""`record`: runs one command, passes its streams through unchanged, and records it in a store."""

from __future__ import annotations

import os
import time

from hstore.config import environment
from hstore.errors import InvalidInput
from hstore.recorder._recording import Ended, Recording, Started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.recorder._signals import Signals
    from hstore.recorder._spawn import CannotStart
    from hstore.recorder._terminal import RawMode
    from hstore.recorder._wiring import Wiring

HAS_POSIX_STREAMS = hasattr(os, "posix_spawnp") and hasattr(os, "openpty")
"""Where it is False (Windows), commands run with pipes alone."""


def record(
    argv: Sequence[str],
    *,
    name: str | None = None,
    capture: bool = True,
    path: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    warn: Callable[[str], None],
) -> int:
    """Run `argv` and record it in the store at `path` (None: the project's own).

    Returns the command's exit code, 128+N where signal N ended it, 127 where it was not found and 126
    where it cannot be executed. Nothing that happens to the recording changes that: `warn` is called with
    one line instead, after the terminal is back in order.

    Of each output at most `limit` bytes are kept, as `store.artifacts.writer` does it.

    Without `capture` the command inherits this process's streams and only the run is recorded.

    Call it in the main thread: it handles signals while the command runs.

    Raises:
        InvalidInput: there is no command, or a NUL in it.
    """
    if not argv:
        raise InvalidInput("run: no command given")
    if any("\0" in word for word in argv):
        raise InvalidInput("run: a command cannot hold a NUL")
    if not HAS_POSIX_STREAMS:
        from hstore.recorder._portable import record_with_pipes

        return record_with_pipes(argv, name=name, capture=capture, path=path, limit=limit, warn=warn)
    from hstore.recorder._signals import Signals
    from hstore.recorder._wiring import keep_standard_descriptors

    given = keep_standard_descriptors()  # before anything else is opened
    with Signals() as signals:
        return _Session(argv, name, capture, path, limit, warn, signals, given).run()


class _Session:
    """One command from its start to its exit code."""

    def __init__(
        self,
        argv: Sequence[str],
        name: str | None,
        capture: bool,
        path: str | os.PathLike[str] | None,
        limit: int | None,
        warn: Callable[[str], None],
        signals: Signals,
        given: frozenset[int],
    ) -> None:
        self._argv = argv
        self._name = name
        self._capture = capture
        self._path = path
        self._limit = limit
        self._warn = warn
        self._signals = signals
        self._given = given
        self._raw_mode: RawMode | None = None
        self._late_warnings: list[str] = []

    def run(self) -> int:
        try:
            return self._run()
        finally:
            self._leave_raw_mode()

    def _run(self) -> int:
        from hstore.recorder._spawn import CannotStart

        wiring = self._connected()
        early = self._signals.first_early()
        if early is not None:
            wiring.close()
            return 128 + early
        try:
            child = self._start(wiring)
        except CannotStart as error:
            wiring.close()
            return self._not_started(error)
        return self._accompany(child, wiring)

    def _connected(self) -> Wiring:
        from hstore.recorder._wiring import Wiring, connect

        if not self._capture:
            return Wiring()
        try:
            return connect(self._given)
        except OSError as error:  # no pseudo-terminal or descriptor left: better seen than recorded
            self._say(f"the command's output is not recorded: {error.strerror}")
            return Wiring()

    def _start(self, wiring: Wiring) -> int:
        from hstore.recorder._spawn import spawn

        if wiring.keyboard is not None:
            from hstore.recorder._terminal import RawMode

            self._raw_mode = RawMode(0)  # before the start, or the first keys would be echoed twice
        self._started_at, self._clock = time.time(), time.monotonic()
        session = wiring.keyboard is not None
        child = spawn(self._argv, environment(), wiring.actions, session=session)
        self._signals.attach(child, same_group=not session)
        wiring.started()
        return child

    def _accompany(self, child: int, wiring: Wiring) -> int:
        from hstore.recorder._relay import Relay

        recording = self._recording([channel.name for channel in wiring.channels], child)
        relay = Relay(child, wiring, self._signals, recording, self._raw_mode, self._say)
        status = relay.run()
        duration = self._signals.child_ended_at - self._clock
        complete = relay.close()
        self._leave_raw_mode()
        if not complete:
            self._say("something the command left running still holds its output; the rest is not recorded")
        code = os.waitstatus_to_exitcode(status)
        ended = (
            Ended(code, None, duration, complete=complete)
            if code >= 0
            else Ended(None, -code, duration, complete=complete)
        )
        recording.finish(ended, lambda: self._signals.interrupts > 0)
        return code if code >= 0 else 128 - code

    def _not_started(self, error: CannotStart) -> int:
        self._leave_raw_mode()
        self._say(str(error))
        recording = self._recording([], None)
        ended = Ended(error.exit_code, None, time.monotonic() - self._clock, complete=True)
        recording.finish(ended, lambda: self._signals.interrupts > 0)
        return error.exit_code

    def _recording(self, outputs: list[str], child: int | None) -> Recording:
        started = Started(
            self._argv,
            outputs,
            name=self._name,
            pid=child,
            started_at=self._started_at,
        )
        return Recording(self._path, started, self._limit, self._say)

    def _say(self, message: str) -> None:
        """Warn now, or after raw mode: in the middle of a full-screen program a line would do harm."""
        if self._raw_mode is None:
            self._warn(message)
        else:
            self._late_warnings.append(message)

    def _leave_raw_mode(self) -> None:
        if self._raw_mode is not None:
            raw_mode, self._raw_mode = self._raw_mode, None
            raw_mode.restore()
        late, self._late_warnings = self._late_warnings, []
        for message in late:
            self._warn(message)
