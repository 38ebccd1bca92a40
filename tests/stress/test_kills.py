"""kill -9 of one of several writers at random moments, again and again, with checkpoints all the time.

`HSTORE_TEST_KILLS=200` says how many; the moments are drawn from a fixed seed.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from pathlib import Path

import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.engine import settings

KILLS = int(os.environ.get("HSTORE_TEST_KILLS", "60"))
WRITERS = 3
SIZES = {"batch": 4, "many": 20}

WRITER = """
import random, sys
from hstore import Store
from hstore.engine import checkpoints
path, name, interval = sys.argv[1], sys.argv[2], int(sys.argv[3])
checkpoints.WAL_INTERVAL = interval
draw = random.Random(name)
with Store.open(path) as store:
    number = 0
    while True:
        number += 1
        key = f"{name}/{number}"
        kind = draw.choice(("run", "run", "batch", "many", "memory"))
        if kind == "run":
            store.record_run("writer", [name, str(number)], key=f"run/{key}", exit_code=0)
        elif kind == "many":
            store.record_runs(
                {"app": "writer", "cmdline": name, "key": f"many/{key}/{each}", "exit_code": 0} for each in range(20)
            )
        elif kind == "batch":
            with store.batch():
                for each in range(4):
                    run = store.record_run("writer", name, key=f"batch/{key}/{each}", exit_code=0)
                    store.attach_artifact(run, "log", f"output of {key} {each}\\n".encode() * 100, name="stdout")
        else:
            store.remember(f"memory/{name}", number)
        print(kind, key, flush=True)
"""


class Writer:
    """A process that writes until it is killed, and what it has said was written."""

    def __init__(self, program, path: Path, name: str, interval: int) -> None:
        self.name = name
        self.process = program(WRITER, path, name, interval)
        self.acknowledged: list[str] = []
        self.said = threading.Event()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            if line.endswith("\n"):  # what it was killed in the middle of saying does not count
                self.acknowledged.append(line.strip())
                self.said.set()

    def kill(self) -> None:
        """Kill it, and hear the rest of what it had said."""
        self.process.kill()
        self._listener.join()
        assert self.process.stderr.read() == ""


def look(store: Store, writers: list[Writer]) -> None:
    """Whatever these writers have said is there, whole; and of what they have not said, all or nothing."""
    for writer in writers:
        said = list(writer.acknowledged)
        rows = store.query("SELECT key FROM runs WHERE key GLOB $1", (f"*/{writer.name}/*",))
        groups: dict[str, int] = {}
        for (key,) in rows:
            kind, name, number = key.split("/")[:3]
            group = f"{kind} {name}/{number}"
            groups[group] = groups.get(group, 0) + 1
        for group, count in groups.items():
            assert count == SIZES.get(group.split()[0], 1), group
        remembered = store.recall(f"memory/{writer.name}", 0)
        for line in said:
            kind, key = line.split()
            if kind == "memory":
                assert remembered >= int(key.split("/")[1]), line
            else:
                assert line in groups, line


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_whatever_was_acknowledged_survives_kills_of_writers_among_writers(path: Path, program) -> None:
    """Each killed writer's rows are there, whole, while the others go on; in the end all is."""
    Store.open(path).close()
    draw = random.Random(4)
    number = 0

    def start() -> Writer:
        nonlocal number
        number += 1
        # Two of three bring the WAL into the database after nearly every commit, so that kills meet checkpoints.
        return Writer(program, path, f"w{number}", settings.WAL_INTERVAL if number % 3 == 0 else 20)

    running, killed = [start() for _ in range(WRITERS)], []
    with Store.open(path) as store:
        for _ in range(KILLS):
            writer = running.pop(draw.randrange(WRITERS))
            assert writer.said.wait(60)
            time.sleep(draw.uniform(0, 0.03))
            writer.kill()
            killed.append(writer)
            look(store, [writer])
            running.append(start())
        for writer in running:
            writer.said.wait(60)
            writer.kill()
    with Store.open(path) as store:  # the first that opens it after the last was killed
        look(store, killed + running)
        for artifact in store.artifacts.list(limit=None):
            _, name, group, each = str(store.runs.get(artifact.run).key).split("/")
            assert store.read_artifact(artifact.id) == f"output of {name}/{group} {each}\n".encode() * 100
        assert store._connection.rows("PRAGMA integrity_check") == [("ok",)]
    assert examine(path).ok
    assert sum(len(writer.acknowledged) for writer in killed) > 2 * KILLS


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_when_all_are_killed_at_once_the_next_finds_everything(path: Path, program) -> None:
    """Nobody is left who holds the shared memory: the WAL is recovered from its own bytes."""
    Store.open(path).close()
    everybody: list[Writer] = []
    for turn in range(max(1, KILLS // 20)):
        writers = [Writer(program, path, f"r{turn}w{number}", 20 + number * 500) for number in range(WRITERS)]
        assert all(writer.said.wait(60) for writer in writers)
        time.sleep(0.05)
        for writer in writers:
            writer.process.kill()
        for writer in writers:
            writer.kill()
        everybody += writers
        with Store.open(path) as store:
            look(store, everybody)
    assert examine(path).ok
