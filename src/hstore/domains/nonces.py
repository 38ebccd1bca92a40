"""Nonces: numbers used once, claimed by exactly one of all processes."""

from __future__ import annotations

from hstore.clock import above_zero, in_range, now, to_datetime
from hstore.digests import digest
from hstore.door import KEY_LIMIT
from hstore.listing import Filters, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.claims import Nonce

CLAIM = """
    INSERT INTO nonces (digest, device, created_at, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (digest) DO UPDATE SET
        device = excluded.device, created_at = excluded.created_at, expires_at = excluded.expires_at
    WHERE nonces.expires_at <= $3
    RETURNING id
"""
SEEN = "SELECT 1 FROM nonces WHERE digest = $1 AND expires_at > $2"
SELECT = "SELECT id, device, created_at, expires_at FROM nonces"


class Nonces:
    """`store.nonces`: claim once, and look.

    A claim holds until it expires. From then on the nonce may be claimed again, whether its row still stands or was
    cleaned away, so a message is safe from being replayed only while its claim holds. Whoever takes messages checks a
    signed time in them too, and gives a `ttl` longer than the age, with the difference of the clocks, up to which they
    are taken.
    """

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door

    def claim(self, nonce: str | bytes, *, device: str | None = None, ttl: float = 300.0) -> bool:
        """Claim a nonce; True for the first alone, of all threads and processes, until it expires.

        In a batch that is undone it was not claimed.

        Args:
            nonce: the nonce, for all devices together; only its SHA-256 is kept.
            device: who sent it; need not be registered.
            ttl: seconds until it expires.

        Raises:
            InvalidInput: an empty nonce, or more than 64 KiB; a time to live that is not above zero.
        """
        moment, sender = now(), self._door.optional("device", device, KEY_LIMIT)
        expiry = in_range("ttl", moment + above_zero("ttl", ttl))
        return bool(self._connection.write(CLAIM, (digest("nonce", nonce), sender or "", moment, expiry)))

    def seen(self, nonce: str | bytes) -> bool:
        """Whether a nonce is claimed and has not expired; `claim` alone says who was first."""
        return self._connection.row(SEEN, (digest("nonce", nonce), now())) is not None

    def list(
        self,
        *,
        device: str | None = None,
        expired: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Nonce]:
        """Claims that fit every filter, the nonces that were claimed for the first time last first.

        Args:
            device: who sent them.
            expired: whether they may be claimed again.
            since, until: bounds of the moment when they were claimed.
            limit: how many at most; None: all.
            after: the last id seen.

        Raises:
            InvalidInput: a filter of the wrong type or range.
        """
        from hstore.models.claims import Nonce

        filters = (
            Filters()
            .add("device =", self._door.optional("device", device, KEY_LIMIT))
            .between("created_at", since, until)
        )
        if expired is not None:
            filters.add("expires_at <=" if truth("expired", expired) else "expires_at >", now())
        rows = self._connection.rows(*filters.statement(SELECT, "id", limit, after))
        return [Nonce._make((row[0], row[1] or None, *map(to_datetime, row[2:]))) for row in rows]
