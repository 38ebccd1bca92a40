"""Writing an artifact: a stream of bytes, masked, cut into chunks and committed in bounded steps."""

from __future__ import annotations

from hstore.clock import now
from hstore.codec import CHUNK
from hstore.domains.artifacts.chunks import REMOVE_UNNEEDED
from hstore.domains.artifacts.pieces import ADD as ADD_PIECE
from hstore.domains.artifacts.tail import SmallPiece, Tail
from hstore.domains.artifacts.timing import coarser, counts_json, divided, packed, shared_out
from hstore.door import NAME_LIMIT
from hstore.errors import HstoreError, NotFound
from hstore.listing import identifier, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from types import TracebackType

    from hstore.domains.artifacts.budget import Budget, Fresh
    from hstore.domains.artifacts.chunks import Chunks
    from hstore.door import Door
    from hstore.engine import Connection

KINDS = ("log", "file", "note")
STEP = 4 * CHUNK
"""Bytes after which a step is due; who steps when it is due keeps at most this and one read in memory."""
LARGEST_STEP = 4 * STEP
"""Bytes that are cut off at once, so that a backlog is worked off in bounded transactions."""
_SMALL = 4096  # bytes of a write that is kept together with others
_MARKS_PENDING = 8192  # of bytes not yet committed; beyond, they are made coarser

ADD = """
    INSERT INTO artifacts (run_id, kind, name, path, created_at)
    SELECT id, $1, $2, $3, $4 FROM runs WHERE id = $5
    RETURNING id
"""
PROGRESS = """
    UPDATE artifacts SET size = $1, source_size = $2, masked = $3, complete = $4 WHERE id = $5 AND size = $6
    RETURNING id
"""
REMOVE_PIECES = "DELETE FROM artifact_pieces WHERE artifact_id = $1 AND start >= $2 RETURNING start, chunk_id"
SIZE = "SELECT size FROM artifacts WHERE id = $1"


class _ChangedMeanwhile(Exception):
    """Compaction has moved what was to be put together."""


class _Cut:
    """What one step commits: the contents of its chunks, the times of their bytes, and what the row says then."""

    __slots__ = ("contents", "marks", "masked", "size", "source_size")

    def __init__(
        self, contents: list[bytes], size: int, marks: list[tuple[int, int]], source_size: int, masked: str
    ) -> None:
        self.contents = contents
        self.size = size
        self.marks = marks
        self.source_size = source_size
        self.masked = masked


