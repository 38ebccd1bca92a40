"""The verbs of `store.runs`: a row for each execution, written when it is over or at its start and its end."""

from __future__ import annotations

from itertools import islice, repeat

from hstore.clock import from_seconds, from_time, now, optional_datetime, to_datetime
from hstore.domains.runs.rows import RunRows, ended, exit_columns, status_of, with_json
from hstore.errors import InvalidInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from hstore.domains.steps import RunningStep, Steps
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.engine.connection import Value
    from hstore.models import Reference, Run, Step

STATUSES = ("running", "ok", "failed", "killed", "lost")

ADD = """
    INSERT INTO runs (id, project_id, session_id, key, name, app, cmdline, argv, cwd, git_sha, config_hash, pid, owner,
                      started_at, finished_at, duration, exit_code, signal, status)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""
ADD_ENDED = """
    INSERT INTO runs (id, project_id, session_id, app, cmdline, argv, cwd, started_at, finished_at, duration, exit_code,
                      status)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
SELECT = """
    SELECT r.id, r.key, r.name, r.app, r.cmdline, r.argv, s.key, r.cwd, r.git_sha, r.config_hash, r.pid,
           r.started_at, r.finished_at, r.duration, r.exit_code, r.signal, r.status, r.owner
    FROM runs AS r LEFT JOIN sessions AS s ON s.id = r.session_id
"""
BY_ID = SELECT + " WHERE r.id = $1"
STATE = "SELECT status, started_at FROM runs WHERE id = $1"
FINISH = """
    UPDATE runs SET finished_at = $1, duration = $2, exit_code = $3, signal = $4, status = $5, owner = NULL
    WHERE id = $6
"""
# Whoever was at them does not end them any more.
FAIL_STEPS = "UPDATE run_steps SET status = 'failed', finished_at = $1 WHERE run_id = $2 AND status = 'running'"
# The newest run of a session tells when that was last used, as it stands; what another run tells is to be noted.
TOUCH_SESSION = """
    UPDATE sessions SET last_active_at = $1 WHERE id = (SELECT session_id FROM runs WHERE id = $2)
        AND last_active_at < $1 AND EXISTS (SELECT 1 FROM runs WHERE session_id = sessions.id AND id > $2)
"""
RUNNING = "SELECT id, owner FROM runs WHERE status = 'running' AND owner IS NOT NULL ORDER BY id"
LOSE = "UPDATE runs SET status = 'lost' WHERE id = $1 AND status = 'running'"
STILL_RUNNING = "r.status = 'running' AND r.id NOT IN (SELECT value FROM json_each("
LOST = "(r.status = 'lost' OR r.id IN (SELECT value FROM json_each("
ID_OF_KEY = "SELECT id FROM runs WHERE key = $1"
STARTING_WITH = """
    SELECT id, coalesce(key, name, app) FROM runs
    WHERE substr(key, 1, length($1)) = $1 OR substr(name, 1, length($1)) = $1 OR substr(app, 1, length($1)) = $1
    ORDER BY id DESC LIMIT 6
"""


