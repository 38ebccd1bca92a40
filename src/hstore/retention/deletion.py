"""Deleting a run, session, device or artifact that somebody names, with all that belongs to it."""

from __future__ import annotations

from hstore.engine.pacing import Pace
from hstore.errors import InvalidInput, NotFound
from hstore.liveness import is_alive
from hstore.retention.families import REMOVE_RUN, REMOVE_SESSION, Families

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hstore.engine import Connection

RUN_THERE = "SELECT 1 FROM runs WHERE id = $1"
SESSION_THERE = "SELECT 1 FROM sessions WHERE id = $1"
DEVICE_THERE = "SELECT 1 FROM devices WHERE id = $1"
ARTIFACT_RUN = "SELECT run_id, complete FROM artifacts WHERE id = $1"
# The plus keeps SQLite from going through all runs of a session: few are running.
RUNNING = "SELECT id, owner FROM runs WHERE status = 'running' AND id = $1"
RUNNING_IN_SESSION = "SELECT id, owner FROM runs WHERE status = 'running' AND +session_id = $1"
RUNNING_ON_DEVICE = """
    SELECT id, owner FROM runs
    WHERE status = 'running' AND +session_id IN (
        SELECT s.id FROM sessions AS s JOIN devices AS d ON d.key = s.device WHERE d.id = $1)
"""
REMOVE_DEVICE = "DELETE FROM devices WHERE id = $1"


class Deletion:
    """What the nouns' `delete` does.

    It works in transactions of some milliseconds, the last of which deletes the row itself and writes the audit line;
    until then, and if it is interrupted, the row is there with what is left of it. Inside of a batch all of it is part
    of the batch.

    Args:
        connection: the store's.
        audit: writes a line: event, message, run.
        forget_sessions: sessions that are known may be gone.
    """

    def __init__(
        self,
        connection: Connection,
        audit: Callable[[str, str, int | None], object],
        forget_sessions: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._audit = audit
        self._forget_sessions = forget_sessions

    def artifact(self, artifact: int) -> None:
        """As `store.artifacts.delete`."""
        row = self._connection.row(ARTIFACT_RUN, (artifact,))
        if row is None:
            raise NotFound(f"artifact: there is no artifact {artifact}")
        if not row[1]:
            self._refuse_running("artifact", RUNNING, row[0], force=False)
        families = Families(self._connection)
        self._carry_out(
            families,
            families.of_artifact(artifact),
            lambda: self._audit("artifact.deleted", f"artifact {artifact} was deleted", row[0]),
        )

    def run(self, run: int, *, force: bool) -> None:
        """As `store.runs.delete`."""
        if not self._connection.row(RUN_THERE, (run,)):
            raise NotFound(f"run: there is no run {run}; `hstore log list` shows what there is")
        self._refuse_running("run", RUNNING, run, force)
        families = Families(self._connection)

        def last() -> None:
            self._connection.write(REMOVE_RUN, (run,))
            self._audit("run.deleted", f"run {run} was deleted with all that it left", run)

        self._carry_out(families, families.of_run(run), last)

    def session(self, session: int, *, force: bool) -> None:
        """As `store.sessions.delete`."""
        if not self._connection.row(SESSION_THERE, (session,)):
            raise NotFound(f"session: there is no session {session}")
        self._refuse_running("session", RUNNING_IN_SESSION, session, force)
        families = Families(self._connection)

        def last() -> None:
            self._connection.write(REMOVE_SESSION, (session,))
            self._audit("session.deleted", f"session {session} was deleted with all that was done in it", None)

        try:
            self._carry_out(families, families.of_session(session), last)
        finally:
            self._forget_sessions()

    def device(self, device: int, *, force: bool) -> None:
        """As `store.devices.delete`."""
        if not self._connection.row(DEVICE_THERE, (device,)):
            raise NotFound(f"device: there is no device {device}")
        self._refuse_running("device", RUNNING_ON_DEVICE, device, force)
        families = Families(self._connection)

        def last() -> None:
            self._connection.write(REMOVE_DEVICE, (device,))
            self._audit("device.deleted", f"device {device} was deleted with all that it did", None)

        try:
            self._carry_out(families, families.of_device(device), last)
        finally:
            self._forget_sessions()

    def _carry_out(self, families: Families, steps: Iterator[None], last: Callable[[], object]) -> None:
        def all_steps() -> Iterator[None]:
            yield from steps
            last()

        Pace(self._connection).carry_out(all_steps())
        families.content.close_up()

    def _refuse_running(self, field: str, running: str, number: int, force: bool) -> None:
        if force:
            return
        for run, owner in self._connection.rows(running, (number,)):
            if owner is None or is_alive(owner):
                raise InvalidInput(f"{field}: run {run} is still running; end it first, or give force=True")
