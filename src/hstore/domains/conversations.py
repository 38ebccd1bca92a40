"""Conversations: questions and their answers, in threads of any depth, with what they had before them."""

from __future__ import annotations

import os

from hstore.clock import from_seconds, from_time, now, to_datetime
from hstore.door import JSON_LIMIT, json_array, several
from hstore.errors import InvalidInput, NotFound
from hstore.listing import ALL, Filters, positive, whole
from hstore.references import References

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Reference
    from hstore.models.conversations import Conversation, ConversationInContext, ConversationReference

MESSAGES = 2
"""What a conversation counts for in its session: the question and the answer."""

ADD = """
    INSERT INTO conversations (key, session_id, parent_id, thread_id, depth, question, response, context_files,
                               context_databases, tokens, response_time, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    RETURNING id
"""
SELECT = """
    SELECT c.id, c.key, s.key, c.parent_id, coalesce(c.thread_id, c.id), c.depth, c.question, c.response,
           c.context_files, c.context_databases, c.tokens, c.response_time, c.created_at
    FROM conversations AS c LEFT JOIN sessions AS s ON s.id = c.session_id
"""
BY_ID = SELECT + " WHERE c.id = $1"
REST_OF_THREAD = SELECT + " WHERE c.thread_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"
ID_OF_KEY = "SELECT id FROM conversations WHERE key = $1"
KEY_OF_ID = "SELECT key FROM conversations WHERE id = $1"
PLACE = "SELECT coalesce(thread_id, id), depth + 1 FROM conversations WHERE id = $1"
DELETE = "DELETE FROM conversations WHERE id = $1 RETURNING id"
NAMES_OF_FILES = "SELECT path, name, type FROM tracked_files WHERE path IN (SELECT value FROM json_each($1))"


