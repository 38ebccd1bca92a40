"""How commands print: colours, control characters, readers that leave, outputs that are closed or full."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from hstore import Store
from hstore.cli.escapes import json_safe, visible
from hstore.cli.formats import duration_text, plain, size_text
from hstore.cli.output import _joined, _width


@pytest.fixture
def long_log(hstore, tmp_path):
    """A store with a megabyte of output."""
    with Store.open(tmp_path / "project.db") as store:
        run = store.record_run("x", "x", exit_code=0)
        store.attach_artifact(run, "log", b"".join(b"%d\n" % number for number in range(200_000)), name="stdout")
    return hstore


needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="uses a POSIX shell")


@needs_shell
@pytest.mark.parametrize("words", ["log show", "project query 'SELECT hex(randomblob(900000))'"])
def test_reader_that_leaves(long_log, words):
    """`| head` ends the command silently, with a shell's code for SIGPIPE."""
    script = f'"$0" -m hstore {words} | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", script, sys.executable], env=long_log.environment, capture_output=True)
    assert (done.stdout, done.stderr) == (b"141\n", b"")


@needs_shell
@pytest.mark.parametrize("words", ["log show", "log list", "project info", "--version", "completion bash"])
def test_closed_output(long_log, words):
    """With standard output closed the command says that it cannot print, and harms nothing."""
    script = f'"$0" -m hstore {words} >&-'
    done = subprocess.run(["sh", "-c", script, sys.executable], env=long_log.environment, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"hstore: standard output is closed, there is nowhere to print to\n"
    assert long_log("doctor").returncode == 0


@needs_shell
def test_closed_output_where_nothing_is_printed(hstore):
    """A command that prints nothing works with every output closed."""
    script = '"$0" -m hstore remember key value <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", script, sys.executable], env=hstore.environment).returncode == 0
    assert hstore("recall", "key").stdout == b"value\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device /dev/full")
@pytest.mark.parametrize("words", ["log show", "log list", "--help", "run --help", "project info --json"])
def test_full_output(long_log, words):
    """A full device is an error with a message, not a traceback."""
    with open("/dev/full", "wb") as full:
        done = long_log(*words.split(), stdout=full)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="uses a pseudo-terminal")
@pytest.mark.parametrize("no_color", [False, True])
def test_colours(long_log, no_color):
    """A terminal gets colours, unless NO_COLOR is set; a pipe never does."""
    assert b"\x1b" not in long_log("log", "list").stdout
    if no_color:
        long_log.environment["NO_COLOR"] = "1"
    master, slave = os.openpty()
    assert long_log("log", "list", stdout=slave).returncode == 0
    os.close(slave)
    seen = os.read(master, 65536)
    os.close(master)
    assert (b"\x1b[32mok\x1b[0m" in seen) is not no_color
    assert b"ok" in seen


@needs_shell
def test_interrupt(hstore):
    """Ctrl-C ends a command with 130 and without a traceback."""
    program = (
        "import os, signal, sys\nfrom hstore.cli import mask\nfrom hstore.__main__ import main\n"
        "def act(*_):\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "import hstore.cli.program as program\n"
        "program._version = act\nsys.exit(main(['--version']))"
    )
    done = subprocess.run([sys.executable, "-c", program], env=hstore.environment, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 💥", "plain ü 💥"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31m\x07\x00\x7f", "\\e[31m\\x07\\x00\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\udcff", "\\udcff"),
    ],
)
def test_control_characters_are_shown(text, shown):
    """What would steer a terminal is shown instead."""
    assert visible(text) == shown


def test_json_is_safe_to_look_at():
    """Control characters that JSON allows are escaped, and mean the same."""
    text = json.dumps("\x7f\x9b\u202eü", ensure_ascii=False)
    assert json_safe(text) == '"\\u007f\\u009b\\u202eü"'
    assert json.loads(json_safe(text)) == json.loads(text)


def test_json_has_a_form_for_everything():
    """Bytes and numbers that JSON does not have."""
    assert plain((b"\x00", float("inf"), float("-inf"))) == [{"base64": "AA=="}, "inf", "-inf"]
    assert plain(float("nan")) == "nan"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (3.214, "3.21 s"),
        (61, "1m01s"),
        (3599.6, "1h00m"),
        (90000, "25h00m"),
    ],
)
def test_durations(seconds, text):
    """Durations as people read them."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (10**13, "10.0 TB")]
)
def test_sizes(size, text):
    """Sizes as people read them."""
    assert size_text(size) == text


def test_wide_characters_are_aligned_and_cut():
    """A character of two columns counts as two."""
    assert _width("日本") == 4
    assert _width("e\u0301") == 1
    assert _joined(["日本", "x" * 50], [4, 50], 10) == "日本  xxx…"
