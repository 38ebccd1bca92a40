"""A recording that fails: the command goes on unharmed, its exit code comes back, and one line says why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from hstore import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX shells, signals and permissions")

COMMAND = ("sh", "-c", "echo out; echo err >&2; exit 9")


def assert_unharmed(done):
    """The command's output and exit code are there, and one line of warning, before or behind its own."""
    assert (done.returncode, done.stdout) == (9, b"out\n")
    lines = done.stderr.splitlines()
    lines.remove(b"err")
    assert len(lines) == 1
    assert lines[0].startswith(b"hstore: this run is not recorded: ")


def test_directory_in_place_of_the_database(hstore, tmp_path):
    """A directory where the file should be."""
    (tmp_path / "project.db").mkdir()
    assert_unharmed(hstore.run(*COMMAND))


def test_other_file_in_place_of_the_database(hstore, tmp_path):
    """A file that is no database is reported and left as it is."""
    (tmp_path / "project.db").write_bytes(b"my diary\n" * 1000)
    assert_unharmed(hstore.run(*COMMAND))
    assert (tmp_path / "project.db").read_bytes() == b"my diary\n" * 1000


def test_corrupt_database(hstore, tmp_path):
    """A database whose pages are overwritten."""
    hstore.run("true")
    with open(tmp_path / "project.db", "r+b") as file:
        file.seek(100)
        file.write(os.urandom(4000))
    assert_unharmed(hstore.run(*COMMAND))


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root may write is found in /proc")
def test_folder_that_may_not_be_written(hstore):
    """A folder in which nothing can be made."""
    hstore.environment["HSTORE_DB"] = "/proc/hstore/project.db"
    assert_unharmed(hstore.run(*COMMAND))


def test_folder_that_cannot_be_made(hstore, tmp_path):
    """A path that leads through a file."""
    (tmp_path / "file").write_bytes(b"")
    hstore.environment["HSTORE_DB"] = str(tmp_path / "file" / "project.db")
    assert_unharmed(hstore.run(*COMMAND))


