"""Small charts of one line for terminals: bars of a share, and courses of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Strokes(NamedTuple):
    """What charts are drawn with: parts of a bar and heights of a course, from little to all, and nothing at all."""

    bar: str
    heights: str
    nothing: str


BLOCKS = Strokes("▏▎▍▌▋▊▉█", "▁▂▃▄▅▆▇█", "·")
ASCII = Strokes("#", ".:-=+*#@", "_")


def bar(share: float, width: int, strokes: Strokes) -> str:
    """A bar that fills its share of `width` columns; something for whatever is more than nothing."""
    parts = len(strokes.bar)
    filled = min(width * parts, max(round(share * width * parts), 1 if share > 0 else 0))
    whole, rest = divmod(filled, parts)
    return strokes.bar[-1] * whole + (strokes.bar[rest - 1] if rest else "")


def course(values: Sequence[float], width: int, strokes: Strokes) -> str:
    """A column for each value, as high as it is among them; where they are more than `width`, for some together."""
    together = -(-len(values) // width) if values else 1
    summed = [sum(values[start : start + together]) for start in range(0, len(values), together)]
    highest = max(summed, default=0)
    return "".join(_column(value, highest, strokes) for value in summed)


def _column(value: float, highest: float, strokes: Strokes) -> str:
    if value <= 0:
        return strokes.nothing
    return strokes.heights[min(int(value / highest * len(strokes.heights)), len(strokes.heights) - 1)]
