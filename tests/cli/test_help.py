"""Help, usage errors and the version: what a person meets first."""

from __future__ import annotations

import pytest

from hstore.cli.grammar import Command
from hstore.cli.program import ENTRIES

COMMANDS = [
    (*group, command.name)
    for entry in ENTRIES
    for group, command in (
        [((), entry)]
        if isinstance(entry, Command)
        else [
            *([] if entry.alone is None else [((), entry.alone)]),
            *(((entry.name,), each) for each in entry.commands),
        ]
    )
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(hstore, words):
    """`--help` prints the usage on standard output, and every command teaches by an example or takes no words."""
    done = hstore(*words, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: hstore")
    assert b"examples:" in done.stdout
    assert b"--db" in done.stdout


def test_help_names_every_command(hstore):
    """The first page lists all commands, examples and exit codes."""
    text = hstore("--help").stdout.decode()
    for entry in ENTRIES:
        assert f"  {entry.name}" in text
    for part in ("examples:", "exit codes:", "HSTORE_DB"):
        assert part in text


@pytest.mark.parametrize("words", [("--version",), ("--db", "x", "--version")])
def test_version(hstore, words):
    """The version is the package's."""
    from hstore import __version__

    assert hstore(*words).stdout.decode() == f"hstore {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("no-such-command",),
        ("log",),
        ("log", "list", "--no-such-option"),
        ("log", "list", "--limit", "many"),
        ("log", "list", "--since", "yesterday"),
        ("log", "tail", "-n", "-1"),
        ("recall",),
        ("remember", "key"),
        ("remember", "key", "value", "--stdin"),
        ("remember", "key", "value", "--ttl", "soon"),
        ("remember", "key", "value", "--ttl", "0s"),
        ("remember", "key", "value", "--scope", "galaxy"),
        ("completion", "powershell"),
        ("run",),
        ("run", "--"),
        ("run", "--name"),
        ("run", "--no-such-option", "true"),
        ("run", "--no-output=1", "true"),
        ("--db",),
    ],
    ids=" ".join,
)
def test_wrong_usage(hstore, words, tmp_path):
    """Wrong words give exit code 2 and a message, and touch nothing."""
    done = hstore(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"hstore: ")
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
