"""The end of an artifact that comes slowly: its small pieces, put together again and again so that few are left.

Each step of a slow command's output is committed as a piece of its own, for those who follow. The next step takes the
pieces before it into its own as long as they are no larger than what it has by then, as a binary counter carries. So a
byte is written anew once for each doubling, not once for each step, and of n equal steps log2(n) pieces are there at a
time. Putting all of them together each time would leave one, but write each byte as often as there are steps.
"""

from __future__ import annotations

from hstore.domains.artifacts.timing import MARKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Mark = tuple[int, int]

MOST_MARKS = 512
"""Marks of a piece that was put together, about 2 KB: beyond, it is left as it is, since no time is to be forgotten."""


class SmallPiece:
    """A piece that may still become part of a larger one: where it starts, its chunk's id, its content, its times."""

    __slots__ = ("chunk", "content", "marks", "start")

    def __init__(self, start: int, chunk: int, content: bytes, marks: Sequence[Mark]) -> None:
        self.start = start
        self.chunk = chunk
        self.content = content
        self.marks = marks


class Tail:
    """The small pieces at the end of an artifact, in order; all together they are less than a chunk."""

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[SmallPiece] = []
        self.size = 0

    def joined_by(self, size: int) -> list[SmallPiece]:
        """Those pieces, the last ones, that so many bytes that follow take into their own piece."""
        first = len(self._pieces)
        while first and len(self._pieces[first - 1].content) <= size:
            first -= 1
            size += len(self._pieces[first].content)
        return self._pieces[first:]

    def all(self) -> list[SmallPiece]:
        """Every piece."""
        return self._pieces[:]

    def start(self, otherwise: int) -> int:
        """Where the first piece starts; `otherwise` if there is none."""
        return self._pieces[0].start if self._pieces else otherwise

    def replace(self, joined: Sequence[SmallPiece], piece: SmallPiece) -> None:
        """Have `piece` in the place of those that were put together in it."""
        del self._pieces[len(self._pieces) - len(joined) :]
        self._pieces.append(piece)
        self.size = sum(len(each.content) for each in self._pieces)

    def clear(self) -> None:
        """Leave all pieces as they are from now on."""
        self._pieces.clear()
        self.size = 0

    @property
    def is_marked_enough(self) -> bool:
        """Whether the times of another step may be too many for one piece."""
        return sum(len(each.marks) for each in self._pieces) + MARKS > MOST_MARKS
