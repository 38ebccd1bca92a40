"""`hstore run` on a terminal: the command finds a terminal, and the real one is left as it was."""

from __future__ import annotations

import os
import signal
import sys
import termios

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

ASK_TERMINAL = """
import os, sys
print([os.isatty(fd) for fd in range(3)], *os.get_terminal_size(1), os.environ["TERM"])
"""
COUNT_INTERRUPTS = """
import signal, sys, time
count = 0
def interrupted(*_):
    global count
    count += 1
    print("interrupt", count, flush=True)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
for line in sys.stdin:
    break
print("counted", count)
sys.exit(7)
"""


def test_every_stream_is_a_terminal_of_the_same_size(on_terminal):
    """A command sees terminals for all three streams, with the window's size and TERM."""
    code, seen = on_terminal(sys.executable, "-c", ASK_TERMINAL, rows=33, columns=101).finish()
    assert (code, seen) == (0, b"[True, True, True] 101 33 xterm-256color\r\n")


def test_output_is_what_the_terminal_got_without(on_terminal, terminal):
    """The same bytes, colours and line ends arrive with and without hstore, and are recorded."""
    command = ("sh", "-c", r"printf '\033[31mred\033[0m\n'; printf 'err\n' >&2; printf 'no end'")
    plain = terminal(*command).finish()
    assert on_terminal(*command).finish() == plain
    assert plain == (0, b"\x1b[31mred\x1b[0m\r\nerr\r\nno end")


def test_terminal_output_is_one_artifact(on_terminal, hstore):
    """Both outputs share one pseudo-terminal, so they are one artifact, with the line ends it made."""
    on_terminal("sh", "-c", "echo out; echo err >&2").finish()
    assert hstore.show() == b"out\r\nerr\r\n"
    [artifact] = hstore.json("log", "show", "latest")["artifacts"]
    assert artifact["name"] == "terminal"


def test_prompt_comes_before_the_answer(on_terminal):
    """A prompt without a line end is shown at once, and what is typed is echoed once."""
    window = on_terminal("sh", "-c", "printf 'name? '; read name; echo hello $name")
    window.wait_for(b"name? ")
    window.type(b"heimdal\r")
    assert window.finish() == (0, b"name? heimdal\r\nhello heimdal\r\n")


def test_password_is_not_echoed(on_terminal):
    """A command that turns echo off does so for the person typing."""
    window = on_terminal(sys.executable, "-c", "import getpass; print(len(getpass.getpass()))")
    window.wait_for(b"Password: ")
    window.type(b"hidden one\r")
    code, seen = window.finish()
    assert code == 0
    assert b"hidden" not in seen
    assert seen.endswith(b"\r\n10\r\n")


def test_keyboard_interrupt_reaches_the_command_once(on_terminal):
    """Ctrl-C is one SIGINT for the command, whose own exit code comes back."""
    window = on_terminal(sys.executable, "-c", COUNT_INTERRUPTS)
    window.wait_for(b"ready")
    window.type(b"\x03")
    window.wait_for(b"interrupt 1")
    window.type(b"\r")
    code, seen = window.finish()
    assert code == 7
    assert b"counted 1" in seen


def test_keyboard_interrupt_in_a_pipeline_reaches_the_command_once(terminal):
    """In `hstore run -- command | cat` Ctrl-C comes from the real terminal, and only once."""
    code = COUNT_INTERRUPTS.replace("for line in sys.stdin", "while not count: time.sleep(0.01)\nfor line in 'x'")
    window = terminal(
        "sh",
        "-c",
        'trap "" INT; exec 3>&1; ( trap : INT; "$0" -m hstore run -- "$0" -c "$1"; echo code $? >&3 ) | cat',
        sys.executable,
        code,
    )
    window.wait_for(b"ready")
    window.type(b"\x03")
    _, seen = window.finish()
    assert b"counted 1" in seen
    assert b"code 7" in seen


def test_interrupted_command_gives_its_signal(on_terminal):
    """A command that Ctrl-C ends gives 130."""
    window = on_terminal("sh", "-c", "echo ready; exec sleep 60")
    window.wait_for(b"ready")
    window.type(b"\x03")
    assert window.finish()[0] == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signal_to_the_recorder_reaches_the_command(on_terminal, number):
    """A signal sent to the recorder ends the command, and the terminal is as it was."""
    window = on_terminal("sh", "-c", "echo ready; exec sleep 60")
    window.wait_for(b"ready")
    os.kill(window.pid, number)
    assert window.finish()[0] == 128 + number
    assert window.settings_now() == window.settings


def test_terminal_is_restored(on_terminal):
    """Raw mode lasts as long as the command: inside it is on, afterwards everything is as before."""
    window = on_terminal("sh", "-c", "echo ready; read x; exit 4")
    window.wait_for(b"ready")
    assert not window.settings_now()[3] & termios.ICANON
    window.type(b"\r")
    assert window.finish()[0] == 4
    assert window.settings_now() == window.settings


def test_terminal_is_restored_where_the_command_is_not_found(on_terminal):
    """A command that never starts leaves no raw mode behind."""
    window = on_terminal("no-such-command")
    code, seen = window.finish()
    assert code == 127
    assert b"no-such-command: command not found" in seen
    assert window.settings_now() == window.settings


