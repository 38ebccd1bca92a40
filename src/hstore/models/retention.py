"""What the store gives back about how long things stay."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Policy(NamedTuple):
    """How long, how many, or how much of a subject stays; None is no bound. `max_age` is seconds, `max_bytes` bytes."""

    subject: str
    max_age: float | None
    max_count: int | None
    max_bytes: int | None
    created_at: datetime
    updated_at: datetime


class DefaultPolicy(NamedTuple):
    """A policy that one of the hosts' own designs asks for: `max_age` in seconds, and where it says so."""

    subject: str
    max_age: float
    source: str


class Cleaned(NamedTuple):
    """Rows of a subject that went, or would go: how many, how many bytes (where sizes are kept), and `why`.

    `oldest` is the time of the oldest of them, None if there is none; `left` is how many rows the table still has.
    """

    subject: str
    rows: int
    bytes: int | None
    oldest: datetime | None
    why: str
    left: int


class CleanReport(NamedTuple):
    """What cleaning did, or would do if `dry_run`; `rows` is the sum of all subjects.

    `unused_chunks` were not needed any more, as a whole or in part. `file_bytes` is the size of the database, as far
    as what was given back is in it already: the last one who closes it brings the rest. `free_pages` could not be
    given back yet; the next commits use them.
    """

    dry_run: bool
    subjects: tuple[Cleaned, ...]
    unused_chunks: int
    free_pages: int
    file_bytes: int

    @property
    def rows(self) -> int:
        """Rows that went, or would go."""
        return sum(each.rows for each in self.subjects)
