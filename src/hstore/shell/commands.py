"""One typed command and how it ended, as the shell's hook tells it."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 366 * 86_400.0
"""Seconds; a duration beyond that is a clock that was set."""
_SKEW = 60.0
"""Seconds by which the shell's time of the end may differ from ours; beyond that it is ours."""


class Command:
    """What was typed, where, and how it ended; never changed.

    Attributes:
        line: as typed.
        directory: where the shell was before it.
        exit_code: as the shell shows it.
        ended: seconds since the epoch.
        duration: seconds.
        session, database: what `HEIMDAL_SESSION` and `HSTORE_DB` were in the shell when it ended, if anything.
    """

    __slots__ = ("database", "directory", "duration", "ended", "exit_code", "line", "session")

    def __init__(self, fields: Sequence[bytes]) -> None:
        """Read the seven fields of a `run` message: end, microseconds, exit code, directory, session, database, line.

        Raises:
            ValueError: a number is none.
        """
        ended, microseconds, code, directory, session, database, line = fields
        self.ended = _moment(ended)
        self.duration = min(max(int(microseconds) / 1_000_000, 0.0), _LONGEST)
        self.exit_code = int(code)
        self.directory = os.fsdecode(directory)
        self.session = session.decode("utf-8", "surrogateescape") or None
        self.database = os.fsdecode(database) or None
        self.line = line.decode("utf-8", "surrogateescape")

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return len(self.line) + len(self.directory) + 200


def _moment(text: bytes) -> float:
    """The time that a shell gives, as `1700000000.123456` in its locale's notation; the present where it gives none."""
    now = time.time()
    try:
        given = float(text.replace(b",", b"."))
    except ValueError:
        return now
    return given if abs(given - now) <= _SKEW else now