class Conversations:
    """`store.conversations`: add, get, list, follow and delete. Each is named by its id, its key or an earlier result.

    Questions and answers may have 16 MiB each, so a page of them may be large.
    """

    def __init__(
        self,
        connection: Connection,
        door: Door,
        session_id: Callable[[Reference | None], int | None],
        count: Callable[[int, int], None],
    ) -> None:
        self._connection = connection
        self._door = door
        self._session_id = session_id
        self._count = count
        self._references = References(
            connection,
            door,
            "conversation",
            by_key=ID_OF_KEY,
            by_id=KEY_OF_ID,
            result=_result,
            named="a conversation, its key or its id",
            unknown="there is no conversation of that name; list() shows those that are there",
        )

    def add(
        self,
        question: str,
        response: str,
        *,
        key: str | None = None,
        session: Reference | None = None,
        parent: ConversationReference | None = None,
        context_files: Iterable[str | os.PathLike[str]] = (),
        context_databases: Iterable[str | int] = (),
        tokens: int | None = None,
        response_time: float | None = None,
        created_at: datetime | float | None = None,
    ) -> int:
        """Add a conversation and return its id; it counts as two messages of its session.

        Args:
            question: at most 16 MiB, as `response`.
            response: the answer.
            key: the caller's own unique name for it.
            session: default: the one of `HEIMDAL_SESSION`, if that is set.
            parent: the conversation that it goes on with; without one it begins a thread.
            context_files: paths; those that `store.files` tracks are given there as here.
            context_databases: names or ids of connections.
            tokens: how many were used.
            response_time: seconds until the answer.
            created_at: aware `datetime` or seconds since the epoch; default: now.

        Raises:
            InvalidInput: a value is of the wrong type or range, or the key is taken.
            NotFound: no such session or parent.
        """
        door = self._door
        name = None if key is None else door.key("key", key)
        row = (
            door.text("question", question, JSON_LIMIT),
            door.text("response", response, JSON_LIMIT),
            self._paths(context_files),
            door.json("context_databases", _databases(context_databases)),
            None if tokens is None else whole("tokens", tokens),
            None if response_time is None else from_seconds("response_time", response_time),
            now() if created_at is None else from_time("created_at", created_at),
        )
        connection = self._connection
        with connection.transaction():
            if name is not None and (taken := connection.value(ID_OF_KEY, (name,))):
                raise InvalidInput(f"key: conversation {taken} has it already")
            above = (None, None, 0) if parent is None else self._below(parent)
            number = self._session_id(session)
            made = connection.insert(ADD, (name, number, *above, *row))
            if number is not None:
                self._count(number, MESSAGES)
            return made

    def get(self, conversation: ConversationReference) -> Conversation:
        """The conversation; NotFound if there is none."""
        row = self._connection.row(BY_ID, (self.id_of(conversation),))
        if row is None:
            raise NotFound("conversation: it was deleted")
        return _conversation(row)

    def thread(
        self, conversation: ConversationReference, *, limit: int | None = None, after: int | None = None
    ) -> list[Conversation]:
        """The whole thread that a conversation belongs to, in the order in which it was added: replies come later.

        Args:
            conversation: any one of the thread.
            limit: at most so many; None: all.
            after: id of the last one seen.

        Raises:
            NotFound: there is no such conversation.
        """
        first, seen = self.get(conversation).thread, positive("after", after) or 0
        room = positive("limit", limit) or ALL
        rows = self._connection.rows(BY_ID, (first,)) if seen < first else []
        if room > len(rows):
            rows += self._connection.rows(REST_OF_THREAD, (first, seen, room - len(rows)))
        return [_conversation(row) for row in rows]

    def replies(
        self, conversation: ConversationReference, *, limit: int | None = 100, after: int | None = None
    ) -> list[Conversation]:
        """What goes on with a conversation directly, the latest added first; `after` is the last id seen."""
        filters = Filters().add("c.parent_id =", self.id_of(conversation))
        return [_conversation(row) for row in self._connection.rows(*filters.statement(SELECT, "c.id", limit, after))]

    def recent(self, session: Reference | None = None, *, limit: int | None = 50) -> list[ConversationInContext]:
        """The newest conversations of a session, or of all, with name and type of each of their tracked files."""
        from hstore.models.conversations import ContextFile, ConversationInContext

        found = self.list(session=session, limit=limit)
        paths = json_array(list(dict.fromkeys(path for each in found for path in each.context_files)))
        known = {row[0]: row[1:] for row in self._connection.rows(NAMES_OF_FILES, (paths,))}
        return [
            ConversationInContext(
                each, tuple(ContextFile(path, *known.get(path, (None, None))) for path in each.context_files)
            )
            for each in found
        ]

    def list(
        self,
        *,
        session: Reference | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Conversation]:
        """Conversations, newest first, of a session or of all; `after` is the last id seen."""
        filters = Filters().add("c.session_id =", None if session is None else self._session_id(session))
        rows = filters.newest(
            self._connection, SELECT, "conversations", "created_at",
            since=since, until=until, limit=limit, after=after, prefix="c.",
        )  # fmt: skip
        return [_conversation(row) for row in rows]

    def delete(self, conversation: ConversationReference) -> None:
        """Delete one conversation. Its replies stay, without a parent and in their thread.

        Raises:
            NotFound: there is no such conversation.
        """
        if not self._connection.write(DELETE, (self.id_of(conversation),)):
            raise NotFound("conversation: it was deleted")

    def id_of(self, conversation: ConversationReference, field: str = "conversation") -> int:
        """The id of a conversation named by key, id or result.

        Raises:
            NotFound: there is no such conversation; `field` names the argument.
        """
        return self._references.id_of(conversation, field)

    def _below(self, parent: ConversationReference) -> tuple[int, int, int]:
        """Parent, thread and depth of what goes on with `parent`."""
        number = self.id_of(parent, "parent")
        thread, depth = self._connection.rows(PLACE, (number,))[0]
        return number, thread, depth

    def _paths(self, given: Iterable[str | os.PathLike[str]]) -> str:
        """Paths as the JSON of texts that `tracked_files.path` has too: also those that are no valid UTF-8."""
        masked = [self._door.path("context_files", path) for path in several("context_files", given)]
        if None in masked:
            raise InvalidInput("context_files: each is a path, not None")
        text = json_array([path for path in masked if path is not None])
        if len(text) * 4 > JSON_LIMIT and len(text.encode()) > JSON_LIMIT:
            raise InvalidInput(f"context_files: larger than {JSON_LIMIT} bytes as JSON")
        return text


def _result() -> type[Conversation]:
    from hstore.models.conversations import Conversation

    return Conversation


def _databases(values: Iterable[str | int]) -> list[str | int]:
    found = several("context_databases", values)
    if not all(isinstance(each, (str, int)) and not isinstance(each, bool) for each in found):
        raise InvalidInput("context_databases: each is the name (str) or the id (int) of a connection")
    return found


def _conversation(row: tuple[Any, ...]) -> Conversation:
    from json import loads

    from hstore.models.conversations import Conversation

    return Conversation._make(
        (
            *row[:8],
            tuple(loads(row[8])),
            tuple(loads(row[9])),
            row[10],
            None if row[11] is None else row[11] / 1e6,
            to_datetime(row[12]),
        )
    )