def test_window_size_changes_are_passed_on(on_terminal):
    """SIGWINCH arrives in the command together with the new size."""
    program = """
import os, signal, sys
def changed(*_):
    print("size", *os.get_terminal_size(1), flush=True)
signal.signal(signal.SIGWINCH, changed)
print("ready", flush=True)
sys.stdin.readline()
"""
    window = on_terminal(sys.executable, "-c", program)
    window.wait_for(b"ready")
    window.resize(50, 132)
    window.wait_for(b"size 132 50")
    window.type(b"\r")
    assert window.finish()[0] == 0


def test_redirected_error_output_is_a_pipe(terminal, hstore, tmp_path):
    """Standard output stays a terminal while standard error goes to a file."""
    program = "import os, sys; print([os.isatty(fd) for fd in range(3)]); sys.stderr.write('told')"
    shell = '"$0" -m hstore run -- "$0" -c "$1" 2>errors'
    code, seen = terminal("sh", "-c", shell, sys.executable, program).finish()
    assert (code, seen) == (0, b"[True, True, False]\r\n")
    assert (tmp_path / "errors").read_bytes() == b"told"
    assert hstore.show("latest", "--stderr") == b"told"


def test_redirected_output_leaves_the_keyboard_alone(terminal, tmp_path):
    """With standard output in a file the command reads the real terminal, in its own settings."""
    program = "import os, sys; print([os.isatty(fd) for fd in range(3)]); sys.stderr.write('? '); print(input())"
    shell = '"$0" -m hstore run -- "$0" -c "$1" >output'
    window = terminal("sh", "-c", shell, sys.executable, program)
    window.wait_for(b"? ")
    assert window.settings_now() == window.settings
    window.type(b"answer\r")
    assert window.finish()[0] == 0
    assert (tmp_path / "output").read_bytes() == b"[True, False, True]\nanswer\n"


def test_input_from_a_file_is_not_the_keyboard(terminal, tmp_path):
    """With standard input from a file the outputs are terminals, and their bytes the same as without."""
    (tmp_path / "input").write_bytes(b"from a file\n")
    program = "import os, sys; print([os.isatty(fd) for fd in range(3)], sys.stdin.read())"
    shell = '"$0" -m hstore run -- "$0" -c "$1" <input'
    code, seen = terminal("sh", "-c", shell, sys.executable, program).finish()
    assert (code, seen) == (0, b"[False, True, True] from a file\r\n\r\n")


def test_background_job_is_not_stopped(terminal):
    """In the background of a shell with job control the command prints and ends as without hstore."""
    shell = 'set -m; "$0" -m hstore run -- echo from behind & wait $!; echo code $?'
    code, seen = terminal("bash", "-c", shell, sys.executable).finish()
    assert code == 0
    assert b"from behind\r\n" in seen
    assert b"code 0" in seen


def test_suspend_and_continue(terminal):
    """Ctrl-Z stops command and recorder as one job of the shell, with the terminal in order; `fg` continues it."""
    job = '"$0" -m hstore run -- sh -c "echo ready; read word; echo got \\$word; exit 6"'
    window = terminal("bash", "-c", f"set -m; {job}; echo stopped $?; read line; fg; echo code $?", sys.executable)
    window.wait_for(b"ready")
    window.type(b"\x1a")
    window.wait_for(b"stopped 148")
    assert window.settings_now() == window.settings
    window.type(b"\r")
    window.wait_for(b"hstore run")  # what `fg` prints
    window.type(b"again\r")
    code, seen = window.finish()
    assert code == 0
    assert b"got again" in seen
    assert b"code 6" in seen
    assert window.settings_now() == window.settings


def test_continued_in_the_background(terminal, tmp_path):
    """After Ctrl-Z and `bg` the keyboard is the shell's, and the command ends without touching the terminal."""
    job = '"$0" -m hstore run -- sh -c "echo ready; until [ -e go ]; do sleep 0.02; done; echo over; exit 6"'
    script = f"set -m; {job}; bg; echo which; read line; echo line $line; touch go; wait %1; echo code $?"
    window = terminal("bash", "-c", script, sys.executable)
    window.wait_for(b"ready")
    window.type(b"\x1a")
    window.wait_for(b"which")
    window.type(b"for the shell\r")
    code, seen = window.finish()
    assert code == 0
    assert b"line for the shell" in seen
    assert b"over" in seen
    assert b"code 6" in seen
    assert window.settings_now() == window.settings


def test_suspend_key_without_a_shell_changes_nothing(on_terminal):
    """Where no shell could continue it, a command is not stopped by Ctrl-Z."""
    window = on_terminal("sh", "-c", "echo ready; read word; echo got $word")
    window.wait_for(b"ready")
    window.type(b"\x1aword\r")
    code, seen = window.finish()
    assert code == 0
    assert b"got word" in seen


def test_much_output_through_a_terminal_is_complete(on_terminal):
    """A megabyte through both pseudo-terminals loses nothing."""
    program = "import sys\nfor number in range(100000): print(number)"
    code, seen = on_terminal(sys.executable, "-c", program).finish()
    assert code == 0
    assert seen.split() == [b"%d" % number for number in range(100000)]


def test_much_typing_arrives(on_terminal):
    """What is pasted in one go arrives whole, in lines that a terminal takes."""
    program = "import sys; print(sum(len(line) for line in iter(sys.stdin.readline, 'end\\n')))"
    window = on_terminal("sh", "-c", 'stty -echo; echo ready; exec "$0" -c "$1"', sys.executable, program)
    window.wait_for(b"ready")
    for _ in range(100):
        window.type(b"x" * 99 + b"\r")
    window.type(b"end\r")
    code, seen = window.finish()
    assert code == 0
    assert b"10000" in seen
