"""The store's side of a recorded run: opens late, commits in bounded steps, and turns every failure into one warning.

Nothing in here may disturb the command. So every call that the relay makes returns soon, whatever another
process does with the file: waiting for its lock is cut into short tries, between which the command's bytes
are passed on, and what could not be written yet is kept, up to a bound.

Little output is written by the thread that reads it. Where much comes, reading, passing on and masking go on there,
while a worker digests, compresses and writes what was masked before.
"""

from __future__ import annotations

import os
import time

from hstore.config import settings
from hstore.errors import Busy, HstoreError
from hstore.location import fallback_folders
from hstore.recorder._git import head_commit
from hstore.recorder._worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.domains.artifacts import ArtifactWriter
    from hstore.fallback.writing import FallbackFile
    from hstore.store import Store

COMMIT_SECONDS = 0.12
"""How soon after its arrival a byte is committed: with a follower's pause of 0.1 s it is seen within 0.25 s."""
GATHER_SECONDS = 0.01
"""How long the first byte after a pause waits for others: the lines of a slow command are seen at once."""
QUEUED_BYTES = 4 << 20
"""How much waits for a busy worker before the reading waits too; with less, each stalls at every pause of the other."""
HELD_BYTES = 32 << 20
"""How much is kept while another process holds the lock."""
ADOPT_SECONDS = 1.0
"""How long the end of a run is spent on files of earlier ones that could not be recorded."""
LAST_TRY_SECONDS = 5.0
"""How long the end of a run is tried to be committed."""
_ROOM_SECONDS = 0.05  # how long the relay waits at a time for the worker to catch up
_TRY_SECONDS = 0.1
_REST_SECONDS = 0.1


class Started:
    """What is known of a run when its command has started, in the directory of this process."""

    __slots__ = ("argv", "cwd", "git_sha", "name", "outputs", "pid", "started_at")

    def __init__(
        self,
        argv: Sequence[str],
        outputs: Sequence[str],
        *,
        name: str | None,
        pid: int | None,
        started_at: float,
    ) -> None:
        self.argv = argv
        self.outputs = outputs
        self.name = name
        self.cwd = _working_directory()
        self.git_sha = None if self.cwd is None else head_commit(self.cwd)
        self.pid = pid
        self.started_at = started_at


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # it was removed; the command can still run


class Ended:
    """How a command ended: by `exit_code`, or by `signal`, after `duration` seconds."""

    __slots__ = ("complete", "duration", "exit_code", "signal")

    def __init__(self, exit_code: int | None, signal: int | None, duration: float, *, complete: bool) -> None:
        self.exit_code = exit_code
        self.signal = signal
        self.duration = duration
        self.complete = complete


