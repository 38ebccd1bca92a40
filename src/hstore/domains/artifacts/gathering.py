"""Small contents attached inside a transaction: gathered, masked in one call, put together, and written at once.

One by one each content would be a call of the masker, a look for its twin, a frame of its own, three statements and
three rows. Gathered, contents that came together stand in one chunk, in which zstd finds what they have in common, and
an artifact is one row, which says where in the chunk its content begins. What that leaves out: among many contents a
twin is found if it came in the same gathering, not if it was stored before; an index that could tell would have an
entry for each content in random order, which takes longer to write than the content, the longer the more there are.
"""

from __future__ import annotations

from hstore.clock import now
from hstore.codec import CHUNK, digests
from hstore.domains.artifacts.background import Background
from hstore.domains.artifacts.timing import counts_json
from hstore.domains.artifacts.writer import KINDS
from hstore.errors import NotFound
from hstore.listing import identifier, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from typing import Union

    from hstore.domains.artifacts.chunks import Chunks, Prepared
    from hstore.door import Door
    from hstore.engine import Connection

    Waiting = tuple[int, int, str, Union[str, None], Union[str, None], int, bytes]
    Place = tuple[Union[int, None], int]  # chunk, and start in it

LARGEST = 16 * 1024
"""Bytes of content up to which it is gathered; larger ones fill a chunk soon enough by themselves."""
FEW = 8
"""Contents up to which each becomes a chunk of its own, which is found by its digest when it comes again."""
_MOST = 4 * CHUNK  # bytes that wait
_IN_ONE_CALL = 64  # contents that are looked at by the masker in one call

