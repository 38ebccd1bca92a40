"""Run steps: the named parts of a run, each with its status, times and figures."""

from __future__ import annotations

from time import perf_counter_ns

from hstore.clock import from_time, now, optional_datetime, to_datetime
from hstore.door import NAME_LIMIT
from hstore.errors import HstoreError, InvalidInput, NotFound, NotRecorded
from hstore.listing import ALL, identifier, one_of, period, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
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
RUN_STATUS = "SELECT status FROM runs WHERE id = $1"
# A clock that went back does not end a step before it began.
FINISH = """
    UPDATE run_steps
    SET status = $1, finished_at = CASE WHEN $2 < started_at THEN started_at ELSE $2 END, stats = $3
    WHERE id = $4 AND status = 'running'
    RETURNING id
"""
OF_RUN = """
    SELECT s.id, s.run_id, s.name, s.status, s.started_at, s.finished_at, s.stats, r.status, r.owner
    FROM run_steps AS s JOIN runs AS r ON r.id = s.run_id
    WHERE s.run_id = $1 AND s.id > $2 AND s.started_at >= $3 AND s.started_at < $4
    ORDER BY s.id LIMIT $5
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
        name = self._door.key("name", name, NAME_LIMIT)
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

    def block(self, run: int, name: str) -> RunningStep:
        """A step as a `with` block."""
        return RunningStep(self, run, name)

    def list(
        self,
        run: int,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> list[Step]:
        """The steps of a run, in their order."""
        bounds = (
            positive("after", after) or 0,
            *period(since, until),
            positive("limit", limit) or ALL,
        )
        return [_step(row) for row in self._connection.rows(OF_RUN, (identifier("run", run), *bounds))]

    def _start_now(self, run: int, name: str) -> int:
        """As `start`, for a run that still goes on."""
        with self._connection.transaction():
            status = self._connection.value(RUN_STATUS, (identifier("run", run),))
            if status not in (None, "running"):
                raise InvalidInput(f"run: {run} has already ended as {status}; no step of it can begin now")
            return self.start(run, name)


class RunningStep:
    """A step of a run as a `with` block, once; `stats` are its figures, written at its end."""

    def __init__(self, steps: Steps, run: int, name: str) -> None:
        self.id = 0
        self.stats: dict[str, Any] = {}
        self._steps = steps
        self._run = run
        self._name = name
        self._status = "ok"
        self._began = (0, 0)

    def skip(self) -> None:
        """Have the step end as skipped, if no exception makes it fail. The block goes on."""
        self._status = "skipped"

    def __enter__(self) -> RunningStep:
        if self.id:
            raise HstoreError("a step is entered once; call step() again for another")
        self.id = self._steps._start_now(self._run, self._name)
        self._began = (now(), perf_counter_ns())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        moment, count = self._began
        end = (moment + (perf_counter_ns() - count) // 1000) / 1e6
        status = self._status if kind is None else "failed"
        try:
            self._end(status, end)
        except HstoreError as refused:
            if kind is None:
                raise
            NotRecorded.warn(f"the end of a step was not recorded: {refused}", failing=True)

    def _end(self, status: str, end: float) -> None:
        try:
            self._steps.finish(self.id, status, stats=self.stats or None, finished_at=end)
        except InvalidInput:
            self._steps.finish(self.id, status, finished_at=end)  # its figures are no JSON; it is over all the same
            raise


def _step(row: tuple[Any, ...]) -> Step:
    from json import loads

    from hstore.models import Step

    status, run_status, owner = row[3], row[7], row[8]
    if status == "running":
        if run_status == "running" and owner is not None:
            from hstore.liveness import is_alive

            run_status = run_status if is_alive(owner) else "lost"
        status = "lost" if run_status == "lost" else status
    times = (to_datetime(row[4]), optional_datetime(row[5]))
    return Step._make((*row[:3], status, *times, loads(row[6] or "{}")))
