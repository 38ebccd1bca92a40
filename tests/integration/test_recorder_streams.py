"""`hstore run` with pipes and files: the same bytes, the same exit code, and a record of both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX shells, signals and descriptors")

AWKWARD = {
    "empty": b"",
    "no newline": b"half a line",
    "lines": b"one\ntwo\n",
    "carriage returns": b"10%\r20%\r\ndone\r\n",
    "NUL": b"a\0b\0\n\0",
    "invalid UTF-8": b"\xff\xfe\xc3(\n\x80",
    "every byte": bytes(range(256)) * 40,
    "escapes": b"\x1b[31mred\x1b[0m\x1b]0;title\x07\n",
    "long line": b"x" * 300_000,
    "large": b"".join(b"line %d of many\n" % number for number in range(200_000)),
}
ECHO = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


@pytest.mark.parametrize("content", AWKWARD.values(), ids=AWKWARD.keys())
def test_output_is_unchanged_and_read_back(hstore, content):
    """Whatever the bytes: they come through, and `log show` prints them again."""
    done = hstore.python(ECHO, input=content)
    assert (done.returncode, done.stdout, done.stderr) == (0, content, b"")
    assert hstore.show() == content


def test_streams_stay_apart(hstore):
    """Standard output and standard error arrive apart, and are recorded and shown apart."""
    done = hstore.run("sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    shown = hstore("log", "show")
    assert (shown.stdout, shown.stderr) == (b"out\n", b"err\n")
    assert hstore.show("latest", "--stdout") == b"out\n"
    assert hstore.show("latest", "--stderr") == b"err\n"


def test_alternating_lines_come_back_in_order(hstore, tmp_path):
    """Ten lines, each to the other stream than the one before, are shown in their order.

    The program writes a line only when the one before has arrived here, so that the order is certain.
    """
    program = """
import os, sys
for number in range(10):
    os.write(1 + number % 2, b"line %d\\n" % number)
    sys.stdin.buffer.readline()
"""
    running = hstore.start(
        "run",
        "--",
        sys.executable,
        "-c",
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for number in range(10):
        stream = running.stderr if number % 2 else running.stdout
        assert stream.readline() == b"line %d\n" % number
        running.stdin.write(b"\n")
        running.stdin.flush()
    running.communicate()
    assert hstore.show("latest", "--merged") == b"".join(b"line %d\n" % number for number in range(10))


def test_one_pipe_for_both_keeps_the_order_exactly(hstore):
    """With `2>&1` the command gets one pipe too, so not even simultaneous writes change places."""
    program = "import os\nfor n in range(2000): os.write(1 + n % 2, b'%d\\n' % n)"
    expected = b"".join(b"%d\n" % number for number in range(2000))
    assert hstore.python(program, stderr=subprocess.STDOUT).stdout == expected
    assert hstore.show() == expected


@pytest.mark.parametrize("code", [0, 1, 2, 3, 42, 126, 127, 255])
def test_exit_code_is_the_commands(hstore, code):
    """Every exit code comes through and is recorded."""
    assert hstore.run("sh", "-c", f"exit {code}").returncode == code
    run = hstore.json("log", "show")
    assert (run["exit_code"], run["signal"], run["status"]) == (code, None, "failed" if code else "ok")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGPIPE])
def test_command_killed_by_a_signal(hstore, number):
    """A command that a signal ended gives 128+N, and the run says which."""
    assert hstore.run("sh", "-c", f"kill -{int(number)} $$").returncode == 128 + number
    run = hstore.json("log", "show")
    assert (run["exit_code"], run["signal"], run["status"]) == (128 + number, number, "killed")


def test_command_not_found(hstore):
    """A command that does not exist gives 127 and a shell's message, and is recorded as failed."""
    done = hstore.run("no-such-command", "x")
    assert (done.returncode, done.stderr) == (127, b"hstore: no-such-command: command not found\n")
    assert hstore.json("log", "show")["exit_code"] == 127


