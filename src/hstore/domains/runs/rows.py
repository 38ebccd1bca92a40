"""What a caller says of a run, checked and masked, as the columns of its row."""

from __future__ import annotations

import os

from hstore.clock import from_seconds, from_time, in_range, now
from hstore.door import command_line, json_array
from hstore.errors import InvalidInput
from hstore.listing import positive
from hstore.liveness import this_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine.connection import Value

SHORT = 256
"""Characters of a key that cannot be too long, whatever they are."""
SECOND = 1_000_000
FAR = 1e11
"""Seconds after the epoch, in the year 5138: a time or duration below needs no closer look."""


class RunRows:
    """Makes the columns from `key` on, which `ADD` names in this order."""

    __slots__ = ("_door",)

    def __init__(self, door: Door) -> None:
        self._door = door

    def row(
        self,
        app: str,
        cmdline: str | Sequence[str],
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
    ) -> tuple[Value, ...]:
        """Check and mask everything: the columns from `key` on."""
        return (
            *self._texts(app, cmdline, name, key, cwd, git_sha),
            None if config is None else config_hash(config),
            None if pid is None else positive("pid", pid),
            *outcome(started_at, duration, exit_code, signal),
        )

    def _texts(
        self,
        app: str,
        cmdline: str | Sequence[str],
        name: str | None,
        key: str | None,
        cwd: str | os.PathLike[str] | None,
        git_sha: str | None,
    ) -> tuple[str | None, ...]:
        """Check and mask the texts: columns `key` to `git_sha`. Nearly always one call says that all may stay."""
        if type(cmdline) is str:
            texts, nuls, words = [app, cmdline], 0, None
        elif isinstance(cmdline, (list, tuple)) and cmdline:
            words = cmdline
            try:
                texts, nuls = [app, command_line(words), "\0".join(words)], len(words) - 1
            except TypeError:
                return self._masked_texts(app, cmdline, name, key, cwd, git_sha)
        else:
            return self._masked_texts(app, cmdline, name, key, cwd, git_sha)
        line = texts[1]
        if cwd is not None:
            if type(cwd) is not str and isinstance(cwd, os.PathLike):
                cwd = os.fsdecode(cwd)
            texts.append(cwd)
        for text in (name, key, git_sha):
            if text is not None:
                texts.append(text)
        if not (self._door.are_plain(texts, nuls) and 0 < len(app) <= SHORT and (key is None or 0 < len(key) <= SHORT)):
            return self._masked_texts(app, cmdline, name, key, cwd, git_sha)
        return key, name, app, line, None if words is None else json_array(words), cwd, git_sha

    def _masked_texts(
        self,
        app: str,
        cmdline: str | Sequence[str],
        name: str | None,
        key: str | None,
        cwd: str | os.PathLike[str] | None,
        git_sha: str | None,
    ) -> tuple[str | None, ...]:
        """As `_texts`, one by one: what is wrong is named, and what is a secret masked."""
        door = self._door
        if isinstance(cmdline, str):
            line, argv = door.shortened("cmdline", cmdline), None
        else:
            words = door.words("cmdline", cmdline)
            line, argv = door.shortened("cmdline", command_line(words)), json_array(words)
        return (
            None if key is None else door.key("key", key),
            door.optional("name", name),
            door.key("app", app),
            line,
            argv,
            door.path("cwd", cwd),
            door.optional("git_sha", git_sha),
        )


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


def outcome(
    started_at: datetime | float | None, duration: float | None, exit_code: int | None, signal: int | None
) -> tuple[Value, ...]:
    """Columns from `owner` to `status`: a run without an end is running, and belongs to this process."""
    if signal is None and type(exit_code) is int and 0 <= exit_code < 256:
        code: int | None = exit_code
        number: int | None = None
        status = "failed" if exit_code else "ok"
    else:
        code, number = exit_columns(exit_code, signal)
        status = status_of(code, number)
    if type(duration) is float and 0.0 <= duration < FAR:
        length: int | None = round(duration * SECOND)
    else:
        length = None if duration is None else from_seconds("duration", duration)
    if type(started_at) is float and 0.0 <= started_at < FAR:
        start: int | None = round(started_at * SECOND)
    else:
        start = None if started_at is None else from_time("started_at", started_at)
    if code is None and length is None:
        return (this_process(), now() if start is None else start, None, None, None, None, "running")
    if start is None:
        start = in_range("duration", now() - (length or 0))
    end = now() if length is None else in_range("duration", start + length)
    return (None, start, end, length, code, number, status)


def exit_columns(exit_code: int | None, signal: int | None) -> tuple[int | None, int | None]:
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


def status_of(exit_code: int | None, signal: int | None) -> str:
    """How a run that ended so is called."""
    if signal is not None:
        return "killed"
    return "failed" if exit_code else "ok"
