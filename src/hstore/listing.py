"""What all listings share: filters joined by AND, newest first, and a page that begins after an id."""

from __future__ import annotations

from hstore.clock import from_time
from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from hstore.engine import Connection
    from hstore.engine.connection import Row, Value

ALL = (1 << 63) - 1


class Filters:
    """Collects conditions with their parameters. Conditions are constants of a domain, never a caller's text."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self._parameters: list[Value] = []

    def add(self, before: str, value: Any, behind: str = "") -> Filters:
        """Add the condition `before <value> behind`, unless `value` is None."""
        if value is not None:
            self._parameters.append(value)
            self._conditions.append(f"{before} ${len(self._parameters)}{behind}")
        return self

    def when(self, field: str, wanted: bool | None, yes: str, no: str) -> Filters:
        """Add the condition `yes` or `no`, without a value, unless `wanted` is None.

        Raises:
            InvalidInput: it is no `bool`: the text "false" would mean yes.
        """
        if wanted is not None:
            self._conditions.append(yes if truth(field, wanted) else no)
        return self

    def between(self, moment: str, since: datetime | float | None, until: datetime | float | None) -> Filters:
        """Add bounds of the column `moment`: from the first on, up to and without the second.

        Raises:
            InvalidInput: one of them is no time.
        """
        self.add(f"{moment} >=", None if since is None else from_time("since", since))
        return self.add(f"{moment} <", None if until is None else from_time("until", until))

    def statement(
        self, select: str, id_column: str, limit: int | None, after: int | None
    ) -> tuple[str, Sequence[Value]]:
        """Return the SQL and its parameters: newest first, below the id `after`, at most `limit` rows.

        Raises:
            InvalidInput: `limit` or `after` is no positive whole number.
        """
        self.add(f"{id_column} <", positive("after", after))
        limit = positive("limit", limit)
        where = f" WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
        self._parameters.append(ALL if limit is None else limit)
        return f"{select}{where} ORDER BY {id_column} DESC LIMIT ${len(self._parameters)}", self._parameters

    def latest(
        self,
        connection: Connection,
        select: str,
        moment: str,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Row]:
        """As `newest`, by id alone: for tables with no index that begins with `moment`, so that nothing is sorted.

        Raises:
            InvalidInput: `limit` or `after` is no positive whole number, `since` or `until` no time.
        """
        self.between(moment, since, until)
        return connection.rows(*self.statement(select, "id", limit, after))

    def newest(
        self,
        connection: Connection,
        select: str,
        table: str,
        moment: str,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
        prefix: str = "",
    ) -> list[Row]:
        """Read one page by time, newest first, and by id among the same times; each page costs the same.

        Where an index begins with the columns of the filters and goes on with `moment`, a page reads no other rows.
        The page behind a row that has been deleted begins behind the one that was written before it: where that stood,
        unless they were given times of their own.

        Args:
            connection: where to read.
            select: the statement up to its WHERE.
            table: where the ids are, as its name.
            moment: its column of times.
            since, until: bounds of `moment`, from the first on, up to and without the second.
            limit: rows at most; None: all.
            after: id of the last row seen.
            prefix: of that table's columns in `select`, such as `e.`.

        Raises:
            InvalidInput: `limit` or `after` is no positive whole number, `since` or `until` no time.
        """
        column, last = prefix + moment, positive("after", after)
        self.add(f"{column} >=", None if since is None else from_time("since", since))
        end = None if until is None else from_time("until", until)
        if last is not None:
            sql = f"SELECT {moment}, id FROM {table} WHERE id <= $1 ORDER BY id DESC LIMIT 1"  # noqa: S608 - constants
            seen = connection.row(sql, (last,))
            if seen is None:
                return []
            if end is None or seen[0] < end:  # two upper bounds, and SQLite may take the wider one for its search
                end = None
                self._behind(column, prefix, int(seen[0]), int(seen[1]) + (seen[1] < last))
        self.add(f"{column} <", end)
        count = positive("limit", limit)
        where = f" WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
        self._parameters.append(ALL if count is None else count)
        order = f"ORDER BY {column} DESC, {prefix}id DESC LIMIT ${len(self._parameters)}"
        return connection.rows(f"{select}{where} {order}", self._parameters)

    def _behind(self, column: str, prefix: str, moment: int, number: int) -> None:
        self._parameters += (moment, number)
        place = len(self._parameters)
        self._conditions.append(f"({column}, {prefix}id) < (${place - 1}, ${place})")


def period(since: datetime | float | None, until: datetime | float | None) -> tuple[int, int]:
    """Bounds as they are kept: from the first on, up to and without the second.

    Raises:
        InvalidInput: one of them is no time.
    """
    return (
        -ALL if since is None else from_time("since", since),
        ALL if until is None else from_time("until", until),
    )


def positive(field: str, value: int | None) -> int | None:
    """Check a count or an id.

    Raises:
        InvalidInput: not an `int` from 1 to 2^63-1.
    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 1 << 63:
        raise InvalidInput(f"{field}: a whole number from 1")
    return value


def identifier(field: str, value: int) -> int:
    """Check an id that must be given.

    Raises:
        InvalidInput: not an `int` from 1 to 2^63-1.
    """
    number = positive(field, value)
    if number is None:
        raise InvalidInput(f"{field}: the id of one; None was given")
    return number


def whole(field: str, value: int) -> int:
    """Check a count or offset that may be zero.

    Raises:
        InvalidInput: not an `int` from 0 to 2^63-1.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise InvalidInput(f"{field}: a whole number from 0")
    return value


def share(field: str, value: float) -> float:
    """Check a share such as a confidence or a strength.

    Raises:
        InvalidInput: not a number from 0 to 1.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
        raise InvalidInput(f"{field}: a number from 0 to 1")
    return float(value)


def one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    """Check an enumerated value.

    Raises:
        InvalidInput: it is none of `allowed`.
    """
    if value not in allowed:
        raise InvalidInput(f"{field}: one of {', '.join(allowed)}")
    return value


def truth(field: str, value: bool) -> int:
    """Check a truth value and return 1 or 0, as it is kept.

    Raises:
        InvalidInput: not a `bool`.
    """
    if not isinstance(value, bool):
        raise InvalidInput(f"{field}: True or False")
    return int(value)


def to_call(field: str, function: object) -> None:
    """Check what is to be called, before there is anything to undo.

    Raises:
        InvalidInput: it cannot be.
    """
    if not callable(function):
        raise InvalidInput(f"{field}: to be called, not {type(function).__name__}")
