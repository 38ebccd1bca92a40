"""`hstore mask`: the masker as a filter."""

from __future__ import annotations

import secrets
import subprocess
import sys

import pytest


@pytest.mark.parametrize("content", [b"", b"nothing secret\n", b"no end", bytes(range(256)) * 100, b"x" * 3_000_000])
def test_other_bytes_are_left_alone(hstore, content):
    """What holds no secret comes out as it went in."""
    done = hstore("mask", input=content)
    assert (done.returncode, done.stdout, done.stderr) == (0, content, b"")


def test_value_from_the_environment(hstore):
    """A value named by its variable is masked wherever it stands."""
    value = secrets.token_urlsafe(24)
    hstore.environment["OWN_WORD"] = value
    done = hstore("mask", "--value-env", "OWN_WORD", input=f"before {value} after\n".encode())
    assert done.returncode == 0
    assert value.encode() not in done.stdout
    assert done.stdout.startswith(b"before ")
    assert done.stdout.endswith(b" after\n")


def test_variable_that_is_not_set(hstore):
    """A variable that is missing is an error: the text would go through unmasked."""
    done = hstore("mask", "--value-env", "NO_SUCH_WORD", input=b"x")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"NO_SUCH_WORD" in done.stderr


def test_streaming(hstore):
    """Text is passed on while the input is still open."""
    running = subprocess.Popen(
        [sys.executable, "-m", "hstore", "mask"], env=hstore.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    running.stdin.write(b"first line\n" * 5000)
    running.stdin.flush()
    assert running.stdout.read(11) == b"first line\n"
    rest, _ = running.communicate(b"last line\n")
    assert rest.endswith(b"first line\nlast line\n")


def test_no_database_is_made(hstore, tmp_path):
    """A filter leaves nothing behind."""
    assert hstore("mask", input=b"x").returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="uses a POSIX shell")
def test_closed_input(hstore):
    """Without standard input there is nothing to mask."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -m hstore mask <&-', sys.executable], env=hstore.environment, stdout=subprocess.PIPE
    )
    assert done.stdout == b""
