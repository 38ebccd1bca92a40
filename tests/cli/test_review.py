"""Findings of reviews: last lines of two streams, long lines, input that ended early, options that exclude others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hstore import Store

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")


def tail(path: Path, lines: int) -> bytes:
    """What `log tail` prints of the only run, both streams in one."""
    words = [sys.executable, "-m", "hstore", "--db", str(path), "log", "tail", "-n", str(lines)]
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout


@pytest.fixture
def two_streams(path: Path) -> Path:
    """All of stdout came first, its last line unfinished; then stderr."""
    with Store.open(path) as store:
        run = store.record_run("x", "x", exit_code=0)
        out, err = store.artifacts.writer(run, name="stdout"), store.artifacts.writer(run, name="stderr")
        for number in range(30):
            out.write(b"o%d\n" % number, at=1_000 + number)
        out.write(b"unfinished", at=2_000)
        for number in range(30):
            err.write(b"e%d\n" % number, at=3_000 + number)
        out.close()
        err.close()
    return path


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (0, b""),
        (1, b"e29\n"),
        (3, b"e27\ne28\ne29\n"),
        (29, b"".join(b"e%d\n" % number for number in range(1, 30))),
        (31, b"o29\nunfinishede0\n" + b"".join(b"e%d\n" % number for number in range(1, 30))),
        (1000, b"".join(b"o%d\n" % n for n in range(30)) + b"unfinished" + b"".join(b"e%d\n" % n for n in range(30))),
    ],
)
def test_last_lines_of_two_streams_are_those_of_the_whole(two_streams: Path, lines: int, expected: bytes) -> None:
    """Lines are counted in the order of both; what never stood together is not joined."""
    assert tail(two_streams, lines) == expected


PEAK = """
import sys
from hstore.__main__ import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is told by /proc")
def test_tail_of_one_huge_line_needs_little_memory(path: Path) -> None:
    """40 MB without a line end are passed on in parts."""
    with Store.open(path) as store:
        run = store.record_run("x", "x", exit_code=0)
        store.attach_artifact(run, "log", b"a" * 40_000_000)
    words = [sys.executable, "-c", PEAK, "--db", str(path), "log", "tail", "-n", "1"]
    done = subprocess.run(words, capture_output=True, check=True)
    assert len(done.stdout) == 40_000_000
    assert int(done.stderr) < 60_000


@posix
@pytest.mark.skipif(shutil.which("script") is None, reason="script(1) is not installed")
def test_end_of_input_that_was_typed_ahead_is_one(path: Path) -> None:
    """An EOF waiting on the terminal ends the command's input instead of reaching it as a NUL."""
    command = f"{sys.executable} -m hstore --db {path} run -- sh -c 'sleep 0.3; cat | od -c; echo end'"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "TERM": "dumb"},
    )
    assert done.stdout.replace(b"\r\n", b"\n").endswith(b"0000000\nend\n")


def test_question_does_not_make_a_database_of_an_empty_file(tmp_path: Path) -> None:
    """Commands that only look say that there is none."""
    empty = tmp_path / "empty.db"
    empty.touch()
    words = [sys.executable, "-m", "hstore", "--db", str(empty), "log", "list"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, empty.stat().st_size) == (4, 0)
    assert b"no database yet" in done.stderr


def test_two_forms_of_output_at_once_are_refused(path: Path) -> None:
    """`--csv` and `--json` together are wrong usage, not a guess."""
    Store.open(path).close()
    words = [sys.executable, "-m", "hstore", "--db", str(path), "project", "query", "--csv", "--json", "SELECT 1"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"not both" in done.stderr
