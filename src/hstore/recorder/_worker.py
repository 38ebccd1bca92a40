"""A thread for what takes long: it does one thing at a time and ends when nothing has come for a while."""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any
else:
    import _signal as signal  # without the enums of the plain module; see _signals.py

_IDLE_SECONDS = 0.5


class Worker:
    """Compresses and writes while its owner, one other thread, reads on.

    `start` gives it something to do, `outcome` tells how that went. The C code of masking, compressing and SQLite runs
    without the interpreter's lock, so both threads have a processor. The thread is begun at the first need and kept
    from one thing to the next, since it has the contexts of zstd; once nothing comes, no thread is left.
    """

    def __init__(self) -> None:
        self._action: Callable[[], object] | None = None
        self._error: BaseException | None = None
        self._alive = False
        self._guard: Any = allocate_lock()  # over _action and _alive, where the thread decides to end
        self._called: Any = allocate_lock()
        self._called.acquire()
        self._idle: Any = allocate_lock()

    @property
    def busy(self) -> bool:
        """Whether it has not finished what it was given last."""
        return bool(self._idle.locked())

    def start(self, action: Callable[[], object]) -> None:
        """Have `action` done; only when it is not busy."""
        self._idle.acquire()
        with self._guard:
            alive, self._alive = self._alive, True
            self._action = action
        if alive:
            self._called.release()
            return
        try:
            start_new_thread(self._run, ())
        except RuntimeError:  # the system gives no thread
            self._alive = False
            self._act()

    def wait(self, seconds: float = -1) -> bool:
        """Wait until it has finished, at most `seconds` if they are given; whether it has."""
        finished = bool(self._idle.acquire(True, seconds))
        if finished:
            self._idle.release()
        return finished

    def outcome(self) -> None:
        """Raise what the last action raised, once; only when it is not busy."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # they are for the main thread, which may be waiting in a write
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            self._act()
            if not self._called.acquire(True, _IDLE_SECONDS):
                with self._guard:
                    if self._action is None:
                        self._alive = False
                        return
                self._called.acquire()  # it was called at the last moment

    def _act(self) -> None:
        action, self._action = self._action, None
        try:
            if action is not None:
                action()
        except BaseException as error:
            self._error = error
        finally:
            self._idle.release()
