"""What a person has set up in bash goes on working with `hstore init bash`, and is not mistaken for commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hstore
from shells import Typist, lines, recorded

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="shells are watched through /proc here"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed"),
]


@pytest.fixture
def bash(terminal, environment, tmp_path):
    """Starts bash with `before` and `after` the line that loads the recorder."""

    def start(before="", after=""):
        return Typist(terminal, environment, tmp_path, "bash", before=before, after=after)

    return start


def at(tmp_path):
    return tmp_path / "project.db"


def test_prompt_command_finds_exit_code_and_pipe_status(bash):
    """PROMPT_COMMAND still runs, in all its parts, with `$?` and PIPESTATUS of the last command."""
    person = bash(before="PROMPT_COMMAND+=('echo A $? ${PIPESTATUS[@]}' 'echo B $? ${PIPESTATUS[@]}')\n")
    person.enter("false | true | sh -c 'exit 3'")
    seen = person.leave()
    assert "A 3 1 0 3\n" in seen
    assert "B 3 1 0 3\n" in seen


def test_prompt_command_set_later_is_kept_too(bash, tmp_path):
    """One that is put before or behind ours afterwards, as other tools do it, changes nothing."""
    person = bash(after="PROMPT_COMMAND=\"echo early \\$?; $PROMPT_COMMAND\"; PROMPT_COMMAND+=('echo late $?')\n")
    person.enter("sh -c 'exit 5'")
    person.enter("echo next")
    seen = person.leave()
    assert "early 5" in seen
    assert "late 5" in seen
    assert lines(at(tmp_path))[:2] == ["sh -c 'exit 5'", "echo next"]


def test_prompt_command_replaced_later_still_records(bash, tmp_path):
    """`PROMPT_COMMAND=…` replaces the first part of the array, which is ours; the last part notices."""
    person = bash(after="PROMPT_COMMAND='printf x >>\"$PROMPTS\"'\n")
    person.enter("echo one")
    person.enter("sh -c 'exit 4'")
    person.leave()
    assert [(run.cmdline, run.exit_code) for run in recorded(at(tmp_path))][:2] == [
        ("echo one", 0),
        ("sh -c 'exit 4'", 4),
    ]


def test_debug_trap_is_kept(bash, tmp_path):
    """A DEBUG trap of the person's own runs before each command, and not within ours, functrace or not."""
    person = bash(before="trap 'echo \"trap:$BASH_COMMAND\"' DEBUG\n")
    person.enter("echo one; echo two")
    person.enter("set -T")
    person.enter("echo three")
    seen = person.leave()
    for each in ("trap:echo one", "trap:echo two", "trap:echo three"):
        assert each in seen
    assert "trap:__hstore_newest" not in seen
    assert lines(at(tmp_path))[:3] == ["echo one; echo two", "set -T", "echo three"]


def test_error_trap_is_about_the_persons_commands(bash):
    """An ERR trap, inherited by functions too, is told of failing commands and of nothing of ours."""
    person = bash(before="trap 'echo \"trap:$BASH_COMMAND\"' ERR; set -E\n")
    person.enter("")
    person.enter("false")
    person.enter("")
    person.enter("echo one")
    seen = person.leave()
    assert [line for line in seen.splitlines() if line.startswith("trap:")] == ["trap:false"]


def test_debug_trap_that_forbids_commands(bash, tmp_path):
    """With extdebug a failing DEBUG trap skips commands; ours are not skipped, and what was skipped is recorded."""
    person = bash()
    person.enter("shopt -s extdebug")
    person.enter("trap '[[ $BASH_COMMAND != forbidden* ]]' DEBUG")
    person.enter("forbidden thing")
    person.enter("echo allowed")
    seen = person.leave()
    assert "not found" not in seen
    assert "echo allowed" in lines(at(tmp_path))


def test_ps0_is_kept(bash, tmp_path):
    """The person's own PS0 is shown, once for each command, also where it is set later."""
    person = bash(before="PS0='<run>'\n")
    person.enter("echo one")
    person.enter("PS0='<later>'")
    person.enter("echo two")
    person.enter("echo three")
    seen = person.leave()
    assert "<run>one" in seen
    assert "<later>three" in seen
    assert "hstore" not in seen
    # The command whose PS0 held no clock is the one that is not timed.
    assert [line for line in lines(at(tmp_path)) if line != "echo two"][:3] == [
        "echo one",
        "PS0='<later>'",
        "echo three",
    ]


