"""A scan: a folder's files beside those that are tracked, batch by batch; no lock is held while files are read."""

from __future__ import annotations

import os

from hstore.clock import now
from hstore.domains.files.paths import kept_path, kept_paths
from hstore.domains.files.reading import Store, Unreadable, open_in_process, read, stamp
from hstore.door import json_array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from hstore.domains.files.paths import KeptPath
    from hstore.domains.files.reading import Content
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.engine.connection import Row
    from hstore.models.files import ScanReport

BATCH = 256
"""Files that are looked up, and written, together."""
BYTES = 64 * 1024 * 1024
"""Bytes read after which is written what they gave."""
LISTED = 1000
"""Paths of each kind in a report."""
NOT_ENTERED = frozenset({".heimdall", ".git", ".hg", ".svn"})
"""Folders that are not the user's: the store's own, and those of version control."""

KNOWN = """
    SELECT path, id, path_digest, sha256, missing_at, size, mtime_ns, ctime_ns, modified_at FROM tracked_files
    WHERE path IN (SELECT value FROM json_each($1))
"""
KEEP = """
    INSERT INTO tracked_files (path, path_digest, name, type, size, sha256, modified_at, mtime_ns, ctime_ns,
                               created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
    ON CONFLICT (path) DO UPDATE SET
        status = CASE WHEN tracked_files.sha256 = excluded.sha256 THEN tracked_files.status ELSE 'pending' END,
        error = CASE WHEN tracked_files.sha256 = excluded.sha256 THEN tracked_files.error END,
        size = excluded.size, sha256 = excluded.sha256, modified_at = excluded.modified_at,
        mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, missing_at = NULL,
        updated_at = CASE WHEN tracked_files.sha256 = excluded.sha256 AND tracked_files.missing_at IS NULL
                          THEN tracked_files.updated_at ELSE max(excluded.updated_at, tracked_files.updated_at) END
    WHERE tracked_files.path_digest = excluded.path_digest
    RETURNING id
"""
UNDER = """
    SELECT path, id, name FROM tracked_files
    WHERE path > $1 AND path < $2 AND missing_at IS NULL AND updated_at < $3
    ORDER BY path LIMIT 500
"""
LOSE = "UPDATE tracked_files SET missing_at = $1, updated_at = max($1, updated_at) WHERE id = $2 AND updated_at < $3"

COLLISION = "once masked, its path is that of another tracked file"


def keep(connection: Connection, path: KeptPath, content: Content) -> int | None:
    """Write what was read of a file; return its id, or None if another path has become the same by masking."""
    row = (path.text, path.digest, path.name, path.type, content.size, content.sha256, content.modified_at)
    made = connection.write(KEEP, (*row, content.mtime_ns, content.ctime_ns, now()))
    return int(made[0][0]) if made else None


