"""The shape of a command: its words, its frozen options, and what it does with them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hstore.errors import HstoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.cli.output import Output

    Act = Callable[[Any, Output], int]
    SubParsers = argparse._SubParsersAction[Any]
else:
    SubParsers = argparse._SubParsersAction


class UsageError(Exception):
    """The words make no sense; `usage` is the usage line of the command they were for."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process, and takes no abbreviated options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)
        self._splitting = False
        self.is_leaf = False
        """Whether this parser reads one command's own words, in which options may stand anywhere."""

    def print_help(self, file: Any = None) -> None:
        """Print the help; argparse would keep silent about an output that is closed or full."""
        if sys.stdout is None:
            raise HstoreError("standard output is closed, there is nowhere to print to")
        sys.stdout.write(self.format_help())
        sys.stdout.flush()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read words; those of a command as `remember KEY --ttl 2h VALUE`, which argparse alone would refuse."""
        words = sys.argv[1:] if args is None else args
        if not self.is_leaf or self._splitting or "--" in words:  # intermixed, `--` would lose its meaning
            return super().parse_known_args(words, namespace)
        self._splitting = True
        try:
            return super().parse_known_intermixed_args(words, namespace)
        finally:
            self._splitting = False

    def error(self, message: str) -> NoReturn:
        """Refuse the words."""
        raise UsageError(message, " ".join(self.format_usage().split()))


class Argument(NamedTuple):
    """One word or option of a command, in the form of `ArgumentParser.add_argument`."""

    flags: tuple[str, ...]
    settings: dict[str, Any]


class Command(NamedTuple):
    """A command under its `name`; `options` is the NamedTuple that `act` gets, its fields the arguments' names."""

    name: str
    summary: str
    options: type[Any]
    act: Act
    arguments: tuple[Argument, ...] = ()
    details: str = ""
    examples: tuple[tuple[str, str], ...] = ()


class Group(NamedTuple):
    """Commands under a common word, as `log list` and `log show`; `alone` is what the word does by itself."""

    name: str
    summary: str
    commands: tuple[Command | Group, ...]
    alone: Command | None = None


def argument(*flags: str, **settings: Any) -> Argument:
    """Describe one argument."""
    return Argument(flags, settings)


JSON = argument("--json", action="store_true", help="print JSON, in the form that docs/command-line.md gives")


def limit(default: int) -> Argument:
    """The number of rows of a listing."""
    return argument("--limit", type=count, default=default, metavar="N", help=f"at most N rows (default: {default})")


AFTER = argument("--after", type=int, metavar="ID", help="go on behind the row with this id, the last one seen")


def count(text: str) -> int:
    """Read a whole number from 0."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 0")
    return number


def add(parsers: Any, entries: Sequence[Command | Group]) -> None:
    """Add commands and groups to a set of subparsers."""
    for entry in entries:
        if isinstance(entry, Command):
            _add_command(parsers, entry)
        else:
            _add_group(parsers, entry)


class _WordBehind(SubParsers):
    """The word of a command behind that of its group; options of the group's word alone may not stand before it."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        """Refuse what would be dropped silently, then go on with the command's own words."""
        for action in parser._actions:
            given = getattr(namespace, action.dest, action.default) != action.default
            if given and action.option_strings and action.dest != "db":
                parser.error(f"{action.option_strings[0]} cannot stand before `{values[0]}`")
        super().__call__(parser, namespace, values, option_string)


def _add_group(parsers: Any, group: Group) -> None:
    if group.alone is None:
        parser = parsers.add_parser(group.name, help=group.summary, description=_sentence(group.summary))
    else:
        parser = _parser_of(parsers, group.alone)
    metavar = "COMMAND" if group.alone is None else "[COMMAND]"
    below = parser.add_subparsers(metavar=metavar, required=group.alone is None, action=_WordBehind)
    add(below, group.commands)


def _add_command(parsers: Any, command: Command) -> None:
    _parser_of(parsers, command).is_leaf = True


def _parser_of(parsers: Any, command: Command) -> Any:
    parser = parsers.add_parser(
        command.name,
        help=command.summary,
        description="\n\n".join(filter(None, (_sentence(command.summary), command.details))),
        epilog=_examples(command.examples),
    )
    for each in command.arguments:
        parser.add_argument(*each.flags, **each.settings)
    # Also accepted behind the command's name; there it must not set what stands before it back to nothing.
    parser.add_argument("--db", metavar="PATH", default=argparse.SUPPRESS, help="the database (default: see hstore -h)")
    parser.set_defaults(command=command)
    return parser


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _examples(examples: Sequence[tuple[str, str]]) -> str | None:
    if not examples:
        return None
    width = max(len(line) for line, _ in examples) + 2
    return "\n".join(["examples:", *(f"  {line:<{width}}{meaning}" for line, meaning in examples)])
