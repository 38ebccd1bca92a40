"""Run steps: the named parts of a run, each with its status, times and figures."""

from __future__ import annotations

from hstore.clock import from_time, now, optional_datetime, to_datetime
from hstore.door import NAME_LIMIT
from hstore.errors import InvalidInput, NotFound
from hstore.listing import identifier, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models import Step

ENDED = ("ok", "failed", "skipped")

START = """
    INSERT INTO run_steps (run_id, name, status, started_at)
    SELECT id, $1, 'running', $2 FROM runs WHERE id = $3
    RETURNING id
"""
FINISH = """
    UPDATE run_steps SET status = $1, finished_at = $2, stats = $3 WHERE id = $4 AND status = 'running'
    RETURNING id
"""
OF_RUN = """
    SELECT id, run_id, name, status, started_at, finished_at, stats FROM run_steps WHERE run_id = $1 ORDER BY id
"""


class Steps:
    """The table of steps."""

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door

    def start(self, run: int, name: str, started_at: datetime | float | None = None) -> int:
        """Add a running step and return its id.

        Raises:
            NotFound: there is no such run.
        """
        name = self._door.text("name", name, NAME_LIMIT)
        if not name:
            raise InvalidInput("name: empty")
        start = now() if started_at is None else from_time("started_at", started_at)
        made = self._connection.write(START, (name, start, identifier("run", run)))
        if not made:
            raise NotFound(f"run: there is no run {run}")
        return int(made[0][0])

    def finish(
        self, step: int, status: str = "ok", *, stats: Any = None, finished_at: datetime | float | None = None
    ) -> None:
        """End a running step as ok, failed or skipped, with figures as a JSON object.

        Raises:
            NotFound: there is no such step, or it has already ended.
        """
        if stats is not None and not isinstance(stats, dict):
            raise InvalidInput("stats: a dict of JSON values")
        row = (
            one_of("status", status, ENDED),
            now() if finished_at is None else from_time("finished_at", finished_at),
            None if stats is None else self._door.json("stats", stats),
            identifier("step", step),
        )
        if not self._connection.write(FINISH, row):
            raise NotFound(f"step: there is no running step {step}")

    def list(self, run: int) -> list[Step]:
        """The steps of a run, in their order."""
        from json import loads

        from hstore.models import Step

        return [
            Step._make((*row[:4], to_datetime(row[4]), optional_datetime(row[5]), loads(row[6] or "{}")))
            for row in self._connection.rows(OF_RUN, (identifier("run", run),))
        ]
