"""What the store gives back of nonces and idempotency keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Union


class Nonce(NamedTuple):
    """A nonce that was claimed; what it was cannot be told, only whether another is the same."""

    id: int
    device: str | None
    created_at: datetime
    expires_at: datetime


class IdempotencyKey(NamedTuple):
    """A request under its key; while `finished` is False somebody is at work on it, or was until `held_until`."""

    id: int
    method: str
    device: str | None
    finished: bool
    result: Any
    held_until: datetime
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime


class Begun(NamedTuple):
    """The right to go on with a request, until `held_until`; then another may take the `holder`'s place."""

    id: int
    holder: int
    held_until: datetime
    expires_at: datetime


class Replay(NamedTuple):
    """The request was done already, and this was its result."""

    id: int
    result: Any
    finished_at: datetime
    expires_at: datetime


class Held(NamedTuple):
    """Somebody else is at work on the request, and may be until then."""

    id: int
    until: datetime


Beginning = Union[Begun, Replay, Held]
"""What becomes of beginning a request."""
