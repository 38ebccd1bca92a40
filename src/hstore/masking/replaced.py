"""What a masker replaced: marks counted, the spans that became marks, and the forms of values to look for."""

from __future__ import annotations

import re

from hstore.masking._values import forms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = re.compile(rb"\[masked:([a-z0-9_-]{1,64})\]")
_WORD = re.compile(rb"[^\s\"'=:&;,<>]+")


def replaced(before: bytes, after: bytes) -> list[bytes]:
    """The spans of `before` that are marks in `after`, in their order.

    A span may end some bytes off where a secret looks like what follows it; then its neighbour takes the rest.
    """
    found: list[bytes] = []
    position = 0
    parts = _parts(after)
    for number, (mark, literal) in enumerate(parts, 1):
        if mark and before.startswith(mark + literal, position):
            position += len(mark) + len(literal)  # it was masked before
            continue
        at_end = number == len(parts) and before.endswith(literal)
        begin = len(before) - len(literal) if at_end else before.find(literal, position)
        if begin < position:  # the two texts cannot be brought together any more
            return found + _lost_words(before[position:], after)
        found.append(before[position:begin])
        position = begin + len(literal)
    return [span for span in [*found, before[position:]] if span]


def forms_of(values: Iterable[str | bytes]) -> set[bytes]:
    """Every form in which one of the values may stand in a file."""
    return {form for value in values for form in forms(value)}


def marks_in(masked: bytes) -> dict[str, int]:
    """The marks in a text, counted by type."""
    counts: dict[str, int] = {}
    for kind in MARK.findall(masked):
        counts[kind.decode()] = counts.get(kind.decode(), 0) + 1
    return counts


def _parts(after: bytes) -> list[tuple[bytes, bytes]]:
    """Each mark with the literal text behind it; the first part has no mark."""
    parts, mark, position = [], b"", 0
    for match in MARK.finditer(after):
        parts.append((mark, after[position : match.start()]))
        mark, position = match[0], match.end()
    return [*parts, (mark, after[position:])]


def _lost_words(before: bytes, after: bytes) -> list[bytes]:
    return [word for word in _WORD.findall(before) if word not in after]
