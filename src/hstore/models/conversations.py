"""What `store.conversations` gives back."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Union


class Conversation(NamedTuple):
    """A question and its answer.

    `parent` is the id of what it replies to, None also where that was deleted; `thread` that of the first in its
    thread, which is its own where it begins one, and `depth` how many were above it when it was added.
    """

    id: int
    key: str | None
    session: str | None
    parent: int | None
    thread: int
    depth: int
    question: str
    response: str
    context_files: tuple[str, ...]
    context_databases: tuple[str | int, ...]
    tokens: int | None
    response_time: float | None
    created_at: datetime


ConversationReference = Union[Conversation, str, int]
"""How a conversation is named: as it was returned, by its key, or by its id."""


class ContextFile(NamedTuple):
    """A file that a conversation had before it; `name` and `type` are None where it is not tracked."""

    path: str
    name: str | None
    type: str | None


class ConversationInContext(NamedTuple):
    """A conversation with what is known of its files."""

    conversation: Conversation
    files: tuple[ContextFile, ...]
