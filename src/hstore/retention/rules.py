"""Why a row goes: it has lapsed, is too old, or there are too many, or too much, that are newer."""

from __future__ import annotations

from hstore.clock import now
from hstore.engine.pacing import value_within
from hstore.retention.subjects import AT_ONCE, LOOKED_THROUGH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hstore.engine import Connection
    from hstore.retention.policies import Bounds
    from hstore.retention.subjects import Subject

_DAY, _SECOND = 86_400_000_000, 1_000_000


class Rule:
    """One reason for which rows of a subject go: those whose `column` is below `limit`.

    Args:
        subject: whose rows.
        column: of times, or what they are ordered by.
        limit: asked anew before each deletion, so that a clock that is set back spares what is not due any more.
        why: the same for people.
    """

    def __init__(self, subject: Subject, column: str, limit: Callable[[], int], why: str) -> None:
        self.subject = subject
        self.limit = limit
        self.why = why
        self._aged = column == subject.moment
        self._column = column
        self.is_indexed = subject.is_indexed if self._aged else column != "id"
        """Whether the rows that are due are found at once; else all are looked through by id."""
        table, weight = subject.table, subject.weight
        # Names of tables and columns, and conditions, are constants of `subjects`, never a caller's text.
        if self.is_indexed:
            place = f"WHERE {self.condition()} ORDER BY {column} LIMIT {AT_ONCE}"
            self.due = f"SELECT id, {weight}, TRUE FROM {table} {place}"  # noqa: S608 - constants
        else:
            place = f"WHERE id > $2 ORDER BY id LIMIT {LOOKED_THROUGH}"
            self.due = f"SELECT id, {weight}, {self.condition()} FROM {table} {place}"  # noqa: S608 - constants
        self.still_due = f"SELECT 1 FROM {table} WHERE {self.condition()} AND id = $2"  # noqa: S608 - constants
        self.delete = (
            f"DELETE FROM {table} WHERE {self.condition()} AND id IN (SELECT value FROM json_each($2))"  # noqa: S608 - constants
            f" RETURNING {subject.size or 0}"
        )
        self.delete_one = f"DELETE FROM {table} WHERE {self.condition()} AND id = $2 RETURNING {subject.size or 0}"  # noqa: S608 - constants

    def condition(self, place: int = 1) -> str:
        """The condition for rows that are due; the limit is the parameter at that place."""
        subject = self.subject
        more = f" AND {subject.aged.replace('$1', f'${place}')}" if self._aged else ""
        return f"{self._column} < ${place} AND {subject.may_go}{more}"


def survey(rules: list[Rule]) -> str:
    """The statement that counts what is due by any of the rules of a subject: rows, the oldest, bytes."""
    subject = rules[0].subject
    either = " OR ".join(f"({rule.condition(place)})" for place, rule in enumerate(rules, 1))
    return (
        f"SELECT count(*), min({subject.moment}), coalesce(sum({subject.size or 0}), 0)"  # noqa: S608 - constants
        f" FROM {subject.table} WHERE {either}"
    )


def lapsed(subject: Subject) -> Rule:
    """Rows that say themselves that they are of no use any more."""
    return Rule(subject, subject.moment, lambda: now() + 1, "expired")


def rules_of(connection: Connection, subject: Subject, bounds: Bounds, seconds: float = 86_400.0) -> list[Rule]:
    """The rules of a policy by which something may be due now.

    Args:
        connection: the store's.
        subject: whose policy it is.
        bounds: what it says.
        seconds: how long it may take to find out; what takes longer is not looked at.
    """
    max_age, max_count, max_bytes = bounds
    found = []
    if max_age is not None:
        found.append(Rule(subject, subject.moment, lambda: now() - max_age, f"older than {age_text(max_age)}"))
    try:
        if max_count is not None:
            kept = value_within(connection, seconds, subject.last_kept, (max(max_count - 1, 0),))
            _add(found, subject, None if kept is None else kept + (not max_count), f"beyond the newest {max_count}")
        if max_bytes is not None:
            gone = value_within(connection, seconds, subject.too_much, (max_bytes,))
            _add(found, subject, None if gone is None else gone + 1, f"beyond {max_bytes} bytes of the newest")
    except TimeoutError:
        pass
    return found


def _add(found: list[Rule], subject: Subject, mark: int | None, why: str) -> None:
    if mark is not None:
        found.append(Rule(subject, subject.order, lambda: mark, why))


def age_text(microseconds: int) -> str:
    """As `90 days`, or `1.5 s`."""
    for unit, name in ((_DAY, "days"), (3600 * _SECOND, "hours"), (60 * _SECOND, "minutes")):
        if microseconds % unit == 0 and microseconds >= 2 * unit:
            return f"{microseconds // unit} {name}"
    return f"{microseconds / _SECOND:g} s"
