"""Compaction: old content made smaller beside other writers, with nothing lost, whatever happens meanwhile."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from benchmarks.outputs import Project

from hstore import Store
from hstore.codec import CHUNK
from hstore.doctor import examine
from hstore.domains.artifacts.packs import Packs
from hstore.errors import HstoreError, ReadOnly
from hstore.models import Progress
from planted import Secrets, look
from unmasked import unmasked


def fill(store: Store, run: int) -> dict[int, bytes]:
    """Artifacts of all shapes, by id: small ones, slow output in many pieces, large ones, shared and empty content."""
    noise = random.Random(4)
    kept = {store.attach_artifact(run, "log", content): content for content in Project(1).outputs(300)}
    for lines in (40, 700):
        with store.artifacts.writer(run, name="slow") as writer:
            for number in range(lines):
                writer.write(b"line %d of slow output\n" % number, at=1_000_000 * number)
                writer.step()
        kept[writer.id] = b"".join(b"line %d of slow output\n" % number for number in range(lines))
    for content in (b"", b"x", b"x", b"twice" * 50, b"twice" * 50, noise.randbytes(3 * CHUNK), b"ab\n" * 300_000):
        kept[store.attach_artifact(run, "file", content)] = content
    text = b"\n".join(Project(2).outputs(1500))
    kept[store.attach_artifact(run, "file", text)] = text
    return kept


def contents(store: Store, numbers: dict[int, bytes]) -> dict[int, bytes]:
    return {number: store.read_artifact(number) for number in numbers}


def test_everything_reads_back_and_takes_less(store: Store, run: int) -> None:
    """Whole, in ranges, from the end and in the order of time; a second time does nothing."""
    kept = fill(store, run)
    slow = next(number for number in kept if store.artifacts.get(number).name == "slow")
    replayed = [(part.at, part.data) for part in store.artifacts.replay(run) if part.artifact == slow]
    report = store.artifacts.compact()
    noise = 3 * CHUNK  # which takes what it takes
    assert report.stored_after - noise < 0.8 * (report.stored_before - noise)
    assert report.chunks_after < 0.1 * report.chunks_before
    assert contents(store, kept) == kept
    drawn = random.Random(1)
    for number, content in kept.items():
        start, length = drawn.randrange(len(content) + 1), drawn.randrange(len(content) + 1)
        assert store.artifacts.read_range(number, start, length) == content[start : start + length]
    assert store.artifacts.tail(slow, 2) == b"line 38 of slow output\nline 39 of slow output\n"
    assert [(part.at, part.data) for part in store.artifacts.replay(run) if part.artifact == slow] == replayed
    again = store.artifacts.compact()
    assert (again.chunks_before, again.stored_before) == (again.chunks_after, again.stored_after)
    assert examine(store.path).ok


def test_dry_run_foretells_and_writes_nothing(path: Path) -> None:
    """What it says is what compaction then does; a reader may ask."""
    with Store.open(path) as store:
        fill(store, store.record_run("a", "a", exit_code=0))
    with Store.open(path, readonly=True) as reader:
        foretold = reader.artifacts.compact(dry_run=True)
        assert reader.info().stored_bytes == foretold.stored_before
        with pytest.raises(ReadOnly):
            reader.artifacts.compact()
    with Store.open(path) as store:
        report = store.artifacts.compact()
    assert report.chunks_after == foretold.chunks_after
    assert abs(report.stored_after - foretold.stored_after) < 0.05 * report.stored_after


def test_space_goes_back_to_the_file_system(path: Path) -> None:
    """The file is smaller afterwards, and has no free pages left."""
    with Store.open(path) as store:
        fill(store, store.record_run("a", "a", exit_code=0))
    before = path.stat().st_size
    with Store.open(path) as store:
        assert store.artifacts.compact().free_pages == 0
    noise = 3 * CHUNK  # which takes what it takes
    assert path.stat().st_size - noise < 0.9 * (before - noise)


def test_content_that_no_run_has_any_more_goes(store: Store, run: int) -> None:
    """Deleted with its run it is taken out, also out of the middle of a chunk that others need."""
    kept = fill(store, run)
    store.artifacts.compact()
    gone = list(kept)[::2]
    for number in gone:
        store._connection.write("DELETE FROM artifacts WHERE id = $1", (number,))
    report = store.artifacts.compact()
    assert report.unused_chunks > 0
    left = {number: content for number, content in kept.items() if number not in gone}
    assert contents(store, left) == left
    needed = store.query("SELECT sum(size) FROM (SELECT DISTINCT chunk_id, chunk_start, size FROM pieces)")
    assert store.query("SELECT sum(size) FROM chunks") == needed


def test_interrupted_at_every_step_it_goes_on(store: Store, run: int) -> None:
    """Ctrl-C at each step in turn: nothing is lost, and the next call does the rest."""
    kept = fill(store, run)
    total = store.info().counts["chunks"]
    steps = 0
    while True:
        left = steps = steps + 150

        def interrupt(at: Progress) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                raise KeyboardInterrupt

        try:
            store.artifacts.compact(progress=interrupt)
            break
        except KeyboardInterrupt:
            assert contents(store, kept) == kept
    assert steps > 150
    assert store.info().counts["chunks"] < 0.2 * total


def test_others_change_what_is_being_moved(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact that comes or goes between reading and moving: nothing is lost, and what is gone stays gone."""
    kept = fill(store, run)
    original, struck = Packs.carry_out, []
    doomed = list(kept)[5]

    def disturbed(self, move):
        if not struck:
            struck.append(True)
            with Store.open(store.path) as other:
                again = other.attach_artifact(run, "log", kept[list(kept)[7]])
                kept[again] = kept[list(kept)[7]]
                other._connection.write("DELETE FROM artifacts WHERE id = $1", (doomed,))
        return original(self, move)

    monkeypatch.setattr(Packs, "carry_out", disturbed)
    store.artifacts.compact()
    content = kept.pop(doomed)
    assert contents(store, kept) == kept
    for number in {row[0] for row in store.query("SELECT chunk_id FROM pieces")}:
        assert content not in store.artifacts._chunks.read(number)


