"""kill -9 while stored content is masked anew, and another process writing all the time: nothing is lost or left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hstore import Store
from hstore.doctor import examine
from planted import Secrets, look_at_content, look_at_files
from unmasked import unmasked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")

KILLS = 25
APPLY = """
import os, sys
from hstore import Store
with Store.open(sys.argv[1], values=[os.environ["THE_VALUE"]], busy_timeout=30) as store:
    report = store.masking.apply(patience=60, progress=lambda at: print(at.step, flush=True))
    assert report.clean, report
    print("end", flush=True)
"""
# A writer that knows the value, as every process does that is started with the same environment.
WRITE = """
import os, sys, time
from hstore import Store
with Store.open(sys.argv[1], values=[os.environ["THE_VALUE"]], busy_timeout=60) as store:
    number = 0
    while True:
        number += 1
        with store.batch():
            run = store.record_run("writer", ["w", str(number)], exit_code=0)
            store.attach_artifact(run, "log", b"line %d of the writer\\n" % number * 50)
            store.remember("newest", number)
        print(number, flush=True)
        time.sleep(0.005)
"""


def fill(path: Path, hidden: Secrets) -> dict[int, bytes]:
    """A store with secrets in many rows and artifacts; the content of the clean artifacts, by id."""
    noise = random.Random(7)
    clean = {}
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        for number in range(60):
            body = noise.randbytes(noise.choice((100, 5_000, 400_000)))
            kept = store.attach_artifact(run, "file", body)
            clean[kept] = body
            store.attach_artifact(run, "file", body + hidden.text().encode() + noise.randbytes(50_000))
            store.remember(f"key {number} {hidden.token}", hidden.text() * noise.choice((1, 40)))
        store.record_runs([{"app": "a", "cmdline": hidden.text(), "exit_code": 0}] * 3000)
    return clean


def places(path: Path) -> dict[str, int]:
    """How far the pass has come."""
    with Store.open(path, readonly=True) as store:
        ((reached,),) = store.query("SELECT places FROM remaskings")
    found: dict[str, int] = json.loads(reached)
    return found


def start_writer(path: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process that writes without a rest, and says what was committed."""
    with open(path.with_name("acknowledged"), "wb") as said:
        return subprocess.Popen([sys.executable, "-c", WRITE, str(path)], env=environment, stdout=said)


def stop(writer: subprocess.Popen[bytes], path: Path) -> int:
    """End the writer; return how much it was told is kept."""
    writer.kill()
    writer.wait()
    return len(path.with_name("acknowledged").read_bytes().splitlines())


def strike(path: Path, environment: dict[str, str], batches: int) -> str:
    """Start masking, kill it as soon as it has told of so many batches; return the step it was in, or "end"."""
    masking = subprocess.Popen(
        [sys.executable, "-c", APPLY, str(path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert masking.stdout is not None
    said = [masking.stdout.readline() for _ in range(batches)]
    masking.send_signal(signal.SIGKILL)
    return ("".join(said) + masking.communicate()[0]).split()[-1]


def test_killed_at_random_moments_beside_a_writer(tmp_path: Path) -> None:
    """Killed again and again it gets ahead, never goes back, and ends; what the writer was told is kept, is there."""
    hidden = Secrets()
    path = tmp_path / "store" / "project.db"
    clean = fill(path, hidden)
    environment = {**os.environ, "THE_VALUE": hidden.registered}
    writer = start_writer(path, environment)
    moments = random.Random()
    seen: dict[str, int] = {}
    struck = []
    try:
        while len(struck) < KILLS:
            # Up to five batches: with fewer it may spend all its lives on the rows that the writer adds meanwhile.
            step = strike(path, environment, moments.choice((1, 2, 3, 5)))
            if step == "end":
                break
            struck.append(step)
            reached = places(path)
            assert all(reached.get(name, 0) >= place for name, place in seen.items()), (seen, reached)
            seen = reached
    finally:
        acknowledged = stop(writer, path)
    assert len(struck) > 3
    assert len(set(struck)) > 2, struck
    # With no reader and no writer left, one more call ends it.
    subprocess.run([sys.executable, "-c", APPLY, str(path)], env=environment, check=True, timeout=120)
    look_at_files(path.parent, hidden, tmp_path)
    look_at_content(path, hidden)
    assert examine(path).ok
    with Store.open(path) as store:
        assert {number: store.read_artifact(number) for number in clean} == clean
        written = store.runs.list(app="writer", limit=None)
        assert len(written) >= acknowledged
        assert store.recall("newest") == len(written)
        for run in written[:50]:
            (artifact,) = store.artifacts.list(run=run.id)
            assert store.read_artifact(artifact.id).count(b"of the writer") == 50
        unused = "SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)"
        assert store.query(unused) == ((0,),)
        assert store.query("SELECT count(*) FROM memory WHERE key GLOB 'key*'") == ((60,),)


def test_finishes_while_another_process_writes(tmp_path: Path) -> None:
    """With a writer that never rests the pass ends by itself, and the writer loses nothing."""
    hidden = Secrets()
    path = tmp_path / "store" / "project.db"
    fill(path, hidden)
    environment = {**os.environ, "THE_VALUE": hidden.registered}
    writer = start_writer(path, environment)
    try:
        subprocess.run([sys.executable, "-c", APPLY, str(path)], env=environment, check=True, timeout=120)
        assert writer.poll() is None
        look_at_files(path.parent, hidden, tmp_path)
    finally:
        acknowledged = stop(writer, path)
    with Store.open(path) as store:
        assert len(store.runs.list(app="writer", limit=None)) >= acknowledged > 0
    assert examine(path).ok
