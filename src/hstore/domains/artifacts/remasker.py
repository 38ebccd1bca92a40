"""Artifacts masked anew: each as one stream over all its chunks, put in place of the old one at one stroke."""

from __future__ import annotations

from hstore.clock import now
from hstore.codec import CHUNK, decode_marks
from hstore.domains.artifacts.reader import PIECES_FROM
from hstore.domains.artifacts.timing import counts_json, timed_pieces
from hstore.domains.artifacts.writer import ADD_PIECE, STEP
from hstore.liveness import is_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from hstore.domains.artifacts.chunks import Chunks
    from hstore.domains.artifacts.timing import TimedPiece
    from hstore.door import Door
    from hstore.engine import Connection

    Seen = Callable[[bytes, bytes], None]

QUIET = 60 * 1_000_000
"""Microseconds without a new piece after which nobody is taken to write an artifact of a run that is over."""
_WINDOW = 4 * STEP  # bytes that are compared at once at most
_AT_ONCE = 64  # chunks deleted in one transaction

PAGE = """
    SELECT a.id, a.complete, r.status, r.owner, a.created_at FROM artifacts AS a JOIN runs AS r ON r.id = a.run_id
    WHERE a.id > $1 ORDER BY a.id LIMIT 200
"""
ONE = """
    SELECT a.id, a.complete, r.status, r.owner, a.created_at FROM artifacts AS a JOIN runs AS r ON r.id = a.run_id
    WHERE a.id = $1
"""
COUNT = "SELECT count(*) FROM artifacts WHERE id > $1"
NEWEST_PIECE = "SELECT at FROM artifact_pieces WHERE artifact_id = $1 ORDER BY start DESC LIMIT 1"
STATE = "SELECT size, complete, masked FROM artifacts WHERE id = $1"
PRESENT = "SELECT 1 FROM chunks WHERE id = $1 AND digest = $2"
CHUNKS_OF = "SELECT DISTINCT chunk_id FROM artifact_pieces WHERE artifact_id = $1"
REMOVE_PIECES = "DELETE FROM artifact_pieces WHERE artifact_id = $1"
REPLACE = "UPDATE artifacts SET size = $1, masked = $2 WHERE id = $3"
NEEDED = "SELECT 1 FROM artifact_pieces WHERE chunk_id = $1 LIMIT 1"
REMOVE_CHUNK = "DELETE FROM chunks WHERE id = $1"
UNUSED = """
    SELECT c.id FROM chunks AS c
    WHERE c.id > $1 AND NOT EXISTS (SELECT 1 FROM artifact_pieces AS p WHERE p.chunk_id = c.id)
    ORDER BY c.id LIMIT 64
"""