def test_no_home_and_no_repository(hstore):
    """Nowhere to put a database."""
    del hstore.environment["HSTORE_DB"]
    hstore.environment["HOME"] = "/proc/nowhere"
    hstore.folder = "/proc"
    assert_unharmed(hstore.run(*COMMAND))


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux to mount a small device")
def test_end_of_a_run_is_recorded_where_its_output_does_not_fit(hstore, tmp_path):
    """On a device that stays full the run still ends with its exit code, instead of showing as lost."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=False).returncode:
        pytest.skip("mounting is not allowed here, so there is no small device")
    try:
        done = hstore.run("sh", "-c", "head -c 3000000 /dev/urandom | base64; exit 4")
        assert done.returncode == 4
        assert b"not recorded in full" in done.stderr
        with Store.open(tmp_path / "project.db", readonly=True) as store:
            run = store.runs.latest()
            assert (run.status, run.exit_code) == ("failed", 4)
            assert not any(artifact.complete for artifact in store.artifacts.list(run=run.id) if artifact.size)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_full_disk(hstore, tmp_path):
    """A file size limit stands for a full disk: what comes through is complete, the recording is not."""
    hstore.run("true")
    program = "import os, sys; [sys.stdout.buffer.write(os.urandom(1 << 20)) for _ in range(24)]; sys.exit(9)"
    script = 'ulimit -f 4096; exec "$0" -m hstore run -- sh -c "ulimit -f unlimited 2>/dev/null; exec $0 -c \\"$1\\""'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, program],
        env=hstore.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert (done.returncode, len(done.stdout)) == (9, 24 << 20)
    assert done.stderr.count(b"\n") == 1
    assert b"not recorded in full" in done.stderr
    assert hstore("doctor").returncode == 0


def test_output_that_cannot_be_written(hstore):
    """A full device behind standard output: the command is told by SIGPIPE, the user by a line."""
    with open("/dev/full", "wb") as full:
        done = hstore.run("yes", stdout=full)
    assert done.returncode == 128 + signal.SIGPIPE
    assert b"No space left on device" in done.stderr


def test_lock_held_by_another_process(hstore):
    """While another process writes, output is passed on; the record is whole once the lock is free."""
    hstore.run("true")
    holder = hstore.popen(
        [
            sys.executable,
            "-c",
            "import os, sys\nfrom hstore import Store\n"
            "with Store.open() as store, store.batch():\n"
            "    print('locked', flush=True)\n    sys.stdin.readline()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"locked\n"
    running = hstore.start(
        "run",
        "--name",
        "waiting",
        "--",
        sys.executable,
        "-c",
        "print(input())",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running.stdin.write(b"passed on\n")
    running.stdin.flush()
    assert running.stdout.readline() == b"passed on\n"
    holder.communicate(b"\n")
    assert running.communicate() == (b"", b"")
    assert running.returncode == 0
    assert hstore.show("waiting") == b"passed on\n"


@pytest.mark.parametrize(("megabytes", "kept"), [(12, True), (48, False)])
def test_much_output_while_another_process_holds_the_lock(hstore, megabytes, kept):
    """It is passed on while the lock is held; up to a bound it is recorded once the lock is free, else one line."""
    hstore.run("true")
    holder = hstore.popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom hstore import Store\n"
            "with Store.open() as store, store.batch():\n"
            "    print('locked', flush=True)\n    sys.stdin.readline()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"locked\n"
    program = f"for n in range({megabytes} * 8): print(f'{{n:0131071}}')"
    running = hstore.start(
        "run", "--name", "much", "--", sys.executable, "-c", program, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    expected = b"".join(b"%0131071d\n" % number for number in range(megabytes * 8))
    assert running.stdout.read(len(expected)) == expected  # before the lock is free
    holder.communicate(b"\n")
    rest, said = running.communicate()
    assert (rest, running.returncode) == (b"", 0)
    if kept:
        assert said == b""
        assert hstore.show("much") == expected
    else:
        assert said.count(b"\n") == 1
        assert b"not recorded" in said


def test_interrupt_while_the_end_waits_for_a_lock(hstore):
    """Ctrl-C ends the waiting for a lock after the command's end; the exit code is still the command's."""
    hstore.run("true")
    holder = hstore.popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom hstore import Store\n"
            "with Store.open() as store, store.batch():\n"
            "    print('locked', flush=True)\n    sys.stdin.readline()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"locked\n"
    running = hstore.start("run", "--", "sh", "-c", "echo done; exit 4", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline() == b"done\n"
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    assert running.returncode in (4, 130)
    running.communicate()
    holder.communicate(b"\n")
    assert hstore("doctor").returncode == 0


def test_recorder_killed_while_running(hstore):
    """After kill -9 of the recorder the file opens, what was committed is there, and the run is lost."""
    running = hstore.start(
        "run",
        "--name",
        "doomed",
        "--",
        sys.executable,
        "-c",
        "print('kept', flush=True); input()",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout.readline() == b"kept\n"
    while hstore("log", "show", "doomed").stdout != b"kept\n":
        pass  # until the recorder's commit
    running.kill()
    running.communicate()
    assert hstore.json("log", "show", "doomed")["status"] == "lost"
    assert hstore.show("doomed") == b"kept\n"
    assert hstore("doctor").returncode == 0


def test_follower_of_a_lost_run_ends(hstore):
    """`log tail -f` of a run whose recorder was killed prints what there is, says so, and ends."""
    running = hstore.start(
        "run",
        "--name",
        "doomed",
        "--",
        sys.executable,
        "-c",
        "print('kept', flush=True); input()",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout.readline() == b"kept\n"
    while hstore("log", "show", "doomed").stdout != b"kept\n":
        pass  # until the recorder's commit
    following = hstore.start("log", "tail", "-f", "doomed", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert following.stdout.readline() == b"kept\n"
    running.kill()
    running.communicate()
    assert b"was lost" in following.communicate()[1]
    assert following.returncode == 0


def test_pipes_and_threads_alone(hstore):
    """What serves Windows runs here too: output, exit code, record."""
    program = (
        "import sys\nfrom hstore.recorder._portable import record_with_pipes as record\n"
        "sys.exit(record(sys.argv[1:], name='portable', capture=True, path=None, warn=print))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *COMMAND],
        env=hstore.environment,
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (9, b"out\n", b"err\n")
    assert hstore.show("portable", "--stdout") == b"out\n"
    assert hstore.json("log", "show", "portable")["exit_code"] == 9


def test_slow_store_is_not_taken_for_silence(hstore):
    """Eight commands that start in one new file at once: no output counts as left behind, however long they wait."""
    numbers = range(8)
    running = [
        hstore.start(
            "run",
            "--name",
            f"each{number}",
            "--",
            "seq",
            str(number),
            "100000",
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for number in numbers
    ]
    assert [each.communicate()[1] for each in running] == [b""] * len(running)
    for number in numbers:
        expected = b"".join(b"%d\n" % line for line in range(number, 100001))
        assert hstore.show(f"each{number}") == expected