class Scan:
    """One scan of one folder.

    Args:
        connection: the store's.
        door: masks the paths.
        folder: absolute, as the operating system has it.
        wanted: whether a file is looked at, by its path within the folder.
        verify: whether each is read, also one that seems unchanged.
    """

    def __init__(
        self, connection: Connection, door: Door, folder: str, wanted: Callable[[str], bool], verify: bool
    ) -> None:
        self._connection = connection
        self._door = door
        self._folder = folder
        self._wanted = wanted
        self._verify = verify
        self._began = now()
        self._seen: set[int] = set()
        self._unlisted: list[str] = []
        self._unwritten: list[tuple[str, KeptPath, Content]] = []
        self._unwritten_bytes = 0
        self._tally = Tally()

    def run(self) -> ScanReport:
        """Look at each file, then for those that are no longer there."""
        batch: list[os.DirEntry[str]] = []
        for entry in self._entries():
            batch.append(entry)
            if len(batch) >= BATCH:
                self._look(batch)
                batch = []
        self._look(batch)
        self._miss()
        return self._tally.report(kept_path(self._door, self._folder).text)

    # --- what is there ---------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """Regular files in the folder and below; no link is followed, so there are no loops and no way out."""
        folders = [self._folder]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            if entry.name not in NOT_ENTERED:
                                folders.append(entry.path)
                        elif entry.is_file(follow_symlinks=False) and self._wanted(self._within(entry.path)):
                            yield entry
            except OSError as failure:
                path = kept_path(self._door, folder).text
                self._unlisted.append(path.rstrip("/") + "/")
                self._tally.fail(path, failure.strerror or "it cannot be listed")

    def _within(self, path: str) -> str:
        return path[len(self._folder) :].lstrip("/")

    def _look(self, batch: list[os.DirEntry[str]]) -> None:
        paths = kept_paths(self._door, [entry.path for entry in batch])
        rows = self._connection.rows(KNOWN, (json_array([path.text for path in paths]),))
        known, held = {row[0]: row for row in rows}, open_in_process()
        for entry, path in zip(batch, paths, strict=True):
            self._look_at(entry, path, known.get(path.text), held)
        self._write()

    def _look_at(self, entry: os.DirEntry[str], path: KeptPath, row: Row | None, held: frozenset[Any]) -> None:
        if row is not None:
            if row[2] != path.digest:
                self._tally.fail(path.text, COLLISION)
                return
            self._seen.add(row[1])
            if not self._verify and self._is_as_it_was(entry, row):
                self._tally.unchanged += 1
                return
        try:
            content = read(entry.path, held)
        except Store:
            return
        except Unreadable as failure:
            self._tally.fail(path.text, str(failure))
            return
        self._tally.read += 1
        known = (content.sha256, None, content.size, content.mtime_ns, content.ctime_ns, content.modified_at)
        if row is not None and row[3:] == known:
            self._tally.unchanged += 1
            return
        self._unwritten.append((_outcome(row, content), path, content))
        self._unwritten_bytes += content.size
        if self._unwritten_bytes >= BYTES:
            self._write()

    @staticmethod
    def _is_as_it_was(entry: os.DirEntry[str], row: Row) -> bool:
        """Whether size and times say so; where they were not kept, they say nothing."""
        if row[4] is not None or row[6] is None:
            return False
        try:
            return stamp(entry.stat(follow_symlinks=False)) == row[5:8]
        except OSError:
            return False  # reading it finds out why

    def _write(self) -> None:
        """In one short transaction what was read since the last."""
        results, self._unwritten, self._unwritten_bytes = self._unwritten, [], 0
        if not results:
            return
        with self._connection.transaction():
            made = [keep(self._connection, path, content) for _, path, content in results]
        for number, (outcome, path, _) in zip(made, results, strict=True):
            if number is None:
                self._tally.fail(path.text, COLLISION)
            else:
                self._seen.add(number)
                self._tally.count(outcome, path.text)

    # --- what is no longer there -----------------------------------------------------------------------------------

    def _miss(self) -> None:
        """Mark what is tracked in the folder and was not seen, unless others have touched it since the scan began."""
        within = kept_path(self._door, self._folder).text.rstrip("/")
        place, end = within + "/", within + "0"  # the character behind the slash
        while page := self._connection.rows(UNDER, (place, end, self._began)):
            gone = [row for row in page if self._is_gone(row[1], row[0], row[0][len(within) + 1 :])]
            if gone:
                self._connection.write_many(LOSE, [(now(), row[1], self._began) for row in gone])
            for row in gone:
                self._tally.count("missing", row[0])
            place = page[-1][0]

    def _is_gone(self, number: int, path: str, within: str) -> bool:
        return number not in self._seen and self._wanted(within) and not path.startswith(tuple(self._unlisted))


def _outcome(row: Row | None, content: Content) -> str:
    if row is None:
        return "added"
    if row[3] != content.sha256:
        return "changed"
    return "unchanged" if row[4] is None else "returned"


class Tally:
    """Counts what is found, and keeps the first paths of each kind."""

    def __init__(self) -> None:
        self.unchanged = 0
        self.read = 0
        self._failed = 0
        self._counts = {"added": 0, "changed": 0, "returned": 0, "missing": 0}
        self._paths: dict[str, list[str]] = {kind: [] for kind in self._counts}
        self._failures: list[tuple[str, str]] = []

    def count(self, kind: str, path: str) -> None:
        """Count a file that is `kind`."""
        if kind == "unchanged":
            self.unchanged += 1
            return
        self._counts[kind] += 1
        if len(self._paths[kind]) < LISTED:
            self._paths[kind].append(path)

    def fail(self, path: str, reason: str) -> None:
        """Count what could not be read."""
        self._failed += 1
        if len(self._failures) < LISTED:
            self._failures.append((path, reason))

    def report(self, folder: str) -> ScanReport:
        """All of it, the paths in order."""
        from hstore.models.files import ScanFailure, ScanReport

        return ScanReport(
            folder=folder,
            **self._counts,
            unchanged=self.unchanged,
            failed=self._failed,
            read=self.read,
            paths={kind: tuple(sorted(paths)) for kind, paths in self._paths.items()},
            failures=tuple(ScanFailure(*each) for each in sorted(self._failures)),
        )
