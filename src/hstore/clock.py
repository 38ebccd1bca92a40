"""Time in the file's unit, whole microseconds since the epoch in UTC, and its way from and to `datetime`."""

from __future__ import annotations

import time

from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date, datetime

_SECOND = 1_000_000
# Beyond what datetime can show (year 1 to 9999) a time is a mistake.
_MOST_DAYS = 3_650_000
_EARLIEST, _LATEST = -62_135_596_800 * _SECOND, 253_402_300_800 * _SECOND - 1


def now() -> int:
    """The present, in microseconds since the epoch."""
    return time.time_ns() // 1000


def to_datetime(microseconds: int) -> datetime:
    """A timezone-aware UTC `datetime` for a stored time."""
    from datetime import datetime, timedelta, timezone

    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=microseconds)


def optional_datetime(microseconds: int | None) -> datetime | None:
    """As `to_datetime`, with None for None."""
    return None if microseconds is None else to_datetime(microseconds)


def local_date(text: str | None) -> date:
    """The date that SQLite's `date(…, 'localtime')` gives; beyond the years 1 to 9999 the nearest one.

    A time of those years can be in another one in a time zone: SQLite then gives the year 0, or NULL after 9999.
    """
    from datetime import date

    if text is None:
        return date.max
    return date.min if text < "0001" else date.fromisoformat(text)


def from_time(field: str, value: datetime | float) -> int:
    """Microseconds since the epoch for an aware `datetime`, or for seconds since the epoch.

    Raises:
        InvalidInput: a naive `datetime`, a value that is no time, or one beyond the years 1 to 9999.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        microseconds = _from_seconds(field, value)
    else:
        microseconds = _from_datetime(field, value)
    return in_range(field, microseconds)


def in_range(field: str, microseconds: int) -> int:
    """Return a time that `datetime` can show, given or computed.

    Raises:
        InvalidInput: it is beyond the years 1 to 9999.
    """
    if not _EARLIEST <= microseconds <= _LATEST:
        raise InvalidInput(f"{field}: beyond the years 1 to 9999")
    return microseconds


def nearest(microseconds: int) -> int:
    """The nearest time that `datetime` can show, for what others have set, such as the times of files."""
    return min(max(microseconds, _EARLIEST), _LATEST)


def _from_datetime(field: str, value: object) -> int:
    from datetime import datetime, timedelta, timezone

    if not isinstance(value, datetime):
        raise InvalidInput(f"{field}: a datetime or seconds since the epoch, not {type(value).__name__}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInput(f"{field}: a datetime without a time zone could mean any moment; give it one")
    return (value - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def from_seconds(field: str, value: float) -> int:
    """Microseconds for a duration in seconds.

    Raises:
        InvalidInput: not a number, negative, not finite, or more than 10,000 years.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise InvalidInput(f"{field}: seconds as a number, not {type(value).__name__}")
    if not value >= 0:
        raise InvalidInput(f"{field}: a duration is zero or more")
    microseconds = _from_seconds(field, value)
    if microseconds > _LATEST:
        raise InvalidInput(f"{field}: more than 10,000 years")
    return microseconds


def above_zero(field: str, value: float) -> int:
    """As `from_seconds`, for a duration that is not nothing.

    Raises:
        InvalidInput: as there, or less than half a microsecond.
    """
    microseconds = from_seconds(field, value)
    if microseconds == 0:
        raise InvalidInput(f"{field}: zero")
    return microseconds


def days_ago(field: str, days: float) -> int:
    """The moment so many days before now.

    Raises:
        InvalidInput: not a number above 0, or more than 10,000 years.
    """
    if not isinstance(days, (int, float)) or isinstance(days, bool) or not 0 < days <= _MOST_DAYS:
        raise InvalidInput(f"{field}: a number above 0, at most {_MOST_DAYS}")
    return now() - round(days * 86_400 * _SECOND)


def _from_seconds(field: str, value: float) -> int:
    try:
        return round(value * _SECOND)
    except (OverflowError, ValueError):
        raise InvalidInput(f"{field}: not a finite number") from None
