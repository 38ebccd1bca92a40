"""Artifacts: what runs left behind, read whole, in ranges, from the end, or as they happened."""

from __future__ import annotations

from hstore.clock import to_datetime
from hstore.codec import decode_marks
from hstore.domains.artifacts.pieces import Pieces
from hstore.domains.artifacts.writer import KINDS
from hstore.errors import CorruptDatabase, InvalidInput, NotFound
from hstore.listing import Filters, identifier, one_of, positive, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any, Protocol

    from hstore.domains.artifacts.chunks import Chunks
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Artifact, Part

    class Sink(Protocol):
        """Where bytes go: a binary file, a socket's file, a pipe."""

        def write(self, data: bytes, /) -> Any:
            """Take bytes."""


SELECT = """
    SELECT a.id, a.run_id, a.kind, a.name, a.path, a.size, a.source_size,
           coalesce((SELECT (length(c.data) * a.size + c.size - 1) / c.size FROM chunks AS c WHERE c.id = a.chunk_id),
                    (SELECT sum((length(c.data) * p.size + c.size - 1) / c.size)
                     FROM artifact_pieces AS p JOIN chunks AS c ON c.id = p.chunk_id WHERE p.artifact_id = a.id),
                    0),
           a.masked, a.complete, a.created_at, a.left_out
    FROM artifacts AS a
"""
BY_ID = SELECT + " WHERE a.id = $1"
EXTENT = "SELECT size, gap_at, gap FROM artifacts WHERE id = $1"
LOGS = "SELECT id, name FROM artifacts WHERE run_id = $1 AND kind = 'log' ORDER BY id"


class ArtifactReader:
    """Reads the table of artifacts and their content."""

    def __init__(self, connection: Connection, door: Door, chunks: Chunks) -> None:
        self._connection = connection
        self._door = door
        self._pieces = Pieces(connection, chunks)

    def get(self, artifact: int) -> Artifact:
        """The artifact of that id.

        Raises:
            NotFound: there is none.
        """
        row = self._connection.row(BY_ID, (identifier("artifact", artifact),))
        if row is None:
            raise _unknown(artifact)
        return _artifact(row)

    def list(
        self,
        run: int | None,
        kind: str | None,
        name: str | None,
        since: datetime | float | None,
        until: datetime | float | None,
        limit: int | None,
        after: int | None,
    ) -> list[Artifact]:
        """Artifacts, newest first."""
        filters = (
            Filters()
            .add("a.run_id =", positive("run", run))
            .add("a.kind =", None if kind is None else one_of("kind", kind, KINDS))
            .add("a.name =", self._door.optional("name", name))
            .between("a.created_at", since, until)
        )
        return [_artifact(row) for row in self._connection.rows(*filters.statement(SELECT, "a.id", limit, after))]

    def read_range(self, artifact: int, start: int, length: int) -> Iterator[bytes]:
        """Yield the bytes from `start`, at most `length` of them; only the chunks they lie in are decoded."""
        end = whole("start", start) + whole("length", length)
        extent = self._extent(artifact)
        left = min(end, extent.size) - start
        if left <= 0:
            return
        position = extent.offset(start)
        for piece in self._pieces.following(artifact, position):
            content = piece.content[max(0, position - piece.start) :][:left]
            yield content
            left -= len(content)
            if not left:
                return
            position = piece.start + len(piece.content)
        if self._extent(artifact).gap == extent.gap:  # else more of it was left out meanwhile
            raise CorruptDatabase(f"artifact {artifact} lacks bytes from {position} on; run `hstore doctor`")

    def tail_start(self, artifact: int, lines: int) -> int:
        """Where the last `lines` lines begin; a last line without its newline counts as one."""
        return self._extent(artifact).place(self.tail_offset(artifact, lines))

    def tail_offset(self, artifact: int, lines: int) -> int:
        """As `tail_start`, as the offset of a piece."""
        wanted = whole("lines", lines)
        extent = self._extent(artifact)
        end = position = extent.offset(extent.size)
        while position > 0 and wanted:
            piece = self._pieces.at(artifact, position - 1)
            if piece is None:
                if self._pieces.behind_gap(artifact, position - 1) is None:
                    break
                position = self._extent(artifact).gap_at
                continue
            content = piece.content[: position - piece.start]
            # The newline that ends the artifact ends its last line; it does not begin another.
            stop = len(content) - (position == end and content.endswith(b"\n"))
            while (stop := content.rfind(b"\n", 0, stop)) >= 0:
                wanted -= 1
                if not wanted:
                    return piece.start + stop + 1
            position = piece.start
        return position

    def replay(self, run: int, offsets: dict[int, int]) -> Iterator[Part]:
        """Yield all log output of a run in the order in which it was read, each artifact from its offset."""
        if not isinstance(offsets, dict):
            raise InvalidInput("offsets: a dict from artifact ids to bytes already seen")
        sources = []
        for number, name in self._connection.rows(LOGS, (identifier("run", run),)):
            parts = self._parts(number, name, whole("offsets", offsets.get(number, 0)))
            first = next(parts, None)
            if first is not None:
                sources.append((first, parts))
        while sources:
            earliest = min(range(len(sources)), key=lambda index: sources[index][0].at)
            part, parts = sources[earliest]
            yield part
            following = next(parts, None)
            if following is None:
                del sources[earliest]
            else:
                sources[earliest] = (following, parts)

    def tail_offsets(self, run: int, lines: int) -> dict[int, int]:
        """Where the last `lines` lines of each log of a run begin, as offsets of pieces."""
        logs = self._connection.rows(LOGS, (identifier("run", run),))
        return {number: self.tail_offset(number, lines) for number, _ in logs}

    def _extent(self, artifact: int) -> _Extent:
        row = self._connection.row(EXTENT, (identifier("artifact", artifact),))
        if row is None:
            raise _unknown(artifact)
        size, gap_at, gap = row
        return _Extent(size, size if gap_at is None else gap_at, gap)

    def _parts(self, artifact: int, name: str | None, start: int) -> Iterator[Part]:
        from hstore.models import Part

        for piece in self._pieces.following(artifact, start):
            offset, at = 0, piece.at
            for delay, length in decode_marks(piece.marks) if piece.marks else ((0, len(piece.content)),):
                at += delay
                begin, offset = offset, offset + length
                if piece.start + offset > start:
                    begin = max(begin, start - piece.start)
                    yield Part(to_datetime(at), artifact, name, piece.start + begin, piece.content[begin:offset])


class _Extent:
    """How many bytes an artifact has, and where the offsets of its pieces skip `gap` that are left out."""

    __slots__ = ("gap", "gap_at", "size")

    def __init__(self, size: int, gap_at: int, gap: int) -> None:
        self.size = size
        self.gap_at = gap_at
        self.gap = gap

    def offset(self, place: int) -> int:
        """The offset of the byte at a place among those that are kept."""
        return place if place < self.gap_at else place + self.gap

    def place(self, offset: int) -> int:
        """The place of the byte at an offset."""
        return offset if offset < self.gap_at else max(self.gap_at, offset - self.gap)


def _unknown(artifact: int) -> NotFound:
    return NotFound(f"artifact: there is no artifact {artifact}")


def _artifact(row: tuple[Any, ...]) -> Artifact:
    from json import loads

    from hstore.models import Artifact

    return Artifact._make((*row[:8], loads(row[8]), bool(row[9]), to_datetime(row[10]), row[11]))