class ArtifactRemasker:
    """Goes over the content of artifacts and puts what is masked now in place of what was stored."""

    def __init__(self, connection: Connection, door: Door, chunks: Chunks) -> None:
        self._connection = connection
        self._door = door
        self._chunks = chunks

    def page(self, after: int) -> Sequence[tuple[int, bool]]:
        """The next artifacts behind the id `after`: each one's id, and whether somebody is still writing it."""
        return [(int(row[0]), self._is_written(row)) for row in self._connection.rows(PAGE, (after,))]

    def one(self, artifact: int) -> Sequence[tuple[int, bool]]:
        """As `page`, for one artifact; nothing if it was deleted."""
        return [(int(row[0]), self._is_written(row)) for row in self._connection.rows(ONE, (artifact,))]

    def count(self, after: int) -> int:
        """Artifacts behind the id `after`."""
        return int(self._connection.value(COUNT, (after,)))

    def _is_written(self, row: Sequence[Any]) -> bool:
        artifact, complete, status, owner, created_at = row
        if complete:
            return False
        if status == "running":
            return owner is None or is_alive(owner)
        newest = self._connection.value(NEWEST_PIECE, (artifact,))
        return bool(status != "lost" and max(created_at, newest or 0) > now() - QUIET)

    def changes(self, artifact: int) -> bool:
        """Whether masking would change the artifact today: one read, and nothing is written."""
        pieces = self._connection.rows(PIECES_FROM, (artifact, -1))
        if len(pieces) == 1:
            content = self._chunks.read(pieces[0][2])
            return self._door.masker.mask(content) is not content
        stream = self._door.masker.stream()
        for piece in self._pieces(artifact, pieces):
            stream.feed(self._chunks.read(piece[2]))
            if stream.counts:
                break
        else:
            stream.finish()
        found = bool(stream.counts)
        stream.close()
        return found

    def look(self, artifact: int, seen: Seen) -> None:
        """Show `seen` what masking would change, and write nothing."""
        for _ in self._masked(artifact, seen):
            pass

    def rewrite(
        self, artifact: int, seen: Seen, changed_marks: Callable[[], dict[str, int]], keep_place: Callable[[], None]
    ) -> bool:
        """Put the artifact's bytes, as masked today, in place of those stored; False if it was changed meanwhile.

        New chunks are stored first, in bounded transactions; nobody sees them before one last transaction hangs them
        in. If that does not come, nobody needs them, and `sweep` takes them away.

        Args:
            artifact: the id.
            seen: is shown each stretch before and after.
            changed_marks: how many marks of each type came, once all was seen.
            keep_place: called in the last transaction.
        """
        before = self._connection.row(STATE, (artifact,))
        if before is None:
            return False
        pieces = [piece for step in self._masked(artifact, seen) for piece in self._stored(step)]
        with self._connection.transaction():
            now_there = self._connection.row(STATE, (artifact,))
            if now_there != before or not all(self._connection.row(PRESENT, piece[:2]) for piece in pieces):
                return False
            old = [row[0] for row in self._connection.rows(CHUNKS_OF, (artifact,))]
            self._connection.write(REMOVE_PIECES, (artifact,))
            start = 0
            for chunk, _, size, at, marks in pieces:
                self._connection.write(ADD_PIECE, (artifact, start, size, chunk, at, marks))
                start += size
            self._connection.write(REPLACE, (start, _together(before[2], changed_marks()), artifact))
            keep_place()
        self._remove(old)
        return True

    def sweep(self, stop_after: Callable[[int], None]) -> int:
        """Delete chunks that no artifact needs, and return how many; `stop_after` is told each step's last id."""
        removed = after = 0
        while unused := [row[0] for row in self._connection.rows(UNUSED, (after,))]:
            removed += self._remove(unused)
            after = unused[-1]
            stop_after(after)
        return removed

    def _remove(self, chunks: Sequence[int]) -> int:
        removed = 0
        for first in range(0, len(chunks), _AT_ONCE):
            with self._connection.transaction():
                for chunk in chunks[first : first + _AT_ONCE]:
                    # Another artifact shares it, or somebody has stored the same content again.
                    if not self._connection.row(NEEDED, (chunk,)):
                        self._connection.write(REMOVE_CHUNK, (chunk,))
                        removed += 1
        return removed

    def _stored(self, step: Sequence[TimedPiece]) -> list[tuple[int, bytes, int, int, bytes | None]]:
        """Store one step's chunks: each one's id, digest, size, time and marks."""
        with self._connection.transaction():
            return [(self._chunks.store(chunk), chunk.digest, chunk.size, at, marks) for chunk, at, marks in step]

    def _masked(self, artifact: int, seen: Seen) -> Iterator[Sequence[TimedPiece]]:
        """The artifact's bytes as masked today, cut into chunks, as much at a time as a step holds."""
        stream = self._door.masker.stream()
        waiting = bytearray()
        times: list[tuple[int, int]] = []
        before, after = bytearray(), bytearray()
        for at, data in self._timed(artifact):
            output = stream.feed(data)
            before += data
            after += output
            if (stream.held == 0 and len(before) >= CHUNK) or len(before) > _WINDOW:
                seen(bytes(before), bytes(after))
                before.clear()
                after.clear()
            if output:
                waiting += output
                times.append((at, len(output)))
            if len(waiting) >= STEP:
                step, times = self._cut(waiting, len(waiting) // CHUNK * CHUNK, times)
                yield step
        rest = stream.finish()
        stream.close()
        after += rest
        seen(bytes(before), bytes(after))
        if rest:
            waiting += rest
            times.append((times[-1][0] if times else now(), len(rest)))
        yield self._cut(waiting, len(waiting), times)[0]

    def _cut(
        self, waiting: bytearray, length: int, times: list[tuple[int, int]]
    ) -> tuple[Sequence[TimedPiece], list[tuple[int, int]]]:
        contents = [bytes(waiting[start : min(start + CHUNK, length)]) for start in range(0, length, CHUNK)]
        del waiting[:length]
        return timed_pieces(self._chunks.prepare(contents), times)

    def _timed(self, artifact: int) -> Iterator[tuple[int, bytes]]:
        """The stored bytes with the times at which they were read."""
        for _, size, chunk, at, marks in self._pieces(artifact, self._connection.rows(PIECES_FROM, (artifact, -1))):
            content = self._chunks.read(chunk)
            offset = 0
            for delay, length in decode_marks(marks) if marks else ((0, size),):
                at += delay
                yield at, content[offset : offset + length]
                offset += length

    def _pieces(self, artifact: int, page: Sequence[Any]) -> Iterator[Sequence[Any]]:
        while page:
            yield from page
            page = self._connection.rows(PIECES_FROM, (artifact, page[-1][0]))


def _together(masked: str, changes: dict[str, int]) -> str:
    """The stored counts of marks with what came and went; what was swallowed by a larger mark is gone."""
    from json import loads

    counts: dict[str, int] = loads(masked)
    for kind, number in changes.items():
        counts[kind] = counts.get(kind, 0) + number
    return counts_json({kind: number for kind, number in counts.items() if number > 0})
