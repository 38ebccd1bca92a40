"""Makes the tables of the prefilter: which four bytes, at which places, may belong to an anchor.

Each anchor is represented by one window of four bytes among its first eight: the rarest in rules/sample.txt. The
windows are put into 32 buckets; a place is a candidate when for some bucket each of its four bytes occurs at
that position in a window of the bucket. Buckets are merged greedily, the cheapest pair first, and then single windows
are moved while that helps. The cost is how many places of the sample pass as the instruction sets without a byte
table see them: by low and high nibble (as Hyperscan's literal matcher does: Wang et al., NSDI 2019, section 4.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import NamedTuple

POSITIONS, BUCKETS, FURTHEST = 4, 32, 4
HASH_BITS = 15
ROUNDS = 3
WORD, ADDRESS, TOKEN = 1, 2, 3
SEVERAL = 0xFFFF
OWN_WEIGHT = 3

ByteSet = frozenset[int]


class Window(NamedTuple):
    """The bytes that may stand at each of four positions, and how far behind the anchor's start they begin."""

    sets: tuple[ByteSet, ...]
    back: int
    short: bool
    hint: int
    anchor: bytes


SAMPLE = (Path(__file__).parent / "rules" / "sample.txt").read_bytes()
"""Lines such as logs have: of package managers, file listings, a kernel, servers, compilers; to count with."""
PRIOR = 20.0
"""Weight of the guess that bytes come independently, in places of the sample: it has not seen everything."""


COUNTS = [max(SAMPLE.count(byte), 1) for byte in range(256)]
"""How often each byte stands in the sample. Whole numbers: sums of fractions differ between versions of Python."""


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
    passing = sum(COUNTS[top << 4 | bottom] for top in range(16) if high >> top & 1 for bottom in lows)
    return passing / sum(COUNTS)


def both_cases(byte: int) -> ByteSet:
    """The byte as a capital and as a small letter."""
    return frozenset((ord(chr(byte).lower()), ord(chr(byte).upper()))) if byte < 128 else frozenset((byte,))


def windows_of(anchor: bytes, exact_case: bool, behind: ByteSet, hint: int) -> list[Window]:
    """The windows that an anchor has; what may stand `behind` one that is shorter than a window.

    `hint` is WORD, ADDRESS or TOKEN for an anchor that hints.c may drop by itself, else 0.
    """
    sets = [frozenset((byte,)) if exact_case else both_cases(byte) for byte in anchor]
    short = len(sets) < POSITIONS
    sets += [behind] * (POSITIONS - len(sets))
    places = range(min(len(sets) - POSITIONS, FURTHEST) + 1)
    return [Window(tuple(sets[place : place + POSITIONS]), place, short, hint, anchor) for place in places]


Nibbles = tuple[tuple[int, int], ...]


@cache
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


def rarest(windows: list[Window]) -> Window:
    """The one that the fewest places pass."""
    return min(windows, key=lambda window: (cost(nibbles_of(window)), window.back))


def merged(windows: set[Nibbles]) -> list[set[Nibbles]]:
    """The buckets: the pair whose union costs least is merged until so many are left."""
    buckets = sorted(windows)
    best: dict[Nibbles, tuple[float, Nibbles]] = {}

    def partner(one: Nibbles) -> tuple[float, Nibbles]:
        return min((cost(union(one, other)) - cost(one) - cost(other), other) for other in buckets if other != one)

    for bucket in buckets:
        best[bucket] = partner(bucket)
    members: dict[Nibbles, set[Nibbles]] = {bucket: {bucket} for bucket in buckets}
    while len(buckets) > BUCKETS:
        one = min(buckets, key=lambda bucket: (best[bucket], bucket))
        both = union(one, best[one][1])
        gone = {one, best[one][1], both}
        inside = set[Nibbles]().union(*(members.pop(bucket) for bucket in gone if bucket in members))
        buckets = [bucket for bucket in buckets if bucket not in gone] + [both]
        members[both] = inside
        for bucket in buckets:
            if bucket == both or best[bucket][1] in gone:
                best[bucket] = partner(bucket)
            else:
                best[bucket] = min(best[bucket], (cost(union(bucket, both)) - cost(bucket) - cost(both), both))
    return [members[bucket] for bucket in sorted(buckets)]


def union_of(windows: Iterable[Window]) -> Nibbles:
    """The bucket of all; of none, what nothing passes."""
    found: Nibbles = ((0, 0),) * POSITIONS
    for window in windows:
        found = union(found, nibbles_of(window))
    return found


