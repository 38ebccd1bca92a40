"""A size budget for one artifact: its head and its tail are kept on whole lines, and a line says what is left out.

Offsets of pieces count what is left out too, so that what a follower has seen stays true while more is left out:

    0            head        gap_at                    gap_at + gap          end
    | pieces ... | the notice |   no piece stands here  | pieces of the tail |

While more comes, whole pieces between the two are taken away in the transaction of the step that makes them too many.
Up to three chunks more than the budget are there then, and the cuts are where pieces end. Only when the artifact
is closed are the pieces at both cuts made anew, so that they end and begin with lines. After a kill what is there is
read as it is.
"""

from __future__ import annotations

from hstore.codec import decode_marks
from hstore.domains.artifacts.chunks import REMOVE_UNNEEDED
from hstore.domains.artifacts.excerpts import LONGEST_LINE, LONGEST_NOTICE, head_length, newlines, notice, tail_start
from hstore.domains.artifacts.pieces import ADD, Pieces
from hstore.domains.artifacts.timing import divided, packed
from hstore.errors import CorruptDatabase, NotFound
from hstore.listing import identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hstore.domains.artifacts.chunks import Chunks
    from hstore.domains.artifacts.pieces import Piece
    from hstore.engine import Connection

    Mark = tuple[int, int]
    Fresh = tuple[int, bytes, list[Mark]]  # where it starts, its content, its times

MIDDLE = """
    SELECT start, size, chunk_id, at FROM artifact_pieces
    WHERE artifact_id = $1 AND start >= $2 AND start < $3 AND start + size <= $3 ORDER BY start
"""
TAKE_AWAY = "DELETE FROM artifact_pieces WHERE artifact_id = $1 AND start >= $2 AND start < $3 RETURNING chunk_id"
LEAVE_OUT = """
    UPDATE artifacts SET size = $1, left_out = $2, gap_at = $3, gap = $4, complete = $5 WHERE id = $6 RETURNING id
"""


class LeftOut:
    """What is left out: `size` bytes from the offset `start` on, with so many ends of lines, and the gap this makes."""

    __slots__ = ("at_line_start", "gap", "lines", "size", "start")

    def __init__(self, start: int, size: int, lines: int, gap: int, at_line_start: bool) -> None:
        self.at_line_start = at_line_start
        self.start = start
        self.size = size
        self.lines = lines
        self.gap = gap

    @property
    def end(self) -> int:
        """The offset at which the tail begins."""
        return self.start + self.size


