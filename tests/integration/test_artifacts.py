"""Artifacts: writing in every way, reading in every way, content stored once."""

from __future__ import annotations

import io
import os
import random
import secrets
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store, codec
from hstore.errors import HstoreError, InvalidInput, NotFound


def chunks(store: Store) -> int:
    return store.info().counts["chunks"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"\0",
        b"\xff\xfe\xfa not utf-8 \x80",
        b"no newline at the end",
        b"a\r\nb\r\n",
        bytes(range(256)) * 50,
        b"\n" * 5000,
        random.Random(1).randbytes(codec.CHUNK - 1),
        random.Random(2).randbytes(codec.CHUNK),
        random.Random(3).randbytes(codec.CHUNK * 5 + 1),
        b"line of text\n" * 300_000,
    ],
    ids=lambda content: f"{len(content)}",
)
def test_bytes_come_back_as_they_were(store: Store, run: int, content: bytes) -> None:
    """Empty, binary, NUL, invalid UTF-8, around the size of a chunk, beyond the size of a step."""
    number = store.attach_artifact(run, "file", content, name="content")
    artifact = store.artifacts.get(number)
    assert store.read_artifact(number) == content
    assert (artifact.size, artifact.source_size, artifact.complete) == (len(content), len(content), True)
    sink = io.BytesIO()
    assert store.artifacts.stream_to(number, sink) == len(content)
    assert sink.getvalue() == content


def test_content_may_be_text_path_or_stream(store: Store, run: int, tmp_path: Path) -> None:
    """Text is UTF-8, a path is read and named, a stream is read to its end."""
    file = tmp_path / "report.txt"
    file.write_bytes(b"report" * 1000)
    text = store.attach_artifact(run, "note", "grüße\n")
    from_path = store.attach_artifact(run, "file", file)
    stream = store.attach_artifact(run, "log", io.BytesIO(b"streamed"), name="stdout", path="/elsewhere")
    view = store.attach_artifact(run, "log", memoryview(bytearray(b"view")))
    assert store.read_artifact(text) == "grüße\n".encode()
    assert store.read_artifact(from_path) == b"report" * 1000
    assert (store.artifacts.get(from_path).name, store.artifacts.get(from_path).path) == ("report.txt", str(file))
    assert (store.read_artifact(stream), store.artifacts.get(stream).path) == (b"streamed", "/elsewhere")
    assert store.read_artifact(view) == b"view"
    odd = store.attach_artifact(run, "note", os.fsdecode(b"caf\xe9"))
    assert store.read_artifact(odd) == b"caf\xe9"


def test_same_content_is_stored_once(store: Store, run: int) -> None:
    """Across artifacts and runs; content with one other byte is another chunk."""
    content = secrets.token_bytes(1000)
    for _ in range(5):
        store.attach_artifact(run, "file", content)
    assert chunks(store) == 1
    store.attach_artifact(run, "file", content[:-1] + bytes([content[-1] ^ 1]))
    assert chunks(store) == 2