class ArtifactWriter:
    """Takes the bytes of one artifact as they come; what was stepped is kept whatever happens later.

    Not for several threads at once, with one exception: after `cut`, one thread may `step` while another goes on with
    `write`. As a context manager it closes at the end, as incomplete after an exception.
    """

    def __init__(
        self,
        connection: Connection,
        door: Door,
        chunks: Chunks,
        run: int,
        kind: str,
        name: str | None,
        path: str | os.PathLike[str] | None,
        limit: int | None = None,
    ) -> None:
        self._budget = None if limit is None else _budget(connection, chunks, limit)
        row = (
            one_of("kind", kind, KINDS),
            door.optional("name", name, NAME_LIMIT),
            door.path("path", path),
            now(),
            identifier("run", run),
        )
        made = connection.write(ADD, row)
        if not made:
            raise NotFound(f"run: there is no run {run}")
        self.id = int(made[0][0])
        """The artifact's id."""
        self.waiting = 0
        """Masked bytes not yet cut off."""
        self._connection = connection
        self._door = door
        self._chunks = chunks
        self._stream = door.masker.stream()
        # As they came, since joining them into one buffer would copy every byte three times before it is compressed.
        self._kept: list[bytes | bytearray] = []
        self._marks: list[tuple[int, int]] = []
        self._cut: _Cut | None = None
        self._tail = Tail()
        self._unsure: int | None = None
        self._size = 0
        self._source_size = 0
        self._finished = False
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview, at: int | None = None) -> None:
        """Take bytes that were read at `at` (microseconds since the epoch; default: now). Nothing is committed yet."""
        if self._finished:
            raise HstoreError("this artifact is closed; it takes no more bytes")
        self._source_size += len(data)
        self._keep(self._stream.feed(data), at)

    def _keep(self, masked: bytes, at: int | None) -> None:
        if masked:
            self._keep_bytes(masked)
            self._marks.append((now() if at is None else at, len(masked)))
            self.waiting += len(masked)
        if len(self._marks) > _MARKS_PENDING:
            self._marks = coarser(self._marks, 2)

    def _keep_bytes(self, masked: bytes) -> None:
        """A small write joins the one before: a flood of them would take more memory for objects than for bytes."""
        if len(masked) >= _SMALL:
            self._kept.append(masked)
        elif self._kept and len(self._kept[-1]) < CHUNK and isinstance(self._kept[-1], bytearray):
            self._kept[-1] += masked
        else:
            self._kept.append(bytearray(masked))

    @property
    def pending(self) -> int:
        """Masked bytes not yet committed."""
        cut = self._cut
        return self.waiting if cut is None else self.waiting + cut.size

    @property
    def due(self) -> bool:
        """Whether so much waits that `step` should be called before more is written."""
        return self.waiting >= STEP

    def cut(self) -> bool:
        """Set apart what the next step commits: the whole chunks of what waits, or all of it if it is less than one.

        Returns:
            Whether there is anything to step. What was cut before and not committed yet stays what comes next.
        """
        if self._cut is None and self.waiting:
            open_end = self._tail.size
            whole = min((open_end + self.waiting) // CHUNK * CHUNK, LARGEST_STEP)
            self._cut = self._cut_off(whole - open_end if whole else self.waiting)
        return self._cut is not None

    def step(self) -> None:
        """Commit what was cut off, or else what `cut` finds now.

        When this raises, what was pending still is: call it again later, or close.
        """
        if self.cut():
            self._commit(complete=False)

    def close(self, complete: bool = True) -> None:
        """Commit the rest and note whether the artifact is complete; idempotent.

        When this raises, it may be called again.
        """
        if self._closed:
            return
        if not self._finished:
            self._keep(self._stream.finish(), None)
            self._finished = True
        if self._cut is not None:
            self._commit(complete=False)
        self._cut = self._cut_off(self.waiting)
        if self._budget is None or not self._budget.is_exceeded_by(self._size + self._cut.size):
            self._commit(complete, last=True)
        else:
            self._commit(complete=False, last=True)
            with self._connection.transaction():
                self._budget.settle(self.id, self._size, complete)
        self._stream.close()
        self._closed = True

    def abandon(self) -> None:
        """Forget what is pending and write no more; what was committed stays, as incomplete."""
        self._finished = True
        self._stream.close()
        self._kept.clear()
        self._marks.clear()
        self._tail.clear()
        self._cut = None
        self.waiting = 0
        self._closed = True

    def __enter__(self) -> ArtifactWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        try:
            self.close(complete=False)
        except HstoreError:
            self.abandon()  # what went wrong first is what the caller should see

    def _cut_off(self, length: int) -> _Cut:
        contents = self._chunked(length)
        marks, self._marks = divided(self._marks, length)
        self.waiting -= length
        return _Cut(contents, length, marks, self._source_size, counts_json(self._stream.counts))

    def _chunked(self, length: int) -> list[bytes]:
        """Take the first `length` bytes, as chunks; what came as a chunk is not copied."""
        contents: list[bytes] = []
        parts: list[bytes | bytearray | memoryview] = []
        room = min(CHUNK - self._tail.size, length)
        taken = start = 0
        while length:
            piece = self._kept[taken]
            part = piece if not start and len(piece) <= room else memoryview(piece)[start : start + room]
            parts.append(part)
            start += len(part)
            room -= len(part)
            length -= len(part)
            if start == len(piece):
                taken, start = taken + 1, 0
            if not room:
                contents.append(part if len(parts) == 1 and isinstance(part, bytes) else b"".join(parts))
                parts = []
                room = min(CHUNK, length)
        if start:
            self._kept[taken] = self._kept[taken][start:]
        del self._kept[:taken]
        return contents

    def _commit(self, complete: bool, last: bool = False) -> None:
        cut = self._cut
        assert cut is not None  # noqa: S101 - who calls has cut
        self._check_kept()
        try:
            self._write(cut, self._joined(cut, last), complete, last)
        except _ChangedMeanwhile:
            self._tail.clear()
            self._write(cut, [], complete, last)
        self._size += cut.size
        self._unsure = self._connection.rollbacks if self._connection.in_transaction else None
        self._cut = None  # at the end: from here on another thread may cut

    def _joined(self, cut: _Cut, last: bool) -> list[SmallPiece]:
        """The pieces at the end that become part of what is written now."""
        tail = self._tail
        if last and not cut.size:
            pieces = tail.all()
            return pieces if len(pieces) > 1 else []
        return tail.all() if self._ends_tail(cut, last) else tail.joined_by(cut.size)

    def _ends_tail(self, cut: _Cut, last: bool) -> bool:
        return last or self._tail.size + cut.size >= CHUNK or self._tail.is_marked_enough

    def _write(self, cut: _Cut, joined: list[SmallPiece], complete: bool, last: bool) -> None:
        contents, marks = cut.contents[:], shared_out(cut.marks, [len(content) for content in cut.contents])
        if joined:
            contents[:1] = [b"".join([*(piece.content for piece in joined), *contents[:1]])]
            marks[:1] = [[mark for piece in joined for mark in piece.marks] + (marks[0] if marks else [])]
        first, end = joined[0].start if joined else self._size, self._size + cut.size
        fresh = _placed(first, contents, marks)
        skipped: list[Fresh] = []
        if self._budget is not None:
            fresh, skipped = self._budget.without_middle(fresh, end, first_stays=bool(joined))
            newlines = self._budget.newlines(fresh)
        prepared = self._chunks.prepare([content for _, content, _ in fresh])
        progress = (end - self._gap, cut.source_size, cut.masked, int(complete), self.id, self._size - self._gap)
        numbers = []
        with self._connection.transaction():
            if not self._connection.write(PROGRESS, progress):
                raise NotFound(
                    f"artifact: {self.id} was deleted, rolled back or masked anew while it was being written"
                )
            self._remove(joined)
            for chunk, (start, _, inside) in zip(prepared, fresh, strict=True):
                numbers.append(self._chunks.store(chunk))
                row = (self.id, start, chunk.size, numbers[-1], inside[0][0], packed(inside))
                self._connection.write(ADD_PIECE, row)
            for piece in joined:
                self._connection.write(REMOVE_UNNEEDED, (piece.chunk,))
            if self._budget is not None:
                settled = end if self._ends_tail(cut, last) else self._tail.start(first)
                rolled = self._budget.roll(self.id, end, settled, skipped, newlines)
        if self._budget is not None:
            self._budget.keep(rolled, [piece.start for piece in joined], newlines)
        if self._ends_tail(cut, last):
            self._tail.clear()
        else:
            self._tail.replace(joined, SmallPiece(first, numbers[0], contents[0], marks[0]))

    @property
    def _gap(self) -> int:
        return 0 if self._budget is None else self._budget.gap

    def _remove(self, joined: list[SmallPiece]) -> None:
        """Take away the rows of pieces that are put together; their chunks go when the new one is there."""
        if joined:
            removed = self._connection.write(REMOVE_PIECES, (self.id, joined[0].start))
            if sorted(removed) != [(piece.start, piece.chunk) for piece in joined]:
                raise _ChangedMeanwhile

    def _check_kept(self) -> None:
        """Notice that a batch in which this artifact made a step was rolled back.

        Raises:
            HstoreError: what was stepped in it is gone, so going on would leave a hole.
        """
        if self._unsure is None or self._unsure == self._connection.rollbacks:
            return
        if self._connection.value(SIZE, (self.id,)) != self._size - self._gap:
            raise HstoreError("what this artifact had stepped was rolled back with its batch; write it anew")


def _budget(connection: Connection, chunks: Chunks, limit: int) -> Budget:
    from hstore.domains.artifacts.budget import Budget

    return Budget(connection, chunks, limit)


def _placed(start: int, contents: list[bytes], marks: list[list[tuple[int, int]]]) -> list[Fresh]:
    """Each content with the offset at which it starts and its times."""
    placed = []
    for content, inside in zip(contents, marks, strict=True):
        placed.append((start, content, inside))
        start += len(content)
    return placed