ADD = """
    INSERT INTO artifacts (id, run_id, kind, name, path, size, source_size, masked, complete, created_at, chunk_id,
                           chunk_start)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
NOWHERE = (None, 0)  # where empty content is
RUN = "SELECT 1 FROM runs WHERE id = $1"
_SHORT = 512  # characters of a name: even if each became the longest mark, it would not be too long


class Sealed:
    """Contents that are masked and put together: `chunks` gives the chunks, when they are compressed."""

    __slots__ = ("chunks", "contents", "counts", "places", "rows")

    def __init__(
        self,
        rows: list[Waiting],
        contents: list[bytes],
        counts: list[str],
        places: list[tuple[int, int]],
        chunks: Callable[[], list[Prepared]],
    ) -> None:
        self.rows = rows
        self.contents = contents
        self.counts = counts
        self.places = places
        self.chunks = chunks


class Gathering:
    """Attaches contents that are at hand as bytes, alone or in a batch."""

    def __init__(self, connection: Connection, door: Door, chunks: Chunks) -> None:
        self._connection = connection
        self._door = door
        self._chunks = chunks
        self._source = self._write  # the same object each time it is looked for
        self._waiting: list[Waiting] = []
        self._sealed: Sealed | None = None
        self._size = 0
        self._run = 0

    def gather(self, run: int, kind: str, content: bytes, name: object, path: object) -> int:
        """Take content of at most `LARGEST` bytes inside a transaction; return the id that its artifact will have.

        Returns:
            The id, or 0 where `attach` must be called, which says what is wrong, or checks what takes time to check.

        Raises:
            NotFound: no such run.
        """
        if (
            kind not in KINDS
            or run.__class__ is not int
            or not 0 < run < 1 << 63
            or not (name is None or (name.__class__ is str and len(name) <= _SHORT))
            or not (path is None or (path.__class__ is str and len(path) <= _SHORT))
        ):
            return 0
        connection = self._connection
        behind = connection.behind
        if behind.source is not self._source:  # it was written, or undone
            self._waiting, self._sealed, self._size, self._run = [], None, 0, 0
        if run != self._run:
            if not behind.has_given("runs", run):
                self._check(run)
            self._run = run
        ids = behind.ids
        number = ids["artifacts"] = (ids["artifacts"] if "artifacts" in ids else connection.last_id("artifacts")) + 1
        self._waiting.append((number, run, kind, name, path, now(), content))
        behind.source = self._source
        self._size += len(content)
        if self._size > _MOST:
            self._connection.flush(more=True)
        return number

    def _check(self, run: int) -> None:
        if not self._connection.row(RUN, (run,)):
            raise NotFound(f"run: there is no run {run}")

    # --- writing what waits ------------------------------------------------------------------------------------------

    def _write(self, more: bool) -> None:
        """Write what waits, inside its transaction; with `more` to come, only what has been compressed meanwhile.

        Then another thread compresses a megabyte while this one writes the one before and gathers the next.
        """
        before, self._sealed = self._sealed, None
        if more:
            self._sealed = self._seal(in_background=True)
        if before is not None:
            self._put(before)
        if self._sealed is not None:
            behind = self._connection.behind
            behind.ids["artifacts"] = self._sealed.rows[-1][0]  # nobody else can have added any since
            behind.source = self._source
        elif len(self._waiting) > FEW:
            self._put(self._seal(in_background=False))
        else:
            self._put_one_by_one()

    def _seal(self, *, in_background: bool) -> Sealed:
        """Mask what waits, put it together, and have it compressed."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        contents, counts = self._masked([row[6] for row in waiting])
        places, chunks = _together(contents)
        encoded = self._chunks.encoded_many
        if in_background and len(chunks) > 1:
            return Sealed(waiting, contents, counts, places, Background(lambda: encoded(chunks, alone=True)).result)
        prepared = encoded(chunks)
        return Sealed(waiting, contents, counts, places, lambda: prepared)

    def _put(self, sealed: Sealed) -> None:
        # The last, which -1 stands for, is where empty content is.
        numbers = [*map(self._chunks.add, sealed.chunks()), None]
        texts = self._texts(sealed.rows)
        self._connection.write_many(
            ADD,
            [
                (me, run, kind, texts[name], texts[path], len(content), len(given), marks, 1, at, numbers[chunk], start)
                for (me, run, kind, name, path, at, given), content, marks, (chunk, start) in zip(
                    sealed.rows, sealed.contents, sealed.counts, sealed.places, strict=True
                )
            ],
        )

    def _put_one_by_one(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        texts = self._texts(waiting)
        for number, run, kind, name, path, at, given in waiting:
            content, counts = self._mask(given)
            place = self._place(content)
            self._connection.append(
                ADD, (number, run, kind, texts[name], texts[path], len(content), len(given), counts, 1, at, *place)
            )

    def _texts(self, waiting: list[Waiting]) -> dict[str | None, str | None]:
        """The names and paths as masked, by what they were."""
        masked: dict[str | None, str | None] = {None: None}
        for row in waiting:
            for text in (row[3], row[4]):
                if text not in masked:
                    masked[text] = self._door.optional("name", text)
        return masked

    # --- masking -----------------------------------------------------------------------------------------------------

    def _masked(self, contents: list[bytes]) -> tuple[list[bytes], list[str]]:
        """The contents as masked, and the JSON of each one's counts of marks."""
        masked, counts = contents[:], ["{}"] * len(contents)
        for first in range(0, len(contents), _IN_ONE_CALL):
            for number in self._with_secrets(contents, first, min(first + _IN_ONE_CALL, len(contents))):
                masked[number], counts[number] = self._mask(contents[number])
        return masked, counts

    def _with_secrets(self, contents: list[bytes], start: int, end: int) -> Iterator[int]:
        """Which of the contents from `start` to `end` hold something to mask, found by halving what does."""
        if self._door.leaves(contents[start:end]):
            return
        if end - start == 1:
            yield start
            return
        middle = (start + end) // 2
        yield from self._with_secrets(contents, start, middle)
        yield from self._with_secrets(contents, middle, end)

    def _mask(self, content: bytes) -> tuple[bytes, str]:
        """A content as masked, and the JSON of its counts of marks."""
        masker = self._door.masker
        if masker.mask(content) is content:
            return content, "{}"
        stream = masker.stream()
        masked = stream.feed(content) + stream.finish()
        counts = counts_json(stream.counts)
        stream.close()
        return masked, counts

    def _place(self, content: bytes) -> Place:
        """Store a content as a chunk of its own, unless it is there already; empty content has none."""
        return (self._chunks.store(self._chunks.prepare([content])[0]), 0) if content else NOWHERE

    # --- alone -------------------------------------------------------------------------------------------------------

    def attach(self, run: int, kind: str, content: bytes, name: str | None, path: str | os.PathLike[str] | None) -> int:
        """Attach content of at most a chunk by itself, and return the artifact's id.

        Raises:
            NotFound: no such run. InvalidInput: the kind, a name or a path is wrong.
        """
        row = (
            identifier("run", run),
            one_of("kind", kind, KINDS),
            self._door.optional("name", name),
            self._door.path("path", path),
        )
        masked, counts = self._mask(content)
        prepared = self._chunks.prepare([masked]) if masked else []
        with self._connection.transaction():
            self._check(run)
            place: Place = (self._chunks.store(prepared[0]), 0) if prepared else NOWHERE
            return self._connection.append(ADD, (None, *row, len(masked), len(content), counts, 1, now(), *place))


def _together(contents: list[bytes]) -> tuple[list[tuple[int, int]], list[bytes]]:
    """Put contents one behind the other in chunks, the same ones once.

    Returns:
        For each the number of its chunk and where it starts there, -1 for empty content, which needs none; the chunks.
    """
    places: list[tuple[int, int]] = []
    chunks: list[list[bytes]] = []
    parts: list[bytes] = []
    end = CHUNK
    made: dict[bytes, tuple[bytes, tuple[int, int]]] = {}
    for content, address in zip(contents, digests(contents), strict=True):
        if address in made and made[address][0] == content:
            places.append(made[address][1])
        elif content:
            if end >= CHUNK:
                parts, end = [], 0
                chunks.append(parts)
            place = (len(chunks) - 1, end)
            made[address] = (content, place)
            places.append(place)
            parts.append(content)
            end += len(content)
        else:
            places.append((-1, 0))
    return places, list(map(b"".join, chunks))