def test_prompts_without_expansion_show_nothing(bash):
    """`shopt -u promptvars` would show what PS0 holds instead of evaluating it."""
    person = bash(before="shopt -u promptvars\n")
    person.enter("echo one")
    assert "__hstore" not in person.leave()


@pytest.mark.parametrize(
    "setting", ["set -u", "set -e", "set -f", "set -o noclobber", "set -o posix", "IFS=0123456789:/ "]
)
def test_options_of_the_shell_do_no_harm(bash, tmp_path, setting):
    """Strict options and an odd IFS neither end the shell nor print anything, and commands are recorded."""
    person = bash()
    person.enter(setting)
    person.enter("echo one")
    person.enter("")
    person.enter("echo two && true")
    person.enter(" echo hidden")
    person.enter("echo three")
    seen = person.leave()
    assert "unbound" not in seen
    assert "hstore" not in seen
    assert [line for line in lines(at(tmp_path)) if "echo" in line] == ["echo one", "echo two && true", "echo three"]


def test_interrupt_at_the_prompt_with_errexit(bash, tmp_path):
    """With `set -e` Ctrl-C at the prompt leaves 130 behind, which must not end the shell."""
    person = bash()
    person.enter("set -e")
    before = person.shown
    person.settle()
    person.keys(b"echo never")
    person.settle()
    person.keys(b"\x03")
    person.wait_for_prompt(before)
    person.enter("echo still here")
    person.leave()
    assert "echo still here" in lines(at(tmp_path))


@pytest.mark.parametrize(
    "control", ["ignoredups", "ignoreboth", "erasedups", "ignorespace", "", "ignoreboth:erasedups"]
)
def test_history_control(bash, tmp_path, control):
    """Whatever HISTCONTROL says: repetitions count, private commands do not, and the history is as it would be."""
    person = bash(before=f"HISTCONTROL={control}\n")
    pause = 1.1 if "erasedups" in control and "both" in control else 0  # in one second they cannot be told apart
    for line in ("echo a", "echo a", " echo secret", "echo b", " echo secret", "echo a", " echo secret"):
        person.enter(line)
        time.sleep(pause)
    person.enter(f"history >{tmp_path}/history")
    person.leave()
    assert [line for line in lines(at(tmp_path)) if line.startswith("echo")] == ["echo a", "echo a", "echo b", "echo a"]
    kept = [line.split(None, 1)[1] for line in (tmp_path / "history").read_text().splitlines()]
    kept = [line for line in kept if "echo" in line]
    expected = ["echo a", "echo a", " echo secret", "echo b", " echo secret", "echo a", " echo secret"]
    if "space" in control or "both" in control:
        expected = [line for line in expected if "secret" not in line]
    if "dups" in control or "both" in control:
        expected = [line for place, line in enumerate(expected) if place == 0 or expected[place - 1] != line]
    if "erasedups" in control:
        expected = [line for place, line in enumerate(expected) if line not in expected[place + 1 :]]
    assert [line.strip() for line in kept] == [line.strip() for line in expected]


def test_history_shared_with_other_shells(bash, tmp_path, environment):
    """Lines that PROMPT_COMMAND reads from another shell's history are nobody's commands here."""
    (tmp_path / "shared").write_text("")
    share = "PROMPT_COMMAND+=('history -a; history -c; history -r')"
    person = bash(before=f"HISTFILE={tmp_path}/shared HISTCONTROL=ignoreboth; {share}\n")
    person.enter("echo mine")
    with (tmp_path / "shared").open("a") as file:
        file.write("echo of another shell\n")
    person.enter("")
    person.enter(" echo hidden")
    with (tmp_path / "shared").open("a") as file:
        file.write("echo of another shell again\n")
    person.enter(" echo hidden")
    person.enter("echo mine too")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["echo mine", "echo mine too"]
    assert not any("another" in line or "hidden" in line for line in lines(at(tmp_path)))


def test_history_switched_off_or_ignoring(bash, tmp_path):
    """What bash is told not to remember is not recorded: HISTIGNORE, and `set +o history`."""
    person = bash(before="HISTIGNORE='echo ignored*'\n")
    for line in ("echo one", "echo ignored thing", "set +o history", "echo off", "set -o history", "echo two"):
        person.enter(line)
    person.leave()
    found = lines(at(tmp_path))
    assert [line for line in found if line.startswith("echo")] == ["echo one", "echo two"]


