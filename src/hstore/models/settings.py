"""What is given back of preferences and configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class Preference(NamedTuple):
    """A user's preference; where it is `sensitive`, `value` is None and `store.preferences.get` opens it."""

    id: int
    user_hash: str
    category: str
    key: str
    value: Any
    sensitive: bool
    created_at: datetime
    updated_at: datetime


class ConfigEntry(NamedTuple):
    """A value of the configuration; where it is `sensitive`, `value` is None and `store.config.get` opens it."""

    id: int
    key: str
    value: Any
    sensitive: bool
    description: str | None
    created_at: datetime
    updated_at: datetime
