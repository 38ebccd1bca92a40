"""`hstore init`: scripts that their shells accept, and plain words where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

SHELLS = ["bash", "fish", "zsh"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells are recorded on POSIX systems only")


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_valid(hstore, shell):
    """The shell itself accepts the script."""
    done = hstore("init", shell)
    assert (done.returncode, done.stderr) == (0, b"")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_the_same_by_either_way(hstore, shell):
    """The quick way of `hstore init SHELL` and the parser's print the same script."""

    def hook(*words):
        return hstore(*words).stdout.partition(b"# hstore:")[2]

    assert hook("init", shell) == hook("--db", "x", "init", shell) != b""


@pytest.mark.parametrize(
    "words", [("init",), ("init", "tcsh"), ("init", ""), ("init", "bash", "zsh"), ("init", "--bash")]
)
def test_wrong_words(hstore, words, tmp_path):
    """A shell that is missing or unknown is refused, with the names of those that are known."""
    done = hstore(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"hstore: ")
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_shell_is_told_which_are_known(hstore):
    """`hstore init tcsh` names what there is."""
    assert all(shell.encode() in hstore("init", "tcsh").stderr for shell in SHELLS)


def test_help_says_where_the_line_belongs(hstore):
    """The start-up file of each shell, where commands go, and how to keep one private."""
    text = hstore("init", "--help").stdout.decode()
    for part in ("~/.bashrc", "~/.zshrc", "config.fish", "~/.heimdall/shell.db", "begins with a space"):
        assert part in text


def test_nothing_is_made_by_it(hstore, tmp_path):
    """Printing a script makes no database."""
    hstore("init", "bash")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing(hstore):
    """The script for bash has no finding."""
    script = hstore("init", "bash").stdout
    checked = subprocess.run(["shellcheck", "--shell=bash", "-"], input=script, capture_output=True)
    assert checked.stdout == b""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_old_bash_is_told(hstore):
    """A bash without PS0 says so, and nothing is changed in it."""
    script = hstore("init", "bash").stdout.decode().replace("BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404", "1")
    done = subprocess.run(
        ["bash", "--norc", "-i"],
        input=f'eval {quoted(script)}\necho "[$PS0$PROMPT_COMMAND]"\n'.encode(),
        capture_output=True,
        env=hstore.environment,
    )
    assert b"has no PS0" in done.stderr
    assert b"[]" in done.stdout


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def test_missing_database_points_to_the_shells(hstore, tmp_path):
    """Where a directory has no database, but shells are recorded, the message says where their commands are."""
    del hstore.environment["HSTORE_DB"]
    hstore.environment["HOME"] = str(tmp_path / "home")
    (tmp_path / "elsewhere").mkdir()
    hstore.folder = tmp_path / "elsewhere"
    assert b"shell.db" not in hstore("log", "list").stderr
    typed = tmp_path / "home" / ".heimdall" / "shell.db"
    hstore("--db", str(typed), "project", "init")
    done = hstore("log", "list")
    assert (done.returncode, done.stdout) == (4, b"")
    assert f"--db {typed}".encode() in done.stderr
    assert b"shell.db" not in hstore("--db", str(tmp_path / "none.db"), "log", "list").stderr
