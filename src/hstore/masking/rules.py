"""Users' own masking rules: the files of a project, a user and a caller brought together and made ready for C."""

from __future__ import annotations

from collections.abc import Iterable

from hstore.errors import InvalidInput
from hstore.masking import rule_ids, telling_name
from hstore.masking._rule_blob import class_names, compiled
from hstore.masking._rule_file import RuleFile, read, real_path
from hstore.masking._values import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hstore.masking._rule_file import Entry, Paths

__all__ = ["Rules"]

MOST_RULES, MOST_NAMES, MOST_ALLOWED, MOST_SETS = 1000, 64, 1000, 32
"""What all files together may have; the sets of characters with the built-in ones, since each is a bit."""
NOT_TO_SWITCH = ("mark", "curl", "value")
"""Types that are no rules: marks, the word curl, registered values."""


class Rules:
    """Rules, names, false alarms and patterns of variables from any number of files; never changed once made."""

    __slots__ = ("_ruleset", "allowed", "excepted", "files", "names", "off", "patterns", "tokens")

    def __init__(self, files: Iterable[RuleFile] = ()) -> None:
        """Bring together what `files` say; all of it holds, the order does not matter.

        Raises:
            InvalidInput: two rules of one id, an unknown id or class, or more than the tables can hold.
        """
        self.files = tuple(files)
        self.tokens = tuple(entry for file in self.files for entry in file.token)
        self.names = tuple(entry for file in self.files for entry in file.name)
        self.allowed = tuple(entry for file in self.files for entry in file.allow)
        self.patterns = tuple(name for file in self.files for name in file.environment.fields["names"])
        self.excepted = tuple(name for file in self.files for name in file.environment.fields["except"])
        self._check_ids()
        self.off = self._switched_off()
        for entry in self.tokens:
            _check_token(entry)
        self._check_numbers()
        self._ruleset: Any = None

    @classmethod
    def read(cls, paths: Paths) -> Rules:
        """Read a file of rules, or several; one that is given twice counts once.

        Raises:
            InvalidInput: naming file, line, rule and field.
        """
        named = list(paths) if isinstance(paths, Iterable) and not isinstance(paths, str) else [paths]
        return cls(read(path) for path in dict.fromkeys(map(real_path, named)))

    def ids(self) -> tuple[str, ...]:
        """The types of marks that these rules add, tokens first."""
        return tuple(entry.fields["id"] for entry in (*self.tokens, *self.names))

    def values_of(self, environ: Mapping[str, str]) -> list[str]:
        """The values of variables that hold a secret, by their telling names or by `[environment]`."""
        types = self.ids()
        named = (value for name, value in environ.items() if value and self.names_a_secret(name))
        return [value for value in named if refusal(value, types) is None]

    def names_a_secret(self, name: str) -> bool:
        """Whether the value of a variable of this name is to be masked wherever it stands."""
        if any(_matches(pattern, name) for pattern in self.excepted):
            return False
        return telling_name(name) or any(_matches(pattern, name) for pattern in self.patterns)

    def ruleset(self) -> Any:
        """The tables for C, made once."""
        if self._ruleset is None:
            self._ruleset = compiled(self)
        return self._ruleset

    def _check_numbers(self) -> None:
        names = sum(len(entry.fields["names"]) for entry in self.names)
        counts = (
            (len(self.ids()), MOST_RULES, "rules"),
            (len(self.own_classes()), MOST_SETS - len(class_names()), "sets of characters"),
            (names, MOST_NAMES, "names"),
            (len(self.allowed), MOST_ALLOWED, "allowed texts"),
        )
        for count, most, what in counts:
            if count > most:
                raise InvalidInput(f"rules: {count} {what}, of which there can be {most} in all files together")

    def _check_ids(self) -> None:
        taken = dict.fromkeys(rule_ids(), "a built-in rule; switch that off with [rules] off and choose another id")
        for entry in (*self.tokens, *self.names):
            name = entry.fields["id"]
            if name in taken:
                raise entry.refuse("id", f"taken by {taken[name]}")
            taken[name] = entry.where

    def _switched_off(self) -> tuple[str, ...]:
        known = {*rule_ids(), *self.ids()} - {*NOT_TO_SWITCH}
        found: dict[str, None] = {}
        for file in self.files:
            for name in file.rules.fields["off"]:
                if name not in known:
                    raise file.rules.refuse("off", _no_rule(name, known))
                found[name] = None
        for entry in self.allowed:
            name = entry.fields["rule"]
            if name is not None and name not in known:
                raise entry.refuse("rule", _no_rule(name, known))
        return tuple(found)

    def own_classes(self) -> list[frozenset[int]]:
        """The sets of characters that tokens give themselves, each once."""
        return list(dict.fromkeys(e.fields["characters"] for e in self.tokens if e.fields["characters"] is not None))


def rules_of(given: Rules | Paths) -> Rules:
    """What was given, read if it is paths."""
    return given if isinstance(given, Rules) else Rules.read(given)


def _no_rule(name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(known), 1)
    return f"no rule has that id{f'; did you mean {near[0]}?' if near else '; `hstore mask --list` shows them'}"


def _check_token(entry: Entry) -> None:
    fields = entry.fields
    if (fields["class"] is None) == (fields["characters"] is None):
        raise entry.refuse("class", "either class, a name from csrc/rules/classes.toml, or characters")
    if fields["class"] is not None and fields["class"] not in class_names():
        raise entry.refuse("class", f"unknown; there is {', '.join(class_names())}, or give characters")
    if fields["max"] and fields["max"] < fields["min"]:
        raise entry.refuse("max", "less than min")
    if fields["distinct"] > fields["min"]:
        raise entry.refuse("distinct", "more than min characters cannot differ")
    if fields["inner"] is not None and len(fields["inner"]) > fields["min"]:
        raise entry.refuse("inner", "longer than min: it must stand within the first min characters")


def _matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern, in which only `*` is special. Case counts, as it does for variables."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == first
    last = rest.pop()
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in rest:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
