"""The pieces of an artifact, each read together with the chunk that it is a stretch of."""

from __future__ import annotations

from hstore.domains.artifacts.dictionaries import MissingDictionary
from hstore.errors import CorruptDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hstore.domains.artifacts.chunks import Chunks
    from hstore.engine import Connection

ADD = """
    INSERT INTO artifact_pieces (artifact_id, start, size, chunk_id, at, marks) VALUES ($1, $2, $3, $4, $5, $6)
"""
OWN = """
    SELECT 0, a.size, a.chunk_start, a.created_at, NULL, a.chunk_id,
           c.id, c.digest, c.size, c.codec, c.dictionary_id, c.data
    FROM artifacts AS a LEFT JOIN chunks AS c ON c.id = a.chunk_id
    WHERE a.id = $1 AND a.chunk_id IS NOT NULL
"""
AT = """
    SELECT p.start, p.size, p.chunk_start, p.at, p.marks, p.chunk_id,
           c.id, c.digest, c.size, c.codec, c.dictionary_id, c.data
    FROM artifact_pieces AS p LEFT JOIN chunks AS c ON c.id = p.chunk_id
    WHERE p.artifact_id = $1 AND p.start <= $2 ORDER BY p.start DESC LIMIT 1
"""
"""In two statements, since one over the view `pieces` takes twice as long as both, or sorts all pieces for each one."""
GAP = "SELECT gap_at + gap FROM artifacts WHERE id = $1 AND gap_at <= $2 AND gap_at + gap > $2"


class Piece:
    """A stretch of an artifact: where it starts, its content, when it was read (`at`, and `marks` inside of it)."""

    __slots__ = ("at", "content", "marks", "start")

    def __init__(self, start: int, content: bytes, at: int, marks: bytes | None) -> None:
        self.start = start
        self.content = content
        self.at = at
        self.marks = marks


class Pieces:
    """Finds pieces by the offset in their artifact.

    Piece and chunk come from one statement, and what follows is asked for by the offset behind it. So neither
    compaction nor masking anew can pull a chunk away between two steps, however they cut the artifact anew meanwhile.
    """

    def __init__(self, connection: Connection, chunks: Chunks) -> None:
        self._connection = connection
        self._chunks = chunks

    def at(self, artifact: int, offset: int) -> Piece | None:
        """The piece that has the byte at `offset`; None if there is none.

        Raises:
            CorruptDatabase: its chunk is missing, damaged or too short.
        """
        try:
            return self._at(artifact, offset)
        except MissingDictionary:
            return self._at(artifact, offset)  # it was replaced between two statements, and the chunk with it

    def _at(self, artifact: int, offset: int) -> Piece | None:
        row = self._connection.row(OWN, (artifact,)) or self._connection.row(AT, (artifact, offset))
        if row is None:
            return None
        start, size, chunk_start, at, marks, number = row[:6]
        if not start <= offset < start + size:
            return None
        if row[6] is None:
            raise CorruptDatabase(f"chunk {number} is missing; run `hstore doctor`")
        content = self._chunks.content(row[6:])
        if chunk_start or size != len(content):
            content = content[chunk_start : chunk_start + size]
        if len(content) != size:
            raise CorruptDatabase(f"chunk {number} is too short for what is in it; run `hstore doctor`")
        return Piece(start, content, at, marks)

    def following(self, artifact: int, offset: int = 0) -> Iterator[Piece]:
        """Yield the piece that has the byte at `offset`, or the next one if it is left out, and all behind it."""
        while True:
            piece = self.at(artifact, offset)
            if piece is None:
                behind = self.behind_gap(artifact, offset)
                if behind is None:
                    return
                offset = behind
            else:
                yield piece
                offset = piece.start + len(piece.content)

    def behind_gap(self, artifact: int, offset: int) -> int | None:
        """Where the tail begins, if `offset` is among those of what a budget leaves out; see `budget`."""
        row = self._connection.row(GAP, (artifact, offset))
        return None if row is None else int(row[0])