def assign(options: list[list[Window]]) -> list[tuple[Window, int]]:
    """A window for each anchor and its bucket.

    The rarest windows are merged first. Then each anchor in turn takes the window and the bucket that cost least given
    all the others, a few times over: "_key" at one place joins "_pat" at another.
    """
    chosen = [rarest(windows) for windows in options]
    buckets = merged({nibbles_of(window) for window in chosen})
    homes = [next(at for at, bucket in enumerate(buckets) if nibbles_of(window) in bucket) for window in chosen]
    unions = [
        union_of(window for window, at in zip(chosen, homes, strict=True) if at == home) for home in range(BUCKETS)
    ]
    for _ in range(ROUNDS):
        for number, windows in enumerate(options):
            home = homes[number]
            unions[home] = union_of(other for at, other in enumerate(chosen) if homes[at] == home and at != number)
            _, place, homes[number] = min(
                (cost(union(bucket, nibbles_of(each))) - cost(bucket) + OWN_WEIGHT * cost(nibbles_of(each)), place, at)
                for place, each in enumerate(windows)
                for at, bucket in enumerate(unions)
            )
            chosen[number] = windows[place]
            unions[homes[number]] = union(unions[homes[number]], nibbles_of(windows[place]))
    return list(zip(chosen, homes, strict=True))


def hash_of(window: bytes) -> int:
    """As `window_hash` in prefilter.h."""
    folded = int.from_bytes(window, "little") | 0x20202020
    return (folded * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - HASH_BITS)


def short_hash_of(three: bytes) -> int:
    """As `short_hash` in prefilter.h."""
    return (int.from_bytes(three, "little") * 0x9E3779B1 & 0xFFFFFFFF) >> 16


class Tables:
    """struct prefilter, filled."""

    def __init__(self, windows: list[tuple[Window, int]]) -> None:
        self.exact = [[[0] * 128 for _ in range(POSITIONS)] for _ in range(BUCKETS // 8)]
        self.low = [[[0] * 16 for _ in range(POSITIONS)] for _ in range(BUCKETS // 8)]
        self.high = [[[0] * 16 for _ in range(POSITIONS)] for _ in range(BUCKETS // 8)]
        self.steps = [[0, 0] for _ in range(256)]
        self.owners = [0] * (1 << HASH_BITS)
        self.shorts = [0] * 8192
        self.windows = [window for window, _ in windows]
        for number, (window, bucket) in enumerate(windows):
            self._add(number, window, bucket)

    def _add(self, number: int, window: Window, bucket: int) -> None:
        group, bit = bucket // 8, 1 << bucket % 8
        for position, bytes_ in enumerate(window.sets):
            for byte in bytes_:
                self.exact[group][position][byte & 127] |= bit
                self.low[group][position][byte & 15] |= bit
                self.high[group][position][byte >> 4] |= bit
                self.steps[byte][group // 2] |= 1 << (16 * position + bucket % 16)
        if window.short and not window.hint:
            for three in product(*window.sets[:3]):
                at = short_hash_of(bytes(three))
                self.shorts[at >> 3] |= 1 << (at & 7)
            return
        for four in product(*window.sets) if window.short else [[min(bytes_) for bytes_ in window.sets]]:
            at = hash_of(bytes(four))
            old = self.owners[at]
            if old == 0:
                self.owners[at] = number + 1
            elif old == SEVERAL or self.windows[old - 1].anchor != window.anchor:
                self.owners[at] = SEVERAL


def flat(values: list[int]) -> str:
    """A C initialiser in braces."""
    lines = [", ".join(map(str, values[at : at + 24])) for at in range(0, len(values), 24)]
    return "{\n    " + ",\n    ".join(lines) + "}"


def definition(windows: list[tuple[Window, int]]) -> str:
    """The C definition of the built-in prefilter."""
    tables = Tables(windows)

    def nested(table: list[list[list[int]]]) -> str:
        return "{" + ",\n".join("{" + ",\n".join(flat(row) for row in group) + "}" for group in table) + "}"

    return (
        "const struct prefilter builtin_prefilter = {\n"
        f"{nested(tables.exact)},\n{nested(tables.low)},\n{nested(tables.high)},\n"
        "{" + ",\n".join(f"{{{one:#x}u, {two:#x}u}}" for one, two in tables.steps) + "},\n"
        f"{flat(tables.owners)},\n{flat(tables.shorts)}}};\n"
    )  # fmt: skip
