"""`hstore run --max-output`: of much output the beginning and the end are kept, also of a recorder that is killed."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from hstore import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX shells and signals")

COUNTING = "for number in range(200000): print('line', number, 'of', 200000)"
NOTICE = re.compile(rb"\[hstore: (\d+) bytes in (\d+) lines left out here\]\n")


def test_beginning_and_end_of_each_output_are_kept(hstore):
    """What passes through is whole; what is stored is whole lines of both ends, and says how many are between."""
    done = hstore("run", "--max-output", "100K", "--", sys.executable, "-c", COUNTING)
    kept = hstore.show()
    notice = NOTICE.search(kept)
    head, tail = kept[: notice.start()], kept[notice.end() :]
    assert done.stdout == head + done.stdout[len(head) : len(head) + int(notice[1])] + tail
    assert head.endswith(b"\n")
    assert tail.startswith(b"line ")
    assert len(head) + len(tail) <= 100 * 1024
    lines = kept.count(b"\n") - 1
    assert lines + int(notice[2]) == 200_000
    assert hstore("log", "tail", "-n", "3").stdout == b"".join(done.stdout.splitlines(keepends=True)[-3:])


def test_environment_sets_it_and_the_option_wins(hstore):
    """`HSTORE_MAX_OUTPUT` holds for every run, `--max-output none` switches it off for one."""
    hstore.environment["HSTORE_MAX_OUTPUT"] = "1K"
    hstore.run("seq", "10000")
    assert NOTICE.search(hstore.show())
    done = hstore("run", "--max-output=none", "--", "seq", "10000")
    assert hstore.show() == done.stdout


def test_nonsense_in_the_environment_keeps_everything_and_says_so(hstore):
    """A command is not kept from running by it, nor is its output lost."""
    hstore.environment["HSTORE_MAX_OUTPUT"] = "plenty"
    done = hstore.run("seq", "1000")
    assert done.returncode == 0
    assert done.stderr.count(b"HSTORE_MAX_OUTPUT") == 1
    assert hstore.show() == done.stdout


def test_follower_sees_the_end_while_the_tail_rolls(hstore):
    """`log tail -f` of a run with a budget shows its last line."""
    slow = "import time\nfor number in range(40000): print('line', number)\ntime.sleep(1)\nprint('the last')"
    running = hstore.start("run", "--max-output", "50K", "--", sys.executable, "-c", slow, stdout=subprocess.DEVNULL)
    while hstore("log", "list").stdout.count(b"\n") < 2:
        pass
    followed = hstore("log", "tail", "-f", "-n", "1000")
    assert followed.stdout.endswith(b"the last\n")
    assert running.wait() == 0


def test_recorder_killed_while_the_tail_rolls(hstore, tmp_path):
    """After kill -9 the head, the notice and the newest committed lines read back, and nothing is damaged."""
    endless = "number = 0\nwhile True:\n    print('line', number)\n    number += 1"
    running = hstore.start(
        "run", "--max-output", "300K", "--", sys.executable, "-c", endless, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            with Store.open(tmp_path / "project.db", readonly=True) as store:
                if any(artifact.left_out > 3_000_000 for artifact in store.artifacts.list()):
                    break
        except Exception:
            continue
    running.kill()
    running.wait()
    with Store.open(tmp_path / "project.db") as store:
        (artifact,) = [artifact for artifact in store.artifacts.list() if artifact.size]
        content = store.read_artifact(artifact.id)
        notice = NOTICE.search(content)
        assert artifact.size == len(content)
        assert artifact.left_out == int(notice[1]) > 3_000_000
        whole = b"".join(b"line %d\n" % number for number in range(int(notice[2]) + content.count(b"\n") + 2))
        head, tail = content[: notice.start()], content[notice.end() :]
        assert whole.startswith(head.removesuffix(b"\n"))
        assert tail in whole
        assert store.artifacts.compact().damaged_chunks == 0
        assert store.read_artifact(artifact.id) == content
    assert hstore("doctor").returncode == 0
