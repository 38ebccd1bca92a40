"""Compaction: old content made as small as it gets, in bounded steps beside other writers; see `Artifacts.compact`.

Small chunks are put together into full ones, in the order in which they came: contents that came together resemble
one another, and in one frame they are each other's dictionary (10,000 small outputs: 0.45 of the bytes that zstd -1
needs for each by itself, where a trained dictionary comes to 0.56). And one row stands for hundreds. Large chunks are
compressed at a higher level in their place. What has been compacted is marked in `codec` and not looked at again.

An interruption of any kind leaves what is done done: each step is one transaction.
"""

from __future__ import annotations

from hstore.codec import CHUNK, SETTLED
from hstore.domains.artifacts.packs import Packs
from hstore.engine import scrubbing
from hstore.errors import CorruptDatabase
from hstore.models import CompactReport, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hstore.domains.artifacts.chunks import Chunks
    from hstore.engine import Connection

    Watch = Callable[[Progress], None]

_PUT_TOGETHER = CHUNK // 2
"""Bytes below which a chunk is put together with others."""
_AT_ONCE = 512  # chunks that become one in one transaction: some 10 ms during which other writers wait
_TRIES = 3  # to move contents while others change what is needed of them

NEWEST = "SELECT coalesce(max(id), 0) FROM chunks"
DUE = "SELECT id, size FROM chunks WHERE id > $1 AND id <= $2 AND codec < $3 ORDER BY id LIMIT 1000"
COUNT_DUE = "SELECT count(*) FROM chunks WHERE id <= $1 AND codec < $2"
TOTALS = "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(length(data)), 0) FROM chunks"
STORED = "SELECT length(data) FROM chunks WHERE id = $1"


class Compaction:
    """The state of one `Artifacts.compact`."""

    def __init__(self, connection: Connection, chunks: Chunks, watch: Watch) -> None:
        self._connection = connection
        self._chunks = chunks
        self._packs = Packs(connection, chunks)
        self._watch = watch
        self._newest = int(connection.value(NEWEST))
        self._saved = self._vanished = self._damaged = 0

    def dry_run(self) -> CompactReport:
        """Compress everything, write nothing, and say what it would take."""
        before = self._connection.rows(TOTALS)[0]
        for group in self._groups():
            self._weigh(group)
        return self._report(before, (before[0] - self._vanished, before[1], before[2] - self._saved), dry_run=True)

    def run(self) -> CompactReport:
        """Do it."""
        before = self._connection.rows(TOTALS)[0]
        self._chunks.dictionaries.refresh()
        self._tell("unused", 0, self._newest)
        swept = self._packs.sweep(lambda last: self._tell("unused", min(last, self._newest), self._newest))
        for group in self._groups():
            self._compact(group)
        self._tell("space", 0, 1)
        scrubbing.give_free_pages_back(self._connection)
        return self._report(before, self._connection.rows(TOTALS)[0], dry_run=False, swept=swept)

    # --- what belongs together ---------------------------------------------------------------------------------------

    def _groups(self) -> Iterator[list[int]]:
        """Chunks that are not compacted yet: large ones by themselves, small ones as many as fill a chunk."""
        total = int(self._connection.value(COUNT_DUE, (self._newest, SETTLED)))
        room = CHUNK
        group: list[int] = []
        self._tell("chunks", 0, total)
        for done, (chunk, size) in enumerate(self._due(), 1):
            if size >= _PUT_TOGETHER:
                yield [chunk]
            else:
                if size > room or len(group) == _AT_ONCE:
                    yield group
                    group, room = [], CHUNK
                group.append(chunk)
                room -= size
            self._tell("chunks", min(done, total), total)
        if group:
            yield group

    def _due(self) -> Iterator[tuple[int, int]]:
        after = 0
        while page := self._connection.rows(DUE, (after, self._newest, SETTLED)):
            yield from page
            after = page[-1][0]

    # --- doing it ----------------------------------------------------------------------------------------------------

    def _compact(self, group: list[int]) -> None:
        for _ in range(_TRIES):
            try:
                if len(group) == 1:
                    self._chunks.settle(group[0])
                    return
                move = self._packs.planned(group)
                if move is None or self._packs.carry_out(move):
                    return
            except CorruptDatabase:
                group = [chunk for chunk in group if self._is_whole(chunk)]

    def _is_whole(self, chunk: int) -> bool:
        """Whether a chunk is there, and not damaged."""
        try:
            self._chunks.read(chunk)
        except CorruptDatabase:
            self._damaged += self._connection.row(STORED, (chunk,)) is not None
            return False
        return True

    def _weigh(self, group: list[int]) -> None:
        try:
            before = sum(self._connection.value(STORED, (chunk,)) or 0 for chunk in group)
            move = self._packs.planned(group)
        except CorruptDatabase:
            return
        self._saved += before - (0 if move is None else len(move.chunk.payload))
        self._vanished += len(group) - (move is not None)

    # --- what it came to ---------------------------------------------------------------------------------------------

    def _report(
        self, before: tuple[int, int, int], after: tuple[int, int, int], *, dry_run: bool, swept: int = 0
    ) -> CompactReport:
        return CompactReport(
            dry_run=dry_run,
            chunks_before=before[0],
            chunks_after=after[0],
            plain_bytes=after[1],
            stored_before=before[2],
            stored_after=after[2],
            unused_chunks=swept,
            damaged_chunks=self._damaged,
            free_pages=scrubbing.free_pages(self._connection),
        )

    def _tell(self, step: str, done: int, total: int) -> None:
        self._watch(Progress(step, done, total))
