"""What is typed into real bash, zsh and fish is recorded: every command once, as typed, with how it ended."""

from __future__ import annotations

import os
import sys

import pytest

from planted import Secrets, look_at_files
from shells import LOAD, SHELLS, Typist, lines, recorded, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shells are watched through /proc here")


@pytest.fixture
def typist(terminal, environment, tmp_path):
    """Starts a shell whose commands are recorded: `typist("bash", before=…, after=…)`."""

    def start(shell, **options):
        return Typist(terminal, environment, tmp_path, shell, **options)

    return start


def at(tmp_path):
    return tmp_path / "project.db"


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_recorded_with_its_end(typist, shell, tmp_path):
    """Command line, program, exit code, directory and duration, in the order of typing."""
    person = typist(shell)
    for line in ("echo one", "false", "sh -c 'exit 7'", "cd /usr", "sleep 0.2", "no-such-command", "true | false"):
        person.enter(line)
    person.leave()
    runs = recorded(at(tmp_path))[:7]
    assert [(run.app, run.cmdline, run.exit_code) for run in runs] == [
        ("echo", "echo one", 0),
        ("false", "false", 1),
        ("sh", "sh -c 'exit 7'", 7),
        ("cd", "cd /usr", 0),
        ("sleep", "sleep 0.2", 0),
        ("no-such-command", "no-such-command", 127),
        ("true", "true | false", 1),
    ]
    assert [run.cwd for run in runs] == [str(tmp_path)] * 4 + ["/usr"] * 3
    assert 0.15 < runs[4].duration < 20
    assert all(run.started_at <= run.finished_at for run in runs)
    assert [run.status for run in runs[:2]] == ["ok", "failed"]


@pytest.mark.parametrize("shell", SHELLS)
def test_lines_are_kept_as_typed(typist, shell, tmp_path):
    """Quotes, dollar signs, backslashes, percent signs and letters beyond ASCII arrive as they are."""
    typed = [
        "echo 'a  b' \"$HOME\" \\\\ %s %d",
        "echo \N{LATIN SMALL LETTER E WITH ACUTE} \N{SNOWMAN} '\N{GRINNING FACE}'",
        "echo a; echo b && echo c",
        "echo 'two   blanks'   here",
    ]
    person = typist(shell)
    for line in typed:
        person.enter(line)
    person.leave()
    assert lines(at(tmp_path))[:4] == typed


@pytest.mark.parametrize("shell", SHELLS)
def test_command_of_several_lines_is_one(typist, shell, tmp_path):
    """A loop or a quoted text over several lines is one run, as the shell's own history has it."""
    loop = ("for i in 1 2", "echo $i", "end") if shell == "fish" else ("for i in 1 2", "do echo $i", "done")
    person = typist(shell)
    person.enter(*loop)
    person.enter("echo 'first", "second'")
    person.enter("echo after")
    person.leave()
    found = lines(at(tmp_path))[:3]
    assert found[0] == ("for i in 1 2; do echo $i; done" if shell == "bash" else "\n".join(loop))
    assert found[1:] == ["echo 'first\nsecond'", "echo after"]


@pytest.mark.parametrize("shell", SHELLS)
def test_leading_space_is_private(typist, shell, tmp_path):
    """A command behind a blank is left out, its text and that it was there, whatever the history's settings."""
    person = typist(shell)
    for line in (
        "echo before",
        " echo hidden",
        "\x16\techo hidden" if shell == "bash" else "  echo hidden",
        "echo after",
    ):
        person.enter(line)
    assert "hidden" in person.leave()
    assert lines(at(tmp_path))[:2] == ["echo before", "echo after"]
    assert not any("hidden" in line for line in lines(at(tmp_path)))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("setting", ["", "HISTCONTROL=ignoreboth\n"], ids=["", "ignoreboth"])
