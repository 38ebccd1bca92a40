"""The whole command line but `run`: reads the words, calls the command, and turns its errors into exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli import (
    audit,
    completion,
    connections,
    database,
    devices,
    doctor,
    files,
    grammar,
    init,
    keys,
    log,
    mask,
    memory,
    messages,
    project,
    schemas,
    stats,
)
from hstore.cli.messages import BROKEN_PIPE, complain
from hstore.cli.output import Output
from hstore.config import settings
from hstore.errors import HstoreError
from hstore.shell import SHELLS

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = """\
A memory for one project in one SQLite file: what was run and what it printed, what is worth remembering.
Secrets are masked before anything is stored."""

EPILOG = """\
examples:
  hstore run -- pytest -q               run a command and record it
  hstore log show latest                print its output again
  hstore log tail -f                    follow the newest run from another terminal
  hstore remember port 8080 --ttl 2h    keep a value
  hstore recall port                    get it back
  hstore project query 'SELECT app, exit_code FROM runs'

the database:
  --db PATH, else HSTORE_DB, else the nearest .heimdall/project.db upward, else one in the repository's root,
  else one below ~/.heimdall/projects/

exit codes:
  0 done, 1 failed, 2 wrong usage or input, 3 not found, 4 the database cannot be used, 5 it is locked,
  6 the query would write, 7 the query took too long, 8 a device was refused, 9 there is no key for what is sealed,
  10 another database cannot be reached, 11 a claim was lost, 130 interrupted, 141 the reader has left.
  `run` has the exit code of its command."""


class RunOptions(NamedTuple):
    """`run`, as far as it gets here; cli/run.py reads its words by hand."""


def _misplaced_run(_options: RunOptions, _output: Output) -> int:
    raise HstoreError("`run` comes first, or right behind --db PATH")


RUN = grammar.Command(
    "run",
    "run a command, show its output unchanged, and record it",
    RunOptions,
    _misplaced_run,
    (
        grammar.argument("--name", help="a name to find the run by"),
        grammar.argument("--no-output", action="store_true", help="record the run, not what it prints"),
        grammar.argument("--max-output", metavar="SIZE", help="of each output keep so much at most, head and tail"),
        grammar.argument("--record", action="store_true", help="accepted; recording is what it does"),
    ),
)


class InitOptions(NamedTuple):
    """`init`, where it is not read by `__main__` already."""

    db: str | None
    shell: str


def _init(options: InitOptions, _output: Output) -> int:
    return init.write(options.shell, messages.show, options.db)


INIT = grammar.Command(
    "init",
    init.SUMMARY,
    InitOptions,
    _init,
    (grammar.argument("shell", choices=SHELLS, help="the shell"),),
    init.DETAILS,
    init.EXAMPLES,
)
ENTRIES: tuple[grammar.Command | grammar.Group, ...] = (
    RUN,
    log.GROUP,
    *memory.COMMANDS,
    memory.GROUP,
    project.GROUP,
    database.GROUP,
    audit.GROUP,
    mask.GROUP,
    devices.GROUP,
    files.GROUP,
    connections.GROUP,
    schemas.GROUP,
    keys.GROUP,
    stats.COMMAND,
    doctor.COMMAND,
    INIT,
    completion.COMMAND,
)


def parser() -> grammar.Parser:
    """The parser of every command."""
    top = grammar.Parser(prog="hstore", description=DESCRIPTION, epilog=EPILOG)
    top.add_argument("--version", action="store_true", help="print the version")
    top.add_argument("--db", metavar="PATH", help="the database")
    grammar.add(top.add_subparsers(metavar="COMMAND"), ENTRIES)
    return top


def main(words: Sequence[str]) -> int:
    """Do what the words say and return the exit code."""
    _keep_standard_descriptors()
    warnings.showwarning = lambda message, *_: complain(str(message))
    output = Output(colours_allowed=not settings().no_color)
    try:
        code = _act(words, output)
        output.flush()
        return code
    except grammar.UsageError as error:
        complain(f"{error}\n{error.usage}")
        return 2
    except HstoreError as error:
        complain(str(error))
        return error.exit_code
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:
        _drop_output()
        complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 1


def _act(words: Sequence[str], output: Output) -> int:
    top = parser()
    try:
        found = top.parse_args(words)
    except SystemExit as asked_for_help:
        return int(asked_for_help.code or 0)
    if found.version:
        return _version(output)
    if not hasattr(found, "command"):
        raise grammar.UsageError("no command given; `hstore --help` lists them", " ".join(top.format_usage().split()))
    command: grammar.Command = found.command
    options: Any = command.options(**{name: getattr(found, name) for name in command.options._fields})
    return command.act(options, output)


def _version(output: Output) -> int:
    from hstore import __version__

    output.line(f"hstore {__version__}")
    return 0


def _keep_standard_descriptors() -> None:
    """Where 0, 1 or 2 is closed, no file that is opened now may get its number and what is printed."""
    while True:
        placed = os.open(os.devnull, os.O_RDWR)
        if placed > 2:
            os.close(placed)
            return


def _drop_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush cannot fail as well."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
