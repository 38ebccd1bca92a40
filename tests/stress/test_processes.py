"""Many processes on one file, and processes killed in the middle of writing."""

from __future__ import annotations

import random
import time
from pathlib import Path

from hstore import Store
from hstore.doctor import examine

RECORD = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    for number in range(int(sys.argv[3])):
        with store.batch():
            run = store.record_run(sys.argv[2], [sys.argv[2], str(number)], exit_code=0)
            store.attach_artifact(run, "log", f"{sys.argv[2]} {number} output\\n".encode() * 20, name="stdout")
            store.remember(f"{sys.argv[2]}/{number}", number)
        store.audit.write("info", "recorded", run=run)
"""

ACKNOWLEDGE = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    number = 0
    while True:
        run = store.record_run("writer", ["writer", str(number)], exit_code=0)
        store.attach_artifact(run, "log", f"output of {run}\\n".encode() * 200, name="stdout")
        store.remember(f"key{number % 50}", number)
        print(run, flush=True)
        number += 1
"""


def test_eight_processes_record_into_one_new_file_at_once(path: Path, program) -> None:
    """No error, nothing missing, every artifact whole."""
    names = [f"process{number}" for number in range(8)]
    writers = [program(RECORD, path, name, 60) for name in names]
    assert [writer.communicate()[1] for writer in writers] == [""] * 8
    with Store.open(path) as store:
        counts = store.info().counts
        assert (counts["runs"], counts["artifacts"], counts["memory"], counts["audit_log"]) == (480,) * 4
        for run in store.runs.list(limit=None):
            assert run.argv is not None
            (artifact,) = store.artifacts.list(run=run.id)
            expected = f"{run.app} {run.argv[1]} output\n".encode() * 20
            assert store.read_artifact(artifact.id) == expected
            assert store.recall(f"{run.app}/{run.argv[1]}") == int(run.argv[1])
    assert examine(path).ok


def test_killed_writer_loses_nothing_that_was_acknowledged(path: Path, program) -> None:
    """kill -9 at thirty random moments: the file opens, is whole, and has every acknowledged row."""
    acknowledged: set[int] = set()
    for _ in range(30):
        writer = program(ACKNOWLEDGE, path)
        acknowledged.add(int(writer.stdout.readline()))
        time.sleep(random.uniform(0, 0.05))
        writer.kill()
        # Not communicate(): what readline() has read ahead would be lost.
        output = writer.stdout.read()
        acknowledged |= {int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")}
        with Store.open(path) as store:
            there = {run.id for run in store.runs.list(limit=None)}
            assert acknowledged <= there
        assert examine(path).ok
    with Store.open(path) as store:
        for run in sorted(acknowledged)[:-1]:
            for artifact in store.artifacts.list(run=run):
                assert store.read_artifact(artifact.id) == f"output of {run}\n".encode() * 200
