"""The store's side of a recorded run: opens late, commits in bounded steps, and turns every failure into one warning.

Nothing in here may disturb the command. So every call that the relay makes returns soon, whatever another
process does with the file: waiting for its lock is cut into short tries, between which the command's bytes
are passed on, and what could not be written yet is kept, up to a bound.
"""

from __future__ import annotations

import os
import time

from hstore.errors import Busy, HstoreError
from hstore.recorder._git import head_commit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.domains.artifacts import ArtifactWriter
    from hstore.store import Store

COMMIT_SECONDS = 0.2
"""How soon after its arrival a byte is committed."""
HELD_BYTES = 32 << 20
"""How much is kept while another process holds the lock."""
LAST_TRY_SECONDS = 5.0
"""How long the end of a run is tried to be committed."""
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

    def __init__(self, path: str | os.PathLike[str] | None, started: Started, warn: Callable[[str], None]) -> None:
        self._path = path
        self._started = started
        self._warn = warn
        self._store: Store | None = None
        self._run = 0
        self._writers: dict[str, ArtifactWriter] = {}
        self._backlog: list[tuple[str, bytes, int]] = []
        self._backlog_bytes = 0
        self._given_up = False
        self._due: float | None = time.monotonic()  # the run itself is to be seen by others at once
        self._rest_until = 0.0

    def write(self, name: str, data: bytes, at: int) -> None:
        """Take over `data` of the output `name`, read `at` microseconds since the epoch."""
        if self._given_up:
            return
        if self._run:
            self._writers[name].write(data, at)
        else:
            self._backlog.append((name, data, at))
            self._backlog_bytes += len(data)
        if self._due is None:
            self._due = time.monotonic() + COMMIT_SECONDS

    def patience(self) -> float | None:
        """Seconds until `tick` has something to do; None while there is nothing."""
        return None if self._due is None else max(self._due, self._rest_until) - time.monotonic()

    def tick(self) -> None:
        """Commit what is due; what another process's lock prevents stays due."""
        if self._given_up or self._due is None:
            return
        now = time.monotonic()
        if now < self._rest_until or (now < self._due and not self._is_full()):
            return
        try:
            self._commit()
            self._due = time.monotonic() + COMMIT_SECONDS if self._held() else None
        except Busy as busy:
            self._rest_until = time.monotonic() + _REST_SECONDS
            if self._held() >= HELD_BYTES:
                self._give_up(busy)
        except Exception as error:
            self._give_up(error)

    def finish(self, ended: Ended, impatient: Callable[[], bool]) -> None:
        """Record the end, waiting for a lock no longer than `impatient` allows, and close the store."""
        deadline = time.monotonic() + LAST_TRY_SECONDS
        while True:
            try:
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
        store = self._opened()
        if self._run:
            # Each in a transaction of its own: masking and compressing then happen outside of the lock.
            for writer in self._writers.values():
                if writer.pending:
                    writer.step()
            return
        with store.batch():
            run, writers = self._begun(store)
        self._keep(run, writers)

    def _finish(self, ended: Ended) -> None:
        if self._given_up and not self._run:
            return
        store = self._opened()
        while self._run and self._is_full():
            self._commit()
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
        writers = {name: store.artifacts.writer(run, "log", name=name) for name in started.outputs}
        for name, data, at in self._backlog:
            writers[name].write(data, at)
        return run, writers

    def _keep(self, run: int, writers: dict[str, ArtifactWriter]) -> None:
        self._run, self._writers = run, writers
        self._backlog.clear()
        self._backlog_bytes = 0

    def _held(self) -> int:
        return self._backlog_bytes + sum(writer.pending for writer in self._writers.values())

    def _is_full(self) -> bool:
        return any(writer.due for writer in self._writers.values())

    def _give_up(self, error: Exception) -> None:
        if not self._given_up:
            self._given_up = True
            self._due = None
            self._backlog.clear()
            what = "this run is not recorded in full" if self._run else "this run is not recorded"
            self._warn(f"{what}: {_said(error)}")

    def _close(self) -> None:
        if self._store is not None:
            try:
                self._store.close()
            except Exception as error:
                self._give_up(error)


def _said(error: Exception) -> str:
    """The error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, HstoreError) and text else f"{type(error).__name__}: {text}"
