"""Slow output: seen at once by others, and few pieces in the end, whatever else happens to the file meanwhile."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.codec import CHUNK
from hstore.doctor import examine
from hstore.domains.artifacts.chunks import Chunks

PIECES = "SELECT count(*) FROM artifact_pieces WHERE artifact_id = $1"


def pieces(store: Store, artifact: int) -> int:
    return int(store._connection.value(PIECES, (artifact,)))


def chunks(store: Store) -> int:
    return int(store._connection.value("SELECT count(*) FROM chunks"))


def line(number: int) -> bytes:
    return b"2026-11-21 12:00:%02d worker %d has nothing to do\n" % (number % 60, number)


def test_ten_thousand_lines_one_by_one_are_few_pieces(store: Store, run: int) -> None:
    """Each line is a step of its own; in the end there are few pieces, no chunk is left over, every time is kept."""
    count = 10_000
    with store.batch(), store.artifacts.writer(run, name="stdout") as writer:
        for number in range(count):
            writer.write(line(number), at=1_000_000 * number)
            writer.step()
    assert store.read_artifact(writer.id) == b"".join(map(line, range(count)))
    assert pieces(store, writer.id) <= count / 256
    assert chunks(store) == pieces(store, writer.id)
    begin = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    replayed = [(part.at, part.data) for part in store.artifacts.replay(run)]
    assert replayed == [(begin + dt.timedelta(seconds=number), line(number)) for number in range(count)]
    assert examine(store.path).ok


def test_each_byte_is_written_anew_once_for_each_doubling(
    store: Store, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 4096 equal steps no byte is compressed more than 13 times, nor are there more than 13 pieces at a time."""
    written = most = 0
    prepare = Chunks.prepare

    def counting(self: Chunks, contents: list[bytes]) -> list[object]:
        nonlocal written
        written += sum(map(len, contents))
        return list(prepare(self, contents))

    monkeypatch.setattr(Chunks, "prepare", counting)
    with store.batch(), store.artifacts.writer(run, name="stdout") as writer:
        for number in range(4096):
            writer.write(random.Random(number).randbytes(32), at=1)
            writer.step()
            most = max(most, pieces(store, writer.id))
    assert written <= 13 * 4096 * 32
    assert most <= 13 + 4096 // 256


@given(st.lists(st.tuples(st.integers(1, 2 * CHUNK), st.booleans()), min_size=1, max_size=12), st.integers())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_others_see_the_beginning_at_every_step(
    store: Store, run: int, writes: list[tuple[int, bool]], seed: int
) -> None:
    """Whatever is written and stepped, a second store reads what was committed, all of it and nothing twice."""
    content, drawn = b"", random.Random(seed)
    with Store.open(store.path, readonly=True) as other, store.artifacts.writer(run, name="stdout") as writer:
        for size, small in writes:
            data = drawn.randbytes(size % 700 + 1 if small else size)
            writer.write(data)
            content += data
            writer.step()
            seen = other.read_artifact(writer.id)
            assert len(seen) == len(content) - writer.pending - writer._stream.held
            assert content.startswith(seen)
            assert b"".join(part.data for part in other.artifacts.replay(run) if part.artifact == writer.id) == seen
    assert store.read_artifact(writer.id) == content


def test_the_same_output_is_stored_once_however_slowly_it_came(store: Store, run: int) -> None:
    """Chunks end where they would have ended had all of it come at once."""
    content = random.Random(5).randbytes(2 * CHUNK + 1000)
    whole = store.attach_artifact(run, "log", content)
    before = chunks(store)
    with store.artifacts.writer(run, name="stdout") as writer:
        for start in range(0, len(content), 10_007):
            writer.write(content[start : start + 10_007])
            writer.step()
    assert store.read_artifact(writer.id) == store.read_artifact(whole) == content
    assert chunks(store) == before


def test_pieces_that_others_share_stay(store: Store, run: int) -> None:
    """A chunk that another artifact has too is not taken away when it becomes part of a larger one."""
    first, second = store.artifacts.writer(run, name="stdout"), store.artifacts.writer(run, name="stderr")
    for number in range(7):
        for writer in (first, second):
            writer.write(line(number))
            writer.step()
    first.close()
    second.write(b"and more\n")
    second.close()
    assert store.read_artifact(first.id) == b"".join(map(line, range(7)))
    assert store.read_artifact(second.id) == b"".join(map(line, range(7))) + b"and more\n"
    assert examine(store.path).ok


@pytest.mark.parametrize("in_batch", [False, True])
def test_compaction_between_two_steps(store: Store, run: int, in_batch: bool) -> None:
    """What it has put elsewhere is left there, and the writer goes on behind it."""
    writer = store.artifacts.writer(run, name="stdout")
    with Store.open(store.path) as other:
        for number in range(40):
            writer.write(line(number))
            if in_batch:
                with store.batch():
                    writer.step()
            else:
                writer.step()
            if number % 3 == 1:
                other.artifacts.compact()
    writer.close()
    assert store.read_artifact(writer.id) == b"".join(map(line, range(40)))
    assert examine(store.path).ok


def test_step_that_fails_leaves_all_as_it_was(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new piece cannot be stored the old ones are still there, and the next step puts all together."""
    writer = store.artifacts.writer(run, name="stdout")
    for number in range(3):
        writer.write(line(number))
        writer.step()
    writer.write(line(3))
    with monkeypatch.context() as patched:
        patched.setattr(Chunks, "store", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.step()
    assert store.read_artifact(writer.id) == b"".join(map(line, range(3)))
    writer.step()
    assert store.read_artifact(writer.id) == b"".join(map(line, range(4)))
    writer.close()
    assert pieces(store, writer.id) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="follows a recorder on POSIX pipes")
def test_follower_of_slow_output_gets_every_byte_once(tmp_path: Path) -> None:
    """A reader process follows a recorder that puts pieces together under its eyes; what it prints is the output."""
    hstore = [sys.executable, "-m", "hstore", "--db", str(tmp_path / "project.db")]
    program = "import time\nfor n in range(400):\n    print('line', n, flush=True)\n    time.sleep(0.005)"
    command = [*hstore, "run", "--name", "slow", "--", sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"line 0\n"
        while subprocess.run([*hstore, "log", "show", "slow"], capture_output=True).returncode:
            pass  # until the recorder's first commit
        followed = subprocess.run([*hstore, "log", "tail", "-n", "1000", "-f", "slow"], capture_output=True, check=True)
        running.stdout.read()
    assert followed.stdout == b"".join(b"line %d\n" % number for number in range(400))