def test_private_command_of_several_lines(typist, shell, setting, tmp_path):
    """The blank before the first line counts for all of them."""
    if setting and shell != "bash":
        pytest.skip("a setting of bash")
    person = typist(shell, before=setting)
    person.enter("echo before")
    if shell == "fish":
        person.enter(" for i in 1", "echo hidden", "end")
    else:
        person.enter(" for i in 1", "do echo hidden", "done")
        person.enter(" cat <<END", "hidden too", "END")
    person.enter(" echo 'hidden", "quoted'")
    person.enter("echo after")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["echo before", "echo after"]
    assert not any("hidden" in line or "quoted" in line for line in lines(at(tmp_path)))


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_typed_is_nothing_recorded(typist, shell, tmp_path):
    """Empty lines, a comment, and a line given up with Ctrl-C are no commands."""
    person = typist(shell)
    person.enter("echo one")
    person.enter("")
    person.enter("   ")
    person.enter("# nothing but a comment")
    before = person.shown
    person.settle()
    person.keys(b"echo given up")
    person.settle()
    person.keys(b"\x03")
    if shell == "fish":  # which shows the same prompt again
        person.wait(lambda: b"^C" in person.terminal.seen, "the end of the line")
    else:
        person.wait_for_prompt(before)
    person.enter("echo two")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["echo one", "echo two"]
    assert not any("given up" in line or "comment" in line for line in lines(at(tmp_path)))


@pytest.mark.parametrize("shell", SHELLS)
def test_interrupted_command_is_recorded(typist, shell, tmp_path):
    """Ctrl-C ends a command with 130, and that is recorded."""
    person = typist(shell)
    before = person.shown
    person.keys(b"sh -c 'echo rea''dy; exec sleep 60'\r")
    person.wait(lambda: b"ready" in person.terminal.seen, "the command")
    person.keys(b"\x03")
    person.wait_for_prompt(before)
    person.leave()
    run = recorded(at(tmp_path))[0]
    assert (run.app, run.exit_code) == ("sh", 130)


@pytest.mark.parametrize("shell", SHELLS)
def test_same_command_twice_counts_twice(typist, shell, tmp_path):
    """Repetition is recorded, though a history may keep one of them."""
    person = typist(shell)
    for _ in range(3):
        person.enter("echo again")
    person.leave()
    assert lines(at(tmp_path))[:3] == ["echo again"] * 3


@pytest.mark.parametrize("shell", SHELLS)
def test_loaded_twice_each_command_counts_once(typist, shell, tmp_path):
    """Loading it again, from the start-up file or by hand, adds no hook and no second recorder."""
    program = f"'{sys.executable}' -m hstore"
    person = typist(shell, after=LOAD[shell].format(program))
    recorder = person.recorder
    person.enter(LOAD[shell].format(program).strip())
    person.enter("echo once")
    person.leave()
    assert lines(at(tmp_path)).count("echo once") == 1
    assert f"/proc/{recorder}/" in (tmp_path / "recorder").read_text()


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_replaced_by_itself_keeps_its_recorder(typist, shell, tmp_path):
    """`exec SHELL`, the usual way to read a start-up file again, goes on with the recorder that is there."""
    person = typist(shell)
    recorder = person.recorder
    person.enter("echo before")
    rc = {"bash": f"exec bash --rcfile {tmp_path}/.bashrc -i", "zsh": "exec zsh -d -i", "fish": "exec fish -i"}
    person.enter(rc[shell])
    person.enter("echo after")
    assert person.recorder == recorder
    person.leave()
    assert [line for line in lines(at(tmp_path)) if line.startswith("echo")] == ["echo before", "echo after"]


@pytest.mark.parametrize("shell", SHELLS)
def test_session_is_the_shells_or_the_one_that_is_set(typist, shell, tmp_path):
    """Runs belong to a session of this shell, and to HEIMDAL_SESSION once that is exported."""
    person = typist(shell)
    person.enter("echo one")
    person.enter("set -gx HEIMDAL_SESSION HEIMDAL-7" if shell == "fish" else "export HEIMDAL_SESSION=HEIMDAL-7")
    person.enter("echo two")
    person.leave()
    sessions = {run.cmdline: run.session for run in recorded(at(tmp_path))}
    assert sessions["echo one"].startswith(f"shell-{os.uname().nodename}-{person.terminal.pid}-")
    assert sessions["echo two"] == "HEIMDAL-7"


