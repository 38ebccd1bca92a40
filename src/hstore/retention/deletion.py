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
        run, complete = row
        if not complete:
            for number in self._running(RUNNING, run):
                raise InvalidInput(f"artifact: it may still be written, since run {number} is still running")
        families = Families(self._connection)
        self._carry_out(
            families,
            families.of_artifact(artifact),
            lambda: self._is_there(ARTIFACT_RUN, artifact),
            lambda: self._audit("artifact.deleted", f"artifact {artifact} was deleted", run),
        )

    def run(self, run: int, *, force: bool) -> None:
        """As `store.runs.delete`."""
        if not self._is_there(RUN_THERE, run):
            raise NotFound(f"run: there is no run {run}; `hstore log list` shows what there is")
        families = Families(self._connection)

        def last() -> None:
            self._connection.write(REMOVE_RUN, (run,))
            self._audit("run.deleted", f"run {run} was deleted with all that it left", run)

        may_go = self._question("run", RUN_THERE, RUNNING, run, force)
        self._carry_out(families, families.of_run(run), may_go, last)

    def session(self, session: int, *, force: bool) -> None:
        """As `store.sessions.delete`."""
        if not self._is_there(SESSION_THERE, session):
            raise NotFound(f"session: there is no session {session}")
        families = Families(self._connection)

        def last() -> None:
            self._connection.write(REMOVE_SESSION, (session,))
            self._audit("session.deleted", f"session {session} was deleted with all that was done in it", None)

        may_go = self._question("session", SESSION_THERE, RUNNING_IN_SESSION, session, force)
        try:
            self._carry_out(families, families.of_session(session), may_go, last)
        finally:
            self._forget_sessions()

    def device(self, device: int, *, force: bool) -> None:
        """As `store.devices.delete`."""
        if not self._is_there(DEVICE_THERE, device):
            raise NotFound(f"device: there is no device {device}")
        families = Families(self._connection)

        def last() -> None:
            self._connection.write(REMOVE_DEVICE, (device,))
            self._audit("device.deleted", f"device {device} was deleted with all that it did", None)

        may_go = self._question("device", DEVICE_THERE, RUNNING_ON_DEVICE, device, force)
        try:
            self._carry_out(families, families.of_device(device), may_go, last)
        finally:
            self._forget_sessions()

    def _carry_out(
        self,
        families: Families,
        steps: Iterator[None],
        may_go: Callable[[], bool],
        last: Callable[[], object],
    ) -> None:
        """Take the steps, and then the last one, unless somebody else who deletes the same has taken that.

        Whether it may go is asked in each transaction: a run may have begun in between.
        """
        connection = self._connection

        def all_steps() -> Iterator[None]:
            asked = -1
            is_done = False
            while not is_done:
                if connection.begun != asked:
                    asked = connection.begun
                    if not may_go():
                        return
                is_done = bool(next(steps, True))
                if not is_done:
                    yield
            last()

        Pace(connection).carry_out(all_steps())
        families.content.close_up()

    def _is_there(self, there: str, number: int) -> bool:
        return self._connection.row(there, (number,)) is not None

    def _question(self, field: str, there: str, running: str, number: int, force: bool) -> Callable[[], bool]:
        """What says whether it is still there, and raises if something in it is running."""

        def may_go() -> bool:
            if not self._is_there(there, number):
                return False
            if not force:
                for run in self._running(running, number):
                    raise InvalidInput(f"{field}: run {run} is still running; end it first, or force it")
            return True

        return may_go

    def _running(self, running: str, number: int) -> Iterator[int]:
        """The runs whose recorders live."""
        for run, owner in self._connection.rows(running, (number,)):
            if owner is None or is_alive(owner):
                yield run
