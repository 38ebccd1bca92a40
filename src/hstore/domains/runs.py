"""Runs: one row for each execution, written once when it is over or at its start and again at its end."""

from __future__ import annotations

from hstore.clock import from_seconds, from_time, in_range, now, optional_datetime, to_datetime
from hstore.door import command_line, json_array
from hstore.errors import InvalidInput, NotFound
from hstore.listing import Filters, identifier, one_of, positive
from hstore.liveness import is_alive, this_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from hstore.domains.steps import Steps
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.engine.connection import Value
    from hstore.models import Reference, Run, Step

STATUSES = ("running", "ok", "failed", "killed", "lost")

ADD = """
    INSERT INTO runs (key, project_id, session_id, name, app, cmdline, argv, cwd, git_sha, config_hash, pid, owner,
                      started_at, finished_at, duration, exit_code, signal, status)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
    RETURNING id
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


_DEFAULTS: dict[str, Any] = dict.fromkeys(
    ("session", "name", "key", "cwd", "started_at", "duration", "exit_code", "signal", "git_sha", "config", "pid")
)


class Runs:
    """`store.runs`: get, list, latest, finish, and the steps of a run."""

    def __init__(
        self,
        connection: Connection,
        door: Door,
        steps: Steps,
        project: Callable[[], int],
        session_id: Callable[[Reference | None], int | None],
    ) -> None:
        self._connection = connection
        self._door = door
        self._steps = steps
        self._project = project
        self._session_id = session_id

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
        row = self._row(
            app, cmdline, session, name, key, cwd, started_at, duration, exit_code, signal, git_sha, config, pid
        )
        with self._connection.transaction():
            return self._add(row)

    def record_many(self, runs: Iterable[Mapping[str, Any]]) -> Sequence[int]:
        """As `Store.record_runs`: all are checked and masked before the write lock is taken."""
        try:
            given = enumerate(runs)
        except TypeError:
            raise InvalidInput("runs: mappings with the arguments of record_run") from None
        rows = []
        for position, run in given:
            try:
                rows.append(self._row(**{**_DEFAULTS, **run}))
            except (InvalidInput, TypeError) as refused:
                raise InvalidInput(f"runs[{position}]: {refused}") from None
        found = []
        with self._connection.transaction():
            for position, row in enumerate(rows):
                try:
                    found.append(self._add(row))
                except (InvalidInput, NotFound) as refused:
                    raise type(refused)(f"runs[{position}]: {refused}") from None
        return found

    def _row(
        self,
        app: str,
        cmdline: str | Sequence[str],
        session: Reference | None,
        name: str | None,
        key: str | None,
        cwd: str | os.PathLike[str] | None,
        started_at: datetime | float | None,
        duration: float | None,
        exit_code: int | None,
        signal: int | None,
        git_sha: str | None,
        config: Any,
        pid: int | None,
    ) -> tuple[Reference | None, tuple[Value, ...]]:
        """Check and mask everything; return the session as given, and the columns but project and session."""
        door = self._door
        if isinstance(cmdline, str):
            line, argv = door.shortened("cmdline", cmdline), None
        else:
            words = door.words("cmdline", cmdline)
            line, argv = door.shortened("cmdline", command_line(words)), json_array(words)
        row = (
            None if key is None else door.key("key", key),
            door.optional("name", name),
            door.key("app", app),
            line,
            argv,
            door.path("cwd", cwd),
            door.optional("git_sha", git_sha),
            None if config is None else config_hash(config),
            positive("pid", pid),
            *_outcome(started_at, duration, exit_code, signal),
        )
        return session, row

    def _add(self, checked: tuple[Reference | None, tuple[Value, ...]]) -> int:
        session, row = checked
        if row[0] is not None and (taken := self._connection.value(ID_OF_KEY, (row[0],))):
            raise InvalidInput(f"key: run {taken} has it already")
        return self._connection.insert(ADD, (row[0], self._project(), self._session_id(session), *row[1:]))

    def finish(
        self,
        run: int,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        finished_at: datetime | float | None = None,
        duration: float | None = None,
    ) -> None:
        """Note that a run that was recorded as running is over."""
        end = now() if finished_at is None else from_time("finished_at", finished_at)
        code, number = _exit(exit_code, signal)
        with self._connection.transaction():
            state = self._connection.row(STATE, (identifier("run", run),))
            if state is None:
                raise _unknown(run)
            if state[0] not in ("running", "lost"):
                raise InvalidInput(f"run: {run} has already ended as {state[0]}")
            length = max(0, end - state[1]) if duration is None else from_seconds("duration", duration)
            self._connection.write(FINISH, (end, length, code, number, _status(code, number), run))

    def get(self, run: int) -> Run:
        """The run of that id.

        Raises:
            NotFound: there is none.
        """
        row = self._connection.row(BY_ID, (identifier("run", run),))
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
        filters = (
            Filters()
            .add("r.app =", self._door.optional("app", app))
            .add("r.session_id =", None if session is None else self._session_id(session))
            .add("r.started_at >=", None if since is None else from_time("since", since))
            .add("r.started_at <", None if until is None else from_time("until", until))
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

    def steps(self, run: int) -> Sequence[Step]:
        """The steps of a run, in their order."""
        return self._steps.list(run)

    def step_start(self, run: int, name: str, *, started_at: datetime | float | None = None) -> int:
        """Add a running step to a run and return the step's id."""
        return self._steps.start(run, name, started_at)

    def step_finish(
        self, step: int, status: str = "ok", *, stats: Any = None, finished_at: datetime | float | None = None
    ) -> None:
        """End a running step as ok, failed or skipped, with figures as a dict of JSON values."""
        self._steps.finish(step, status, stats=stats, finished_at=finished_at)

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
        return [number for number, owner in self._connection.rows(RUNNING) if not is_alive(owner)]


