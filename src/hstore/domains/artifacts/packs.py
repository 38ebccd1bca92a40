"""Chunks that hold many contents: contents are moved into them, and they are made anew when some are needed no more."""

from __future__ import annotations

from hstore.codec import digest
from hstore.domains.artifacts.chunks import REMOVE_UNNEEDED
from hstore.errors import CorruptDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.domains.artifacts.chunks import Chunks, Prepared
    from hstore.engine import Connection

    Stretch = tuple[int, int]  # start and size, in its chunk
    Shift = tuple[int, int, int, int]  # by how many bytes, old chunk, from, to

_AT_ONCE = 64  # chunks looked at in one transaction

STRETCHES = """
    SELECT chunk_start, size FROM artifacts WHERE chunk_id = $1
    UNION SELECT chunk_start, size FROM artifact_pieces WHERE chunk_id = $1 ORDER BY 1, 2
"""
REMOVE = "DELETE FROM chunks WHERE id = $1"
PARTLY_UNUSED = """
    SELECT c.id FROM chunks AS c
    WHERE c.id > $1 AND c.size > (
        SELECT coalesce(sum(size), 0) FROM (
            SELECT chunk_start, size FROM artifacts WHERE chunk_id = c.id
            UNION SELECT chunk_start, size FROM artifact_pieces WHERE chunk_id = c.id))
    ORDER BY c.id LIMIT 64
"""
MOVE_ARTIFACTS = """
    UPDATE artifacts SET chunk_id = $1, chunk_start = chunk_start + $2
    WHERE chunk_id = $3 AND chunk_start >= $4 AND chunk_start < $5
"""
MOVE_PIECES = """
    UPDATE artifact_pieces SET chunk_id = $1, chunk_start = chunk_start + $2
    WHERE chunk_id = $3 AND chunk_start >= $4 AND chunk_start < $5
"""


class Move:
    """Contents that are to go into one new chunk: what each old chunk had when they were read, and where it goes."""

    __slots__ = ("chunk", "found", "shifts")

    def __init__(
        self, chunk: Prepared, found: dict[int, list[Stretch]], shifts: list[tuple[int, int, int, int]]
    ) -> None:
        self.chunk = chunk
        self.found = found
        self.shifts = shifts


class Packs:
    """Moves contents from chunk to chunk, and takes away chunks that nobody needs."""

    def __init__(self, connection: Connection, chunks: Chunks) -> None:
        self._connection = connection
        self._chunks = chunks

    # --- taking away -------------------------------------------------------------------------------------------------

    def remove_unneeded(self, chunks: Sequence[int]) -> int:
        """Delete those of the chunks that nobody needs; return how many."""
        removed = 0
        for first in range(0, len(chunks), _AT_ONCE):
            with self._connection.transaction():
                removed += sum(map(self.take_away, chunks[first : first + _AT_ONCE]))
        return removed

    def take_away(self, chunk: int) -> bool:
        """Delete a chunk if nobody needs it: another artifact may share it, or have the same content again."""
        return bool(self._connection.write(REMOVE_UNNEEDED, (chunk,)))

    def sweep(self, stop_after: Callable[[int], None]) -> int:
        """Delete chunks that no artifact needs, and make those anew of which something is not needed.

        Args:
            stop_after: is told each step's last id.

        Returns:
            How many they were.
        """
        swept = after = 0
        while found := [row[0] for row in self._connection.rows(PARTLY_UNUSED, (after,))]:
            swept += self.remove_unneeded(found)
            for chunk in found:
                swept += self.close_up(chunk)
            after = found[-1]
            stop_after(after)
        return swept

    def close_up(self, chunk: int) -> bool:
        """Make a chunk anew of what is needed of it; say whether that was done."""
        try:
            while move := self.planned([chunk]):
                if self.carry_out(move):
                    return True
        except CorruptDatabase:
            return False  # whoever reads it, or looks with `hstore doctor`, is told
        return False

    # --- moving ------------------------------------------------------------------------------------------------------

    def stretches(self, chunk: int) -> list[Stretch]:
        """The stretches of a chunk that are pieces of artifacts: each once, in their order."""
        return [(row[0], row[1]) for row in self._connection.rows(STRETCHES, (chunk,))]

    def planned(self, chunks: Sequence[int]) -> Move | None:
        """Read and compress what is needed of some chunks, as one; None if nothing is. Nothing is written yet.

        Raises:
            CorruptDatabase: one of them is damaged.
        """
        parts: list[bytes] = []
        shifts: list[Shift] = []
        found: dict[int, list[Stretch]] = {}
        position = 0
        for chunk in chunks:
            stretches = found[chunk] = self.stretches(chunk)
            content = self._chunks.read(chunk) if stretches else b""
            for start, end in _joined(stretches):
                shifts.append((position - start, chunk, start, end))
                parts.append(content[start:end])
                position += end - start
        if not parts:
            return None
        content = b"".join(parts)
        return Move(self._chunks.settled(digest(content), content), found, shifts)

    def carry_out(self, move: Move) -> bool:
        """Store the new chunk, have everybody refer to it, and delete the old ones: all at one stroke.

        Returns:
            False, and nothing is changed, if somebody has begun or ceased to need something in them since.
        """
        connection = self._connection
        with connection.transaction():
            if any(self.stretches(chunk) != stretches for chunk, stretches in move.found.items()):
                return False
            number = self._chunks.add(move.chunk)
            for by, chunk, start, end in move.shifts:
                connection.write(MOVE_ARTIFACTS, (number, by, chunk, start, end))
                connection.write(MOVE_PIECES, (number, by, chunk, start, end))
            for chunk in move.found:
                connection.write(REMOVE, (chunk,))
        return True


def _joined(stretches: Sequence[Stretch]) -> list[tuple[int, int]]:
    """Stretches in their order as the fewest ranges, from and to."""
    ranges: list[tuple[int, int]] = []
    for start, size in stretches:
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], start + size))
        else:
            ranges.append((start, start + size))
    return ranges
