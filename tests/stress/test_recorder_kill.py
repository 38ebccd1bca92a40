"""kill -9 of the recorder at random moments: the file opens, nothing acknowledged is missing, the run is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys

import pytest

from hstore import Store
from hstore.doctor import examine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and process groups are POSIX")

MOMENTS = 50
# Numbered lines in bursts, for as long as someone reads.
COMMAND = """
import sys, time
number = 0
while True:
    for _ in range(500):
        number += 1
        sys.stdout.write(f"line {number:012}\\n")
    sys.stdout.flush()
    time.sleep(0.001)
"""
# One line at a time, so that pieces are put together when the kill comes.
SLOW = """
import sys, time
number = 0
while True:
    number += 1
    sys.stdout.write(f"line {number:012}\\n")
    sys.stdout.flush()
    time.sleep(0.002)
"""


def whole_lines(content: bytes) -> bool:
    """Whether the content is the beginning of what the command printed."""
    lines = content.split(b"\n")
    return all(line == b"line %012d" % number for number, line in enumerate(lines[:-1], 1))


@pytest.mark.parametrize(
    ("command", "times", "sizes"),
    [(COMMAND, MOMENTS, (1, 10_000, 100_000, 1_000_000, 3_000_000)), (SLOW, MOMENTS // 5, (1, 1_000, 20_000))],
    ids=["bursts", "slow lines"],
)
def test_killed_at_random_moments(tmp_path, command, times, sizes):
    """So many times: start, kill after a random number of bytes came through, look at everything."""
    path = tmp_path / "project.db"
    environment = {**os.environ, "HSTORE_DB": str(path)}
    moments = random.Random()
    acknowledged: dict[int, bytes] = {}
    for _ in range(times):
        recorder = subprocess.Popen(
            [sys.executable, "-m", "hstore", "run", "--", sys.executable, "-c", command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert recorder.stdout is not None
        left = moments.randint(1, moments.choice(sizes))
        while left > 0:
            left -= len(recorder.stdout.read1(left))
        # What another process can read now has been acknowledged: it must survive.
        before = seen(path)
        recorder.send_signal(signal.SIGKILL)
        recorder.wait()
        with contextlib.suppress(ProcessLookupError):  # the command has noticed by itself
            os.killpg(recorder.pid, signal.SIGKILL)
        recorder.stdout.close()
        acknowledged.update(before)
        check(path, acknowledged)


def seen(path) -> dict[int, bytes]:
    """The recorded output of the newest run, if the recorder has come that far."""
    if not path.exists():
        return {}
    with Store.open(path, readonly=True) as store:
        newest = store.runs.list(limit=1)
        return {run.id: output(store, run.id) for run in newest}


def output(store, run: int) -> bytes:
    """What a run printed to standard output, as far as it is recorded."""
    return b"".join(part.data for part in store.artifacts.replay(run) if part.name == "stdout")


def check(path, acknowledged: dict[int, bytes]) -> None:
    """The file is in order, every run is lost, and each output begins with what was acknowledged."""
    if not path.exists():
        return  # killed before the store was made
    report = examine(path)
    assert report.ok, report
    with Store.open(path) as store:
        for run in store.runs.list(limit=1):
            assert run.status == "lost"
            content = output(store, run.id)
            assert whole_lines(content)
            assert content.startswith(acknowledged.get(run.id, b""))
        assert {run.id for run in store.runs.list()} >= set(acknowledged)