def test_equality_of_bytes_decides_not_the_digest(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a digest that is the same for everything, contents are still kept apart."""
    from hstore.domains.artifacts import chunks as module

    monkeypatch.setattr(module, "digest", lambda content: b"\0" * 16)
    contents = [secrets.token_bytes(500) for _ in range(4)] * 2
    numbers = [store.attach_artifact(run, "file", content) for content in contents]
    assert [store.read_artifact(number) for number in numbers] == contents
    assert chunks(store) == 4


def test_long_repetitive_output_takes_next_to_nothing(store: Store, run: int) -> None:
    """Whole chunks of the same bytes are one chunk."""
    number = store.attach_artifact(run, "log", b"y\n" * (8 * codec.CHUNK))
    assert store.artifacts.get(number).size == 16 * codec.CHUNK
    assert chunks(store) == 1


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_and_tails_are_slices_of_the_whole(store: Store, run: int, data: st.DataObject) -> None:
    """read_range and tail give what slicing the whole content gives, wherever chunks end."""
    lines = data.draw(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=40))
    content = b"\n".join(lines)
    writer = store.artifacts.writer(run, "log")
    position = 0
    while position < len(content):
        size = data.draw(st.integers(1, 50))
        writer.write(content[position : position + size])
        writer.step()
        position += size
    writer.close()
    start, length = data.draw(st.integers(0, len(content) + 3)), data.draw(st.integers(0, len(content) + 3))
    assert store.artifacts.read_range(writer.id, start, length) == content[start : start + length]
    wanted = data.draw(st.integers(0, 45))
    expected = b"".join(content.splitlines(keepends=True)[-wanted:]) if wanted else b""
    if b"\r" not in content and not set(content) & set(b"\x0b\x0c\x1c\x1d\x1e\x85"):
        assert store.artifacts.tail(writer.id, wanted) == expected


def test_range_of_a_large_artifact_decodes_only_what_it_needs(
    store: Store, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small range and a tail of 20 chunks touch one or two of them."""
    number = store.attach_artifact(run, "file", random.Random(4).randbytes(20 * codec.CHUNK))
    decoded = []
    original = codec.Codec.decode

    def counting(self, *arguments):
        decoded.append(arguments)
        return original(self, *arguments)

    monkeypatch.setattr(codec.Codec, "decode", counting)
    assert len(store.artifacts.read_range(number, 7 * codec.CHUNK + 5, 100)) == 100
    assert len(decoded) == 1
    store.artifacts.tail(number, 1)
    assert len(decoded) <= 3


def test_stream_that_fails_leaves_what_came_marked_incomplete(store: Store, run: int) -> None:
    """The error is the caller's own; a large artifact is there up to the last step, and says it is not whole."""

    class Failing(io.RawIOBase):
        reads = 0

        def read(self, size: int = -1) -> bytes:
            self.reads += 1
            if self.reads > 3:
                raise OSError("the cable was pulled")
            return secrets.token_bytes(size)

    with pytest.raises(OSError, match="cable"):
        store.attach_artifact(run, "file", Failing())
    (artifact,) = store.artifacts.list(run=run)
    assert not artifact.complete
    assert artifact.size == len(store.read_artifact(artifact.id)) > 0


def test_small_artifact_that_fails_leaves_nothing(store: Store, run: int) -> None:
    """Below a step it is one transaction."""

    class Failing(io.RawIOBase):
        reads = 0

        def read(self, size: int = -1) -> bytes:
            self.reads += 1
            if self.reads > 1:
                raise OSError("the cable was pulled")
            return b"short"

    with pytest.raises(OSError, match="cable"):
        store.attach_artifact(run, "file", Failing())
    assert store.artifacts.list() == []


def test_writer_shows_its_steps_to_others_and_goes_on_after_a_failed_one(store: Store, run: int) -> None:
    """What was stepped is there for a second store; a step inside a batch that fails is repeated later, not lost."""
    writer = store.artifacts.writer(run, "log", name="stdout")
    with Store.open(store.path) as second:
        writer.write(b"first\n")
        assert second.read_artifact(writer.id) == b""
        writer.step()
        assert second.read_artifact(writer.id) == b"first\n"
        assert not second.artifacts.get(writer.id).complete
        writer.write(b"second\n")
        with second.batch():
            second.record_run("x", "x")
            store._connection.using(lambda raw: raw.set_busy_timeout(50))
            with pytest.raises(HstoreError):
                writer.step()
        assert writer.pending == 7
        writer.write(b"third\n")
        writer.close()
        writer.close()
        assert second.read_artifact(writer.id) == b"first\nsecond\nthird\n"
        assert second.artifacts.get(writer.id).complete
    with pytest.raises(HstoreError, match="closed"):
        writer.write(b"x")


def test_writer_in_a_with_block_is_complete_only_without_an_exception(store: Store, run: int) -> None:
    """An exception marks it incomplete and keeps what was written."""
    with store.artifacts.writer(run) as good:
        good.write(b"good")
    with pytest.raises(ValueError, match="stop"), store.artifacts.writer(run) as bad:
        bad.write(b"bad")
        raise ValueError("stop")
    assert store.artifacts.get(good.id).complete
    assert not store.artifacts.get(bad.id).complete
    assert store.read_artifact(bad.id) == b"bad"


def test_replay_gives_all_streams_in_the_order_they_were_read(store: Store, run: int) -> None:
    """Two streams written alternately come back alternately, and from any offsets the rest."""
    out = store.artifacts.writer(run, name="stdout")
    err = store.artifacts.writer(run, name="stderr")
    written = []
    for number in range(200):
        writer, name = ((out, "stdout"), (err, "stderr"))[number % 3 == 0]
        line = f"{number} {name}\n".encode()
        writer.write(line, at=1_000_000 * number + 5)
        written.append((name, line))
        if number % 37 == 0:
            with store.batch():
                out.step()
                err.step()
    out.close()
    err.close()
    replayed = list(store.artifacts.replay(run))
    assert b"".join(part.data for part in replayed) == b"".join(line for _, line in written)
    for name in ("stdout", "stderr"):
        expected = b"".join(line for stream, line in written if stream == name)
        assert b"".join(part.data for part in replayed if part.name == name) == expected
    assert [part.at for part in replayed] == sorted(part.at for part in replayed)
    seen = {out.id: 500, err.id: 31}
    rest = list(store.artifacts.replay(run, seen))
    for number, offset in seen.items():
        parts = [part for part in rest if part.artifact == number]
        assert parts[0].offset == offset
        assert b"".join(part.data for part in parts) == store.read_artifact(number)[offset:]


def test_clock_that_goes_back_breaks_no_replay(store: Store, run: int) -> None:
    """All bytes come, in their order, whatever the times say."""
    writer = store.artifacts.writer(run, name="stdout")
    for number in range(100):
        writer.write(b"%d\n" % number, at=10**15 - number * 10**6)
    writer.close()
    assert b"".join(part.data for part in store.artifacts.replay(run)) == store.read_artifact(writer.id)


@pytest.mark.parametrize("pairs", [[(0, 1)], [(0, 127), (128, 128)], [(5, 1 << 20), (1 << 40, 3), (0, 16383)]])
def test_marks_round_trip(pairs: list[tuple[int, int]]) -> None:
    """The packed form gives back every pair."""
    assert list(codec.decode_marks(codec.encode_marks(pairs))) == pairs


def test_large_stream_needs_little_memory(store: Store, run: int) -> None:
    """Half a gigabyte from a stream: peak memory grows by less than 64 MB, and all of it is there."""

    class Zeros(io.RawIOBase):
        left = 512 * 1024 * 1024

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

    resource = pytest.importorskip("resource", reason="Windows does not tell the peak of memory this way")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    number = store.attach_artifact(run, "file", Zeros())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 64 * 1024 * 1024
    assert store.artifacts.get(number).size == 512 * 1024 * 1024
    assert store.artifacts.read_range(number, 512 * 1024 * 1024 - 10, 100) == bytes(10)


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (InvalidInput, {"kind": "picture"}),
        (InvalidInput, {"content": 5}),
        (InvalidInput, {"content": None}),
        (InvalidInput, {"content": Path("/does/not/exist")}),
        (InvalidInput, {"content": Path("/")}),
        (InvalidInput, {"content": io.StringIO("text")}),
        (InvalidInput, {"name": 5}),
        (NotFound, {"run": 999}),
        (InvalidInput, {"run": "1"}),
        (InvalidInput, {"run": None}),
    ],
    ids=str,
)
def test_wrong_values_are_refused_and_leave_nothing(store: Store, run: int, error, arguments) -> None:
    """A clear error; no artifact."""
    with pytest.raises(error):
        store.attach_artifact(**{"run": run, "kind": "log", "content": b"x", **arguments})
    assert store.artifacts.list() == []


