"""Many runs at once, a column at a time: what all rows of a block have in common is asked of the block, not of each.

Most callers of `record_runs` have rows of one shape: the same few arguments of plain types, texts without secrets.
Looking at such a block by column takes a third of the time of looking at it by row. Whatever is not of that shape goes
the way of single rows, which names what is wrong and masks what has to be.
"""

from __future__ import annotations

from itertools import repeat
from operator import add, itemgetter, mul

from hstore.clock import now
from hstore.domains.runs.rows import FAR, SECOND, SHORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from hstore.door import Door
    from hstore.engine.connection import Value

BLOCK = 256
"""Rows in a block: the cost of a block is spread over enough of them, and what waits stays small."""
LARGEST = 256 * 1024
"""Bytes of a block's texts: not one of them can then be longer than a text may be."""
NAMES = frozenset({"app", "cmdline", "cwd", "started_at", "duration", "exit_code"})
NEEDED = frozenset({"app", "cmdline", "exit_code"})


def block_columns(door: Door, block: Sequence[Mapping[str, Any]]) -> Sequence[Iterable[Value]] | None:
    """The columns from `app` to `status`, as `ADD_ENDED` names them; None if the block has another shape."""
    if set(map(type, block)) != {dict}:
        return None
    names = block[0].keys()
    if not NEEDED <= names <= NAMES or not all(map(names.__eq__, map(dict.keys, block))):  # type: ignore[arg-type]
        return None
    columns = {name: list(map(itemgetter(name), block)) for name in names}
    apps, lines, codes = columns["app"], columns["cmdline"], columns["exit_code"]
    places = columns.get("cwd")
    starts, lengths = _microseconds(columns.get("started_at")), _microseconds(columns.get("duration"))
    if starts is None or lengths is None or not (_are_codes(codes) and _are_texts(door, apps, lines, places)):
        return None
    moment = now()
    if not starts:
        starts = [moment - length for length in lengths] or [moment] * len(block)
    return (
        apps,
        lines,
        repeat(None),
        places or repeat(None),
        starts,
        map(add, starts, lengths) if lengths else repeat(moment),
        lengths or repeat(None),
        codes,
        ["failed" if code else "ok" for code in codes] if any(codes) else repeat("ok"),
    )


def _microseconds(seconds: list[Any] | None) -> list[int] | None:
    """In microseconds; empty for none given, None for what needs a closer look."""
    if seconds is None:
        return []
    if set(map(type, seconds)) != {float} or not (min(seconds) >= 0.0 and max(seconds) < FAR):
        return None
    return list(map(round, map(mul, seconds, repeat(SECOND))))


def _are_codes(codes: list[Any]) -> bool:
    return set(map(type, codes)) == {int} and min(codes) >= 0 and max(codes) < 256


def _are_texts(door: Door, apps: list[Any], lines: list[Any], places: list[Any] | None) -> bool:
    """Programs and directories repeat, so they are looked at once each."""
    try:
        different = {*apps, *(places or ())}
    except TypeError:
        return False
    texts = [*different, *lines]
    if set(map(type, texts)) != {str} or "" in apps:
        return False
    return max(map(len, different)) <= SHORT and door.are_plain(texts, limit=LARGEST)
