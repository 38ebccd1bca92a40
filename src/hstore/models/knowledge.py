"""What `store.knowledge` gives back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Union


class KnowledgeItem(NamedTuple):
    """Something known, with where it is from and how sure it is (`confidence`, from 0 to 1)."""

    id: int
    key: str | None
    source_type: str
    source_id: str | None
    type: str
    title: str
    content: str
    confidence: float
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


KnowledgeReference = Union[KnowledgeItem, str, int]
"""How an item is named: as it was returned, by its key, or by its id."""


class RelatedItem(NamedTuple):
    """An item at the other end of a relationship; `direction` is out where that leads to it, in where it leads here."""

    item: KnowledgeItem
    type: str
    strength: float
    direction: str


class ReachedItem(NamedTuple):
    """An item that a walk came to, `distance` relationships away, over the one of `type` and `strength` from `via`."""

    item: KnowledgeItem
    distance: int
    via: int
    type: str
    strength: float
