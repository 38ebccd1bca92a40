"""Makes the tables of the prefilter: which four bytes, at which places, may belong to an anchor.

Each anchor is represented by one window of four bytes among its first eight: the rarest in rules/sample.txt. The
windows are put into sixteen buckets; a place is a candidate when for some bucket each of its four bytes occurs at
that position in a window of the bucket. Buckets are merged greedily, the cheapest pair first, and then single windows
are moved while that helps. The cost is how many places of the sample pass as the instruction sets without a byte
table see them: by low and high nibble (as Hyperscan's literal matcher does: Wang et al., NSDI 2019, section 4.2).
"""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path
from typing import NamedTuple

POSITIONS, BUCKETS, FURTHEST = 4, 16, 4
BACK_BITS = 15
WORD, ADDRESS = 64, 128

ByteSet = frozenset[int]


class Window(NamedTuple):
    """The bytes that may stand at each of four positions, and how far behind the anchor's start they begin."""

    sets: tuple[ByteSet, ...]
    back: int
    short: bool
    hint: int


SAMPLE = (Path(__file__).parent / "rules" / "sample.txt").read_bytes()
"""Lines such as logs have: of package managers, file listings, a kernel, servers, compilers; to count with."""
PRIOR = 20.0
"""Weight of the guess that bytes come independently, in places of the sample: it has not seen everything."""


def histogram() -> list[float]:
    """The share of each byte; no byte is taken to be rarer than one in a hundred thousand."""
    counts = [max(SAMPLE.count(byte), len(SAMPLE) / 100_000) for byte in range(256)]
    return [count / sum(counts) for count in counts]


FREQUENCY = histogram()


