"""Output that no database takes: kept masked in a private file, shown by `log tail`, recorded later, once."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstore import Store
from hstore.fallback.adopting import adopt
from hstore.fallback.files import MOST, Reader
from hstore.fallback.writing import FallbackFile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX shells, signals and permissions")

COMMAND = ("sh", "-c", "echo out; echo err >&2; exit 9")


@pytest.fixture
def broken(hstore, tmp_path):
    """A program whose database is another file; `mend` takes that away."""
    (tmp_path / "project.db").write_bytes(b"my diary\n" * 1000)
    hstore.mend = (tmp_path / "project.db").unlink
    return hstore


def files(folder):
    """The files that wait beside the database."""
    return sorted(folder.glob("fallback/*.log"))


def content(path):
    """What a file has of the output."""
    with Reader(str(path)) as file:
        return file.read() + file.rest()


def test_output_waits_in_a_private_file_that_names_its_command(broken, tmp_path):
    """0600 in a folder of 0700, with the command in its first line and its end in the last; the warning says where."""
    done = broken("run", "--name", "nightly", "--", *COMMAND)
    (path,) = files(tmp_path)
    assert done.returncode == 9
    assert os.fsencode(path) in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    lines = path.read_bytes().splitlines()
    header, end = json.loads(lines[0]), json.loads(lines[-1])
    assert (header["argv"], header["name"]) == (list(COMMAND), "nightly")
    assert (end["exit_code"], end["complete"]) == (9, True)
    assert sorted(content(path).splitlines()) == [b"err", b"out"]


def test_next_run_takes_it_in(broken, tmp_path):
    """Once the database can be used, the run is there as it was, and its file is gone."""
    before = time.time()
    broken("run", "--name", "nightly", "--", *COMMAND)
    broken.mend()
    assert broken.run("true").returncode == 0
    assert files(tmp_path) == []
    with Store.open(tmp_path / "project.db") as store:
        newest, waited = sorted(store.runs.list(), key=lambda run: run.started_at, reverse=True)
        assert newest.app == "true"
        assert (waited.name, waited.app, waited.argv, waited.exit_code) == ("nightly", "sh", COMMAND, 9)
        assert (waited.status, waited.cwd) == ("failed", str(tmp_path))
        assert before <= waited.started_at.timestamp() <= newest.started_at.timestamp()
        (output,) = store.artifacts.list(run=waited.id)
        assert output.complete
        assert sorted(store.read_artifact(output.id).splitlines()) == [b"err", b"out"]


def test_adopt_says_what_it_did(broken, tmp_path):
    """`log adopt` records what waits, oldest first, and nothing the second time."""
    broken.run("echo", "one")
    broken.run("echo", "two")
    broken.mend()
    assert broken.json("log", "adopt") == {"runs": [1, 2], "left": []}
    assert broken.show("1") == b"one\n"
    assert broken.show("2") == b"two\n"
    assert broken.json("log", "adopt") == {"runs": [], "left": []}
    assert not (tmp_path / "fallback").exists()


def test_adopted_twice_is_recorded_once(broken, tmp_path):
    """A file that is still there after its run was recorded, as after a crash, makes no second run."""
    broken.run("echo", "once")
    (path,) = files(tmp_path)
    kept = path.read_bytes()
    broken.mend()
    broken("log", "adopt")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(kept)
    assert broken.json("log", "adopt") == {"runs": [], "left": []}
    assert not path.exists()
    assert len(broken.json("log", "list")) == 1


def test_two_who_adopt_at_once_make_one_run_of_each(broken, tmp_path):
    """Several processes at the same files: every run is there once."""
    for number in range(6):
        broken.run("echo", str(number))
    broken.mend()
    broken("project", "init")
    adopters = [broken.start("log", "adopt", "--json", stdout=subprocess.PIPE) for _ in range(4)]
    for each in adopters:
        each.communicate()
    assert sorted(broken.show(str(run["id"])) for run in broken.json("log", "list")) == [b"%d\n" % n for n in range(6)]
    assert files(tmp_path) == []


def test_adopter_killed_at_any_moment_loses_and_doubles_nothing(broken, tmp_path):
    """kill -9 between the transaction and the removal of the file, or before."""
    for number in range(4):
        broken.run("sh", "-c", f"seq {number} 200000")
    broken.mend()
    for delay in (0.1, 0.15, 0.2, 0.25, 0.3):
        adopter = broken.start("log", "adopt", stdout=subprocess.DEVNULL)
        time.sleep(delay)
        adopter.kill()
        adopter.wait()
    broken("log", "adopt")
    assert files(tmp_path) == []
    firsts = sorted(broken.show(str(run["id"])).split(b"\n", 1)[0] for run in broken.json("log", "list"))
    assert firsts == [b"0", b"1", b"2", b"3"]


def test_tail_shows_what_waits_and_why(broken):
    """Where the database cannot be opened, the newest output is shown, and standard error says so."""
    broken.run("seq", "100")
    done = broken("log", "tail", "-n", "3")
    assert (done.returncode, done.stdout) == (0, b"98\n99\n100\n")
    assert b"waits to be recorded" in done.stderr
    assert broken("log", "tail", "seq", "-n", "1", "--from-db").stdout == b"100\n"
    assert broken("log", "tail", "nothing-of-this-name").returncode == 4


@pytest.mark.parametrize("start", [100, 4096, 20_000])
def test_tail_of_a_damaged_database(hstore, tmp_path, start):
    """Wherever the damage is noticed, at opening or when the run is looked for, what could not be recorded is shown."""
    hstore.run("true")
    size = (tmp_path / "project.db").stat().st_size
    with open(tmp_path / "project.db", "r+b") as file:
        file.seek(start)
        file.write(os.urandom(size - start))
    done = hstore.run("seq", "5")
    assert (done.returncode, done.stdout) == (0, b"1\n2\n3\n4\n5\n")
    assert len(files(tmp_path)) == 1
    assert hstore("log", "tail", "-n", "2").stdout == b"4\n5\n"


def test_tail_without_a_database_and_without_a_file_is_the_database_s_error(broken):
    """Nothing is made up."""
    done = broken("log", "tail")
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"waits" not in done.stderr


def test_tail_follows_what_cannot_be_recorded(broken):
    """`log tail -f` shows what comes until the command has ended, without the file's own first and last line."""
    slow = "import time\nprint('first', flush=True)\ntime.sleep(1.5)\nprint('last')"
    running = broken.start("run", "--", sys.executable, "-c", slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline() == b"first\n"
    while broken("log", "tail").stdout != b"first\n":
        assert running.poll() is None
    assert broken("log", "tail", "-f").stdout == b"first\nlast\n"
    running.communicate()


def test_secrets_are_masked_also_across_writes(broken, tmp_path, secret):
    """The same masker: values of the environment and rules, split over writes, in arguments, name and output."""
    broken.environment["DEPLOY_TOKEN"] = secret
    program = "import sys, time\nfor c in sys.argv[1] + '\\n': print(c, end='', flush=True); time.sleep(0.001)"
    broken("run", "--name", f"with {secret}", "--", sys.executable, "-c", program, f"say {secret}")
    (path,) = files(tmp_path)
    assert secret.encode() not in path.read_bytes()
    assert b"say [" in content(path)


def test_nothing_is_written_where_the_masker_cannot_be_made(broken, tmp_path):
    """Rules that cannot be read: unmasked output is not kept anywhere."""
    (tmp_path / "project.masking.toml").write_text("[[rules]\n")
    done = broken.run(*COMMAND)
    assert done.returncode == 9
    assert b"not recorded" in done.stderr
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root may write is found in /proc")
def test_home_where_the_folder_cannot_be_written(hstore, tmp_path):
    """Then it waits in `~/.heimdall/fallback/`, and is for that database alone."""
    hstore.environment["HSTORE_DB"] = "/proc/hstore/project.db"
    assert hstore.run(*COMMAND).returncode == 9
    (path,) = (tmp_path / "home" / ".heimdall" / "fallback").glob("*.log")
    assert sorted(hstore("log", "tail").stdout.splitlines()) == [b"err", b"out"]
    hstore.environment["HSTORE_DB"] = str(tmp_path / "other.db")
    assert hstore.run("true").returncode == 0
    assert len(hstore.json("log", "list")) == 1
    assert path.exists()


def test_doctor_names_what_waits(broken, tmp_path):
    """A warning with the files, also beside the failure of the database itself."""
    broken.run(*COMMAND)
    checks = {check["name"]: check for check in json.loads(broken("doctor", "--json").stdout)["checks"]}
    assert checks["fallback"]["data"]["files"] == [str(files(tmp_path)[0])]
    assert checks["database"]["status"] == "fail"
    broken.mend()
    broken("log", "adopt")
    assert "fallback" not in {check["name"] for check in broken.json("doctor")["checks"]}


@pytest.mark.parametrize("budget", ["100K", "5M", "none"])
def test_too_much_output_keeps_its_beginning_and_its_end(broken, tmp_path, budget):
    """Bounded, with or without a budget: whole lines, and a line that says how much is left out."""
    count = 3_000_000
    broken("run", "--max-output", budget, "--", "seq", str(count), stdout=subprocess.DEVNULL)
    (path,) = files(tmp_path)
    kept = content(path)
    most = {"100K": 100 << 10, "5M": 5 << 20, "none": MOST}[budget]
    head, _, rest = kept.partition(b"[hstore: ")
    notice, _, tail = rest.partition(b" left out here]\n")
    whole = b"".join(b"%d\n" % number for number in range(1, count + 1))
    size, lines = (int(word) for word in notice.replace(b"lines", b"").split(b" bytes in "))
    assert_same(head + whole[len(head) : len(head) + size] + tail, whole)
    assert lines == whole[len(head) : len(head) + size].count(b"\n")
    assert head.endswith(b"\n")
    assert most // 2 < len(head) + len(tail) <= most


@given(
    lengths=st.lists(st.integers(0, 700), min_size=1, max_size=40),
    size=st.integers(1, 100_000),
    cuts=st.lists(st.integers(1, 9000), min_size=1, max_size=60),
    most=st.integers(16_000, 60_000),
)
def test_however_output_comes_it_is_cut_between_lines(tmp_path_factory, lengths, size, cuts, most):
    """Head and tail are whole lines for every size of its pieces, and what is within the bound is kept whole."""
    lines = (b"%d " % number + b"." * length + b"\n" for number, length in enumerate(itertools.cycle(lengths)))
    whole = b""
    while len(whole) < size:
        whole += next(lines)
    place = tmp_path_factory.mktemp("cut") / "project.db"
    file = FallbackFile(place, ["seq"], name=None, cwd=None, git_sha=None, pid=None, started_at=time.time(), limit=most)
    start = 0
    for cut in itertools.cycle(cuts):
        file.write("stdout", whole[start : start + cut])
        start += cut
        if start >= len(whole):
            break
    file.finish(exit_code=0, signal=None, duration=1.0, complete=True)
    kept = content(Path(file.path))
    shutil.rmtree(place.parent)
    if len(whole) <= most:
        assert kept == whole
        return
    head, _, rest = kept.partition(b"[hstore: ")
    notice, _, tail = rest.partition(b" left out here]\n")
    size, lines = (int(word) for word in notice.replace(b"lines", b"").split(b" bytes in "))
    assert_same(head + whole[len(head) : len(head) + size] + tail, whole)
    assert lines == whole.count(b"\n", len(head), len(head) + size)
    assert head.endswith(b"\n")
    assert most // 2 < len(head) + len(tail) <= most


def assert_same(one, other):
    """As `==`, without a difference of megabytes to be shown."""
    assert len(one) == len(other)
    assert all(one[place : place + 100] == other[place : place + 100] for place in range(0, len(one), 100))


def test_recorder_killed_while_it_writes_a_file(broken, tmp_path):
    """What came is there, is shown, and becomes a run that is lost."""
    running = broken.start(
        "run",
        "--",
        sys.executable,
        "-c",
        "print('kept', flush=True); input()",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout.readline() == b"kept\n"
    while broken("log", "tail").stdout != b"kept\n":
        assert running.poll() is None
    broken.mend()
    assert [left["why"] for left in broken.json("log", "adopt")["left"]] == ["its command is still running"]
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert broken.json("log", "adopt") == {"runs": [1], "left": []}
    assert broken.show("1") == b"kept\n"
    assert broken.json("log", "show", "1")["status"] == "lost"
    with Store.open(tmp_path / "project.db") as store:
        assert not store.artifacts.list(run=1)[0].complete


def test_run_keeps_the_session_it_had(broken, tmp_path, monkeypatch):
    """The session of the environment in which it ran, not that of who adopts it."""
    broken.run("echo", "without")
    broken.environment["HEIMDAL_SESSION"] = "first"
    broken.run("echo", "with")
    broken.mend()
    monkeypatch.setenv("HEIMDAL_SESSION", "second")
    assert adopt(tmp_path / "project.db").runs == (1, 2)
    with Store.open(tmp_path / "project.db", ambient=False) as store:
        assert [store.runs.get(run).session for run in (1, 2)] == [None, "first"]


def test_foreign_files_are_left_alone(hstore, tmp_path):
    """Other files, links and things of another form are neither adopted nor removed."""
    folder = tmp_path / "fallback"
    folder.mkdir()
    (folder / "notes.log").write_text("mine\n")
    (folder / "bad.log").write_text('{"hstore_fallback": 1, "key": 5}\n')
    (folder / "link.log").symlink_to(tmp_path / "elsewhere")
    (folder / "folder.log").mkdir()
    (folder / "deep.log").write_text("[" * 100_000 + "\n")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.log")
    before = sorted(folder.iterdir())
    assert hstore.run("true").returncode == 0
    for words in (("log", "adopt"), ("doctor",)):
        assert hstore(*words).returncode == 0
    assert sorted(folder.iterdir()) == before
    assert len(hstore.json("log", "list")) == 1


def test_files_of_another_user_are_left_alone(broken, tmp_path, monkeypatch):
    """What somebody else has put into the folder is no output of ours."""
    broken.run("echo", "ours")
    broken.mend()
    others = os.geteuid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: others)
        assert adopt(tmp_path / "project.db").runs == ()
    assert len(files(tmp_path)) == 1
    assert len(adopt(tmp_path / "project.db").runs) == 1


def test_lock_that_is_never_given_back(hstore, tmp_path, program):
    """Another process holds the write lock to the end: the output waits, and the next run takes it in."""
    hstore("project", "init")
    holder = program(
        "import sys\nfrom hstore import Store\n"
        "with Store.open(sys.argv[1]) as store, store.batch():\n"
        "    store.remember('a', 1)\n    print('held', flush=True)\n    input()",
        tmp_path / "project.db",
    )
    assert holder.stdout.readline() == "held\n"
    done = hstore.run(*COMMAND)
    assert done.returncode == 9
    assert len(files(tmp_path)) == 1
    holder.communicate("\n")
    assert hstore.run("true").returncode == 0
    assert files(tmp_path) == []
    assert len(hstore.json("log", "list")) == 2
