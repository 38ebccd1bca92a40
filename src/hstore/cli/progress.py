"""Shows how far a long piece of work has come: one line on a terminal's standard error, elsewhere nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from hstore.cli.messages import complain, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from hstore.models import Progress

_BETWEEN = 0.1  # seconds between two lines


class ProgressLine:
    """One line around a piece of work that can be gone on with, written over again and again.

    `with ProgressLine(steps, dry_run) as show:` gives what is to be called, or None where nobody looks. When the work
    is interrupted, it says that the same command goes on, unless it was a `dry_run`.

    Args:
        steps: what each step is called.
        dry_run: whether nothing was to be changed.
    """

    def __init__(self, steps: Mapping[str, str], dry_run: bool) -> None:
        self._steps = steps
        self._dry_run = dry_run
        self._next = 0.0
        self._step = ""
        self._shown = False

    def __enter__(self) -> Callable[[Progress], None] | None:
        return self._show if sys.stderr is not None and sys.stderr.isatty() else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()
        if kind is KeyboardInterrupt and not self._dry_run:
            complain("interrupted; the same command goes on from here")

    def _show(self, at: Progress) -> None:
        """Write the line anew, unless that was done a moment ago."""
        now = time.monotonic()
        if at.step == self._step and now < self._next:
            return
        self._next, self._step, self._shown = now + _BETWEEN, at.step, True
        count = f" {at.done} of {at.total}" if at.total > 1 else ""
        write_all(2, f"\r\x1b[K{self._steps.get(at.step, at.step)}{count}".encode())

    def _clear(self) -> None:
        """Take the line away."""
        if self._shown:
            write_all(2, b"\r\x1b[K")
            self._shown = False