def places_of_bytes() -> list[int]:
    """For each byte a number with a bit for each place of the sample where it stands."""
    found = [bytearray(len(SAMPLE) // 8 + 1) for _ in range(256)]
    for place, byte in enumerate(SAMPLE):
        found[byte][place >> 3] |= 1 << (place & 7)
    return [int.from_bytes(bits, "little") for bits in found]


PLACES = places_of_bytes()


@cache
def nibble_share(low: int, high: int) -> float:
    """How many bytes pass a table of low and one of high nibbles, each a set of sixteen bits."""
    lows = [nibble for nibble in range(16) if low >> nibble & 1]
    return sum(FREQUENCY[top << 4 | bottom] for top in range(16) if high >> top & 1 for bottom in lows)


def both_cases(byte: int) -> ByteSet:
    """The byte as a capital and as a small letter."""
    return frozenset((ord(chr(byte).lower()), ord(chr(byte).upper()))) if byte < 128 else frozenset((byte,))


def window_of(anchor: bytes, exact_case: bool, behind: ByteSet, hint: int) -> Window:
    """The rarest window of an anchor; what may stand `behind` one that is shorter than a window.

    `hint` is WORD or ADDRESS for an anchor that hints.c may drop by itself, else 0.
    """
    sets = [frozenset((byte,)) if exact_case else both_cases(byte) for byte in anchor]
    short = len(sets) < POSITIONS
    sets += [behind] * (POSITIONS - len(sets))
    places = range(min(len(sets) - POSITIONS, FURTHEST) + 1)
    windows = [Window(tuple(sets[place : place + POSITIONS]), place, short, hint) for place in places]
    return min(windows, key=lambda window: (cost(nibbles_of(window)), window.back))


Nibbles = tuple[tuple[int, int], ...]


def nibbles_of(window: Window) -> Nibbles:
    """For each position the low and the high nibbles as sets of bits."""
    return tuple(
        (sum({1 << (byte & 15) for byte in bytes_}), sum({1 << (byte >> 4) for byte in bytes_}))
        for bytes_ in window.sets
    )


@cache
def places_of(low: int, high: int) -> int:
    """The places of the sample whose byte passes a pair of nibble tables."""
    found = 0
    for byte in range(256):
        if low >> (byte & 15) & 1 and high >> (byte >> 4) & 1:
            found |= PLACES[byte]
    return found


@cache
def cost(nibbles: Nibbles) -> float:
    """How many places of the sample pass the bucket, and how many more might."""
    passing = -1
    for position, (low, high) in enumerate(nibbles):
        passing &= places_of(low, high) >> position
    return passing.bit_count() + PRIOR * len(SAMPLE) / 1000 * prod(nibble_share(low, high) for low, high in nibbles)


def union(first: Nibbles, second: Nibbles) -> Nibbles:
    """The bucket of both."""
    return tuple((a | c, b | d) for (a, b), (c, d) in zip(first, second, strict=True))


def assign(windows: list[Window]) -> list[int]:
    """A bucket for each window: the pair whose union costs least is merged until sixteen are left."""
    buckets = sorted({nibbles_of(window) for window in windows})
    best: dict[Nibbles, tuple[float, Nibbles]] = {}

    def partner(one: Nibbles) -> tuple[float, Nibbles]:
        return min((cost(union(one, other)) - cost(one) - cost(other), other) for other in buckets if other != one)

    for bucket in buckets:
        best[bucket] = partner(bucket)
    members: dict[Nibbles, set[Nibbles]] = {bucket: {bucket} for bucket in buckets}
    while len(buckets) > BUCKETS:
        one = min(buckets, key=lambda bucket: (best[bucket], bucket))
        other = best[one][1]
        merged = union(one, other)
        gone = {one, other, merged}
        inside = set[Nibbles]().union(*(members.pop(bucket) for bucket in gone if bucket in members))
        buckets = [bucket for bucket in buckets if bucket not in gone] + [merged]
        members[merged] = inside
        for bucket in buckets:
            if bucket == merged or best[bucket][1] in gone:
                best[bucket] = partner(bucket)
            else:
                added = (cost(union(bucket, merged)) - cost(bucket) - cost(merged), merged)
                best[bucket] = min(best[bucket], added)
    groups = refined([sorted(members[bucket]) for bucket in sorted(buckets)])
    number = {nibbles: at for at, group in enumerate(groups) for nibbles in group}
    return [number[nibbles_of(window)] for window in windows]


def union_of(group: list[Nibbles]) -> Nibbles:
    """The bucket of all."""
    found = group[0]
    for nibbles in group[1:]:
        found = union(found, nibbles)
    return found


def refined(groups: list[list[Nibbles]]) -> list[list[Nibbles]]:
    """Moves single windows to the bucket where they cost less, until none gains."""
    costs = [cost(union_of(group)) for group in groups]
    moved = True
    while moved:
        moved = False
        for home, group in enumerate(groups):
            for nibbles in list(group):
                if len(group) == 1:
                    break
                rest = [other for other in group if other != nibbles]
                saved = costs[home] - cost(union_of(rest))
                added, target = min(
                    (cost(union(union_of(other), nibbles)) - costs[at], at)
                    for at, other in enumerate(groups)
                    if at != home
                )
                if added < saved - 1e-6:
                    group.remove(nibbles)
                    groups[target].append(nibbles)
                    costs[home] -= saved
                    costs[target] += added
                    moved = True
    return groups


def hash_of(window: bytes) -> int:
    """As `window_hash` in prefilter.h."""
    folded = int.from_bytes(window, "little") | 0x20202020
    return (folded * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - BACK_BITS)


class Tables:
    """struct prefilter, filled."""

    def __init__(self, windows: list[Window], buckets: list[int]) -> None:
        self.exact = [[[0] * 128 for _ in range(POSITIONS)] for _ in range(2)]
        self.low = [[[0] * 16 for _ in range(POSITIONS)] for _ in range(2)]
        self.high = [[[0] * 16 for _ in range(POSITIONS)] for _ in range(2)]
        self.steps = [0] * 256
        self.back = [0] * (1 << BACK_BITS)
        self.pairs = [0] * 8192
        for window, bucket in zip(windows, buckets, strict=True):
            self._add(window, bucket)

    def _add(self, window: Window, bucket: int) -> None:
        half, bit = bucket // 8, 1 << bucket % 8
        for position, bytes_ in enumerate(window.sets):
            for byte in bytes_:
                self.exact[half][position][byte & 127] |= bit
                self.low[half][position][byte & 15] |= bit
                self.high[half][position][byte >> 4] |= bit
                self.steps[byte] |= 1 << (16 * position + bucket)
        if window.short and not window.hint:
            for first in window.sets[0]:
                for second in window.sets[1]:
                    pair = first | second << 8
                    self.pairs[pair >> 3] |= 1 << (pair & 7)
            return
        *firsts, lasts = window.sets
        for last in lasts if window.short else [min(lasts)]:
            at = hash_of(bytes([*(min(bytes_) for bytes_ in firsts), last]))
            old = self.back[at]
            hint = window.hint if old == 0 else window.hint & old
            self.back[at] = hint | max(old & 7, window.back + 1)


def tables_of(windows: list[Window]) -> Tables:
    """The tables of all windows."""
    return Tables(windows, assign(windows))


def flat(values: list[int]) -> str:
    """A C initialiser in braces."""
    lines = [", ".join(map(str, values[at : at + 24])) for at in range(0, len(values), 24)]
    return "{\n    " + ",\n    ".join(lines) + "}"


def definition(windows: list[Window]) -> str:
    """The C definition of the built-in prefilter."""
    tables = tables_of(windows)

    def nested(table: list[list[list[int]]]) -> str:
        return "{" + ",\n".join("{" + ",\n".join(flat(row) for row in half) + "}" for half in table) + "}"

    return (
        "const struct prefilter builtin_prefilter = {\n"
        f"{nested(tables.exact)},\n{nested(tables.low)},\n{nested(tables.high)},\n"
        + "{" + ",\n".join(f"{step:#x}u" for step in tables.steps) + "},\n"
        + f"{flat(tables.back)},\n{flat(tables.pairs)}}};\n"
    )  # fmt: skip