def test_history_with_times(bash, tmp_path):
    """HISTTIMEFORMAT of the person's own neither gets into the record nor is changed."""
    person = bash(before="HISTTIMEFORMAT='%F %T '\n")
    person.enter("echo one")
    person.enter('echo "format $HISTTIMEFORMAT"')
    assert "format %F %T" in person.leave()
    assert lines(at(tmp_path))[0] == "echo one"


def test_functions_subshells_and_loops(bash, tmp_path):
    """Commands inside of functions, subshells, substitutions and loops are part of the line that was typed."""
    typed = [
        "f() { echo in function; false; }",
        "f",
        "(cd /; echo in subshell)",
        "echo $(echo substituted | cat)",
        "while read -r x; do echo $x; done < <(seq 3)",
        "{ echo group; } | cat",
        "[[ a == b ]]",
        "((3 > 4))",
        "x=5",
    ]
    person = bash()
    for line in typed:
        person.enter(line)
    person.leave()
    runs = recorded(at(tmp_path))[: len(typed)]
    assert [run.cmdline for run in runs] == typed
    assert [run.exit_code for run in runs] == [0, 1, 0, 0, 0, 0, 1, 1, 0]


def test_job_control(bash, tmp_path):
    """A stopped command is recorded with 148, `fg` as a command of its own, and `$!` and `jobs` are the person's."""
    person = bash()
    before = person.shown
    person.keys(b"sh -c 'echo rea''dy; exec sleep 60'\r")
    person.wait(lambda: b"ready" in person.terminal.seen, "the command")
    person.keys(b"\x1a")
    person.wait_for_prompt(before)
    person.enter("kill -9 %1; fg")
    person.enter('sleep 0.01 & echo "$!" >first')
    person.enter('echo "$!" >second; wait; jobs >jobs')
    person.leave()
    runs = recorded(at(tmp_path))
    assert (runs[0].app, runs[0].exit_code) == ("sh", 148)
    assert runs[1].cmdline == "kill -9 %1; fg"
    assert (tmp_path / "first").read_text() == (tmp_path / "second").read_text() != "\n"
    assert (tmp_path / "jobs").read_text() == ""


def test_here_document_is_one_command(bash, tmp_path):
    """A here-document with its text is one run."""
    person = bash()
    person.enter("cat <<END", "one 'line", "END")
    person.enter("echo after")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["cat <<END\none 'line\nEND\n", "echo after"]


def test_variables_of_the_person_are_not_touched(bash, tmp_path):
    """BASH_REMATCH, `$_`, REPLY, IFS and the options are what the last command has left."""
    person = bash()
    person.enter("IFS=,; set -f; [[ abc =~ b(.) ]]; REPLY=mine; true last-word")
    person.enter('echo "$_ $REPLY ${BASH_REMATCH[1]} [$IFS] $-" >values')
    person.leave()
    words = (tmp_path / "values").read_text().split()
    assert words[:4] == ["last-word", "mine", "c", "[,]"]
    assert "f" in words[4]


def test_script_is_not_recorded(environment, tmp_path):
    """Where the start-up file is read by a shell that nobody types into, nothing is recorded and nothing is left."""
    load = f'eval "$({sys.executable!r} -m hstore init bash)"; echo "[${{HSTORE_SHELL_RECORDER-none}}]"; echo done'
    done = subprocess.run(["bash", "-c", load], capture_output=True, env=environment, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (b"[none]\ndone\n", b"")
    assert not at(tmp_path).exists()


def test_prompt_command_of_one_string(terminal, environment, tmp_path):
    """Before bash 5.1 PROMPT_COMMAND is one string: its commands still find the exit code of the command."""
    hook = (Path(hstore.__file__).parent / "shell" / "hook.bash").read_text()
    older = hook.replace("BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501", "0")
    assert older != hook
    (tmp_path / "older").write_text(older)
    prepare = f"eval \"$('{sys.executable}' -m hstore init bash | head -3; cat {tmp_path}/older)\"\n"
    mine = 'PROMPT_COMMAND="echo code=\\$?; $PROMPT_COMMAND"\n'
    person = Typist(terminal, environment, tmp_path, "bash", before=mine + prepare, load=False)
    person.enter("sh -c 'exit 6'")
    person.enter(" echo hidden")
    person.enter("echo next")
    assert "code=6" in person.leave()
    assert [(run.cmdline, run.exit_code) for run in recorded(at(tmp_path))][:2] == [
        ("sh -c 'exit 6'", 6),
        ("echo next", 0),
    ]
