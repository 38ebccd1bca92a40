"""What `store.files` gives back."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class TrackedFile(NamedTuple):
    """A file as it was last read; `status` says whether the host has parsed that content: pending, success or failed.

    `path` is absolute and masked. `parsed_at` is when it was last parsed, in whatever state it was then; `missing_at`
    when a scan found it gone.
    """

    id: int
    path: str
    name: str
    type: str
    size: int
    sha256: str
    modified_at: datetime
    status: str
    error: str | None
    parsed_at: datetime | None
    missing_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ScanFailure(NamedTuple):
    """A file or folder that a scan could not read, and why."""

    path: str
    reason: str


class ScanReport(NamedTuple):
    """What a scan found: how many files are new, changed, there again, gone, as they were, and could not be read.

    `read` of them were read to the end. `paths` has the first thousand of each kind but the unchanged, `failures` as
    many of those that could not be read.
    """

    folder: str
    added: int
    changed: int
    returned: int
    missing: int
    unchanged: int
    failed: int
    read: int
    paths: dict[str, tuple[str, ...]]
    failures: tuple[ScanFailure, ...]
