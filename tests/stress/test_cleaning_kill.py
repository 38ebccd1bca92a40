"""Cleaning beside a writer, and killed again and again: what is not due stays, nothing is half, nothing is unused."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.outputs import Project

from hstore import Store
from hstore.clock import now
from hstore.doctor import examine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")

KILLS = 25
DAY = 86_400
MICRO = 1_000_000
CLEAN = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    store.retention.clean(progress=lambda at: print(at.step, flush=True))
    print("end", flush=True)
"""
CLOSE = """
import sys
from hstore import Store
print("begun", flush=True)
Store.open(sys.argv[1], busy_timeout=60).close()
"""
WRITE = """
import sys, time
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    number = 0
    while True:
        number += 1
        with store.batch():
            run = store.record_run("writer", ["w", str(number)], exit_code=0)
            store.attach_artifact(run, "log", b"what old and new runs share " * 100)
            store.attach_artifact(run, "log", b"line %d of the writer\\n" % number * 20)
            store.remember(f"writer {number}", number, ttl=100_000)
        print(number, flush=True)
        time.sleep(0.005)
"""
ADD_METRICS = """
    INSERT INTO performance_metrics (operation, started_at, duration, success)
    SELECT 'o', $1, 1, 1 FROM json_each($2)
"""
ADD_NONCES = """
    INSERT INTO nonces (digest, created_at, expires_at) SELECT randomblob(32), 0, $1 FROM json_each($2)
"""


def fill(store: Store) -> dict[int, bytes]:
    """Runs of which every second is due, with content of all kinds; rows that are due and not. Return what is not."""
    noise = random.Random(5)
    kept = {}
    outputs = Project(1).outputs(400)
    for number in range(400):
        started_at = now() / MICRO - (100 * DAY if number % 2 else 0)
        run = store.record_run("due" if number % 2 else "kept", "a", started_at=started_at, duration=1, exit_code=0)
        contents = [outputs[number], b"what old and new runs share " * 100]
        if number % 40 < 2:
            contents.append(noise.randbytes(1_500_000))
        with store.batch():
            found = {store.attach_artifact(run, "log", content): content for content in contents}
        if number % 2 == 0:
            kept |= found
    with store.batch():  # in chunks together
        for number in range(600):
            content = b"packed output number %d " % number * 30
            run = store.record_run("packed", "a", exit_code=0)
            artifact = store.attach_artifact(run, "log", content)
            if number % 3:
                kept[artifact] = content
            else:
                store._connection.write("UPDATE runs SET started_at = 0, finished_at = 1 WHERE id = $1", (run,))
    many, few = json.dumps(list(range(60_000))), json.dumps(list(range(50)))
    for sql, old in ((ADD_METRICS, now() - 91 * DAY * MICRO), (ADD_NONCES, now() - DAY * MICRO)):
        store._connection.write(sql, (old, many))
        store._connection.write(sql, (now() + DAY * MICRO, few))
    store.retention.apply_defaults()
    store.retention.set("runs", max_age=30 * DAY)
    return kept


def struck(path: Path, source: str, steps: int, seconds: float) -> bool:
    """Start a process, kill it after so many lines or after them; say whether it had come to its end."""
    with subprocess.Popen([sys.executable, "-c", source, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(steps):
            if not process.stdout.readline():
                break
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return b"end" in process.stdout.read()


def assert_whole(store: Store) -> None:
    """Every artifact reads back to its size, and no chunk is there that nobody needs."""
    assert examine(store.path).ok
    for artifact in store.artifacts.list(limit=None):
        assert len(store.read_artifact(artifact.id)) == artifact.size
    assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)") == ((0,),)


def test_killed_at_random_moments_beside_a_writer(tmp_path: Path) -> None:
    """After each kill the file is whole; in the end all that is due is gone, and all that is not is there."""
    path = tmp_path / "project.db"
    with Store.open(path) as store:
        kept = fill(store)
    with open(tmp_path / "acknowledged", "wb") as said:
        writer = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=said)
    moments = random.Random()
    kills = 0
    try:
        while kills < KILLS:
            closing = kills % 5 == 4
            source, steps = (CLOSE, 1) if closing else (CLEAN, moments.randrange(1, 100))
            if struck(path, source, steps, moments.random() * 0.05):
                break
            kills += 1
            if kills % 6 == 0:
                with Store.open(path, readonly=True) as store:
                    assert {number: store.read_artifact(number) for number in kept} == kept
                assert examine(path).ok
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
    assert kills > 4
    acknowledged = len((tmp_path / "acknowledged").read_bytes().splitlines())
    with Store.open(path, readonly=True) as store:
        assert_whole(store)
    subprocess.run([sys.executable, "-c", CLEAN, str(path)], check=True, timeout=120, stdout=subprocess.DEVNULL)
    with Store.open(path) as store:
        assert_whole(store)
        assert {number: store.read_artifact(number) for number in kept} == kept
        needed = "SELECT sum(size) FROM (SELECT DISTINCT chunk_id, chunk_start, size FROM pieces)"
        assert store.query("SELECT sum(size) FROM chunks") == store.query(needed)
        assert store.runs.list(app="due") == []
        counts = store.info().counts
        assert (counts["performance_metrics"], counts["nonces"]) == (50, 50)
        assert len(store.runs.list(app="kept", limit=None)) == 200
        assert len(store.runs.list(app="packed", limit=None)) == 400
        written = store.runs.list(app="writer", limit=None)
        assert len(written) >= acknowledged > 0
        assert counts["memory"] == len(written)
        for run in written:
            assert run.argv is not None
            line = b"line %s of the writer\n" % run.argv[1].encode()
            found = [store.read_artifact(artifact.id) for artifact in store.artifacts.list(run=run.id)]
            assert found == [line * 20, b"what old and new runs share " * 100]
        assert not store.retention.clean(dry_run=True).rows


def test_many_that_close_at_once(tmp_path: Path) -> None:
    """Of many processes that close a store in which much is due, one cleans at a time; nothing that is not due goes."""
    path = tmp_path / "project.db"
    with Store.open(path) as store:
        kept = fill(store)
    closing = [subprocess.Popen([sys.executable, "-c", CLOSE, str(path)], stdout=subprocess.DEVNULL) for _ in range(20)]
    assert [process.wait(timeout=120) for process in closing] == [0] * 20
    with Store.open(path) as store:
        assert_whole(store)
        assert {number: store.read_artifact(number) for number in kept} == kept
        assert store.info().counts["nonces"] < 60_050
