"""Reads the sizes that people type: `500K`, `10M`, `1G`, or bytes alone."""

from __future__ import annotations

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text: str) -> int:
    """Read a size in bytes; K, M, G and T are powers of 1024, with or without `B` or `iB` behind them.

    Raises:
        ValueError: it is none, or less than a byte.
    """
    plain = text.upper().removesuffix("B").removesuffix("I")
    digits, unit = (plain[:-1], _UNITS[plain[-1]]) if plain[-1:] in _UNITS else (text, 1)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18 or not 0 < int(digits) * unit < 1 << 63:
        raise ValueError("no size; write it as 500K, 10M or 1G")
    return int(digits) * unit
