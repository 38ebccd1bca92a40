"""Reads one file of users' masking rules, and refuses by file, line, rule and field what it cannot express."""

from __future__ import annotations

import os
import sys

from hstore.errors import InvalidInput
from hstore.masking._rule_fields import ALLOW_FIELDS, ENVIRONMENT_FIELDS, NAME_FIELDS, RULES_FIELDS, TOKEN_FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
    Check = Callable[[Any], Any]

LARGEST = 1 << 20
"""Bytes of a rule file; one that is longer is something else."""

MISTAKEN = {
    "values": "a secret does not stand in a file: put it into the environment and list the variable's name under"
    " [environment] names",
    "value": "a secret does not stand in a file: put it into the environment and list the variable's name under"
    " [environment] names",
    "command": "a file of rules runs no command: run it yourself and pass its output by the environment, as in"
    ' DEPLOY_KEY="$(command)" hstore run …',
    "regex": "there are no regular expressions: give anchors (what it begins with), class or characters (what follows),"
    " min and max",
    "entropy": "give distinct, the number of different characters among the first min, instead of an entropy",
    "keywords": "there are no keywords: a rule's anchors are what is looked for",
    "shapes": "only built-in rules have shapes of several parts: give class, min and max, for the longest part",
    "before": "only built-in rules look at what stands before an anchor: take it into the anchors",
    "allow": "a false alarm is an [[allow]] table of its own, with text and rule",
    "allowlist": "false alarms are [[allow]] tables, each with a text",
}
"""What people try that the restricted form does not have, and what to do instead."""
MISTAKEN["pattern"] = MISTAKEN["path"] = MISTAKEN["regex"]
MISTAKEN["allowlists"] = MISTAKEN["allowlist"]

LISTS = {"token": TOKEN_FIELDS, "name": NAME_FIELDS, "allow": ALLOW_FIELDS}
TABLES = {"environment": ENVIRONMENT_FIELDS, "rules": RULES_FIELDS}


class Entry:
    """One table of a file: its checked fields, and where it stands for messages."""

    __slots__ = ("fields", "path", "where")

    def __init__(self, path: str, where: str, fields: dict[str, Any]) -> None:
        self.path = path
        self.where = where
        self.fields = fields

    def refuse(self, field: str, why: str) -> InvalidInput:
        """The error that names this table's file, line and rule, and the field."""
        return InvalidInput(f"{self.where}: {field}: {why}")


class RuleFile:
    """What one file says: `token`, `name` and `allow` tables in order, and the two single tables."""

    __slots__ = ("allow", "environment", "name", "path", "rules", "token")

    token: list[Entry]
    name: list[Entry]
    allow: list[Entry]
    environment: Entry
    rules: Entry

    def __init__(self, path: str, text: str) -> None:
        """Parse and check.

        Raises:
            InvalidInput: naming file, line, rule and field.
        """
        self.path = path
        content = _parsed(path, text)
        for key in content:
            if key not in LISTS and key not in TABLES:
                raise InvalidInput(f"{path}: {key}: {MISTAKEN.get(key, _unknown(key, [*LISTS, *TABLES]))}")
        for key, fields in LISTS.items():
            setattr(self, key, _entries(path, text, key, content.get(key, []), fields))
        for key, fields in TABLES.items():
            table = content.get(key, {})
            if not isinstance(table, dict):
                raise InvalidInput(f"{path}: {key}: one table [{key}], {_gitleaks(key)}")
            where = f"{path}: [{key}]"
            setattr(self, key, Entry(path, where, _checked(where, table, fields)))

    def content(self) -> list[object]:
        """All checked fields, to compare files by what they say."""
        lists = [[entry.fields for entry in entries] for entries in (self.token, self.name, self.allow)]
        return [*lists, self.environment.fields, self.rules.fields]


def read(path: str) -> RuleFile:
    """Read a file.

    Raises:
        InvalidInput: it cannot be read, is no TOML, or says what cannot be expressed.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidInput(f"{path}: the masking rules cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise InvalidInput(f"{path}: larger than {LARGEST} bytes, which is no file of masking rules")
    try:
        return RuleFile(path, data.decode())
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: not UTF-8, which TOML is") from None


def _parsed(path: str, text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content: dict[str, Any] = tomllib.loads(text)
        return content
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path}: no valid TOML: {error}") from None


def _entries(path: str, text: str, key: str, tables: Any, fields: dict[str, Check]) -> list[Entry]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidInput(f"{path}: {key}: each one is a table of its own, [[{key}]]")
    lines = header_lines(text, key)
    found = []
    for number, table in enumerate(tables, 1):
        line = f":{lines[number - 1]}" if len(lines) == len(tables) else ""
        named = table.get("id")
        shown = f" {named!r}" if isinstance(named, str) and len(named) <= 80 and named.isprintable() else f" {number}"
        where = f"{path}{line}: {key}{shown}"
        found.append(Entry(path, where, _checked(where, table, fields)))
    return found


def header_lines(text: str, key: str) -> list[int]:
    """The lines of `[[key]]`. Where their number differs from that of the tables, nothing is said of lines."""
    header = f"[[{key}]]"
    return [
        number
        for number, line in enumerate(text.split("\n"), 1)
        if line.partition("#")[0].replace(" ", "").replace("\t", "").rstrip("\r") == header
    ]


def _checked(where: str, table: dict[str, Any], fields: dict[str, Check]) -> dict[str, Any]:
    for field in table:
        if field not in fields:
            raise InvalidInput(f"{where}: {field}: {MISTAKEN.get(field, _unknown(field, list(fields)))}")
    checked = {}
    for field, check in fields.items():
        try:
            checked[field] = check(table.get(field))
        except ValueError as why:
            raise InvalidInput(f"{where}: {field}: {why}") from None
    return checked


def _gitleaks(key: str) -> str:
    return "not a list; a rule of your own is a [[token]] or a [[name]]" if key == "rules" else "not a list"


def _unknown(given: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(given, known, 1)
    if near:
        return f"unknown; did you mean {near[0]}?"
    return f"unknown; there is {', '.join(known)}"


def real_path(path: str | os.PathLike[str]) -> str:
    """The absolute path of a file that a caller names.

    Raises:
        InvalidInput: no path.
    """
    named = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(named, str) or not named or "\0" in named:
        raise InvalidInput("rules: the path of a file of rules, several of them, or Rules")
    return os.path.realpath(os.path.expanduser(named))
