"""Runs a command with pipes and threads alone, where there are no pseudo-terminals and no posix_spawn: Windows.

The command sees pipes even where the output is a console. Ctrl-C reaches every process on the console by
itself, so nothing has to be passed on.
"""

from __future__ import annotations

import errno
import os
import queue
import signal
import subprocess
import threading
import time

from hstore.config import environment
from hstore.recorder._recording import Ended, Recording, Started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    Item = tuple[str, bytes, int]

_READ_BYTES = 64 << 10
_QUEUED = 64  # reads; a recording that is slower than the command slows it down
_GRACE_SECONDS = 2.0
_OUTPUTS = {"stdout": 1, "stderr": 2}


def record_with_pipes(
    argv: Sequence[str],
    *,
    name: str | None,
    capture: bool,
    path: str | os.PathLike[str] | None,
    limit: int | None = None,
    warn: Callable[[str], None],
) -> int:
    """As `hstore.recorder.record`."""
    interrupts: list[int] = []

    def interrupted(number: int, _frame: FrameType | None) -> None:
        interrupts.append(number)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        return _record(argv, name, capture, path, limit, warn, lambda: bool(interrupts))
    finally:
        signal.signal(signal.SIGINT, before)


def _record(
    argv: Sequence[str],
    name: str | None,
    capture: bool,
    path: str | os.PathLike[str] | None,
    limit: int | None,
    warn: Callable[[str], None],
    impatient: Callable[[], bool],
) -> int:
    clock, started_at = time.monotonic(), time.time()
    child = _started(argv, capture, warn)
    started = Started(
        argv,
        list(_OUTPUTS) if capture and not isinstance(child, int) else [],
        name=name,
        pid=None if isinstance(child, int) else child.pid,
        started_at=started_at,
    )
    recording = Recording(path, started, limit, warn)
    if isinstance(child, int):
        recording.finish(Ended(child, None, time.monotonic() - clock, complete=True), impatient)
        return child
    complete = _relay(child, recording)
    code = child.wait()
    ended = Ended(max(code, 0), -code if code < 0 else None, time.monotonic() - clock, complete=complete)
    recording.finish(ended, impatient)
    return code if code >= 0 else 128 - code


def _started(argv: Sequence[str], capture: bool, warn: Callable[[str], None]) -> subprocess.Popen[bytes] | int:
    """The command, or the exit code that a shell gives where it cannot be started."""
    pipe = subprocess.PIPE if capture else None
    try:
        return subprocess.Popen(  # noqa: S603 - running what the user asks to run is the purpose
            list(argv), stdout=pipe, stderr=pipe, env=environment(), bufsize=0
        )
    except OSError as error:
        missing = error.errno == errno.ENOENT
        warn(f"{argv[0]}: {'command not found' if missing else error.strerror}")
        return 127 if missing else 126


def _relay(child: subprocess.Popen[bytes], recording: Recording) -> bool:
    """Pass output on until the command has ended; say whether all of it was seen to its end."""
    arrived: queue.Queue[Item] = queue.Queue(_QUEUED)
    pipes = [(each, pipe) for each, pipe in (("stdout", child.stdout), ("stderr", child.stderr)) if pipe]
    readers = [
        threading.Thread(target=_pass_on, args=(each, pipe.fileno(), arrived), daemon=True) for each, pipe in pipes
    ]
    for reader in readers:
        reader.start()
    deadline: float | None = None
    while any(reader.is_alive() for reader in readers) or not arrived.empty() or child.poll() is None:
        recording.tick()
        try:
            recording.write(*arrived.get(timeout=0.05))
        except queue.Empty:
            if child.poll() is not None:
                deadline = deadline or time.monotonic() + _GRACE_SECONDS
                if time.monotonic() >= deadline:
                    return False
    return True


def _pass_on(name: str, source: int, arrived: queue.Queue[Item]) -> None:
    """Copy one output, first to our own and then to the recording."""
    showing = True
    while data := os.read(source, _READ_BYTES):
        at = time.time_ns() // 1000
        if showing:
            showing = _written(_OUTPUTS[name], data)
        arrived.put((name, data, at))


def _written(fd: int, data: bytes) -> bool:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
    except OSError:
        return False  # the reader has left
    return True