def test_command_not_executable(hstore, tmp_path):
    """A file without permission, and a directory, give 126."""
    (tmp_path / "plain").write_text("echo no\n")
    done = hstore.run("./plain")
    assert (done.returncode, done.stderr) == (126, b"hstore: ./plain: Permission denied\n")
    done = hstore.run("./")
    assert (done.returncode, done.stderr) == (126, b"hstore: ./: Is a directory\n")
    assert hstore.run("./missing").returncode == 127


def test_script_without_a_first_line(hstore, tmp_path):
    """An executable text without `#!` is run by sh, as every shell does."""
    script = tmp_path / "script"
    script.write_text('echo "$0" "$1"\n')
    script.chmod(0o755)
    assert hstore.run("./script", "a b").stdout == b"./script a b\n"


def test_interpreter_that_is_missing(hstore, tmp_path):
    """A script whose interpreter does not exist gives 127, as in a shell."""
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = hstore.run("./script")
    assert done.returncode == 127
    assert b"interpreter" in done.stderr


@pytest.mark.parametrize("words", [["two words"], ["a\nb"], [b"\xff\xfe"], ["-x"], ["--"], ["ü", "💥"], [""]])
def test_arguments_arrive_unchanged(hstore, words):
    """Spaces, newlines, dashes and bytes that are no UTF-8 reach the command as given."""
    program = "import os, sys; sys.stdout.buffer.write(b'|'.join(map(os.fsencode, sys.argv[1:])))"
    expected = b"|".join(os.fsencode(word) for word in words)
    assert hstore.python(program, *words).stdout == expected
    assert len(hstore.json("log", "show")["argv"]) == len(words) + 3


def test_large_input_passes_through(hstore):
    """The command reads standard input itself, so ten megabytes come through."""
    content = os.urandom(1 << 20) * 10
    program = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    from hashlib import sha256

    assert hstore.python(program, input=content).stdout.decode().strip() == sha256(content).hexdigest()


def test_what_the_command_leaves_unread_stays(hstore, tmp_path):
    """Input that the command does not read is still there for the next one."""
    (tmp_path / "input").write_bytes(b"first\nsecond\n")
    script = '( "$0" -m hstore run -- sh -c "read line; echo got \\$line"; cat ) < input'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], env=hstore.environment, cwd=tmp_path, stdout=subprocess.PIPE
    )
    assert done.stdout == b"got first\nsecond\n"


def test_reader_that_leaves(hstore):
    """In `hstore run -- yes | head -1` the command ends by SIGPIPE, as it does without hstore."""
    script = '"$0" -m hstore run -- yes | head -1; echo ${PIPESTATUS[0]}'
    done = subprocess.run(["bash", "-c", script, sys.executable], env=hstore.environment, capture_output=True)
    assert (done.stdout, done.stderr) == (b"y\n141\n", b"")
    run = hstore.json("log", "show")
    assert (run["signal"], run["status"]) == (signal.SIGPIPE, "killed")
    assert hstore.show().startswith(b"y\ny\n")


