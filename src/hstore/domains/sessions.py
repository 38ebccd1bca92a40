"""Sessions: stretches of work under the caller's own key, with a JSON context that is saved at each change."""

from __future__ import annotations

from hstore.clock import now, optional_datetime, to_datetime
from hstore.config import PROFILES
from hstore.errors import InvalidInput, NotFound
from hstore.listing import Filters, identifier, one_of, truth, whole
from hstore.references import References

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Reference, Session

UPSERT = """
    INSERT INTO sessions (key, project_id, profile, context_dir, device, agent, sender, channel, context,
                          started_at, last_active_at)
    VALUES ($1, $2, coalesce($3, 'permissive'), $4, $5, $6, $7, $8, coalesce($9, '{}'), $10, $10)
    ON CONFLICT (key) DO UPDATE SET
        profile = coalesce($3, profile), context_dir = coalesce($4, context_dir),
        device = coalesce($5, device), agent = coalesce($6, agent),
        sender = coalesce($7, sender), channel = coalesce($8, channel),
        context = coalesce($9, context), last_active_at = max($10, last_active_at), ended_at = NULL
    RETURNING id
"""
SELECT = """
    SELECT s.id, s.key, p.root, s.profile, s.context_dir, s.device, s.agent, s.sender, s.channel, s.context,
           s.started_at,
           max(s.last_active_at, coalesce((SELECT coalesce(r.finished_at, r.started_at) FROM runs AS r
                                           WHERE r.session_id = s.id ORDER BY r.id DESC LIMIT 1), 0)),
           s.ended_at, s.message_count, s.tool_execution_count
    FROM sessions AS s JOIN projects AS p ON p.id = s.project_id
"""
BY_ID = SELECT + " WHERE s.id = $1"
ID_OF_KEY = "SELECT id FROM sessions WHERE key = $1"
KEY_OF_ID = "SELECT key FROM sessions WHERE id = $1"
TOUCH = "UPDATE sessions SET last_active_at = max($1, last_active_at) WHERE id = $2"
END = "UPDATE sessions SET ended_at = $1, last_active_at = max($1, last_active_at) WHERE id = $2"
COUNT = """
    UPDATE sessions SET message_count = message_count + min($1, 9223372036854775807 - message_count),
        tool_execution_count = tool_execution_count + min($2, 9223372036854775807 - tool_execution_count),
        last_active_at = max($3, last_active_at)
    WHERE id = $4 RETURNING 1
"""
CONTEXT = "SELECT context FROM sessions WHERE id = $1"
SET_CONTEXT = "UPDATE sessions SET context = $1, last_active_at = max($2, last_active_at) WHERE id = $3"