class Budget:
    """Keeps one artifact within `limit` bytes, besides the notice."""

    def __init__(self, connection: Connection, chunks: Chunks, limit: int) -> None:
        identifier("limit", limit)
        self._connection = connection
        self._chunks = chunks
        self._pieces = Pieces(connection, chunks)
        self._head = limit // 2
        self._tail = limit - limit // 2
        self._left_out: LeftOut | None = None
        self._last = (b"", 0)  # counted: a flood often repeats itself, and comparing is quicker than counting
        self._newlines: dict[int, int] = {}  # of pieces that may be taken away, by where they start

    @property
    def gap(self) -> int:
        """By how much the offset of the artifact's end is larger than what it has."""
        return 0 if self._left_out is None else self._left_out.gap

    def is_exceeded_by(self, size: int) -> bool:
        """Whether something must be left out of so many bytes."""
        return size > self._head + self._tail + LONGEST_NOTICE

    # --- while it is written -----------------------------------------------------------------------------------------

    def without_middle(self, fresh: list[Fresh], end: int, first_stays: bool) -> tuple[list[Fresh], list[Fresh]]:
        """Part what a step would add into what is to be stored, and what would be taken away in the same step."""
        upto = self._upto(end)
        middle = [
            number
            for number, (start, content, _) in enumerate(fresh)
            if start >= self._from and start + len(content) <= upto and not (first_stays and number == 0)
        ]
        if not middle:
            return fresh, []
        first, behind = middle[0], middle[-1] + 1
        return fresh[:first] + fresh[behind:], fresh[first:behind]

    def newlines(self, fresh: Sequence[Fresh]) -> dict[int, int]:
        """How many ends of lines are in what is to be stored, by where it starts, as far as it may be taken away."""
        return {start: self._counted(content) for start, content, _ in fresh if start >= self._head}

    def roll(
        self, artifact: int, end: int, settled: int, skipped: Sequence[Fresh], newlines: dict[int, int]
    ) -> LeftOut | None:
        """Take away what is too much, inside the transaction of a step; the pieces behind `settled` stay.

        Args:
            artifact: its id.
            end: the offset of its end after the step.
            settled: the offset up to which no piece is put together with others any more.
            skipped: what `without_middle` kept from being stored.
            newlines: those of what the step has stored.

        Returns:
            What is left out then, to be kept with `keep` when that is committed; None if nothing changes.
        """
        found = self._connection.rows(MIDDLE, (artifact, self._from, min(self._upto(end), settled)))
        size = sum(row[1] for row in found) + sum(len(content) for _, content, _ in skipped)
        before = self._left_out
        if not size or (before is None and size < LONGEST_NOTICE):
            return None
        known = {**self._newlines, **newlines}
        lines = sum(known.get(row[0], 0) for row in found) + sum(self._counted(content) for _, content, _ in skipped)
        start = before.start if before else min([row[0] for row in found[:1]] + [each[0] for each in skipped[:1]])
        if before:
            size, lines = size + before.size, lines + before.lines
        at_line_start = before.at_line_start if before else self._is_line_start(artifact, start)
        text = notice(size, lines, at_line_start=at_line_start)
        gone = self._connection.write(TAKE_AWAY, (artifact, start, start + size))
        self._add(artifact, start, text, [(skipped[-1][2][0][0] if skipped else found[-1][3], len(text))])
        self._remove_chunks(row[0] for row in gone)
        left_out = LeftOut(start, size, lines, size - len(text), at_line_start)
        self._note(artifact, end, left_out, len(text), complete=False)
        return left_out

    def keep(self, rolled: LeftOut | None, joined: Iterable[int], newlines: dict[int, int]) -> None:
        """Take over what a step has committed: pieces that it put together, pieces that it added, what it left out."""
        for start in joined:
            self._newlines.pop(start, None)
        self._newlines.update(newlines)
        if rolled is not None:
            self._left_out = rolled
            for start in [start for start in self._newlines if start < rolled.end]:
                del self._newlines[start]

    def _counted(self, content: bytes) -> int:
        if content != self._last[0]:
            self._last = (content, newlines(content))
        return self._last[1]

    @property
    def _from(self) -> int:
        return self._head if self._left_out is None else self._left_out.end

    def _upto(self, end: int) -> int:
        """Where the tail may begin: one byte more stays, which tells whether it begins with a line."""
        return end - self._tail - 1

    def _is_line_start(self, artifact: int, offset: int) -> bool:
        return not offset or self._read(artifact, offset - 1, 1) == b"\n"

    # --- when it is closed -------------------------------------------------------------------------------------------

    def settle(self, artifact: int, end: int, complete: bool) -> None:
        """Cut head and tail on lines, inside a transaction, now that nothing comes any more."""
        head = self._head_end(artifact)
        tail = self._tail_start(artifact, end)
        at_line_start = self._is_line_start(artifact, head)
        text = notice(tail - head, self._lines_between(artifact, head, tail), at_line_start=at_line_start)
        before, behind = self._pieces.at(artifact, head), self._pieces.at(artifact, tail)
        if before is None or behind is None:
            raise CorruptDatabase(f"artifact {artifact} lacks bytes; run `hstore doctor`")
        gone = self._connection.write(TAKE_AWAY, (artifact, before.start, behind.start + len(behind.content)))
        kept, _ = divided(_times(before), head - before.start)
        self._add(artifact, before.start, before.content[: head - before.start], kept)
        _, rest = divided(_times(behind), tail - behind.start)
        self._add(artifact, head, text, [(rest[0][0], len(text))])
        self._add(artifact, tail, behind.content[tail - behind.start :], rest)
        self._remove_chunks(row[0] for row in gone)
        left_out = LeftOut(head, tail - head, 0, tail - head - len(text), at_line_start)
        self._note(artifact, end, left_out, len(text), complete=complete)

    def _head_end(self, artifact: int) -> int:
        first = max(0, self._head - LONGEST_LINE)
        return first + head_length(self._read(artifact, first, self._head - first))

    def _tail_start(self, artifact: int, end: int) -> int:
        first = end - self._tail - 1
        return first + tail_start(self._read(artifact, first, min(self._tail, LONGEST_LINE) + 1))

    def _lines_between(self, artifact: int, head: int, tail: int) -> int:
        """The ends of lines between the cuts: in what was taken away before, and in what still stands there."""
        before = self._left_out
        lines = 0 if before is None else before.lines
        for piece in self._pieces.following(artifact, head):
            if piece.start >= tail:
                break
            if before is None or piece.start != before.start:
                lines += piece.content.count(b"\n", max(0, head - piece.start), max(0, tail - piece.start))
        return lines

    # --- both --------------------------------------------------------------------------------------------------------

    def _read(self, artifact: int, start: int, length: int) -> bytes:
        found = b""
        if length:
            for piece in self._pieces.following(artifact, start):
                found += piece.content[max(0, start - piece.start) :]
                if len(found) >= length:
                    break
        return found[:length]

    def _add(self, artifact: int, start: int, content: bytes, marks: list[Mark]) -> None:
        if content:
            chunk = self._chunks.store(self._chunks.prepare([content])[0])
            self._connection.write(ADD, (artifact, start, len(content), chunk, marks[0][0], packed(marks)))

    def _remove_chunks(self, chunks: Iterable[int]) -> None:
        for chunk in chunks:
            self._connection.write(REMOVE_UNNEEDED, (chunk,))

    def _note(self, artifact: int, end: int, left_out: LeftOut, length: int, *, complete: bool) -> None:
        """Say in the artifact's row what is left out, with a notice of so many bytes."""
        row = (end - left_out.gap, left_out.size, left_out.start + length, left_out.gap, int(complete), artifact)
        if not self._connection.write(LEAVE_OUT, row):
            raise NotFound(f"artifact: {artifact} was deleted while it was being written")


def _times(piece: Piece) -> list[Mark]:
    """When which bytes of a piece were read."""
    if not piece.marks:
        return [(piece.at, len(piece.content))]
    times, at = [], piece.at
    for delay, length in decode_marks(piece.marks):
        at += delay
        times.append((at, length))
    return times
