"""What is given back of the caches."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class CachedResponse(NamedTuple):
    """A response that was asked for before; `access_count` counts its puts and gets, this one too."""

    id: int
    response: str
    model: str
    tokens: int | None
    access_count: int
    created_at: datetime


class ResponseEntry(NamedTuple):
    """A kept response in a listing; `size` is what it counts for in the cache's bound, in bytes."""

    id: int
    preview: str
    model: str
    tokens: int | None
    size: int
    access_count: int
    created_at: datetime
    accessed_at: datetime


class CachedResult(NamedTuple):
    """The result of processing a file, kept from before."""

    id: int
    path: str
    kind: str
    result: Any
    created_at: datetime


class ResultEntry(NamedTuple):
    """A kept result in a listing; `sha256` is of the file's content, `size` what it counts for, in bytes."""

    id: int
    path: str
    sha256: str
    kind: str
    options: dict[str, Any]
    size: int
    created_at: datetime
    accessed_at: datetime


class CacheStats(NamedTuple):
    """A cache at a glance: entries, the bytes they count for, when the oldest was put and the last one used."""

    entries: int
    size: int
    oldest_at: datetime | None
    used_at: datetime | None
