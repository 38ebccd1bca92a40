"""Reads what a token looks like behind its anchor, and refuses what one walk without a way back cannot decide."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

LONGEST_TOKEN = 512
PART = re.compile(r"'(?P<text>[^' ]+)'|(?P<name>[a-z0-9-]+)\{(?P<min>\d+)(?P<range>,(?P<max>\d+)?)?\}")
TOKEN_FIELDS = {
    "id", "description", "source", "anchors", "any_case", "class", "min", "max", "shapes", "before", "shown",
    "distinct", "digit", "inner", "allow", "allow_suffix", "lone", "form", "held",
}  # fmt: skip
RARELY = 1e-6
Entry = dict[str, Any]


class RuleError(Exception):
    """A rule that the tables cannot express; the message names the file and the rule."""


def expand(spec: str) -> set[int]:
    """The bytes of a class written like "-_0-9A-Z"."""
    found: set[int] = set()
    position = 0
    while position < len(spec):
        if position + 2 < len(spec) and spec[position + 1] == "-":
            found.update(range(ord(spec[position]), ord(spec[position + 2]) + 1))
            position += 3
        else:
            found.add(ord(spec[position]))
            position += 1
    return found


class Part(NamedTuple):
    """A piece of a token: fixed characters, or a run of a class; `high` 0: without an end."""

    text: str
    name: str
    low: int
    high: int

    def first(self, classes: dict[str, str]) -> set[int]:
        """The bytes it can begin with."""
        return {ord(self.text[0])} if self.text else expand(classes[self.name])


def parse_parts(spec: str, classes: dict[str, str], where: str) -> list[Part]:
    """The parts of a shape such as "url{22} '.' url{43}"; `{8,}` has no end, `{8,12}` a bound.

    Raises:
        RuleError: naming the rule, and the part that is not understood or needs more than one walk.
    """
    parts: list[Part] = []
    for word in spec.split():
        match = PART.fullmatch(word)
        if match is None or (match["name"] and match["name"] not in classes):
            raise RuleError(f"{where}: {word!r} is no part of a shape")
        if match["text"]:
            parts.append(Part(match["text"], "", len(match["text"]), len(match["text"])))
            continue
        low = int(match["min"])
        high = int(match["max"] or 0) if match["range"] else low
        if high and high < max(low, 1):
            raise RuleError(f"{where}: {word!r} has no length")
        parts.append(Part("", match["name"], low, high))
    for part, behind in pairwise(parts):
        if not part.text and part.low != part.high and part.first(classes) & behind.first(classes):
            raise RuleError(f"{where}: where {part.name!r} ends and the next part begins cannot be told in one walk")
    if not parts or any(part.high == 0 for part in parts[:-1]):
        raise RuleError(f"{where}: a shape needs parts, and only the last may be without an end")
    return parts


def resolve(rule: Entry, classes: dict[str, str]) -> None:
    """Read the shapes of a token, spell out its anchors, and say how many different characters it must have.

    Raises:
        RuleError: naming the rule and what is wrong with it.
    """
    where = f"rule {rule['id']!r}"
    if rule.get("any_case"):
        rule["anchors"] = [form for anchor in rule["anchors"] for form in (anchor.upper(), anchor.lower())]
    plain = "{}{{{},{}}}".format(rule.get("class"), rule.get("min"), rule.get("max") or "")
    rule["read"] = [parse_parts(spec, classes, where) for spec in rule.get("shapes", [plain])]
    rule["behind"] = set[int]().union(*(parts[0].first(classes) for parts in rule["read"]))
    rule["before"] = parse_parts(rule["before"], classes, where) if "before" in rule else []
    for parts in rule["read"]:
        if sum(part.high or part.low for part in parts) > LONGEST_TOKEN:
            raise RuleError(f"{where}: a token has at most {LONGEST_TOKEN} characters before its open end")
        if sum(part.low for part in parts if not part.text) < 8:
            raise RuleError(f"{where}: fewer than 8 characters of its own")
    rule.setdefault("distinct", min(fewest_in_shape(parts, classes) for parts in rule["read"]))


def fewest_in_shape(parts: list[Part], classes: dict[str, str]) -> int:
    """What its most telling class lets one ask of a shape."""
    names = {part.name for part in parts if not part.text}
    lengths = {name: sum(part.low for part in parts if part.name == name) for name in names}
    return max(fewest_distinct(len(expand(classes[name])), lengths[name]) for name in names)


@lru_cache
def fewest_distinct(size: int, count: int) -> int:
    """The most that can be asked of `count` characters drawn from `size`, so that one secret in a million fails.

    Classes are counted as hexadecimal at most: what is drawn from a few letters of a wide class must pass, too.
    """
    size = min(size, 16)
    odds = [1.0]
    for _ in range(count):
        odds = [
            (odds[n] * n / size if n < len(odds) else 0.0) + (odds[n - 1] * (size - n + 1) / size if n else 0.0)
            for n in range(min(len(odds) + 1, size + 1))
        ]
    below, asked = 0.0, 0
    while asked < len(odds) and below + odds[asked] < RARELY:
        below += odds[asked]
        asked += 1
    return asked
