"""Artifacts masked anew: each as one stream over all its chunks, put in place of the old one at one stroke."""

from __future__ import annotations

from itertools import chain

from hstore.clock import now
from hstore.codec import CHUNK, SETTLED, decode_marks
from hstore.domains.artifacts.packs import Packs
from hstore.domains.artifacts.pieces import ADD, Pieces
from hstore.domains.artifacts.timing import counts_json, timed_pieces
from hstore.domains.artifacts.writer import STEP
from hstore.errors import CorruptDatabase
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
CHUNKS_OF = "SELECT DISTINCT chunk_id FROM pieces WHERE artifact_id = $1"
REMOVE_PIECES = "DELETE FROM artifact_pieces WHERE artifact_id = $1"
NEWEST_DICTIONARY = "SELECT max(id) FROM dictionaries"
WITH_DICTIONARIES = """
    SELECT id, digest, size, codec, dictionary_id, data FROM chunks
    WHERE dictionary_id <= $1 AND id > $2 ORDER BY id LIMIT 64
"""
REPLACE = """
    UPDATE artifacts SET size = $1, masked = $2, chunk_id = NULL, chunk_start = 0, gap_at = NULL, gap = 0 WHERE id = $3
"""


class ArtifactRemasker:
    """Goes over the content of artifacts and puts what is masked now in place of what was stored."""

    def __init__(self, connection: Connection, door: Door, chunks: Chunks) -> None:
        self._connection = connection
        self._door = door
        self._chunks = chunks
        self._pieces = Pieces(connection, chunks)
        self._packs = Packs(connection, chunks)

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
        following = self._pieces.following(artifact)
        first, second = next(following, None), next(following, None)
        if first is None:
            return False
        if second is None:
            return self._door.masker.mask(first.content) is not first.content
        stream = self._door.masker.stream()
        for piece in chain((first, second), following):
            stream.feed(piece.content)
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
                self._connection.write(ADD, (artifact, start, size, chunk, at, marks))
                start += size
            self._connection.write(REPLACE, (start, _together(before[2], changed_marks()), artifact))
            keep_place()
        self._packs.remove_unneeded(old)
        return True

    def sweep(self, stop_after: Callable[[int], None]) -> int:
        """Delete what no artifact needs, whole chunks and stretches of them; `stop_after` is told each step's last id.

        Returns:
            How many chunks were deleted or made anew.
        """
        return self._packs.sweep(stop_after)

    def renew_dictionaries(self, stop_after: Callable[[int], None]) -> int:
        """Take away all dictionaries that there are, since they may hold pieces of what was replaced.

        They are not searched for it: a piece of a secret need not be recognisable. One is trained on what is stored
        now, and every chunk that needs an old one is compressed anew.

        Args:
            stop_after: is told each step's last chunk.

        Returns:
            How many were deleted; one stays where a damaged chunk needs it.
        """
        newest = self._connection.value(NEWEST_DICTIONARY)
        if newest is None:
            return 0
        dictionaries = self._chunks.dictionaries
        dictionaries.train(afresh=True)
        after = 0
        while page := self._connection.rows(WITH_DICTIONARIES, (newest, after)):
            for row in page:
                self._renew(row)
            after = page[-1][0]
            stop_after(after)
        return dictionaries.remove_unused(newest)

    def _renew(self, row: Sequence[Any]) -> None:
        try:
            content = self._chunks.content(row)
        except CorruptDatabase:
            return  # its artifact was left, and is named in the report
        chunk = self._chunks.encoded(row[1], content)
        chunk.codec |= row[3] & SETTLED
        self._chunks.put(row[0], chunk)

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
        for piece in self._pieces.following(artifact):
            offset, at = 0, piece.at
            for delay, length in decode_marks(piece.marks) if piece.marks else ((0, len(piece.content)),):
                at += delay
                yield at, piece.content[offset : offset + length]
                offset += length


def _together(masked: str, changes: dict[str, int]) -> str:
    """The stored counts of marks with what came and went; what was swallowed by a larger mark is gone."""
    from json import loads

    counts: dict[str, int] = loads(masked)
    for kind, number in changes.items():
        counts[kind] = counts.get(kind, 0) + number
    return counts_json({kind: number for kind, number in counts.items() if number > 0})