class Runs:
    """`store.runs`: get, list, latest, finish, and the steps of a run."""

    def __init__(
        self,
        connection: Connection,
        door: Door,
        steps: Callable[[], Steps],
        project: Callable[[], int],
        known_project: Callable[[], int | None],
        session_id: Callable[[Reference | None], int | None],
        delete: Callable[[int, bool], None],
    ) -> None:
        self._connection = connection
        self._door = door
        self._rows = RunRows(door)
        self._steps = steps
        self._project = project
        self._known_project = known_project
        self._session_id = session_id
        self._delete = delete

    def record(
        self,
        app: str,
        cmdline: str | Sequence[str],
        *,
        session: Reference | None = None,
        name: str | None = None,
        key: str | None = None,
        cwd: str | os.PathLike[str] | None = None,
        started_at: datetime | float | None = None,
        duration: float | None = None,
        exit_code: int | None = None,
        signal: int | None = None,
        git_sha: str | None = None,
        config: Any = None,
        pid: int | None = None,
    ) -> int:
        """As `Store.record_run`."""
        if signal is None and name is None and key is None and git_sha is None and config is None and pid is None:
            project, columns = self._known_project(), ended(app, cmdline, cwd, started_at, duration, exit_code)
            if project is not None and columns is not None:
                number = self._session_id(session)
                if self._connection.in_transaction:
                    row = (project, number, *columns)
                    return self._connection.append_behind("runs", ADD_ENDED, row, len(columns[1]), self._rows.finished)
                if self._rows.is_plain(columns):
                    try:
                        return self._connection.append(ADD_ENDED, with_json((None, project, number, *columns)))
                    except InvalidInput:
                        pass  # what was known of session or project no longer holds: find out which
        row = self._rows.row(
            app, cmdline, name, key, cwd, started_at, duration, exit_code, signal, git_sha, config, pid
        )
        return self._add(session, row)

    def record_many(self, runs: Iterable[Mapping[str, Any]]) -> Sequence[int]:
        """As `Store.record_runs`: all are checked and masked before the write lock is taken."""
        try:
            given = iter(runs)
        except TypeError:
            raise InvalidInput("runs: mappings with the arguments of record_run") from None
        from hstore.domains.runs.columns import BLOCK, block_columns

        parts: list[tuple[int, Sequence[Iterable[Value]] | None, Any]] = []
        position = 0
        while block := list(islice(given, BLOCK)):
            columns = block_columns(self._door, block)
            parts.append((len(block), columns, None if columns is not None else self._checked(block, position)))
            position += len(block)
        found: list[int] = []
        with self._connection.transaction():
            for count, columns, rows in parts:
                if columns is not None:
                    shared = (repeat(self._project()), repeat(self._session_id(None)))
                    found.extend(self._connection.append_many("runs", ADD_ENDED, count, (*shared, *columns)))
                else:
                    self._add_checked(rows, found)
        return found

    def _checked(self, block: Sequence[Mapping[str, Any]], first: int) -> Sequence[tuple[Reference | None, Any]]:
        rows = []
        for position, run in enumerate(block, first):
            try:
                rows.append((run.get("session"), self._rows.row(**_without_session(run))))
            except (InvalidInput, TypeError, AttributeError) as refused:
                raise InvalidInput(f"runs[{position}]: {refused}") from None
        return rows

    def _add_checked(self, rows: Iterable[tuple[Reference | None, Any]], found: list[int]) -> None:
        for session, row in rows:
            try:
                found.append(self._add(session, row))
            except (InvalidInput, NotFound) as refused:
                raise type(refused)(f"runs[{len(found)}]: {refused}") from None

    def _add(self, session: Reference | None, row: tuple[Value, ...]) -> int:
        """Write a row whose columns from `key` on are given; alone it is a transaction of one statement."""
        connection = self._connection
        project = self._known_project()
        if project is not None and (row[0] is None or not connection.in_transaction):
            number = self._session_id(session)
            try:
                return connection.append_behind("runs", ADD, (project, number, *row), len(row[3]))  # type: ignore[arg-type] # the command line
            except InvalidInput:
                if connection.in_transaction:
                    raise
                # The key is taken, or what was known of session or project no longer holds: find out which.
        with connection.transaction():
            if row[0] is not None and (taken := connection.value(ID_OF_KEY, (row[0],))):
                raise InvalidInput(f"key: run {taken} has it already")
            return connection.append(ADD, (None, self._project(), self._session_id(session), *row))

    def finish(
        self,
        run: int,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        finished_at: datetime | float | None = None,
        duration: float | None = None,
    ) -> None:
        """Note that a run that was recorded as running is over; steps of it that still run have failed with that."""
        end = now() if finished_at is None else from_time("finished_at", finished_at)
        code, number = exit_columns(exit_code, signal)
        with self._connection.transaction():
            state = self._connection.row(STATE, (_id(run),))
            if state is None:
                raise _unknown(run)
            if state[0] not in ("running", "lost"):
                raise InvalidInput(f"run: {run} has already ended as {state[0]}")
            length = max(0, end - state[1]) if duration is None else from_seconds("duration", duration)
            self._connection.write(FINISH, (end, length, code, number, status_of(code, number), run))
            self._connection.write(FAIL_STEPS, (end, run))
            self._connection.write(TOUCH_SESSION, (end, run))

    def get(self, run: int) -> Run:
        """The run of that id.

        Raises:
            NotFound: there is none.
        """
        row = self._connection.row(BY_ID, (_id(run),))
        if row is None:
            raise _unknown(run)
        return _run(row)

    def list(
        self,
        *,
        app: str | None = None,
        status: str | None = None,
        session: Reference | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Run]:
        """Runs, newest first, that fit every filter given.

        Args:
            app: the program's name.
            status: running, ok, failed, killed or lost.
            session: a session, its key or its id.
            since, until: bounds of the time they started, the second exclusive.
            limit: rows at most; None for all.
            after: id of the last run seen: the page behind it.
        """
        from hstore.listing import Filters, one_of

        filters = (
            Filters()
            .add("r.app =", self._door.optional("app", app))
            .add("r.session_id =", None if session is None else self._session_id(session))
            .between("r.started_at", since, until)
        )
        if status in ("running", "lost"):
            # A recorder that died could not write down that its run is lost; that is found out here.
            dead = "[" + ",".join(str(number) for number in self._dead()) + "]"
            condition, closing = (STILL_RUNNING, "))") if status == "running" else (LOST, ")))")
            filters.add(condition, dead, closing)
        else:
            filters.add("r.status =", None if status is None else one_of("status", status, STATUSES))
        return [_run(row) for row in self._connection.rows(*filters.statement(SELECT, "r.id", limit, after))]

    def latest(self, *, app: str | None = None, session: Reference | None = None) -> Run | None:
        """The run that was recorded last, or None."""
        newest = self.list(app=app, session=session, limit=1)
        return newest[0] if newest else None

    @staticmethod
    def config_hash(config: Any) -> str:
        """The hash that a run with this configuration has: SHA-256, in hex, of its canonical JSON (RFC 8785).

        Raises:
            InvalidInput: it is not JSON.
        """
        from hstore.domains.runs.configuration import config_hash

        return config_hash(config)

    def steps(
        self,
        run: int,
        *,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> Sequence[Step]:
        """The steps of a run, in their order: the oldest first, all of them unless `limit` says how many.

        A step that still ran when its run lost its recorder is lost as well.

        Args:
            run: id of the run.
            since, until: bounds of the time they started, the second exclusive.
            limit: steps at most.
            after: id of the last step seen: the page behind it.
        """
        return self._steps().list(run, since=since, until=until, limit=limit, after=after)

    def step(self, run: int, name: str) -> RunningStep:
        """A step as a block: `with store.runs.step(run, "build") as step:`; steps may nest.

        It ends as ok, as skipped after `step.skip()`, and as failed by an exception, which goes through unchanged.
        `step.stats` is a dict for its figures: `step.stats["files"] = 3`. In a batch that is rolled back, the step is
        rolled back too. If this process dies in the block, the step is lost with its run.

        Raises, when the block begins:
            NotFound: there is no such run. InvalidInput: the run is over, or the name is empty.
        """
        return self._steps().block(run, name)

    def step_start(self, run: int, name: str, *, started_at: datetime | float | None = None) -> int:
        """Add a running step to a run, also to one that is over, and return the step's id."""
        return self._steps().start(run, name, started_at)

    def step_finish(
        self, step: int, status: str = "ok", *, stats: Any = None, finished_at: datetime | float | None = None
    ) -> None:
        """End a running step as ok, failed or skipped, with figures as a dict of JSON values."""
        self._steps().finish(step, status, stats=stats, finished_at=finished_at)

    def delete(self, run: int, *, force: bool = False) -> None:
        """Delete a run with its steps and artifacts; references to wiki pages and lines of the audit log stay.

        It works in transactions of some milliseconds; interrupted, it is called again. In a batch it is part of that.

        Args:
            run: id of the run.
            force: also if it is still running.

        Raises:
            NotFound: there is none. InvalidInput: it is still running.
        """
        from hstore.listing import truth

        self._delete(_id(run), bool(truth("force", force)))

    def resolve(self, text: str) -> Run:
        """The run that a person means: `latest`, an id, a key, or a prefix of one key, name or app.

        Raises:
            NotFound: there is none. InvalidInput: there are several; the message lists the newest.
        """
        if text == "latest":
            newest = self.latest()
            if newest is None:
                raise NotFound("run: nothing has been recorded yet; `hstore run -- COMMAND` records a command")
            return newest
        prefix = self._door.key("run", text)
        exact = self._connection.value(ID_OF_KEY, (prefix,))
        if exact is not None:
            return self.get(exact)
        if prefix.isascii() and prefix.isdigit() and len(prefix) < 19 and self._is_run(int(prefix)):
            return self.get(int(prefix))
        found = self._connection.rows(STARTING_WITH, (prefix,))
        if not found:
            raise NotFound(f"run: nothing is called {prefix!r}; `hstore log list` shows what there is")
        if len(found) > 1:
            several = ", ".join(f"{row[0]} ({row[1]})" for row in found[:5])
            raise InvalidInput(f"run: {prefix!r} could be {several}{' and more' if len(found) > 5 else ''}; give an id")
        return self.get(found[0][0])

    def lose_dead(self) -> Sequence[int]:
        """Write down that runs whose recorder died are lost; return their ids."""
        dead = self._dead()
        if dead:
            self._connection.write_many(LOSE, [(number,) for number in dead])
        return dead

    def _is_run(self, number: int) -> bool:
        return number > 0 and self._connection.row(STATE, (number,)) is not None

    def _dead(self) -> Sequence[int]:
        from hstore.liveness import is_alive

        return [number for number, owner in self._connection.rows(RUNNING) if not is_alive(owner)]


def _without_session(run: Mapping[str, Any]) -> Mapping[str, Any]:
    if "session" not in run:
        return run
    return {name: value for name, value in run.items() if name != "session"}


def _id(run: int) -> int:
    from hstore.listing import identifier

    return identifier("run", run)


def _unknown(run: int) -> NotFound:
    return NotFound(f"run: there is no run {run}; `hstore log list` shows what there is")


def _run(row: tuple[Any, ...]) -> Run:
    from hstore.models import Run

    status, owner = row[16], row[17]
    if status == "running" and owner is not None:
        from hstore.liveness import is_alive

        status = status if is_alive(owner) else "lost"
    argv = None
    if row[5] is not None:
        from json import loads

        argv = tuple(loads(row[5]))
    duration = None if row[13] is None else row[13] / 1_000_000
    times = (to_datetime(row[11]), optional_datetime(row[12]), duration)
    return Run._make((*row[:5], argv, *row[6:11], *times, row[14], row[15], status))
