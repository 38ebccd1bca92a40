"""Reads what people type: spans (`90s`, `2h`, `7d`), times (`2026-11-20`, `2026-11-20T15:00Z`), sizes (`500M`)."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime, timedelta, timezone
from math import isfinite

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def span(text: str) -> float:
    """Read a time span, in seconds: a number with s, m, h, d or w behind it, or seconds alone."""
    number, unit = (text[:-1], _SECONDS[text[-1]]) if text[-1:] in _SECONDS else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time span; write it as 30s, 5m, 2h or 7d") from None
    if not isfinite(seconds) or seconds <= 0:
        raise ArgumentTypeError(f"{text!r}: a time span is more than nothing")
    return seconds


def size(text: str) -> int:
    """Read a size, in bytes: a number with k, M, G or T behind it, in powers of 1000, or bytes alone."""
    digits = text[:-1] if text[-1:] in _BYTES else text
    try:
        number = float(digits) * _BYTES.get(text[-1:], 1)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no size; write it as 500M or 1G") from None
    if not 0 <= number < 1 << 63:
        raise ArgumentTypeError(f"{text!r}: a size is from nothing to 9 million TB")
    return round(number)


def moment(text: str) -> datetime | float:
    """Read a moment: an ISO 8601 date or time (UTC where it names no zone), or how long ago, as `span`."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        try:
            return span(text)
        except ArgumentTypeError:
            raise ArgumentTypeError(f"{text!r} is no time; write it as 2026-11-20, 2026-11-20T15:00Z or 2h") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def resolved(when: datetime | float | None) -> datetime | None:
    """The moment itself, now that the clock may be read."""
    if when is None or isinstance(when, datetime):
        return when
    try:
        return datetime.now(timezone.utc) - timedelta(seconds=when)
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)
