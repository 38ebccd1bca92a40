"""Responses of an AI, kept by what it was asked."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.domains.caches.bounded import MAX_BYTES, MAX_ENTRIES, ROW, Bounded, bound
from hstore.door import JSON_LIMIT, fitting
from hstore.errors import InvalidInput
from hstore.listing import Filters, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hstore.models.caches import CachedResponse, ResponseEntry

PREVIEW = 100
"""Characters of a prompt that are kept, masked."""

SIZE = "SELECT size FROM response_cache WHERE digest = $1"
PUT = """
    INSERT INTO response_cache (digest, preview, response, model, tokens, size, created_at, accessed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, max($7, coalesce((SELECT max(accessed_at) + 1 FROM response_cache), $7)))
    ON CONFLICT (digest) DO UPDATE SET
        preview = excluded.preview, response = excluded.response, model = excluded.model, tokens = excluded.tokens,
        size = excluded.size, created_at = excluded.created_at, accessed_at = excluded.accessed_at,
        access_count = response_cache.access_count + 1
"""
GET = """
    SELECT id, response, model, tokens, access_count, created_at FROM response_cache WHERE digest = $1
"""
USED = """
    UPDATE response_cache SET access_count = access_count + 1,
        accessed_at = max($1, (SELECT max(accessed_at) + 1 FROM response_cache))
    WHERE id = $2
"""
OLDEST = "SELECT id, size FROM response_cache ORDER BY accessed_at, size LIMIT $1"
REMOVE = "DELETE FROM response_cache WHERE id = $1"
FORGET = "DELETE FROM response_cache WHERE digest = $1 RETURNING id"
OLDER = "SELECT id FROM response_cache WHERE created_at < $1 ORDER BY created_at LIMIT $2"
SUMMARY = "SELECT count(*), coalesce(sum(size), 0), min(created_at), max(accessed_at) FROM response_cache"
SELECT = """
    SELECT id, preview, model, tokens, size, access_count, created_at, accessed_at FROM response_cache
"""


class ResponseCache(Bounded):
    """`store.response_cache`: answers by prompt, context and model, so that nothing is asked twice.

    Responses are masked like everything that is stored: what comes back is what was put, but for secrets in it.
    """

    table, oldest, remove, older, used, summary = "response_cache", OLDEST, REMOVE, OLDER, USED, SUMMARY

    def put(
        self,
        prompt: str,
        response: str,
        *,
        model: str,
        context: Any = None,
        tokens: int | None = None,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
    ) -> bool:
        """Keep a response in place of an earlier one; say whether it is kept.

        It is found again by the SHA-256 of the JSON array `[model, prompt, context]`, in the form that
        docs/file-format.md gives. Of the prompt the first 100 characters are kept, masked.

        Args:
            prompt: what was asked, at most 16 MiB.
            response: the answer, at most 16 MiB.
            model: who answered.
            context: whatever else the answer depends on, any JSON value.
            tokens: how many it took.
            max_entries, max_bytes: bounds of the whole cache. The least recently used go until it is within them; a
                response that is larger by itself is not kept, and neither is the one before it.

        Raises:
            InvalidInput: a value is wrong.
        """
        door = self._door
        digest = self._digest(prompt, model, context)
        text = door.text("response", response, JSON_LIMIT)
        size = ROW + len(text.encode())
        entries, room = bound("max_entries", max_entries), bound("max_bytes", max_bytes)
        row = (
            digest,
            door.text("prompt", prompt, JSON_LIMIT)[:PREVIEW],
            text,
            door.key("model", model),
            None if tokens is None else whole("tokens", tokens),
            size,
        )
        with self._connection.transaction():
            if size > room:
                self._connection.write(FORGET, (digest,))
                return False
            before = self._connection.value(SIZE, (digest,))
            self._connection.write(PUT, (*row, now()))
            self._make_room(int(before is None), size - (before or 0), entries, room)
            return True

    def get(
        self, prompt: str, *, model: str, context: Any = None, max_age: float | None = None
    ) -> CachedResponse | None:
        """The response to exactly this, or None; the use is counted, where the store can be written.

        Args:
            prompt, model, context: as they were put.
            max_age: seconds; one that was put longer ago is none.

        Raises:
            InvalidInput: a value is wrong.
        """
        from hstore.models.caches import CachedResponse

        digest, too_old = self._digest(prompt, model, context), self._too_old(max_age)
        row = self._connection.row(GET, (digest,))
        if row is None or row[5] <= too_old:
            return None
        counted = self._count_use(row[0])
        return CachedResponse._make((*row[:4], row[4] + counted, to_datetime(row[5])))

    def list(
        self,
        *,
        model: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[ResponseEntry]:
        """What is kept, newest first, without the responses.

        Args:
            model: only this one's.
            since, until: bounds of when it was put.
            limit: at most so many.
            after: the last id seen.
        """
        from hstore.models.caches import ResponseEntry

        found = (
            Filters()
            .add("model =", self._door.optional("model", model))
            .newest(
                *(self._connection, SELECT, "response_cache", "created_at"),
                since=since,
                until=until,
                limit=limit,
                after=after,
            )
        )
        return [ResponseEntry._make((*row[:6], to_datetime(row[6]), to_datetime(row[7]))) for row in found]

    def _digest(self, prompt: str, model: str, context: Any) -> bytes:
        for field, value in (("prompt", prompt), ("model", model)):
            if not isinstance(value, str):
                raise InvalidInput(f"{field}: text (str), not {type(value).__name__}")
        return self._door.digest("context", [fitting(model), fitting(prompt), context])
