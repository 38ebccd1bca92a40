"""`hstore run`: parsed by hand, because it stands before every command that someone wants recorded."""

from __future__ import annotations

import os
import sys

from hstore.cli import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence
else:
    import _signal as signal  # the plain module wraps its numbers into enums, for 4 ms

USAGE = (
    "usage: hstore [--db PATH] run [--name NAME] [--no-output] [--max-output SIZE] [--record] [--] COMMAND"
    " [ARGUMENT ...]"
)

HELP = f"""\
{USAGE}

Runs COMMAND, shows its output unchanged and at once, and records it: the command line, its output, how long
it took and how it ended. Secrets are masked before anything is stored. The exit code is the command's own.

options:
  --name NAME   a name to find the run by, as in `hstore log show NAME`
  --no-output   record the run, not what it prints
  --max-output SIZE
                of each output keep the beginning and the end, so much at most: 500K, 10M, 1G, or none for all of
                it (default: HSTORE_MAX_OUTPUT, else all of it)
  --record      accepted as the last word too; recording is what `run` does
  --db PATH     the database (default: HSTORE_DB, else the project's own)
  -h, --help    show this text

Everything from COMMAND on belongs to the command. Write `--` before it where it begins with a dash, or where
its last word is --record.

examples:
  hstore run -- pytest -q                         record a test run
  hstore run --name nightly -- make -j8 all       give it a name
  hstore log show latest                          print its output again
  hstore log tail -f                              follow it from another terminal

exit codes:
  the command's own; 128+N where signal N ended it; 127 not found; 126 not executable; 2 wrong usage.
  A failure to record only warns.
"""


class RunOptions:
    """What the words after `run` say; never changed."""

    __slots__ = ("capture", "command", "help", "max_output", "name")

    def __init__(
        self,
        command: tuple[str, ...],
        name: str | None,
        *,
        capture: bool,
        max_output: str | None = None,
        help_asked: bool = False,
    ) -> None:
        self.command = command
        self.name = name
        self.capture = capture
        self.max_output = max_output
        self.help = help_asked


class UsageError(Exception):
    """The words make no sense; the message says which."""


def split(words: Sequence[str]) -> tuple[str | None, list[str]] | None:
    """The database and the words after `run`, if these are words for `run`."""
    rest, database = list(words), None
    while rest and rest[0].startswith("--db"):
        option, given, value = rest.pop(0).partition("=")
        if option != "--db" or not (given or rest):
            return None
        database = value if given else rest.pop(0)
    return (database, rest[1:]) if rest and rest[0] == "run" else None


def parse(words: Sequence[str]) -> RunOptions:
    """Read the words after `run`.

    Raises:
        UsageError: an unknown option, or no command.
    """
    rest = list(words)
    name, capture, max_output, explicit = None, True, None, False
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option, given, value = rest.pop(0).partition("=")
        if option == "--" and not given:
            explicit = True
            break
        if option in ("--name", "--max-output"):
            if not given and not rest:
                raise UsageError(f"{option} needs a {'name' if option == '--name' else 'size'}")
            value = value if given else rest.pop(0)
            name, max_output = (value, max_output) if option == "--name" else (name, value)
        elif given or option not in ("--no-output", "--record", "-h", "--help"):
            raise UsageError(f"unknown option {option}; write -- before a command that begins with a dash")
        elif option == "--no-output":
            capture = False
        elif option != "--record":
            return RunOptions((), None, capture=True, help_asked=True)
    if not explicit and len(rest) > 1 and rest[-1] == "--record":
        del rest[-1]  # `heimdal run <app> [args...] --record`, as hosts have always written it
    if not rest:
        raise UsageError("no command given")
    return RunOptions(tuple(rest), name, capture=capture, max_output=max_output)


def _limit(options: RunOptions) -> int | None:
    """The bytes of each output that are kept at most; None for all.

    Raises:
        UsageError: `--max-output` is no size. In the environment that is a warning, since the command is to run.
    """
    from hstore.config import settings

    typed, meant = options.max_output, settings().max_output if options.max_output is None else options.max_output
    if meant is None or meant == "none":
        return None
    from hstore.cli.sizes import size

    try:
        return size(meant)
    except ValueError as error:
        if typed is not None:
            raise UsageError(f"--max-output: {error}") from None
        messages.complain(f"HSTORE_MAX_OUTPUT: {error}; all of the output is kept")
        return None


def main(database: str | None, words: Sequence[str]) -> int:
    """Run and record; return the exit code."""
    try:
        options = parse(words)
        if options.help:
            return messages.show(HELP)
        if any("\0" in word for word in options.command) or database == "":
            raise UsageError("a NUL in the command, or an empty path")
        limit = _limit(options)
    except UsageError as error:
        messages.complain(f"run: {error}\n{USAGE}")
        return 2
    from hstore.recorder import record

    return record(
        options.command,
        name=options.name,
        capture=options.capture,
        path=None if database is None else os.path.expanduser(database),
        limit=limit,
        warn=messages.complain,
    )


def leave(code: int) -> None:
    """End the process with `code` at once: all is written and closed, and tidying up takes a tenth of a short run.

    A late Ctrl-C cannot replace the command's exit code any more. What could not be printed is a warning at most.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)
