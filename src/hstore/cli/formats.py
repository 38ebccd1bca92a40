"""How values of the store look: in JSON for programs, in tables for people."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

_UNITS = ("kB", "MB", "GB", "TB")


def plain(value: Any) -> Any:
    """A result as a JSON value: models as objects, times as RFC 3339 in UTC, bytes as `{"base64": …}`."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(field) for name, field in zip(value._fields, value, strict=True)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        from base64 import b64encode

        return {"base64": b64encode(value).decode("ascii")}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)  # JSON has no number for it
    return value


def rfc3339(moment: datetime) -> str:
    """As `2026-11-20T15:23:14.000001Z`."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_text(moment: datetime | None) -> str:
    """As `2026-11-20 15:23:14Z`."""
    return "" if moment is None else moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def duration_text(seconds: float | None) -> str:
    """As `12 ms`, `3.21 s`, `4m05s`, `2h03m`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


def span_text(seconds: float) -> str:
    """How long something stays, as `90 d`, `12 h`, `90 s`: in the largest unit of which it is a whole number."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:g} s"


def size_text(size: int) -> str:
    """As `194 B`, `1.2 kB`, `3.4 GB`, in powers of 1000."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in _UNITS:
        amount /= 1000
        if amount < 999.95 or unit == _UNITS[-1]:
            return f"{amount:.1f} {unit}"
    raise AssertionError("unreachable")
