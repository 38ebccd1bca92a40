"""A piece of work that another thread does meanwhile; the thread lives no longer than that takes."""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Background:
    """Work that begins at once; where no thread can be started, it is done on the spot."""

    __slots__ = ("_done", "_failure", "_result", "_work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._failure: BaseException | None = None
        self._done = allocate_lock()
        self._done.acquire()
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            self._run()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as failure:
            self._failure = failure
        finally:
            self._done.release()

    def result(self) -> Any:
        """Wait for it; what it came to, or its exception. To be asked for once."""
        self._done.acquire()
        if self._failure is not None:
            raise self._failure
        return self._result