@pytest.mark.parametrize("shell", SHELLS)
def test_secrets_are_masked_before_anything_is_written(typist, shell, tmp_path, environment):
    """Secrets in command lines, of all kinds, are in no file: database, WAL or any other."""
    hidden = Secrets()
    environment["DEPLOY_TOKEN"] = hidden.registered
    environment["TMPDIR"] = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    person = typist(shell)
    person.enter(f"echo {hidden.token} >/dev/null")
    person.enter(f"true --password={hidden.named}")
    person.enter(f"true {hidden.registered}")
    wait_until(lambda: len(lines(at(tmp_path))) >= 3, "the commands")
    look_at_files(tmp_path, hidden, tmp_path / "nothing")
    person.leave()
    look_at_files(tmp_path, hidden, tmp_path / "nothing")
    assert sum("[masked:" in line for line in lines(at(tmp_path))) == 3
    assert not [path for path in (tmp_path / "temporary").iterdir() if "hstore" in path.name]


@pytest.mark.parametrize("shell", SHELLS)
def test_secret_that_is_exported_later(typist, shell, tmp_path, secret):
    """A variable with a telling name that is set in the shell is masked from then on, also once it is gone again."""
    person = typist(shell)
    assign, remove = ("set -gx {} {}", "set -e {}") if shell == "fish" else ("export {}={}", "unset {}")
    person.enter("read -gx DEPLOY_TOKEN" if shell == "fish" else "read -r DEPLOY_TOKEN", secret)
    person.enter("set -gx OTHER 'x y'" if shell == "fish" else "export DEPLOY_TOKEN")
    person.enter(f"echo with {secret} in it")
    person.enter(remove.format("DEPLOY_TOKEN"))
    person.enter(f"echo still {secret} in it")
    person.enter(assign.format("PLAIN", "nothing"))
    person.leave()
    found = [line for line in lines(at(tmp_path)) if line.startswith("echo")]
    assert found == ["echo with [masked:value] in it", "echo still [masked:value] in it"]
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.glob("project.db*"))


@pytest.mark.parametrize("shell", SHELLS)
def test_exit_code_is_kept_for_the_next_command(typist, shell, tmp_path):
    """`$?` is that of the last command, as without hstore."""
    status = "$status" if shell == "fish" else "$?"
    person = typist(shell)
    person.enter("sh -c 'exit 9'")
    person.enter(f"echo code-{status}-")
    assert "code-9-" in person.leave()


@pytest.mark.parametrize("shell", SHELLS)
def test_long_command_is_whole(typist, shell, tmp_path):
    """A line beyond what a pipe takes at once arrives whole."""
    value = "x" * 30_000
    person = typist(shell)
    for part in range(3):
        joined = f"long=$long{value[:3000]}" if shell != "fish" else f"set long $long{value[:3000]}"
        person.enter(joined if part else joined.replace("$long", ""))
    person.enter("echo done")
    person.leave()
    assert [len(line) for line in lines(at(tmp_path))[:3]] == [
        len(f"long={'x' * 3000}") + shift if shell != "fish" else len(f"set long {'x' * 3000}") + shift
        for shift in (0, 5, 5)
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_descriptors_are_not_inherited(typist, shell, tmp_path):
    """A command has the descriptors that it would have without hstore."""
    person = typist(shell, load=False)
    person.enter(f"ls -l /proc/self/fd >{tmp_path}/without")
    person.enter(LOAD[shell].format(f"'{sys.executable}' -m hstore").strip())
    person.enter(f"ls -l /proc/self/fd >{tmp_path}/with")
    numbers = [
        [line.split()[8] for line in (tmp_path / name).read_text().splitlines()[1:]] for name in ("without", "with")
    ]
    assert numbers[0] == numbers[1]