class Recording:
    """One run on its way into the store at `path`; `warn` is called once at most, where that fails."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        started: Started,
        limit: int | None,
        warn: Callable[[str], None],
    ) -> None:
        self._path = path
        self._limit = limit
        self._started = started
        self._warn = warn
        self._store: Store | None = None
        self._run = 0
        self._writers: dict[str, ArtifactWriter] = {}
        self._worker = Worker()
        self._backlog: list[tuple[str, bytes, int]] = []
        self._backlog_bytes = 0
        self._given_up = False
        self._fallback: FallbackFile | None = None
        self._due: float | None = time.monotonic()  # the run itself is to be seen by others at once
        self._committed = 0.0
        self._rest_until = 0.0

    def write(self, name: str, data: bytes, at: int) -> None:
        """Take over `data` of the output `name`, read `at` microseconds since the epoch."""
        if self._given_up:
            if self._fallback is not None:
                self._fallback.write(name, data)
            return
        if self._run:
            self._writers[name].write(data, at)
        else:
            self._backlog.append((name, data, at))
            self._backlog_bytes += len(data)
        if self._due is None:
            self._due = self._next_commit()

    def patience(self) -> float | None:
        """Seconds until `tick` has something to do; None while there is nothing."""
        if self._worker.busy:
            return COMMIT_SECONDS  # it may meet a lock
        return None if self._due is None else max(self._due, self._rest_until) - time.monotonic()

    def tick(self) -> None:
        """Commit what is due; what another process's lock prevents stays due."""
        if self._given_up or (self._worker.busy and not self._caught_up()):
            return
        try:
            self._worker.outcome()
            if self._is_time():
                self._commit()
        except Busy as busy:
            self._rest_until = time.monotonic() + _REST_SECONDS
            self._due = self._rest_until
            if self._held() >= HELD_BYTES:
                self._give_up(busy)
        except Exception as error:
            self._give_up(error)

    def _is_time(self) -> bool:
        if self._due is None:
            return False
        now = time.monotonic()
        if now < self._rest_until:
            return self._held() >= HELD_BYTES  # a last try, however soon
        return now >= self._due or self._is_full()

    def _caught_up(self) -> bool:
        """Whether the worker has finished; where much is kept already, that is worth waiting for.

        Not for long, as it may be waiting for a lock; but in the end the bytes must go somewhere.
        """
        if self._waiting() < QUEUED_BYTES:
            return False
        return self._worker.wait(_ROOM_SECONDS if self._held() < HELD_BYTES else LAST_TRY_SECONDS)

    def _next_commit(self) -> float:
        """When what has come now is to be committed: soon after a pause, else at a bounded rate."""
        return max(time.monotonic() + GATHER_SECONDS, self._committed + COMMIT_SECONDS)

    def finish(self, ended: Ended, impatient: Callable[[], bool]) -> None:
        """Record the end, waiting for a lock no longer than `impatient` allows, and close the store."""
        self._worker.wait()
        deadline = time.monotonic() + LAST_TRY_SECONDS
        while True:
            try:
                self._worker.outcome()
                self._finish(ended)
                break
            except Busy as busy:
                if time.monotonic() >= deadline or impatient():
                    self._give_up(busy)
                    break
            except Exception as error:
                self._give_up(error)
                self._finish_without_rest(ended)
                break
        self._close()
        if self._fallback is not None:
            self._fallback.finish(
                exit_code=ended.exit_code, signal=ended.signal, duration=ended.duration, complete=ended.complete
            )
        elif not self._given_up:
            self._adopt()

    def _finish_without_rest(self, ended: Ended) -> None:
        """Record at least how the run ended, where the last of its output could not be written: on a full disk, say."""
        try:
            if self._store is not None and self._run:
                for writer in self._writers.values():
                    writer.abandon()
                self._store.runs.finish(
                    self._run, exit_code=ended.exit_code, signal=ended.signal, duration=ended.duration
                )
        except HstoreError:
            pass  # that it could not be recorded has been said

    def _commit(self) -> None:
        """Commit what there is, or have the worker do it if that is much."""
        store = self._opened()
        self._committed = time.monotonic()
        if not self._run:
            with store.batch():
                run, writers = self._begun(store)
            self._keep(run, writers)
            self._due = self._next_commit() if self._held() else None
            return
        much = self._is_full()
        steps = self._cut()
        if much:
            self._worker.start(lambda: _all(steps))
        else:
            _all(steps)
        self._due = self._next_commit() if self._waiting() else None

    def _cut(self) -> list[Callable[[], None]]:
        """The steps to be made: each in a transaction of its own, as compressing then happens outside of the lock."""
        return [writer.step for writer in self._writers.values() if writer.cut()]

    def _finish(self, ended: Ended) -> None:
        if self._given_up and not self._run:
            return
        store = self._opened()
        while self._run and self._is_full():
            _all(self._cut())
        with store.batch():  # a short command is this one transaction altogether
            run, writers = (self._run, self._writers) if self._run else self._begun(store)
            for writer in writers.values():
                writer.close(complete=ended.complete and not self._given_up)
            store.runs.finish(run, exit_code=ended.exit_code, signal=ended.signal, duration=ended.duration)

    def _opened(self) -> Store:
        if self._store is None:
            from warnings import catch_warnings

            from hstore.store import Store

            with catch_warnings(record=True) as cautions:  # Python itself would print them amid the output
                self._store = Store.open(self._path, busy_timeout=_TRY_SECONDS)
            for caution in cautions:
                self._warn(str(caution.message))
        return self._store

    def _begun(self, store: Store) -> tuple[int, dict[str, ArtifactWriter]]:
        """Add the run and its outputs; kept by the caller once that is committed."""
        started = self._started
        run = store.record_run(
            os.path.basename(started.argv[0]) or started.argv[0] or "''",
            started.argv,
            name=started.name,
            cwd=started.cwd,
            git_sha=started.git_sha,
            pid=started.pid,
            started_at=started.started_at,
        )
        writers = {name: store.artifacts.writer(run, "log", name=name, limit=self._limit) for name in started.outputs}
        for name, data, at in self._backlog:
            writers[name].write(data, at)
        return run, writers

    def _keep(self, run: int, writers: dict[str, ArtifactWriter]) -> None:
        self._run, self._writers = run, writers
        self._backlog.clear()
        self._backlog_bytes = 0

    def _held(self) -> int:
        return self._backlog_bytes + sum(writer.pending for writer in self._writers.values())

    def _waiting(self) -> int:
        return sum(writer.waiting for writer in self._writers.values())

    def _is_full(self) -> bool:
        return any(writer.due for writer in self._writers.values())

    def _give_up(self, error: Exception) -> None:
        if not self._given_up:
            self._given_up = True
            self._due = None
            what, where = "this run is not recorded in full", ""
            if not self._run:
                what, where = "this run is not recorded", self._fall_back()
            self._backlog.clear()
            self._warn(f"{what}: {_said(error)}{where}")

    def _fall_back(self) -> str:
        """Keep the output in a file until a database takes it; say where, if that is possible."""
        from hstore.fallback.writing import FallbackFile

        started = self._started
        try:
            self._fallback = FallbackFile(
                self._path,
                started.argv,
                name=started.name,
                cwd=started.cwd,
                git_sha=started.git_sha,
                pid=started.pid,
                started_at=started.started_at,
                limit=self._limit,
            )
        except Exception:  # whatever it is: without a place, or a masker, nothing is kept
            return ""
        for name, data, _ in self._backlog:
            self._fallback.write(name, data)
        return f"; it waits in {self._fallback.path} for `hstore log adopt`"

    def _adopt(self) -> None:
        """Record what waited for this database, now that it takes something."""
        store = self._store
        if store is None or not any(map(os.path.isdir, fallback_folders(store.path, settings()))):
            return
        from hstore.fallback.adopting import adopt

        try:
            adopt(store.path, seconds=ADOPT_SECONDS)
        except Exception as error:
            self._warn(f"earlier output still waits for `hstore log adopt`: {_said(error)}")

    def _close(self) -> None:
        if self._store is not None:
            try:
                self._store.close()
            except Exception as error:
                self._give_up(error)


def _all(steps: list[Callable[[], None]]) -> None:
    for step in steps:
        step()


def _said(error: Exception) -> str:
    """The error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, HstoreError) and text else f"{type(error).__name__}: {text}"