class Sessions:
    """`store.sessions`: get, list, touch and end sessions, count what happens in them, and keep their contexts."""

    def __init__(
        self, connection: Connection, door: Door, project: Callable[[], int], delete: Callable[[int, bool], None]
    ) -> None:
        self._connection = connection
        self._door = door
        self._project = project
        self._delete = delete
        self._references = References(
            connection,
            door,
            "session",
            by_key=ID_OF_KEY,
            by_id=KEY_OF_ID,
            result=_result,
            named="a session, its key or its id",
            unknown="there is no session of that name; HEIMDAL_SESSION or store.session(key) creates one",
        )

    def open(
        self,
        key: str,
        *,
        profile: str | None = None,
        context_dir: str | os.PathLike[str] | None = None,
        device: str | None = None,
        agent: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Session:
        """Create the session `key`, or go on with it: what is given is updated, what is not stays.

        An agent or a device that is named here need not be registered.

        Raises:
            InvalidInput: an empty or too long key, an unknown profile, a context that is no JSON object.
        """
        door = self._door
        if profile is not None:
            one_of("profile", profile, PROFILES)
        row = (
            door.path("context_dir", context_dir),
            door.optional("device", device),
            door.optional("agent", agent),
            door.optional("sender", sender),
            door.optional("channel", channel),
            None if context is None else door.json_object("context", context),
            now(),
        )
        with self._connection.transaction():
            given = (door.key("key", key), self._project(), profile, *row)
            return self.get(self._connection.insert(UPSERT, given))

    def get(self, session: Reference) -> Session:
        """Return a session by its key, its id, or an earlier result.

        Raises:
            NotFound: there is none.
        """
        found = self._connection.rows(BY_ID, (self.id_of(session),))
        if not found:
            raise NotFound("session: it was deleted")
        return _session(found[0])

    def id_of(self, session: Reference) -> int:
        """The row id of a session named by key, id or result."""
        return self._references.id_of(session)

    def masked_key(self, key: str) -> str:
        """The form in which a key is stored."""
        return self._door.key("session", key)

    def key_of(self, session: Reference) -> str:
        """The key, as stored, of a session named by key, id or result."""
        return str(self._connection.value(KEY_OF_ID, (self.id_of(session),)))

    def list(
        self,
        *,
        device: str | None = None,
        agent: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        active: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Session]:
        """Sessions that fit every filter, newest first.

        Args:
            device, agent, sender, channel: who worked, as it was given.
            active: whether they go on, or have ended.
            since, until: bounds of the moment when they started.
            limit: how many at most; None: all.
            after: the last id seen.

        Raises:
            InvalidInput: a filter of the wrong type or range.
        """
        door = self._door
        filters = (
            Filters()
            .add("s.device =", door.optional("device", device))
            .add("s.agent =", door.optional("agent", agent))
            .add("s.sender =", door.optional("sender", sender))
            .add("s.channel =", door.optional("channel", channel))
            .when("active", active, "s.ended_at IS NULL", "s.ended_at IS NOT NULL")
            .between("s.started_at", since, until)
        )
        return [_session(row) for row in self._connection.rows(*filters.statement(SELECT, "s.id", limit, after))]

    def touch(self, session: Reference) -> None:
        """Note that the session is active now."""
        self._connection.write(TOUCH, (now(), self.id_of(session)))

    def end(self, session: Reference) -> None:
        """Note that the session ended now; `Store.session` with the same key takes it up again."""
        self._connection.write(END, (now(), self.id_of(session)))

    def delete(self, session: Reference, *, force: bool = False) -> None:
        """Delete a session with all that was done in it, and what was remembered for it.

        With it go its runs with their artifacts, its tool executions, conversations, wiki references and figures of
        use; lines of the audit log stay. It works in transactions of some milliseconds; interrupted, it is called
        again. In a batch it is part of that.

        Args:
            session: a session, its key or its id.
            force: also if one of its runs is still running.

        Raises:
            NotFound: there is none. InvalidInput: one of its runs is still running.
        """
        self._delete(self.id_of(session), bool(truth("force", force)))

    def count_message(self, session: Reference, n: int = 1) -> None:
        """Count `n` messages more, and note that the session is active now.

        Raises:
            NotFound: no such session. InvalidInput: `n` is no whole number from 0.
        """
        with self._connection.transaction():
            self.count(self.id_of(session), messages=whole("n", n))

    def count(self, session: int, *, messages: int = 0, tool_executions: int = 0) -> None:
        """Add to the counts of a session, in the transaction that is open, and note that it is active now.

        A count ends at 2^63-1, the largest that a file can hold.

        Args:
            session: its id.
            messages, tool_executions: how many more.

        Raises:
            NotFound: no such session. InvalidInput: a count is no whole number from 0.
        """
        more = (whole("messages", messages), whole("tool_executions", tool_executions))
        if not self._connection.write(COUNT, (*more, now(), identifier("session", session))):
            raise NotFound(f"session: there is no session {session}")

    def context(self, session: Reference) -> dict[str, Any]:
        """The session's context, as it is in the file now."""
        from json import loads

        found: dict[str, Any] = loads(self._connection.value(CONTEXT, (self.id_of(session),)))
        return found

    def get_context(self, session: Reference, key: str, default: Any = None) -> Any:
        """One value of the context, or `default`.

        Raises:
            NotFound: no such session. InvalidInput: `key` is no text.
        """
        return self.context(session).get(self._context_key(key), default)

    def set_context(self, session: Reference, key: str, value: Any) -> None:
        """Set one value of the context and save it; concurrent setters of other keys lose nothing.

        Raises:
            NotFound: no such session. InvalidInput: `key` is no text, `value` is not JSON, or the context too large.
        """
        self._context_key(key)
        self._merge(session, self._door.json("value", {key: value}))

    def update_context(self, session: Reference, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set several values of the context and save it; return the whole context.

        Raises:
            NotFound: no such session. InvalidInput: no mapping of names to JSON values, or the context is too large.
        """
        return self._merge(session, self._door.json_object("values", values))

    def _context_key(self, key: str) -> str:
        """The name under which a value of the context is kept."""
        from json import loads

        if not isinstance(key, str):
            raise InvalidInput(f"key: text (str), not {type(key).__name__}")
        (kept,) = loads(self._door.json("key", {key: None}))
        return str(kept)

    def _merge(self, session: Reference, values: str) -> dict[str, Any]:
        """Set values, already masked: who sets one of a masked name again sets the same one."""
        from json import loads

        with self._connection.transaction():
            number = self.id_of(session)
            merged = {**self.context(number), **loads(values)}
            self._connection.write(SET_CONTEXT, (self._door.json("context", merged), now(), number))
            return self.context(number)


def _result() -> type[Session]:
    from hstore.models import Session

    return Session


def _session(row: tuple[Any, ...]) -> Session:
    from json import loads

    from hstore.models import Session

    return Session._make(
        (*row[:9], loads(row[9]), *map(to_datetime, row[10:12]), optional_datetime(row[12]), *row[13:])
    )
