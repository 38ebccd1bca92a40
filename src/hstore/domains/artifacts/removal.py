"""Taking artifacts away, from their end on, each step with the chunks that nobody needs any more."""

from __future__ import annotations

from hstore.codec import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hstore.domains.artifacts.packs import Packs
    from hstore.engine import Connection

_PIECES = 64  # that are taken away at one stroke, if they are small
LAST_PIECES = """
    SELECT start, size, chunk_id FROM artifact_pieces WHERE artifact_id = $1 ORDER BY start DESC LIMIT $2
"""
REMOVE_PIECES = "DELETE FROM artifact_pieces WHERE artifact_id = $1 AND start >= $2"
SHORTEN = """
    UPDATE artifacts SET
        size = $1 - CASE WHEN gap_at < $1 THEN gap ELSE 0 END, complete = 0,
        gap = CASE WHEN gap_at < $1 THEN gap ELSE 0 END, gap_at = CASE WHEN gap_at < $1 THEN gap_at END
    WHERE id = $2 RETURNING size
"""
SIZE = "SELECT size FROM artifacts WHERE id = $1"
REMOVE = "DELETE FROM artifacts WHERE id = $1 RETURNING size, chunk_id"


class ArtifactRemoval:
    """Deletes artifacts in steps, and after each step what is left can be read and nothing in the file is unused.

    Attributes:
        shared: chunks that others still need, though perhaps not all of them.
        gone: bytes that the artifacts had.
    """

    def __init__(self, connection: Connection, packs: Packs) -> None:
        self._connection = connection
        self._packs = packs
        self.shared: set[int] = set()
        self.gone = 0

    def steps(self, artifact: int) -> Iterator[None]:
        """Delete an artifact: one of many pieces becomes shorter first; the transaction may end after each step."""
        while len(pieces := self._connection.rows(LAST_PIECES, (artifact, _PIECES + 1))) > 1:
            start, chunks = self._last(pieces)
            if start == pieces[-1][0] and len(pieces) <= _PIECES:
                break
            before = int(self._connection.value(SIZE, (artifact,)))
            self._connection.write(REMOVE_PIECES, (artifact, start))
            self.gone += before - int(self._connection.write(SHORTEN, (start, artifact))[0][0])
            self._take_away(chunks)
            yield
        chunks = {row[2] for row in pieces}
        for size, chunk in self._connection.write(REMOVE, (artifact,)):
            self.gone += size
            chunks.add(chunk)
        self._take_away(chunks - {None})

    @staticmethod
    def _last(pieces: list[tuple[int, int, int]]) -> tuple[int, set[int]]:
        """The last pieces, as many as are quickly deleted: where they start, and their chunks."""
        room = CHUNK
        chunks = set()
        start = pieces[0][0]
        for position, (begin, size, chunk) in enumerate(pieces[:_PIECES]):
            room -= size
            if position and room < 0:
                break
            start = begin
            chunks.add(chunk)
        return start, chunks

    def _take_away(self, chunks: set[int]) -> None:
        for chunk in chunks:
            if self._packs.take_away(chunk):
                self.shared.discard(chunk)
            else:
                self.shared.add(chunk)

    def close_up(self) -> None:
        """Make those chunks anew of which something is not needed any more; each is one transaction."""
        while self.shared:
            self._packs.close_up(self.shared.pop())
