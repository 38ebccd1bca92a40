"""How an artifact's bytes keep the times at which they were read, and its counts their stored form."""

from __future__ import annotations

from hstore.codec import encode_marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Union

    from hstore.domains.artifacts.chunks import Prepared

    TimedPiece = tuple[Prepared, int, Union[bytes, None]]

MARKS = 48
"""Marks of what one step adds to a chunk at most; beyond, neighbours share one, so that a row stays small."""


def timed_pieces(
    chunks: list[Prepared], marks: list[tuple[int, int]]
) -> tuple[list[TimedPiece], list[tuple[int, int]]]:
    """Give each chunk the time of its first byte and its marks; return them with the marks that are left."""
    left = marks[::-1]
    found = []
    for chunk in chunks:
        inside: list[tuple[int, int]] = []
        room = chunk.size
        while room:
            at, length = left.pop()
            taken = min(room, length)
            inside.append((at, taken))
            room -= taken
            if taken < length:
                left.append((at, length - taken))
        found.append((chunk, inside[0][0], packed(thinned(inside))))
    return found, left[::-1]


def divided(marks: list[tuple[int, int]], size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Part marks into those of the first `size` bytes and those of the rest."""
    for number, (at, length) in enumerate(marks):
        if length >= size:
            rest = [(at, length - size)] if length > size else []
            return [*marks[:number], (at, size)] if size else [], [*rest, *marks[number + 1 :]]
        size -= length
    return marks, []


def coarser(marks: list[tuple[int, int]], share: int) -> list[tuple[int, int]]:
    """Let `share` neighbours have one mark, that of the first."""
    return [
        (marks[first][0], sum(length for _, length in marks[first : first + share]))
        for first in range(0, len(marks), share)
    ]


def counts_json(counts: dict[str, int]) -> str:
    """The JSON object of the counts; rule ids are plain words, so nothing needs escaping."""
    return "{" + ",".join(f'"{rule}":{count}' for rule, count in counts.items()) + "}"


def shared_out(marks: list[tuple[int, int]], sizes: list[int]) -> list[list[tuple[int, int]]]:
    """The marks of successive pieces of these sizes, at most `MARKS` of each."""
    found = []
    for size in sizes:
        inside, marks = divided(marks, size)
        found.append(thinned(inside))
    return found


def thinned(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most `MARKS` marks in place of these."""
    return coarser(marks, -(-len(marks) // MARKS)) if len(marks) > MARKS else marks


def packed(marks: Sequence[tuple[int, int]]) -> bytes | None:
    """The marks of one piece in their stored form; None when one moment says it all."""
    if len(marks) == 1:
        return None
    before = marks[0][0]
    relative = []
    for at, length in marks:
        # A clock that was set back must not make a mark negative.
        relative.append((max(0, at - before), length))
        before = max(before, at)
    return encode_marks(relative)
