"""Every type of secret that the masker is measured with: what it is called, and how one is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from .further_types import FURTHER_FRAMES, FURTHER_TYPES
from .named_values import NAMED_VALUES
from .self_identifying import FRAMES, SELF_IDENTIFYING
from .shapes import Draw, draw_shape


class Kind(NamedTuple):
    """A type of secret.

    `frame` is `"{}"` where the value is a secret wherever it stands. Where it is one only in certain
    surroundings, they are the frame, with `{}` in the value's place: such a type fits no other notation.
    """

    id: str
    group: str
    """`self-identifying` or `named-value`."""
    names: tuple[str, ...]
    """What identifiers that hold such a secret begin with."""
    draw: Callable[[random.Random], str]
    frame: str = "{}"


def drawing(shape: str | Draw) -> Draw:
    """What draws a shape."""
    return shape if callable(shape) else lambda drawn: draw_shape(shape, drawn)


KINDS: tuple[Kind, ...] = (
    *(Kind(i, "self-identifying", tuple(n.split()), drawing(s), FRAMES.get(i, "{}")) for i, n, s in SELF_IDENTIFYING),
    *(Kind(i, "named-value", tuple(n.split()), drawing(s)) for i, n, s in NAMED_VALUES),
    *(
        Kind(i, "self-identifying", tuple(n.split()), drawing(s), FURTHER_FRAMES.get(i, "{}"))
        for i, n, s in FURTHER_TYPES
    ),
)
