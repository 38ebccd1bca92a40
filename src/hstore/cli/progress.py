"""Shows how far a long piece of work has come: one line on a terminal's standard error, elsewhere nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from hstore.cli.messages import write_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hstore.models import Progress

_BETWEEN = 0.1  # seconds between two lines


class ProgressLine:
    """One line, written over again and again; `steps` says what each step is called."""

    def __init__(self, steps: Mapping[str, str]) -> None:
        self.is_wanted = sys.stderr is not None and sys.stderr.isatty()
        self._steps = steps
        self._next = 0.0
        self._step = ""
        self._shown = False

    def show(self, at: Progress) -> None:
        """Write the line anew, unless that was done a moment ago."""
        now = time.monotonic()
        if at.step == self._step and now < self._next:
            return
        self._next, self._step, self._shown = now + _BETWEEN, at.step, True
        count = f" {at.done} of {at.total}" if at.total > 1 else ""
        write_all(2, f"\r\x1b[K{self._steps.get(at.step, at.step)}{count}".encode())

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            write_all(2, b"\r\x1b[K")
            self._shown = False