def test_reader_of_before_reads_on(path: Path) -> None:
    """Somebody in the middle of reading while chunks are moved gets every byte."""
    with Store.open(path) as store, Store.open(path, readonly=True) as reader:
        run = store.record_run("a", "a", exit_code=0)
        kept = fill(store, run)
        number = max(kept, key=lambda number: len(kept[number]))
        slow = [number for number in kept if store.artifacts.get(number).name == "slow"][-1]
        begun = [reader.artifacts._reader.read_range(each, 0, 1 << 40) for each in (number, slow)]
        parts = [[next(reading)] for reading in begun]
        store.artifacts.compact()
        for part, reading in zip(parts, begun, strict=True):
            part.extend(reading)
        assert [b"".join(part) for part in parts] == [kept[number], kept[slow]]


def test_damaged_content_is_left_and_counted(store: Store, run: int) -> None:
    """One damaged chunk keeps nothing else from being compacted."""
    kept = fill(store, run)
    bad = store.query("SELECT chunk_id FROM pieces WHERE artifact_id = $1", (list(kept)[3],))[0][0]
    store._connection.write("UPDATE chunks SET data = zeroblob(length(data)) WHERE id = $1", (bad,))
    report = store.artifacts.compact()
    assert report.damaged_chunks == 1
    assert report.chunks_after < report.chunks_before
    del kept[list(kept)[3]]
    assert contents(store, kept) == kept


def test_not_inside_of_a_batch(store: Store) -> None:
    """It commits its own steps."""
    with store.batch(), pytest.raises(HstoreError, match="batch"):
        store.artifacts.compact()


def test_masking_anew_reaches_into_chunks_of_many_contents(path: Path) -> None:
    """Where one content of a chunk is replaced, the chunk is made anew without it, and its neighbours stay."""
    hidden = Secrets()
    clean = Project(1).outputs(200)
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        kept = {store.attach_artifact(run, "log", content): content for content in clean}
        dirty = [store.attach_artifact(run, "log", content + hidden.text().encode()) for content in clean[::20]]
        store.artifacts.compact()
        assert store.info().counts["chunks"] < 5
    with Store.open(path, values=[hidden.registered]) as store:
        assert store.masking.apply().clean
        assert contents(store, kept) == kept
        for number in dirty:
            look("artifact", store.read_artifact(number), hidden)
        for (number,) in store.query("SELECT id FROM chunks"):
            look("chunk", store.artifacts._chunks.read(number), hidden)
        store.artifacts.compact()
        assert contents(store, kept) == kept
    assert examine(path).ok