def config_hash(config: Any) -> str:
    """SHA-256, in hex, of the normalised configuration.

    Normalised: JSON with keys sorted by code point, `,` and `:` without spaces, every character beyond ASCII as
    itself, encoded as UTF-8. The configuration itself is not stored.

    Raises:
        InvalidInput: it is not JSON.
    """
    from hashlib import sha256
    from json import dumps

    try:
        text = dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return sha256(text.encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("config: a JSON value (no NaN, no lone surrogates, keys of one type)") from None


def _outcome(
    started_at: datetime | float | None, duration: float | None, exit_code: int | None, signal: int | None
) -> tuple[Value, ...]:
    """Columns from `owner` to `status`: a run without an end is running, and belongs to this process."""
    code, number = _exit(exit_code, signal)
    length = None if duration is None else from_seconds("duration", duration)
    start = None if started_at is None else from_time("started_at", started_at)
    if code is None and length is None:
        return (this_process(), now() if start is None else start, None, None, None, None, "running")
    if start is None:
        start = in_range("duration", now() - (length or 0))
    end = now() if length is None else in_range("duration", start + length)
    return (None, start, end, length, code, number, _status(code, number))


def _exit(exit_code: int | None, signal: int | None) -> tuple[int | None, int | None]:
    """Exit code as a shell shows it (128+N for a signal) and the signal's number; -N is a signal too."""
    if exit_code is not None and (type(exit_code) is bool or not isinstance(exit_code, int)):
        raise InvalidInput("exit_code: a whole number")
    if exit_code is not None and not -(1 << 31) <= exit_code < 1 << 32:
        raise InvalidInput("exit_code: beyond 32 bits")
    if positive("signal", signal) is not None and signal is not None and signal > 255:
        raise InvalidInput("signal: a signal's number, up to 255")
    if signal is None and exit_code is not None and -65 < exit_code < 0:
        signal = -exit_code
    if signal is not None:
        return 128 + signal, signal
    return exit_code, None


def _status(exit_code: int | None, signal: int | None) -> str:
    if signal is not None:
        return "killed"
    return "failed" if exit_code else "ok"


def _unknown(run: int) -> NotFound:
    return NotFound(f"run: there is no run {run}; `hstore log list` shows what there is")


def _run(row: tuple[Any, ...]) -> Run:
    from hstore.models import Run

    status, owner = row[16], row[17]
    if status == "running" and owner is not None and not is_alive(owner):
        status = "lost"
    argv = None
    if row[5] is not None:
        from json import loads

        argv = tuple(loads(row[5]))
    duration = None if row[13] is None else row[13] / 1_000_000
    times = (to_datetime(row[11]), optional_datetime(row[12]), duration)
    return Run._make((*row[:5], argv, *row[6:11], *times, row[14], row[15], status))
