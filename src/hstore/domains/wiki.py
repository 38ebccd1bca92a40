"""Wiki references: which page was consulted, and which passage of it, in which session or run."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.door import NAME_LIMIT, TEXT_LIMIT
from hstore.errors import NotFound
from hstore.listing import Filters, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Reference, WikiRef

ADD = """
    INSERT INTO wiki_refs (session_id, run_id, title, selection, created_at) VALUES ($1, $2, $3, $4, $5)
    RETURNING id
"""
RUN = "SELECT 1 FROM runs WHERE id = $1"
SELECT = """
    SELECT w.id, s.key, w.run_id, w.title, w.selection, w.created_at
    FROM wiki_refs AS w LEFT JOIN sessions AS s ON s.id = w.session_id
"""


class WikiRefs:
    """`store.wiki`: add and list references."""

    def __init__(
        self, connection: Connection, door: Door, session_id: Callable[[Reference | None], int | None]
    ) -> None:
        self._connection = connection
        self._door = door
        self._session_id = session_id

    def add(
        self,
        title: str,
        selection: str | None = None,
        *,
        session: Reference | None = None,
        run: int | None = None,
    ) -> int:
        """Add a reference and return its id; without a session it belongs to the one of `HEIMDAL_SESSION`, if any.

        Raises:
            InvalidInput: an empty title. NotFound: an unknown session or run.
        """
        title = self._door.key("title", title, NAME_LIMIT)
        selection = self._door.optional("selection", selection, TEXT_LIMIT)
        positive("run", run)
        with self._connection.transaction():
            if run is not None and not self._connection.row(RUN, (run,)):
                raise NotFound(f"run: there is no run {run}")
            row = (self._session_id(session), run, title, selection, now())
            return self._connection.insert(ADD, row)

    def list(
        self,
        *,
        session: Reference | None = None,
        run: int | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[WikiRef]:
        """References that fit every filter, newest first.

        Args:
            session, run: of one of them.
            since, until: bounds of the moment when they were added.
            limit: how many at most; None: all.
            after: the last id seen.

        Raises:
            InvalidInput: a filter of the wrong type or range. NotFound: an unknown session.
        """
        from hstore.models import WikiRef

        filters = (
            Filters()
            .add("w.session_id =", None if session is None else self._session_id(session))
            .add("w.run_id =", positive("run", run))
            .between("w.created_at", since, until)
        )
        rows = self._connection.rows(*filters.statement(SELECT, "w.id", limit, after))
        return [WikiRef._make((*row[:5], to_datetime(row[5]))) for row in rows]
