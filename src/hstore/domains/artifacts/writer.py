"""Writing an artifact: a stream of bytes, masked, cut into chunks and committed in bounded steps."""

from __future__ import annotations

from hstore.clock import now
from hstore.codec import CHUNK
from hstore.domains.artifacts.timing import coarser, counts_json, timed_pieces
from hstore.door import NAME_LIMIT
from hstore.errors import HstoreError, NotFound
from hstore.listing import identifier, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from types import TracebackType

    from hstore.domains.artifacts.chunks import Chunks
    from hstore.door import Door
    from hstore.engine import Connection

KINDS = ("log", "file", "note")
STEP = 4 * CHUNK
"""Bytes after which a step is due; who steps when it is due keeps at most this and one read in memory."""
_MARKS_PENDING = 8192  # of bytes not yet committed; beyond, they are made coarser

ADD = """
    INSERT INTO artifacts (run_id, kind, name, path, created_at)
    SELECT id, $1, $2, $3, $4 FROM runs WHERE id = $5
    RETURNING id
"""
ADD_PIECE = """
    INSERT INTO artifact_pieces (artifact_id, start, size, chunk_id, at, marks) VALUES ($1, $2, $3, $4, $5, $6)
"""
PROGRESS = """
    UPDATE artifacts SET size = $1, source_size = $2, masked = $3, complete = $4 WHERE id = $5 AND size = $6
    RETURNING id
"""
SIZE = "SELECT size FROM artifacts WHERE id = $1"


class ArtifactWriter:
    """Takes the bytes of one artifact as they come; what was stepped is kept whatever happens later.

    Not for several threads at once. As a context manager it closes at the end, as incomplete after an exception.
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
    ) -> None:
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
        self.pending = 0
        """Masked bytes not yet committed."""
        self._connection = connection
        self._door = door
        self._chunks = chunks
        self._stream = door.masker.stream()
        self._masked = bytearray()
        self._marks: list[tuple[int, int]] = []
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
            self._masked += masked
            self._marks.append((now() if at is None else at, len(masked)))
            self.pending += len(masked)
        if len(self._marks) > _MARKS_PENDING:
            self._marks = coarser(self._marks, 2)

    @property
    def due(self) -> bool:
        """Whether enough is pending that `step` should be called before more is written."""
        return self.pending >= STEP

    def step(self) -> None:
        """Commit what is pending: all of it, or the whole chunks of it when there is at least one.

        When this raises, what was pending still is: call it again later, or close.
        """
        whole = self.pending // CHUNK * CHUNK
        self._commit(whole or self.pending, complete=False)

    def close(self, complete: bool = True) -> None:
        """Commit the rest and note whether the artifact is complete; idempotent.

        When this raises, it may be called again.
        """
        if self._closed:
            return
        if not self._finished:
            self._keep(self._stream.finish(), None)
            self._finished = True
        self._commit(self.pending, complete)
        self._stream.close()
        self._closed = True

    def abandon(self) -> None:
        """Forget what is pending and write no more; what was committed stays, as incomplete."""
        self._finished = True
        self._stream.close()
        self._masked.clear()
        self._marks.clear()
        self.pending = 0
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

    def _commit(self, length: int, complete: bool) -> None:
        self._check_kept()
        cut = [bytes(self._masked[start : min(start + CHUNK, length)]) for start in range(0, length, CHUNK)]
        pieces, marks_left = timed_pieces(self._chunks.prepare(cut), self._marks)
        masked = counts_json(self._stream.counts)
        size = self._size + length
        progress = (size, self._source_size, masked, int(complete), self.id, self._size)
        with self._connection.transaction():
            if not self._connection.write(PROGRESS, progress):
                raise NotFound(
                    f"artifact: {self.id} was deleted, rolled back or masked anew while it was being written"
                )
            start = self._size
            for chunk, at, marks in pieces:
                number = self._chunks.store(chunk)
                self._connection.write(ADD_PIECE, (self.id, start, chunk.size, number, at, marks))
                start += chunk.size
        self._size = size
        self._marks = marks_left
        self.pending -= length
        del self._masked[:length]
        self._unsure = self._connection.rollbacks if self._connection.in_transaction else None

    def _check_kept(self) -> None:
        """Notice that a batch in which this artifact made a step was rolled back.

        Raises:
            HstoreError: what was stepped in it is gone, so going on would leave a hole.
        """
        if self._unsure is None or self._unsure == self._connection.rollbacks:
            return
        if self._connection.value(SIZE, (self.id,)) != self._size:
            raise HstoreError("what this artifact had stepped was rolled back with its batch; write it anew")
