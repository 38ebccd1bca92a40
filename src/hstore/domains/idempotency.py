"""Idempotency keys: a request that comes again gets the first one's result, and is never executed beside it."""

from __future__ import annotations

import time

from hstore.clock import above_zero, from_seconds, in_range, now, optional_datetime, to_datetime
from hstore.digests import digest
from hstore.door import KEY_LIMIT
from hstore.errors import Busy, ClaimLost, InvalidInput
from hstore.listing import Filters, to_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.claims import Beginning, Begun, IdempotencyKey, Replay

TTL = 86400.0
"""Seconds that a result can be asked for again: a day, as for the keys of most payment services."""
HOLD = 60.0
"""Seconds after which a holder that has not finished counts as crashed."""
LONGEST_PAUSE = 0.05
"""Seconds between two looks while waiting for another holder."""

# What has expired begins anew. A holder whose bound has passed loses its place, but only to the same request.
BEGIN = """
    INSERT INTO idempotency_keys (digest, method, device, held_until, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (digest) DO UPDATE SET
        method = excluded.method, device = excluded.device, holder = idempotency_keys.holder + 1,
        held_until = excluded.held_until, result = NULL, created_at = excluded.created_at, finished_at = NULL,
        expires_at = excluded.expires_at
    WHERE idempotency_keys.expires_at <= $5
        OR (idempotency_keys.result IS NULL AND idempotency_keys.held_until <= $5
            AND idempotency_keys.method = $2 AND idempotency_keys.device = $3)
    RETURNING id, holder
"""
FINISH = """
    UPDATE idempotency_keys SET result = $1, finished_at = $2 WHERE id = $3 AND holder = $4 AND result IS NULL
    RETURNING expires_at
"""
EXTEND = """
    UPDATE idempotency_keys SET held_until = $1, expires_at = max($1, expires_at)
    WHERE id = $2 AND holder = $3 AND result IS NULL
    RETURNING expires_at
"""
RELEASE = "DELETE FROM idempotency_keys WHERE id = $1 AND holder = $2 AND result IS NULL RETURNING 1"
SELECT = """
    SELECT id, method, device, result IS NOT NULL, result, held_until, created_at, finished_at, expires_at
    FROM idempotency_keys
"""
BY_DIGEST = SELECT + " WHERE digest = $1 AND expires_at > $2"


