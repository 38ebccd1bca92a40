"""Many runs at once, a column at a time: what all rows of a block have in common is asked of the block, not of each.

Most callers of `record_runs` have rows of one shape: the same few arguments of plain types, texts without secrets.
Looking at such a block by column takes a third of the time of looking at it by row. Whatever is not of that shape goes
the way of single rows, which names what is wrong and masks what has to be.
"""

from __future__ import annotations

from itertools import repeat
from operator import add, itemgetter, mul

from hstore.clock import now
from hstore.domains.runs.rows import FAR, LONG, SECOND, SHORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from hstore.door import Door
    from hstore.engine.connection import Value

BLOCK = 256
"""Rows in a block: the cost of a block is spread over enough of them, and what waits stays small."""
NAMES = frozenset({"app", "cmdline", "cwd", "started_at", "duration", "exit_code"})
NEEDED = frozenset({"app", "cmdline", "exit_code"})


def block_columns(door: Door, block: Sequence[Mapping[str, Any]]) -> Sequence[Iterable[Value]] | None:
    """The columns from `app` to `status`, as `ADD_ENDED` names them; None if the block has another shape."""
    if set(map(type, block)) != {dict}:
        return None
    names = block[0].keys()
    keys: Iterable[Any] = map(dict.keys, block)  # type: ignore[arg-type] # they are dicts: looked at above
    if not NEEDED <= names <= NAMES or not all(map(names.__eq__, keys)):
        return None
    columns = {name: list(map(itemgetter(name), block)) for name in names}
    apps, lines, codes = columns["app"], columns["cmdline"], columns["exit_code"]
    places = columns.get("cwd")
    starts, lengths = _microseconds(columns.get("started_at")), _microseconds(columns.get("duration"))
    if starts is None or lengths is None or not _are_codes(codes):
        return None
    masked = _masked(door, apps, lines, places)
    if masked is None:
        return None
    if masked:
        apps, lines = _in(masked, apps), _in(masked, lines)
        places = None if places is None else _in(masked, places)
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
    try:
        return list(map(round, map(mul, seconds, repeat(SECOND))))
    except ValueError:  # NaN, behind another number: it is neither less nor more
        return None


def _are_codes(codes: list[Any]) -> bool:
    return set(map(type, codes)) == {int} and min(codes) >= 0 and max(codes) < 256


def _masked(door: Door, apps: list[Any], lines: list[Any], places: list[Any] | None) -> dict[str, str] | None:
    """What is to be masked, and its masked form; None for what needs a closer look.

    Programs and directories repeat, so they are looked at once each.
    """
    try:
        programs = set(apps)
        texts = [*programs.union(places or ()), *lines]
    except TypeError:
        return None
    if set(map(type, texts)) != {str} or "" in programs:
        return None
    if max(map(len, programs)) > SHORT or max(map(len, texts)) > LONG:
        return None
    found = door.to_mask(texts)
    return None if found is None else {text: door.text("text", text) for text in found}


def _in(masked: Mapping[str, str], texts: list[str]) -> list[str]:
    return [masked.get(text, text) for text in texts]
