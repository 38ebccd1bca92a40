"""The verbs of `store.artifacts`, put together from the writer and the reader."""

from __future__ import annotations

import os

from hstore.codec import CHUNK, Codec
from hstore.domains.artifacts.chunks import Chunks
from hstore.domains.artifacts.gathering import LARGEST, Gathering
from hstore.domains.artifacts.reader import ArtifactReader
from hstore.domains.artifacts.writer import KINDS, ArtifactWriter
from hstore.engine import is_open_here
from hstore.errors import HstoreError, InvalidInput
from hstore.listing import identifier, one_of, positive, to_call, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import Any, Protocol, Union

    from hstore.domains.artifacts.reader import Sink
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Artifact, CompactReport, Part, Progress

    class Source(Protocol):
        """Where bytes come from: a binary file, a pipe, a socket's file."""

        def read(self, size: int, /) -> Any:
            """Give at most `size` bytes, none at the end."""

    Content = Union[bytes, bytearray, memoryview, str, os.PathLike[str], os.PathLike[bytes], Source]

_READ = 4 * CHUNK
_EVERYTHING = (1 << 63) - 1


class Artifacts:
    """`store.artifacts`: write, list and read what runs left behind."""

    def __init__(self, connection: Connection, door: Door, delete: Callable[[int], None]) -> None:
        self._connection = connection
        self._door = door
        self._delete = delete
        self._chunks = Chunks(connection, Codec())
        self._reader = ArtifactReader(connection, door, self._chunks)
        self._gathering = Gathering(connection, door, self._chunks)

    def writer(
        self,
        run: int,
        kind: str = "log",
        *,
        name: str | None = None,
        path: str | os.PathLike[str] | None = None,
        limit: int | None = None,
    ) -> ArtifactWriter:
        """Begin an artifact whose bytes come bit by bit; what was stepped is kept whatever happens later.

        Args:
            run: id of the run.
            kind: `log`, `file` or `note`.
            name: such as `stdout`.
            path: where it came from.
            limit: bytes to keep at most, as masked. Of more, the head and the tail are kept, a half each, in whole
                lines unless one is longer than 64 KiB, and a line between them says how much is left out. While
                more comes, up to 1 MiB more than that are there.

        Raises:
            InvalidInput: `kind` is not log, file or note, `limit` is no whole number from 1. NotFound: no such run.
        """
        return ArtifactWriter(self._connection, self._door, self._chunks, run, kind, name, path, limit)

    def attach(
        self,
        run: int,
        kind: str,
        content: Content,
        *,
        name: str | None = None,
        path: str | os.PathLike[str] | None = None,
        limit: int | None = None,
    ) -> int:
        """As `Store.attach_artifact`."""
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass" if _has_other_surrogates(content) else "surrogateescape")
        if content.__class__ is bytes and len(content) <= LARGEST and limit is None and self._connection.in_transaction:
            number = self._gathering.gather(run, kind, content, name, path)
            if number:
                return number
        if isinstance(content, (bytes, bytearray, memoryview)):
            view = memoryview(content)
            view = view.cast("B") if view.contiguous else memoryview(view.tobytes())
            blocks = (view[at : at + _READ] for at in range(0, len(view), _READ))
            return self._attach(run, kind, blocks, name, path, limit)
        if isinstance(content, os.PathLike):
            return self._attach_file(run, kind, os.fsdecode(content), name, path, limit)
        if hasattr(content, "read"):
            return self._attach(run, kind, _blocks(content), name, path, limit)
        raise InvalidInput(f"content: bytes, str, a path or a readable stream, not {type(content).__name__}")

    def _attach_file(
        self,
        run: int,
        kind: str,
        source: str,
        name: str | None,
        path: str | os.PathLike[str] | None,
        limit: int | None,
    ) -> int:
        if is_open_here(source):
            raise InvalidInput(
                "content: a database that is open here; reading it would drop its locks: back it up first"
            )
        try:
            file = open(source, "rb", buffering=0)  # noqa: SIM115 - closed below; only opening is the caller's fault
        except OSError as failure:
            raise InvalidInput(f"content: the file cannot be read: {failure.strerror}") from None
        with file:
            name = os.path.basename(source) if name is None else name
            return self._attach(run, kind, _blocks(file), name, source if path is None else path, limit)

    def _attach(
        self,
        run: int,
        kind: str,
        blocks: Iterator[Any],
        name: str | None,
        path: str | os.PathLike[str] | None,
        limit: int | None,
    ) -> int:
        """Small content is one transaction; larger content is committed in bounded steps and marked complete last."""
        positive("run", run)
        one_of("kind", kind, KINDS)
        first = next(blocks, b"")
        if len(first) <= CHUNK and limit is None:  # it is all there is
            number = self._gathering.attach(run, kind, bytes(first), name, path)
            self.keep_learning()
            return number
        if len(first) < _READ:
            with self._connection.transaction():
                number = self._write(self.writer(run, kind, name=name, path=path, limit=limit), first, blocks)
        else:
            number = self._write(self.writer(run, kind, name=name, path=path, limit=limit), first, blocks)
        self.keep_learning()
        return number

    def keep_learning(self) -> None:
        """Train a dictionary if it is time to; outside of all transactions, so nobody waits for it but the caller."""
        if self._chunks.dictionaries.due:
            self._chunks.dictionaries.refresh()

    @staticmethod
    def _write(writer: ArtifactWriter, first: Any, blocks: Iterator[Any]) -> int:
        with writer:
            writer.write(first)
            for block in blocks:
                if writer.due:
                    writer.step()
                writer.write(block)
        return writer.id

    def get(self, artifact: int) -> Artifact:
        """The artifact of that id; NotFound if there is none."""
        return self._reader.get(artifact)

    def list(
        self,
        *,
        run: int | None = None,
        kind: str | None = None,
        name: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Artifact]:
        """Artifacts, newest first, of a run, kind or name, made from `since` on and before `until`.

        `after` is the last id seen.
        """
        return self._reader.list(run, kind, name, since, until, limit, after)

    def read(self, artifact: int) -> bytes:
        """All bytes, masked as they were stored; for large ones see `stream_to` and `read_range`."""
        return b"".join(self._reader.read_range(artifact, 0, _EVERYTHING))

    def read_range(self, artifact: int, start: int, length: int) -> bytes:
        """At most `length` bytes from the offset `start`; fewer at the end, none behind it."""
        return b"".join(self._reader.read_range(artifact, start, length))

    def tail(self, artifact: int, lines: int = 10) -> bytes:
        """The last lines; a last line without its newline counts as one."""
        return b"".join(self._reader.read_range(artifact, self.tail_offset(artifact, lines), _EVERYTHING))

    def tail_offset(self, artifact: int, lines: int = 10) -> int:
        """The offset at which the last lines begin, for `read_range`; 0 if there are no more than that."""
        return self._reader.tail_start(artifact, lines)

    def tail_offsets(self, run: int, lines: int = 10) -> dict[int, int]:
        """Where the last lines of each log of a run begin, by artifact, for `replay`; of 0 lines, where it ends."""
        return self._reader.tail_offsets(run, lines)

    def stream_to(self, artifact: int, file: Sink) -> int:
        """Write all bytes to a binary file in pieces of at most 1 MiB; return how many there were.

        Raises:
            NotFound: there is no such artifact. InvalidInput: `file` has no `write`.
        """
        to_call("file", getattr(file, "write", None))
        written = 0
        for content in self._reader.read_range(artifact, 0, _EVERYTHING):
            file.write(content)
            written += len(content)
        return written

    def replay(self, run: int, offsets: dict[int, int] | None = None) -> Iterator[Part]:
        """Yield a run's log output in the order in which it was read, across its streams.

        Args:
            run: id of the run.
            offsets: bytes already seen of each artifact, by id: to go on from there, as a follower does. Here and in
                the parts they count what is left out too, so that they hold while a budget leaves out more and more:
                a part that begins later than the one before it ended follows what was left out before it was seen.
        """
        return self._reader.replay(run, offsets or {})

    def delete(self, artifact: int) -> None:
        """Delete an artifact, and its content as far as nobody else needs it; the run stays.

        It works in transactions of some milliseconds, in which a large one becomes shorter; interrupted, it is called
        again. In a batch it is part of that.

        Raises:
            NotFound: there is none. InvalidInput: it is still being written.
        """
        self._delete(identifier("artifact", artifact))

    def compact(self, *, dry_run: bool = False, progress: Callable[[Progress], None] | None = None) -> CompactReport:
        """Make old content as small as it gets: small chunks put together, large ones compressed at a higher level.

        It works in bounded transactions beside other processes, and gives back to the file system what became free.
        An interruption of any kind leaves what is done done, and the next call goes on from there.

        Args:
            dry_run: compress all of it to see what it would take, and write nothing.
            progress: is told of each step.

        Raises:
            InvalidInput: an argument of the wrong type.
            Busy: another process holds the lock for too long; what was done is kept. ReadOnly: the store is opened for
                reading, and it is no dry run. HstoreError: called in a batch.
        """
        from hstore.domains.artifacts.compaction import Compaction

        tell = (lambda _: None) if progress is None else progress
        to_call("progress", tell)
        only_said = truth("dry_run", dry_run)
        if self._connection.in_transaction:
            raise HstoreError("compaction commits its own steps; call it outside of batch()")
        compaction = Compaction(self._connection, self._chunks, tell)
        return compaction.dry_run() if only_said else compaction.run()


def _blocks(source: Source) -> Iterator[bytes]:
    """Yield blocks of `_READ` bytes, the last one shorter, however little the stream gives at a time.

    So the first block tells whether the content is small, before any transaction waits for the stream.
    """
    parts: list[bytes] = []
    size = 0
    while block := _read(source):
        parts.append(block)
        size += len(block)
        if size >= _READ:
            whole = b"".join(parts)
            yield whole[:_READ]
            parts, size = [whole[_READ:]], size - _READ
    if size:
        yield b"".join(parts)


def _read(source: Source) -> bytes:
    block = source.read(_READ)
    if block is None:
        raise InvalidInput("content: the stream is non-blocking; give one that waits")
    if not isinstance(block, (bytes, bytearray, memoryview)):
        raise InvalidInput(f"content: the stream gives {type(block).__name__}; open it in binary mode")
    return bytes(block)


def _has_other_surrogates(text: str) -> bool:
    """Say whether `text` has lone surrogates that do not stand for undecodable bytes."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return True
    return False