class Idempotency:
    """`store.idempotency`: begin, finish, extend, release; `once` does all of it for a function.

    Bounds are moments of the wall clock, the one thing that all processes share: where it is set forward in the middle
    of a request, another may take its place earlier.
    """

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door

    def begin(
        self,
        key: str | bytes,
        method: str,
        *,
        device: str | None = None,
        ttl: float = TTL,
        hold: float = HOLD,
        wait: float = 0.0,
    ) -> Beginning:
        """Ask for the right to execute a request; of all who ask at once one gets it.

        Args:
            key: the request's own key, for all methods and devices together; only its SHA-256 is kept.
            method: what is asked for, such as `POST /orders`.
            device: who asks; need not be registered.
            ttl: seconds until the key expires and would begin anew; at least as long as `hold`.
            hold: seconds within which to `finish`; after it another may take the place, as if this one had crashed.
            wait: seconds to wait while somebody else is at work.

        Returns:
            `Begun`: execute it, then `finish` or `release`. `Replay`: it was done, with this result. `Held`: somebody
            else is at work on it, until then at most.

        Raises:
            InvalidInput: the key was used for another method or device; an empty key or method; a time that is not
                above zero; waiting in a batch, which would keep the other from finishing.
        """
        from hstore.models.claims import Held

        who = (digest("key", key), self._door.key("method", method), self._device(device) or "")
        times = (above_zero("hold", hold), above_zero("ttl", ttl))
        patience = from_seconds("wait", wait) / 1e6
        if patience and self._connection.in_transaction:
            raise InvalidInput("wait: not in a batch, which would keep the other from finishing")
        end, pause = time.monotonic() + patience, 0.001
        while True:
            found = self._begun(who, *times)
            left = end - time.monotonic()
            if left <= 0 or not isinstance(found, Held):
                return found
            time.sleep(min(left, pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _begun(self, who: tuple[bytes, str, str], hold: int, ttl: int) -> Beginning:
        from hstore.models.claims import Begun

        found = self._there(who, now())  # without the write lock: most of what comes again has been done
        if found is not None:
            return found
        with self._connection.transaction():
            moment = now()
            held_until = in_range("hold", moment + hold)
            expires_at = in_range("ttl", max(moment + ttl, held_until))
            made = self._connection.write(BEGIN, (*who, held_until, moment, expires_at))
            if made:
                return Begun(made[0][0], made[0][1], to_datetime(held_until), to_datetime(expires_at))
            return self._there(who, moment)  # type: ignore[return-value] # at the same moment: it is there, or begins

    def _there(self, who: tuple[bytes, str, str], moment: int) -> Beginning | None:
        """What has become of the request; None if it may begin."""
        from json import loads

        from hstore.models.claims import Held, Replay

        row = self._connection.row(BY_DIGEST, (who[0], moment))
        if row is None:
            return None
        if row[1:3] != who[1:]:
            raise InvalidInput("key: was used for another method or device; each request has a key of its own")
        if row[3]:
            return Replay(row[0], loads(row[4]), to_datetime(row[7]), to_datetime(row[8]))
        return Held(row[0], to_datetime(row[5])) if row[5] > moment else None

    def finish(self, begun: Begun, result: Any = None) -> Replay:
        """Store the result, masked, for all who ask again; return what they will get.

        Args:
            begun: what `begin` gave.
            result: any JSON value, at most 16 MiB.

        Raises:
            ClaimLost: it took longer than `hold`, and another has its place; or it was finished or released before.
            InvalidInput: a result that is not JSON; then the request is still held.
        """
        from json import loads

        from hstore.models.claims import Replay

        number, holder = _id_and_holder(begun)
        text, moment = self._door.json("result", result), now()
        found = self._connection.write(FINISH, (text, moment, number, holder))
        if not found:
            raise _lost()
        return Replay(number, loads(text), to_datetime(moment), to_datetime(found[0][0]))

    def extend(self, begun: Begun, hold: float = HOLD) -> Begun:
        """Hold a request for `hold` seconds from now on.

        Raises:
            ClaimLost: another has its place; or it was finished or released before.
            InvalidInput: `hold` is not above zero.
        """
        held = _id_and_holder(begun)
        until = in_range("hold", now() + above_zero("hold", hold))
        found = self._connection.write(EXTEND, (until, *held))
        if not found:
            raise _lost()
        return begun._replace(held_until=to_datetime(until), expires_at=to_datetime(found[0][0]))

    def release(self, begun: Begun) -> bool:
        """Give a request back after a failure, so that it can begin anew at once; say whether it was still held."""
        return bool(self._connection.write(RELEASE, _id_and_holder(begun)))

    def once(
        self,
        key: str | bytes,
        method: str,
        action: Callable[[], Any],
        *,
        device: str | None = None,
        ttl: float = TTL,
        hold: float = HOLD,
        wait: float = 0.0,
    ) -> Any:
        """Call `action` for the first who asks, and give everybody its result; one that raises has not happened.

        Args:
            key, method, device, ttl, hold, wait: as for `begin`.
            action: called without arguments; returns any JSON value. It has `hold` seconds.

        Returns:
            The result as it was stored, masked.

        Raises:
            Busy: somebody else is still at work on it.
            ClaimLost: the action took longer than `hold`, and another has its place.
            InvalidInput: as for `begin` and `finish`; also whatever `action` raises.
        """
        from hstore.models.claims import Held, Replay

        to_call("action", action)
        found = self.begin(key, method, device=device, ttl=ttl, hold=hold, wait=wait)
        if isinstance(found, Replay):
            return found.result
        if isinstance(found, Held):
            raise Busy("key: somebody else is at work on this request; ask again later, or wait longer")
        try:
            result = action()
        except BaseException:
            self.release(found)
            raise
        return self.finish(found, result).result

    def find(self, key: str | bytes) -> IdempotencyKey | None:
        """The request of a key that has not expired, or None."""
        row = self._connection.row(BY_DIGEST, (digest("key", key), now()))
        return None if row is None else _key(row)

    def list(
        self,
        *,
        method: str | None = None,
        device: str | None = None,
        finished: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[IdempotencyKey]:
        """Requests that fit every filter, also expired ones, those whose keys came for the first time last first.

        Args:
            method, device: as they were given.
            finished: whether they have a result.
            since, until: bounds of the moment when they began.
            limit: how many at most; None: all.
            after: the last id seen.

        Raises:
            InvalidInput: a filter of the wrong type or range.
        """
        filters = (
            Filters()
            .add("method =", self._door.optional("method", method, KEY_LIMIT))
            .add("device =", self._device(device))
            .when("finished", finished, "result IS NOT NULL", "result IS NULL")
            .between("created_at", since, until)
        )
        return [_key(row) for row in self._connection.rows(*filters.statement(SELECT, "id", limit, after))]

    def _device(self, device: str | None) -> str | None:
        return self._door.optional("device", device, KEY_LIMIT)


def _id_and_holder(begun: Begun) -> tuple[int, int]:
    from hstore.models.claims import Begun

    if not isinstance(begun, Begun):
        raise InvalidInput(f"begun: what begin gave, a Begun, not {type(begun).__name__}")
    return begun.id, begun.holder


def _lost() -> ClaimLost:
    return ClaimLost(
        "begun: this request is not held any more: it took longer than its bound and another has its place,"
        " or it was finished or released before"
    )


def _key(row: tuple[Any, ...]) -> IdempotencyKey:
    from json import loads

    from hstore.models.claims import IdempotencyKey

    result = None if row[4] is None else loads(row[4])
    times = (to_datetime(row[5]), to_datetime(row[6]), optional_datetime(row[7]), to_datetime(row[8]))
    return IdempotencyKey._make((row[0], row[1], row[2] or None, row[3] == 1, result, *times))
