"""How `hstore run` reads its words, which no parser library sees."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hstore.cli.run import UsageError, parse, split
from hstore.cli.sizes import size


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "ls"], (None, ["ls"])),
        (["--db", "x", "run", "ls"], ("x", ["ls"])),
        (["--db=x", "run", "ls"], ("x", ["ls"])),
        (["--db=a=b", "run"], ("a=b", [])),
        (["log", "run"], None),
        (["--db", "run"], None),
        (["--dbx", "run"], None),
        (["--version", "run"], None),
        ([], None),
    ],
)
def test_what_is_for_run(words, expected):
    """`run` is recognised first, or right behind --db PATH."""
    assert split(words) == expected


@pytest.mark.parametrize(
    ("words", "command", "name", "capture"),
    [
        (["ls", "-l"], ("ls", "-l"), None, True),
        (["--", "ls", "--help"], ("ls", "--help"), None, True),
        (["--name", "n", "ls"], ("ls",), "n", True),
        (["--name=n", "--no-output", "--record", "--", "--odd"], ("--odd",), "n", False),
        (["ls", "--record"], ("ls",), None, True),
        (["--", "ls", "--record"], ("ls", "--record"), None, True),
        (["ls", "--record", "x"], ("ls", "--record", "x"), None, True),
        (["--", "--"], ("--",), None, True),
        (["-"], ("-",), None, True),
        ([""], ("",), None, True),
        (["ls", "--name", "x"], ("ls", "--name", "x"), None, True),
    ],
)
def test_options_end_where_the_command_begins(words, command, name, capture):
    """Everything from the command on is the command's, but for a last --record without `--` before it."""
    options = parse(words)
    assert (options.command, options.name, options.capture) == (command, name, capture)


@pytest.mark.parametrize("words", [[], ["--"], ["--name"], ["--name=x"], ["--odd", "ls"], ["-x"], ["--record=1", "ls"]])
def test_words_that_make_no_sense(words):
    """No command, or an unknown option, is refused."""
    with pytest.raises(UsageError):
        parse(words)


def test_heavy_modules_are_not_imported(hstore):
    """Recording a command that prints nothing imports none of the slow modules, nor the rest of the command line."""
    program = (
        "import sys\nfrom hstore.__main__ import main\n"
        "code = main(['run', '--', 'true'])\n"
        "print(*sorted(set(sys.modules) & set(sys.argv[1:])), code)"
    )
    heavy = [
        *("argparse", "json", "zstandard", "subprocess", "typing", "pathlib", "re", "dataclasses", "enum"),
        *("datetime", "threading", "signal", "tempfile", "socket", "logging", "inspect"),
        *("hstore.cli.program", "hstore.cli.grammar", "hstore.models"),
    ]
    plain = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], stdout=subprocess.PIPE)
    heavy = [name for name in heavy if name not in plain.stdout.decode().split()]
    done = subprocess.run([sys.executable, "-c", program, *heavy], env=hstore.environment, capture_output=True)
    assert (done.stdout, done.stderr) == (b"0\n", b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("500", 500), ("500K", 512_000), ("10m", 10 << 20), ("1GiB", 1 << 30), ("2TB", 2 << 40)],
)
def test_sizes(text, expected):
    """Bytes, or powers of 1024 by their letters."""
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5M", "M", "KK", "1P", "ten", "9" * 40, "9000000T", "٣", "1 M"])
def test_no_sizes(text):
    """What is no whole number of bytes from 1 on."""
    with pytest.raises(ValueError, match="no size"):
        size(text)


@pytest.mark.parametrize("words", [["--max-output", "5M", "ls"], ["--max-output=5M", "--", "ls"]])
def test_budget_is_read(words):
    """As a word of its own, or behind an equals sign."""
    assert parse(words).max_output == "5M"


@pytest.mark.parametrize("words", [["--max-output", "much", "--", "true"], ["--max-output"], ["--max-output=", "true"]])
def test_budget_that_is_no_size_is_wrong_usage(words):
    """Typed wrongly, it is refused before anything runs."""
    done = subprocess.run([sys.executable, "-m", "hstore", "run", *words], capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--max-output" in done.stderr
