"""Says of each mark which rule made it, where, and why, without showing the secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hstore.masking import telling_name
from hstore.masking._rule_fields import squashed
from hstore.masking.catalogue import VALUE, Rule, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hstore.masking import Masker
    from hstore.masking.rules import Rules

LOOK_BACK = 256
_COLOURS = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_NAME = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
_WHAT = {
    "block": "a private key, from its begin line on",
    "jwt": "a JSON Web Token: a header and a payload of JSON in base64url",
    "url": "the password before the @ of a URL, or a token there",
    "curl": "the password behind curl's -u",
    "command": "the password behind a program's option of one letter",
    "kubernetes": "base64 in the data of a Kubernetes Secret",
    VALUE: "a registered value, or a form of one",
}


class Finding(NamedTuple):
    """One mark: `line` and `column` count from 1, in characters; `offset` and `length` are in bytes."""

    line: int
    column: int
    offset: int
    length: int
    rule: str
    kind: str
    anchor: str | None
    name: str | None
    why: str


def explain(masker: Masker, rules: Rules | None, data: bytes) -> list[Finding]:
    """What `masker`, made with `rules`, would mask in `data`, in order."""
    stream = masker.stream()
    stream.trace()
    stream.feed(data)
    stream.finish()
    marks = stream.traced()
    stream.close()
    return list(_findings(data, marks, {rule.id: rule for rule in catalogue(rules)}))


class _Places:
    """Lines and columns of ascending offsets, each byte counted once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at, self._line, self._column = 0, 1, 1

    def of(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        piece = self._data[self._at : offset]
        lines = piece.count(b"\n")
        if lines:
            self._line += lines
            self._column = 1
        self._column += _characters(piece[piece.rfind(b"\n") + 1 :])
        self._at = offset
        return self._line, self._column


def _characters(piece: bytes) -> int:
    return len(piece.decode("utf-8", "replace"))


def _findings(data: bytes, marks: list[tuple[int, int, str]], known: dict[str, Rule]) -> Iterator[Finding]:
    places, shown_from = _Places(data), 0
    for start, end, kind in marks:
        rule, secret = known[kind], data[start:end]
        before = data[max(shown_from, start - LOOK_BACK) : start]
        anchor = _anchor(rule, secret, before) if rule.kind == "token" else None
        name = _name(rule, before) if rule.kind == "name" else None
        why = _why(rule, _characters(secret), anchor, name)
        yield Finding(*places.of(start), start, end - start, kind, rule.kind, anchor, name, why)
        shown_from = end


def _why(rule: Rule, length: int, anchor: str | None, name: str | None) -> str:
    size = f"{length} character{'' if length == 1 else 's'}"
    if rule.kind == "token":
        return f"begins with {anchor!r}, {size}" if anchor else f"one of its anchors with codes in it, {size}"
    if rule.kind == "name":
        return f"the value behind {name!r}, {size}" if name else f"the value behind a telling name, {size}"
    return f"{_WHAT[rule.kind]}, {size}"


def _anchor(rule: Rule, masked: bytes, before: bytes) -> str | None:
    """The rule's anchor with which the masked text begins, or that stands before it where it is shown."""
    for anchor in sorted(rule.anchors, key=len, reverse=True):
        if masked.startswith(anchor.encode()) or before.endswith(anchor.encode()):
            return anchor
    return None


def _name(rule: Rule, before: bytes) -> str | None:
    """The name of a value: of the last words before it the nearest that is telling, or else the nearest."""
    words = list(_words_before(before))
    telling = (word for word in words if telling_name(word.strip("-.")) or _ends_in(word, rule.anchors))
    return next(telling, words[0] if words else None)


def _words_before(before: bytes) -> Iterator[str]:
    """The last words before the value, the nearest first: between it and its name stand at most a type and a scheme."""
    before = _COLOURS.sub(b"", before)
    end = len(before)
    for _ in range(4):
        while end > 0 and before[end - 1] not in _NAME:
            end -= 1
        start = end
        while start > 0 and before[start - 1] in _NAME:
            start -= 1
        if start < end:
            yield before[start:end].decode()[-64:]
        end = start


def _ends_in(word: str, names: tuple[str, ...]) -> bool:
    return squashed(word).rstrip("0123456789").endswith(tuple(map(squashed, names)))
