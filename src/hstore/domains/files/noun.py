"""The verbs of `store.files`: track a file, scan a folder, and note what became of parsing."""

from __future__ import annotations

import os

from hstore.clock import now, optional_datetime, to_datetime
from hstore.domains.files.paths import absolute, kept_path
from hstore.domains.files.reading import Unreadable, open_in_process, read
from hstore.domains.files.scanning import COLLISION, Scan, keep
from hstore.door import several
from hstore.errors import InvalidInput, NotFound
from hstore.listing import Filters, one_of, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.files import ScanReport, TrackedFile

STATUSES = ("pending", "success", "failed")
STORES_OWN = ".heimdall"

SELECT = """
    SELECT id, path, name, type, size, sha256, modified_at, status, error, parsed_at, missing_at, created_at, updated_at
    FROM tracked_files
"""
BY_PATH = SELECT + " WHERE path = $1 AND path_digest = $2"
PARSED = """
    UPDATE tracked_files SET status = $1, error = $2, parsed_at = $3, updated_at = max($3, updated_at)
    WHERE path = $4 AND path_digest = $5 AND sha256 = coalesce($6, sha256)
    RETURNING id
"""
FORGET = "DELETE FROM tracked_files WHERE path = $1 AND path_digest = $2 RETURNING id"


class Files:
    """`store.files`: which files a host works on, what they held when they were last read, and whether it parsed that.

    Paths are absolute, and kept masked. Two that become the same by that cannot both be tracked.
    """

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door

    def track(self, path: str | os.PathLike[str]) -> TrackedFile:
        """Read a file and note what it holds; if that has changed since the last time, it is to be parsed again.

        Raises:
            InvalidInput: it cannot be read, is a database that is open here or in the store's own folder, or its path
                is that of another tracked file once both are masked.
        """
        full = _allowed("path", path)
        kept = kept_path(self._door, full)
        try:
            content = read(full, open_in_process(), follow=True)
        except Unreadable as failure:
            raise InvalidInput(f"path: not read: {failure}") from None
        with self._connection.transaction():
            if keep(self._connection, kept, content) is None:
                raise InvalidInput(f"path: {COLLISION}; forget that one first")
            return self.get(full)

    def get(self, path: str | os.PathLike[str]) -> TrackedFile:
        """The tracked file of that path; NotFound if there is none."""
        kept = kept_path(self._door, absolute("path", path))
        row = self._connection.row(BY_PATH, (kept.text, kept.digest))
        if row is None:
            raise _untracked()
        return _file(row)

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - the column's name, and the document's
        status: str | None = None,
        sha256: str | None = None,
        missing: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[TrackedFile]:
        """Tracked files that fit every filter given, those tracked last first; `after` is the last id seen.

        Args:
            type: the ending of their names in lower case, such as `py`; empty: those without one.
            status: `pending`, `success` or `failed`.
            sha256: of their content, so that those of the same content are found.
            missing: only those that a scan found gone (True), or that are there (False).
            since, until: bounds of when they were last updated.
            limit: at most so many; None: all.
            after: id of the last one seen.
        """
        filters = (
            Filters()
            .add("type =", self._door.optional("type", type))
            .add("status =", None if status is None else one_of("status", status, STATUSES))
            .add("sha256 =", None if sha256 is None else _digest(sha256))
            .when("missing", missing, "missing_at IS NOT NULL", "missing_at IS NULL")
            .between("updated_at", since, until)
        )
        return [_file(row) for row in self._connection.rows(*filters.statement(SELECT, "id", limit, after))]

    def parsed(self, path: str | os.PathLike[str], *, sha256: str | None = None) -> bool:
        """Note that a file was parsed.

        Args:
            path: of a tracked file.
            sha256: what it held when it was parsed, as `get` or `list` said. If it holds something else by now,
                nothing is noted, it stays to be parsed, and False is returned.

        Raises:
            InvalidInput: `sha256` is no digest in hexadecimal. NotFound: no such file is tracked.
        """
        return self._note("success", None, path, sha256)

    def parse_failed(self, path: str | os.PathLike[str], error: str, *, sha256: str | None = None) -> bool:
        """Note that a file could not be parsed, and why; the rest as `parsed`."""
        return self._note("failed", self._door.text("error", error), path, sha256)

    def forget(self, path: str | os.PathLike[str]) -> bool:
        """Track a file no longer; False if it was not tracked."""
        kept = kept_path(self._door, absolute("path", path))
        return bool(self._connection.write(FORGET, (kept.text, kept.digest)))

    def scan(
        self, folder: str | os.PathLike[str], *, patterns: Iterable[str] | None = None, verify: bool = False
    ) -> ScanReport:
        """Track all files of a folder and below, and find out what has changed since the last scan.

        A file is read if it is new, or size or times are others than before, or it was changed within two seconds
        before it was last read: then it may have been changed once more without either showing. What was found so far
        is kept if a scan is interrupted. Links are not followed; `.heimdall` and the folders of version control are
        not entered, and a database that is open here is never read.

        Args:
            folder: where to look.
            patterns: only files that fit one of these, such as `*.py`, or `docs/*.md` for the path within the folder;
                a star stands for slashes too. Others are left as they are.
            verify: read every file, also those that seem unchanged.

        Raises:
            InvalidInput: there is no such folder, or it is the store's own.
        """
        full = _allowed("folder", folder)
        if not os.path.isdir(full):
            raise InvalidInput("folder: there is no such folder")
        return Scan(self._connection, self._door, full, _fits(patterns), bool(truth("verify", verify))).run()

    def _note(self, status: str, error: str | None, path: str | os.PathLike[str], sha256: str | None) -> bool:
        kept = kept_path(self._door, absolute("path", path))
        digest = None if sha256 is None else _digest(sha256)
        with self._connection.transaction():
            if self._connection.row(BY_PATH, (kept.text, kept.digest)) is None:
                raise _untracked()
            return bool(self._connection.write(PARSED, (status, error, now(), kept.text, kept.digest, digest)))


def _untracked() -> NotFound:
    return NotFound("path: no such file is tracked; track(path) or scan(folder) does")


def _allowed(field: str, path: str | os.PathLike[str]) -> str:
    full = absolute(field, path)
    if STORES_OWN in (*full.split(os.sep), *os.path.realpath(full).split(os.sep)):
        raise InvalidInput(f"{field}: {STORES_OWN} is the store's own folder, and is not read")
    return full


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except (TypeError, ValueError):
        found = b""
    if len(found) != 32:
        raise InvalidInput("sha256: 64 hexadecimal digits")
    return found


def _fits(patterns: Iterable[str] | None) -> Callable[[str], bool]:
    """Whether a path within the folder fits one of the patterns."""
    if patterns is None:
        return lambda _: True
    from fnmatch import translate
    from re import compile as pattern_of

    found = several("patterns", patterns)
    if not all(isinstance(pattern, str) and pattern for pattern in found):
        raise InvalidInput("patterns: each is a text (str), not empty")
    whole = [pattern_of(translate(pattern)).match for pattern in found if "/" in pattern]
    names = [pattern_of(translate(pattern)).match for pattern in found if "/" not in pattern]

    def fits(path: str) -> bool:
        name = path.rpartition("/")[2]
        return any(match(path) for match in whole) or any(match(name) for match in names)

    return fits


def _file(row: tuple[Any, ...]) -> TrackedFile:
    from hstore.models.files import TrackedFile

    times = (optional_datetime(row[9]), optional_datetime(row[10]), to_datetime(row[11]), to_datetime(row[12]))
    return TrackedFile._make((*row[:5], row[5].hex(), to_datetime(row[6]), row[7], row[8], *times))
