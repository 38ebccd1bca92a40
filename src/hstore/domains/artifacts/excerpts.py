"""Where long output is cut when only its head and its tail are kept, and the line that stands between them."""

from __future__ import annotations

LONGEST_LINE = 64 * 1024
"""Bytes within which the end of a line is looked for; where none is found, the line itself is cut."""
LONGEST_NOTICE = 96
"""Bytes that a notice has at most: output that is over its budget by less is left whole."""

_SAMPLE = 4096  # bytes that tell how long lines are
_LONG_LINES = 48  # bytes in a line, from where on it is faster to jump


def head_length(window: bytes | memoryview) -> int:
    """How much of `window`, which ends where the head must end at the latest, belongs to the head."""
    text = bytes(window)
    return text.rfind(b"\n") + 1 or len(text) - _half_a_character(text[-4:])


def tail_start(window: bytes | memoryview) -> int:
    """Where the tail starts in `window`, which begins one byte before the earliest place for it."""
    text = bytes(window)
    place = text.find(b"\n", 0, -1) + 1
    if place:
        return place
    place = 1
    while place < min(4, len(text) - 1) and text[place] & 0xC0 == 0x80:
        place += 1
    return place


def notice(size: int, lines: int, *, at_line_start: bool) -> bytes:
    """The line in place of `size` bytes."""
    text = f"[hstore: {size} bytes in {lines} lines left out here]\n"
    return (text if at_line_start else "\n" + text).encode("ascii")


def newlines(content: bytes) -> int:
    """How many there are. Where lines are long, `replace` jumps from one to the next, faster than `count` goes."""
    if content.count(b"\n", 0, _SAMPLE) * _LONG_LINES < min(len(content), _SAMPLE):
        return len(content) - len(content.replace(b"\n", b""))
    return content.count(b"\n")


def _half_a_character(end: bytes) -> int:
    """How many bytes at the end begin a character of UTF-8 that is not whole."""
    for length in range(1, min(4, len(end)) + 1):
        byte = end[-length]
        if byte & 0xC0 != 0x80:
            return length if length < _character_length(byte) else 0
    return 0


def _character_length(lead: int) -> int:
    return 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