def test_unknown_artifacts_are_not_found(store: Store) -> None:
    """Every way of reading says so."""
    for call in (store.read_artifact, store.artifacts.get, store.artifacts.tail):
        with pytest.raises(NotFound):
            call(7)
    with pytest.raises(InvalidInput):
        store.artifacts.read_range(7, -1, 5)


def test_listing_by_run_kind_and_name(store: Store, run: int) -> None:
    """Newest first; filters combine; pages go on."""
    other = store.record_run("b", "b", exit_code=0)
    for owner in (run, other):
        for kind in ("log", "note"):
            store.attach_artifact(owner, kind, b"x", name=f"{kind}-name")
    assert [found.id for found in store.artifacts.list()] == [4, 3, 2, 1]
    assert [found.id for found in store.artifacts.list(run=run)] == [2, 1]
    assert [found.id for found in store.artifacts.list(kind="note", run=other)] == [4]
    assert [found.id for found in store.artifacts.list(name="log-name", after=3)] == [1]


def test_step_commits_what_was_cut_while_another_thread_writes_on(store: Store, run: int) -> None:
    """One thread writes and cuts, another steps: all bytes are there, in their order."""
    drawn = random.Random(7)
    writer = store.artifacts.writer(run, name="stdout")
    written = []
    stepping: threading.Thread | None = None
    for _ in range(400):
        data = drawn.randbytes(drawn.choice((1, 30, 4096, 5000, codec.CHUNK)))
        writer.write(data)
        written.append(data)
        if stepping is None or not stepping.is_alive():
            if stepping is not None:
                stepping.join()
            assert writer.cut()
            stepping = threading.Thread(target=writer.step)
            stepping.start()
    assert stepping is not None
    stepping.join()
    writer.close()
    assert store.read_artifact(writer.id) == b"".join(written)


def test_what_was_cut_stays_the_next_step(store: Store, run: int) -> None:
    """Cutting again before the step takes nothing more, and what came since is pending still."""
    writer = store.artifacts.writer(run, name="stdout")
    assert not writer.cut()
    writer.write(b"first\n")
    assert writer.cut()
    writer.write(b"second\n")
    assert writer.cut()
    assert (writer.pending, writer.waiting) == (13, 7)
    writer.step()
    assert store.read_artifact(writer.id) == b"first\n"
    assert (writer.pending, writer.waiting) == (7, 7)
    writer.close()
    assert store.read_artifact(writer.id) == b"first\nsecond\n"


def test_chunks_are_cut_at_the_same_places_however_the_bytes_come(store: Store, run: int) -> None:
    """Reads of any size make the same chunks, so the same output is stored once."""
    content = random.Random(8).randbytes(5 * codec.CHUNK + 77)
    for size in (999, 4096, 100_000, codec.CHUNK, 300_000, len(content)):
        with store.artifacts.writer(run) as writer:
            for start in range(0, len(content), size):
                writer.write(content[start : start + size])
                if writer.due:
                    writer.step()
        assert store.read_artifact(writer.id) == content
        assert chunks(store) == 6
