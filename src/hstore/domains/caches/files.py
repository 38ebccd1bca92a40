"""Results of processing files, kept by the file's path and content, the kind of processing, and its options."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.domains.caches.bounded import MAX_BYTES, MAX_ENTRIES, ROW, Bounded, bound, digest_of
from hstore.errors import InvalidInput
from hstore.listing import Filters, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from datetime import datetime
    from typing import Any

    from hstore.models.caches import CachedResult, ResultEntry

KINDS = ("parse", "analyze", "extract_metadata")

SIZE = """
    SELECT size FROM file_cache WHERE path_digest = $1 AND sha256 = $2 AND kind = $3 AND options_digest = $4
"""
PUT = """
    INSERT INTO file_cache (path_digest, sha256, kind, options_digest, path, options, result, size, created_at,
                            accessed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, max($9, coalesce((SELECT max(accessed_at) + 1 FROM file_cache), $9)))
    ON CONFLICT (path_digest, sha256, kind, options_digest) DO UPDATE SET
        path = excluded.path, options = excluded.options, result = excluded.result, size = excluded.size,
        created_at = excluded.created_at, accessed_at = excluded.accessed_at
"""
GET = """
    SELECT id, path, kind, result, created_at FROM file_cache
    WHERE path_digest = $1 AND sha256 = $2 AND kind = $3 AND options_digest = $4
"""
USED = """
    UPDATE file_cache SET accessed_at = max($1, (SELECT max(accessed_at) + 1 FROM file_cache)) WHERE id = $2
"""
OLDEST = "SELECT id, size FROM file_cache ORDER BY accessed_at, size LIMIT $1"
REMOVE = "DELETE FROM file_cache WHERE id = $1"
FORGET = """
    DELETE FROM file_cache WHERE path_digest = $1 AND sha256 = $2 AND kind = $3 AND options_digest = $4 RETURNING id
"""
INVALIDATE = "DELETE FROM file_cache WHERE path_digest = $1 RETURNING id"
OLDER = "SELECT id FROM file_cache WHERE created_at < $1 ORDER BY created_at LIMIT $2"
SUMMARY = "SELECT count(*), coalesce(sum(size), 0), min(created_at), max(accessed_at) FROM file_cache"
SELECT = "SELECT id, path, sha256, kind, options, size, created_at, accessed_at FROM file_cache"


class FileCache(Bounded):
    """`store.file_cache`: what parsing or analysing a file gave, for as long as the file is the same.

    Results are masked like everything that is stored: what comes back is what was put, but for secrets in it.
    """

    table, oldest, remove, older, used, summary = "file_cache", OLDEST, REMOVE, OLDER, USED, SUMMARY

    def put(
        self,
        path: str | os.PathLike[str],
        sha256: str | bytes,
        kind: str,
        result: Any,
        options: dict[str, Any] | None = None,
        *,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
    ) -> bool:
        """Keep a result in place of an earlier one; say whether it is kept.

        Args:
            path: of the file; two spellings of a path are two files.
            sha256: of its content, as 32 bytes or 64 hexadecimal digits.
            kind: parse, analyze or extract_metadata.
            result: any JSON value, at most 16 MiB.
            options: of the processing, a JSON object; other options are another entry.
            max_entries, max_bytes: bounds of the whole cache. The least recently used go until it is within them; a
                result that is larger by itself is not kept, and neither is the one before it.

        Raises:
            InvalidInput: a value is wrong.
        """
        door = self._door
        place = self._place(path, sha256, kind, options)
        text = door.json("result", result)
        size = ROW + len(text.encode())
        entries, room = bound("max_entries", max_entries), bound("max_bytes", max_bytes)
        row = (door.path("path", path), door.json("options", {} if options is None else options), text, size)
        with self._connection.transaction():
            if size > room:
                self._connection.write(FORGET, place)
                return False
            before = self._connection.value(SIZE, place)
            self._connection.write(PUT, (*place, *row, now()))
            self._make_room(int(before is None), size - (before or 0), entries, room)
            return True

    def get(
        self,
        path: str | os.PathLike[str],
        sha256: str | bytes,
        kind: str,
        options: dict[str, Any] | None = None,
        *,
        max_age: float | None = None,
    ) -> CachedResult | None:
        """The result for exactly this content and these options, or None; that it was used is noted.

        Args:
            path, sha256, kind, options: as they were put.
            max_age: seconds; one that was put longer ago is none.

        Raises:
            InvalidInput: a value is wrong.
        """
        from json import loads

        from hstore.models.caches import CachedResult

        place, too_old = self._place(path, sha256, kind, options), self._too_old(max_age)
        row = self._connection.row(GET, place)
        if row is None or row[4] <= too_old:
            return None
        self._count_use(row[0])
        return CachedResult._make((*row[:3], loads(row[3]), to_datetime(row[4])))

    def invalidate(self, path: str | os.PathLike[str]) -> int:
        """Delete all results of a file, whatever its content was; return how many."""
        return len(self._connection.write(INVALIDATE, (self._path_digest(path),)))

    def list(
        self,
        *,
        kind: str | None = None,
        sha256: str | bytes | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[ResultEntry]:
        """What is kept, newest first, without the results.

        Args:
            kind: only of this kind.
            sha256: only of content with this digest, wherever it lies.
            since, until: bounds of when it was put.
            limit: at most so many.
            after: the last id seen.
        """
        found = (
            Filters()
            .add("kind =", None if kind is None else one_of("kind", kind, KINDS))
            .add("sha256 =", None if sha256 is None else digest_of("sha256", sha256))
            .newest(
                *(self._connection, SELECT, "file_cache", "created_at"),
                since=since,
                until=until,
                limit=limit,
                after=after,
            )
        )
        return [_entry(row) for row in found]

    def _place(
        self, path: str | os.PathLike[str], sha256: str | bytes, kind: str, options: dict[str, Any] | None
    ) -> tuple[bytes, bytes, str, bytes]:
        given = {} if options is None else options
        if not isinstance(given, dict):
            raise InvalidInput("options: a dict of names to JSON values")
        return (
            self._path_digest(path),
            digest_of("sha256", sha256),
            one_of("kind", kind, KINDS),
            self._door.digest("options", given),
        )

    def _path_digest(self, path: str | os.PathLike[str]) -> bytes:
        from hashlib import sha256
        from os import PathLike, fsdecode

        name = fsdecode(path) if isinstance(path, PathLike) else path
        if not isinstance(name, str) or not name:
            raise InvalidInput("path: the path of a file, as text")
        return sha256(name.encode("utf-8", "surrogatepass")).digest()


def _entry(row: tuple[Any, ...]) -> ResultEntry:
    from json import loads

    from hstore.models.caches import ResultEntry

    return ResultEntry._make((*row[:2], row[2].hex(), row[3], loads(row[4]), row[5], *map(to_datetime, row[6:])))
