"""kill -9 of processes that attach many small contents in batches: what was acknowledged is there, whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hstore import Store
from hstore.doctor import examine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")

KILLS = 20
ATTACH = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    number = 0
    while True:
        number += 1
        with store.batch():
            run = store.record_run(sys.argv[2], ["w", str(number)], exit_code=0)
            for part in range(number * 37 % 900):
                store.attach_artifact(run, "log", b"%d %d of a batch\\n" % (number, part) * (part % 90))
        print(number, flush=True)
"""


def test_two_writers_killed_again_and_again(tmp_path: Path) -> None:
    """Each batch is there with all of its contents or not at all; those that were acknowledged are there."""
    path = tmp_path / "project.db"
    Store.open(path).close()
    moments = random.Random()
    acknowledged: dict[str, int] = {}
    for kill in range(KILLS):
        writers = {
            f"{name}{kill}": subprocess.Popen(
                [sys.executable, "-c", ATTACH, str(path), f"{name}{kill}"], stdout=subprocess.PIPE
            )
            for name in "ab"
        }
        first = next(iter(writers.values()))
        assert first.stdout is not None
        for _ in range(moments.randrange(1, 12)):
            first.stdout.readline()
        for name, writer in writers.items():
            writer.send_signal(signal.SIGKILL)
            rest = writer.communicate()[0].split()
            acknowledged[name] = int(rest[-1]) if rest else 0
    assert examine(path).ok
    with Store.open(path) as store:
        for name, number in acknowledged.items():
            runs = store.runs.list(app=name, limit=None)
            assert len(runs) >= number
            for run in runs[:3]:
                assert run.argv is not None
                own = int(run.argv[1])
                parts = list(reversed(store.artifacts.list(run=run.id, limit=None)))
                assert len(parts) == own * 37 % 900
                for part in range(0, len(parts), 50):
                    expected = b"%d %d of a batch\n" % (own, part) * (part % 90)
                    assert store.read_artifact(parts[part].id) == expected
