"""The policies in the file: how long, how many or how much of a subject stays."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.listing import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from hstore.engine import Connection
    from hstore.models.retention import Policy

    Bound = Union[int, None]
    Bounds = tuple[Bound, Bound, Bound]  # age in microseconds, number of rows, bytes

UPSERT = """
    INSERT INTO retention_policies (subject, max_age, max_count, max_bytes, created_at, updated_at, looked_at)
    VALUES ($1, $2, $3, $4, $5, $5, $5)
    ON CONFLICT (subject) DO UPDATE SET
        max_age = excluded.max_age, max_count = excluded.max_count, max_bytes = excluded.max_bytes,
        updated_at = excluded.updated_at, looked_at = excluded.looked_at
    RETURNING subject, max_age, max_count, max_bytes, created_at, updated_at
"""
ADD = """
    INSERT INTO retention_policies (subject, max_age, created_at, updated_at, looked_at) VALUES ($1, $2, $3, $3, $3)
    ON CONFLICT (subject) DO NOTHING
    RETURNING subject, max_age, max_count, max_bytes, created_at, updated_at
"""
SELECT = """
    SELECT subject, max_age, max_count, max_bytes, created_at, updated_at FROM retention_policies
"""
ALL = SELECT + " ORDER BY subject"
ONE = SELECT + " WHERE subject = $1"
BOUNDS = "SELECT max_age, max_count, max_bytes FROM retention_policies WHERE subject = $1"
REMOVE = "DELETE FROM retention_policies WHERE subject = $1 RETURNING id"
LOOKED = "UPDATE retention_policies SET looked_at = $1 WHERE subject = $2"
UNSEEN = """
    SELECT subject FROM retention_policies
    WHERE subject <> 'automatic' AND (looked_at IS NULL OR looked_at <= $1 OR looked_at > $2)
"""
TURN = """
    INSERT INTO retention_policies (subject, created_at, updated_at, looked_at) VALUES ('automatic', $1, $1, $2)
    ON CONFLICT (subject) DO UPDATE SET looked_at = excluded.looked_at
    WHERE retention_policies.looked_at IS NULL OR retention_policies.looked_at <= $3
          OR retention_policies.looked_at > $1 OR retention_policies.looked_at = $4
    RETURNING id
"""

AUTOMATIC = "automatic"
"""The row that is no policy: `REST` after its `looked_at` it is time to clean a little again."""
LOOK_AGAIN = 3600 * 1_000_000
"""Microseconds after which it is looked again whether something of a policy is due. So nothing goes by itself in the
first hour of a policy: there is time to see what would go."""
REST = 60 * 1_000_000
"""Microseconds in which nobody cleans by itself after somebody has come to the end."""
TURN_LENGTH = 100_000
"""Microseconds after which somebody else may go on with what was begun, also if that one was killed."""


class Policies:
    """The table of policies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn: int | None = None

    def put(self, subject: str, bounds: Bounds) -> Policy:
        """Set a subject's policy, in place of what there was."""
        return _policy(self._connection.write(UPSERT, (subject, *bounds, now()))[0])

    def add(self, subject: str, max_age: int) -> Policy | None:
        """Set a subject's policy if it has none, and return it then."""
        made = self._connection.write(ADD, (subject, max_age, now()))
        return _policy(made[0]) if made else None

    def get(self, subject: str) -> Policy | None:
        """A subject's policy."""
        row = self._connection.row(ONE, (subject,))
        return None if row is None else _policy(row)

    def list(self) -> list[Policy]:
        """All policies, by subject."""
        return [_policy(row) for row in self._connection.rows(ALL) if row[0] != AUTOMATIC]

    def bounds(self, subject: str) -> Bounds | None:
        """What a subject's policy says; None if it has none."""
        row = self._connection.row(BOUNDS, (subject,))
        return None if row is None else (row[0], row[1], row[2])

    def remove(self, subject: str) -> bool:
        """Take a subject's policy away; say whether there was one."""
        return bool(self._connection.write(REMOVE, (subject,)))

    # --- by themselves -----------------------------------------------------------------------------------------------

    def unseen(self) -> set[str]:
        """The subjects of which it is to be looked again whether something is due."""
        moment = now()
        return {row[0] for row in self._connection.rows(UNSEEN, (moment - LOOK_AGAIN, moment))}

    def looked(self, subject: str) -> None:
        """Nothing of a subject is due."""
        self._connection.write(LOOKED, (now(), subject))

    @property
    def has_turn(self) -> bool:
        """Whether this one has begun to clean a little and not come to the end."""
        return self._turn is not None

    def take_turn(self) -> bool:
        """Begin to clean a little, or go on; False if somebody else is at it, or has come to the end lately."""
        moment = now()
        turn, before = moment - REST + TURN_LENGTH, self._turn
        self._turn = turn if self._connection.write(TURN, (moment, turn, moment - REST, before)) else None
        return self.has_turn

    def end_turn(self) -> None:
        """Nothing is left."""
        self.looked(AUTOMATIC)
        self._turn = None


def whole_bound(field: str, value: int | None) -> int | None:
    """Check a number of rows or bytes that may stay.

    Raises:
        InvalidInput: not an `int` from 0 to 2^63-1.
    """
    return None if value is None else whole(field, value)


def _policy(row: tuple[Any, ...]) -> Policy:
    from hstore.models.retention import Policy

    age = None if row[1] is None else row[1] / 1_000_000
    return Policy(row[0], age, row[2], row[3], to_datetime(row[4]), to_datetime(row[5]))
