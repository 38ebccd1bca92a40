"""Compaction beside others, and killed: a process that writes all the time, one that masks anew; nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.outputs import Project

from hstore import Store
from hstore.doctor import examine
from planted import Secrets, look_at_content, look_at_files
from unmasked import unmasked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")

KILLS = 25
COMPACT = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=30) as store:
    store.artifacts.compact(progress=lambda at: print(at.step, at.done, flush=True))
    print("end", flush=True)
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
            for part in range(number % 5 + 1):
                store.attach_artifact(run, "log", b"line %d of the writer\\n" % number * (part + 5))
        print(number, flush=True)
        time.sleep(0.005)
"""

APPLY = """
import os, sys
from hstore import Store
with Store.open(sys.argv[1], values=[os.environ["THE_VALUE"]], busy_timeout=60) as store:
    assert not store.masking.apply(patience=60).still_standing
"""


def test_beside_masking_anew(tmp_path: Path) -> None:
    """Both move contents at the same time: no secret is moved back, no neighbour of one is lost."""
    hidden = Secrets()
    path = tmp_path / "store" / "project.db"
    kept = {}
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        for number, content in enumerate(Project(1).outputs(1500)):
            kept[store.attach_artifact(run, "log", content)] = content
            if number % 5 == 0:
                store.attach_artifact(run, "log", content + hidden.text().encode() + b"%d" % number)
    environment = {**os.environ, "THE_VALUE": hidden.registered}
    with subprocess.Popen([sys.executable, "-c", APPLY, str(path)], env=environment) as masking:
        compactions = 0
        while masking.poll() is None or not compactions:
            subprocess.run([sys.executable, "-c", COMPACT, str(path)], check=True, stdout=subprocess.DEVNULL)
            compactions += 1
    assert masking.returncode == 0
    with Store.open(path, values=[hidden.registered], busy_timeout=60) as store:
        assert store.masking.apply().clean
        assert {number: store.read_artifact(number) for number in kept} == kept
    look_at_files(path.parent, hidden, tmp_path)
    look_at_content(path, hidden)
    assert examine(path).ok


def test_killed_at_random_moments_beside_a_writer(tmp_path: Path) -> None:
    """Killed again and again, and gone on with, it ends; every content reads back, also what came meanwhile."""
    path = tmp_path / "project.db"
    noise = random.Random(3)
    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        contents = [*Project(1).outputs(3000), *(noise.randbytes(200_000) for _ in range(10))]
        kept = {store.attach_artifact(run, "log", content): content for content in contents}
        before = store.info().counts["chunks"]
    with open(tmp_path / "acknowledged", "wb") as said:
        writer = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=said)
    moments = random.Random()
    struck = 0
    try:
        while struck < KILLS:
            with subprocess.Popen([sys.executable, "-c", COMPACT, str(path)], stdout=subprocess.PIPE) as compacting:
                assert compacting.stdout is not None
                for _ in range(moments.randrange(1, 3000)):
                    if not compacting.stdout.readline():
                        break
                compacting.send_signal(signal.SIGKILL)
                if b"end" in compacting.stdout.read():
                    break
            struck += 1
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
    assert struck > 1
    acknowledged = len((tmp_path / "acknowledged").read_bytes().splitlines())
    subprocess.run([sys.executable, "-c", COMPACT, str(path)], check=True, timeout=120, stdout=subprocess.DEVNULL)
    assert examine(path).ok
    with Store.open(path) as store:
        assert {number: store.read_artifact(number) for number in kept} == kept
        written = store.runs.list(app="writer", limit=None)
        assert len(written) >= acknowledged > 0
        for run in written:
            for part, artifact in enumerate(reversed(store.artifacts.list(run=run.id))):
                assert store.read_artifact(artifact.id) == b"line %s of the writer\n" % run.argv[1].encode() * (
                    part + 5
                )
        assert store.info().counts["chunks"] < 0.2 * before
        assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)") == ((0,),)
