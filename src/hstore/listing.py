"""What all listings share: filters joined by AND, newest first, and a page that begins after an id."""

from __future__ import annotations

from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hstore.engine.connection import Value

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


def one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    """Check an enumerated value.

    Raises:
        InvalidInput: it is none of `allowed`.
    """
    if value not in allowed:
        raise InvalidInput(f"{field}: one of {', '.join(allowed)}")
    return value