def test_reader_that_leaves_is_noticed_without_a_write(hstore, tmp_path):
    """A command that watches its output for the reader's leaving sees it, though nothing is written."""
    program = """
import select, sys
print("ready", flush=True)
poll = select.poll()
poll.register(1, 0)
print(poll.poll(20000)[0][1] & select.POLLERR, file=sys.stderr)
"""
    running = hstore.start("run", "--", sys.executable, "-c", program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline() == b"ready\n"
    running.stdout.close()
    assert running.stderr.read() == b"8\n"
    assert running.wait() == 0
    running.stderr.close()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_closed_in_the_command(hstore, tmp_path, closed):
    """A stream that is closed here is closed there, and nothing is written into the database by mistake."""
    ask = """
import os, sys
found = [os.path.exists(f"/proc/self/fd/{fd}") for fd in range(3)]
open(sys.argv[1], "w").write(" ".join("open" if each else "closed" for each in found))
"""
    answer = tmp_path / "answer"
    script = f'exec {closed}; exec "$0" -m hstore run -- "$@"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, sys.executable, "-c", ask, str(answer)],
        env=hstore.environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0
    words = closed.split()
    assert answer.read_text().split() == ["closed" if mark in words else "open" for mark in ("<&-", ">&-", "2>&-")]
    assert hstore("doctor").returncode == 0


def test_stalled_reader_of_one_stream_does_not_stop_the_other(hstore):
    """Who reads standard error to its end first gets it, while a pipe of standard output is full."""
    program = """
import os, threading
out = threading.Thread(target=os.write, args=(1, b"o" * 400_000))
out.start()
os.write(2, b"told")
os.close(2)
out.join()
"""
    running = hstore.start("run", "--", sys.executable, "-c", program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stderr.read(4) == b"told"
    assert len(running.stdout.read()) == 400_000
    running.communicate()
    assert running.returncode == 0


def test_output_appears_at_once(hstore):
    """A line is passed on while the command still runs, and a prompt without its line end too."""
    program = "import sys; print('prompt? ', end='', flush=True); print(sys.stdin.readline())"
    running = hstore.start("run", "--", sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert running.stdout.read(8) == b"prompt? "
    assert running.communicate(b"yes\n")[0] == b"yes\n\n"


def test_process_left_running_does_not_hold_the_recorder(hstore):
    """A command that leaves a process with its output behind ends; one line says that the rest is missing."""
    done = hstore.run("sh", "-c", "sleep 300 & echo $!")
    os.kill(int(done.stdout), signal.SIGKILL)
    assert done.returncode == 0
    assert done.stderr.count(b"\n") == 1
    assert b"left running" in done.stderr
    assert not any(artifact["complete"] for artifact in hstore.json("log", "show")["artifacts"])


def test_late_output_of_a_process_left_running(hstore):
    """What is written shortly after the command's end is still shown and recorded, and the end is complete."""
    program = """
import os, sys, time
if os.fork() == 0:
    os.read(int(sys.argv[1]), 1)  # returns when the parent is gone
    os.write(1, b"late\\n")
"""
    wrapper = (
        "import os, sys; r, w = os.pipe(); os.set_inheritable(r, True); os.execv(sys.executable, "
        "[sys.executable, '-c', sys.argv[1], str(r)])"
    )
    done = hstore.python(wrapper, program)
    assert (done.stdout, done.stderr) == (b"late\n", b"")
    assert hstore.show() == b"late\n"


def test_slow_reader_gets_everything(hstore):
    """Output that waits in the pipe when the command has ended is delivered however long its reader takes."""
    running = hstore.start(
        "run", "--", sys.executable, "-c", "import os; os.write(1, b'x' * 1_000_000)", stdout=subprocess.PIPE
    )
    time.sleep(3)  # longer than any grace; the reader is late, and that is the point
    assert len(running.stdout.read()) == 1_000_000
    running.communicate()
    assert running.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR2])
def test_signal_to_the_recorder_reaches_the_command(hstore, number):
    """A signal sent to the recorder is passed on; the command decides what it means."""
    program = f"""
import signal, sys
signal.signal({int(number)}, lambda *_: (print("caught", flush=True), sys.exit(5)))
print("ready", flush=True)
while True:
    signal.pause()
"""
    running = hstore.start("run", "--", sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(number)
    assert running.communicate()[0] == b"caught\n"
    assert running.returncode == 5
    assert hstore.json("log", "show")["exit_code"] == 5


def test_ignored_signals_stay_ignored(hstore):
    """Under `nohup` neither the recorder nor the command dies of a hang-up."""
    running = hstore.popen(
        ["sh", "-c", 'trap "" HUP; exec "$0" -m hstore run -- sh -c "echo ready; read x; echo alive"', sys.executable],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(signal.SIGHUP)
    assert running.communicate(b"\n")[0] == b"alive\n"
    assert running.returncode == 0


def test_command_starts_with_default_signals(hstore):
    """SIGPIPE and its like are not ignored in the command, and none is blocked."""
    shell = ("sh", "-c", "sed -n 's/^Sig[IB][gl][nk]:.//p' /proc/self/status")
    plain = subprocess.run(shell, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert _ordinary(hstore.run(*shell).stdout) == _ordinary(plain.stdout)


def _ordinary(sets):
    """The signals 1 to 31 of each set: posix_spawn in glibc always ignores two of its own, 32 and 33."""
    return [int(line, 16) & 0x7FFFFFFF for line in sets.split()]


def test_command_inherits_what_the_recorder_was_given_and_no_more(hstore):
    """A descriptor that was passed on purpose arrives; none of the recorder's own does."""
    reader, writer = os.pipe()
    done = hstore.run("bash", "-c", "ls /proc/self/fd; echo through >&$0", str(writer), pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader, "rb") as passed:
        assert passed.read() == b"through\n"
    # 3 is the directory that ls reads.
    assert {int(fd) for fd in done.stdout.split()} <= {0, 1, 2, 3, writer}


def test_environment_is_the_same(hstore):
    """The command sees the environment of the recorder, nothing added."""
    hstore.environment["ODD"] = "a\nb"
    done = hstore.run("env", "-0")
    plain = subprocess.run(["env", "-0"], env=hstore.environment, cwd=hstore.folder, stdout=subprocess.PIPE)
    assert sorted(done.stdout.split(b"\0")) == sorted(plain.stdout.split(b"\0"))


def test_without_output(hstore):
    """`--no-output` records the run, and the command has the recorder's own streams."""
    done = hstore("run", "--no-output", "--", "sh", "-c", "echo seen; exit 3")
    assert (done.returncode, done.stdout) == (3, b"seen\n")
    run = hstore.json("log", "show")
    assert (run["exit_code"], run["artifacts"]) == (3, [])


def test_run_is_described(hstore, tmp_path):
    """The record holds the words, the folder, the process and the time."""
    done = hstore("run", "--name", "nightly", "--", "sh", "-c", "echo $$")
    run = hstore.json("log", "show", "nightly")
    assert run["argv"] == ["sh", "-c", "echo $$"]
    assert (run["app"], run["name"], run["cwd"]) == ("sh", "nightly", str(tmp_path))
    assert run["pid"] == int(done.stdout)
    assert run["duration"] >= 0
    assert run["started_at"] <= run["finished_at"]


def test_git_commit_is_noted(hstore, tmp_path):
    """In a repository the commit of HEAD is recorded, found through branch, packed refs and worktrees."""
    sha = "0123456789abcdef0123456789abcdef01234567"
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    hstore.run("true")
    assert hstore.json("log", "show")["git_sha"] is None
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{sha} refs/heads/main\n^{'f' * 40}\n")
    hstore.run("true")
    assert hstore.json("log", "show")["git_sha"] == sha
    (git / "HEAD").write_text(f"{sha[::-1]}\n")
    hstore.run("true")
    assert hstore.json("log", "show")["git_sha"] == sha[::-1]


def test_two_recordings_at_once(hstore):
    """Two commands recorded into one file at the same time both keep all of their output."""
    program = "import sys; print(sys.stdin.readline()[0] * 500_000)"
    running = [
        hstore.start(
            "run", "--name", name, "--", sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("first", "second")
    ]
    for each, letter in zip(running, (b"a\n", b"b\n"), strict=True):
        each.stdin.write(letter)
        each.stdin.flush()
    for each in running:
        each.communicate()
    assert hstore.show("first") == b"a" * 500_000 + b"\n"
    assert hstore.show("second") == b"b" * 500_000 + b"\n"


def test_tail_follows_to_the_end(hstore):
    """`log tail -f` prints what another process is recording, and ends when that run ends."""
    running = hstore.start(
        "run",
        "--",
        sys.executable,
        "-c",
        "import sys\nfor line in sys.stdin: print('got', line, end='', flush=True)",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    running.stdin.write(b"one\n")
    running.stdin.flush()
    assert running.stdout.readline() == b"got one\n"
    while not hstore("log", "show").stdout:
        pass  # until the recorder's first commit
    following = hstore.start("log", "tail", "-f", stdout=subprocess.PIPE)
    assert following.stdout.readline() == b"got one\n"
    running.stdin.write(b"two\n")
    running.stdin.flush()
    assert following.stdout.readline() == b"got two\n"
    running.communicate(b"three\n")
    assert following.communicate()[0] == b"got three\n"
    assert following.returncode == 0
