"""What a caller says of a run, checked and masked, as the columns of its row."""

from __future__ import annotations

import os

from hstore.clock import from_seconds, from_time, in_range, now
from hstore.door import command_line, json_array
from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine.connection import Value

    Ended = tuple[Any, ...]

SHORT = 128
"""Characters of a key that cannot be too long, whatever they are, nor become so when masked.

A mark has 49 characters at most, and what it stands for 8 with what tells it from its neighbours, or more: masked, a
text is less than eight times as long.
"""
SECOND = 1_000_000
LONG = 8192
"""As `SHORT`, for a command line or directory."""
AT_APP, AT_LINE, AT_ARGV, AT_CWD = 3, 4, 5, 6
"""Places in a row as `RunRows.finished` takes it, whose first three are id, project and session."""
FAR = 6e10
"""Seconds, 1901 years: a time or duration below needs no closer look, nor do their sum and the past by as much."""


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
            None if config is None else _config_hash(config),
            None if pid is None else _positive("pid", pid),
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

    def is_plain(self, columns: Ended) -> bool:
        """Whether nothing has to be masked in what `ended` gave."""
        app, line, words, cwd = columns[:4]
        texts = [app, line] if cwd is None else [app, line, cwd]
        if words is None:
            return self._door.are_plain(texts)
        texts.append("\0".join(words))
        return self._door.are_plain(texts, len(words) - 1)

    def finished(self, rows: Sequence[Ended]) -> Sequence[tuple[Value, ...]]:
        """Rows of runs as `ended` gives them, with id, project and session before: masked, words as JSON.

        Programs and directories repeat, so of many rows they are looked at once each.
        """
        texts = [*{row[AT_APP] for row in rows}, *{row[AT_CWD] for row in rows if row[AT_CWD] is not None}]
        texts += [row[AT_LINE] for row in rows]
        argvs = [row[AT_ARGV] for row in rows if row[AT_ARGV] is not None]
        texts += map("\0".join, argvs)
        found = self._door.to_mask(texts, sum(map(len, argvs)) - len(argvs))
        if found is None:
            return [self._finished(row) for row in rows]
        if not found:
            return list(map(with_json, rows)) if argvs else rows
        secret = frozenset(found)
        return [self._finished(row) if _has_any(row, secret) else with_json(row) for row in rows]

    def _finished(self, row: Ended) -> tuple[Value, ...]:
        words = row[AT_ARGV]
        _, _, app, line, argv, cwd, _ = self._texts(
            row[AT_APP], row[AT_LINE] if words is None else words, None, None, row[AT_CWD], None
        )
        return (*row[:AT_APP], app, line, argv, cwd, *row[AT_CWD + 1 :])


def ended(
    app: str,
    cmdline: str | Sequence[str],
    cwd: str | os.PathLike[str] | None,
    started_at: datetime | float | None,
    duration: float | None,
    exit_code: int | None,
) -> Ended | None:
    """The columns of `ADD_ENDED` from `app` on, not masked yet, with words as they are; None for what is unusual.

    What passes here can be masked at any later time without an error.
    """
    if type(exit_code) is not int or not 0 <= exit_code < 256:
        return None
    if type(app) is not str or not 0 < len(app) <= SHORT:
        return None
    words = None
    if type(cmdline) is str:
        line = cmdline
    elif (type(cmdline) is list or type(cmdline) is tuple) and cmdline:
        words = tuple(cmdline)
        try:
            line = command_line(words)
        except TypeError:
            return None
    else:
        return None
    if len(line) > LONG or (words is not None and len(words) > LONG):
        return None
    if cwd is not None and (type(cwd) is not str or len(cwd) > LONG):
        return None
    length = None
    if duration is not None:
        if type(duration) is not float or not 0.0 <= duration < FAR:
            return None
        length = round(duration * SECOND)
    if started_at is None:
        end = now()
        start = end - (length or 0)
    elif type(started_at) is float and 0.0 <= started_at < FAR:
        start = round(started_at * SECOND)
        end = now() if length is None else start + length
    else:
        return None
    return app, line, words, cwd, start, end, length, exit_code, "failed" if exit_code else "ok"


def with_json(row: Ended) -> Ended:
    """The row with its words as JSON."""
    words = row[AT_ARGV]
    return row if words is None else (*row[:AT_ARGV], json_array(words), *row[AT_CWD:])


def _has_any(row: Ended, texts: frozenset[str]) -> bool:
    words = row[AT_ARGV]
    return (
        row[AT_LINE] in texts
        or row[AT_APP] in texts
        or row[AT_CWD] in texts
        or (words is not None and "\0".join(words) in texts)
    )


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
        from hstore.liveness import this_process

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
    if signal is not None and _positive("signal", signal) > 255:
        raise InvalidInput("signal: a signal's number, up to 255")
    if signal is None and exit_code is not None and -65 < exit_code < 0:
        signal = -exit_code
    if signal is not None:
        return 128 + signal, signal
    return exit_code, None


def _config_hash(config: Any) -> str:
    from hstore.domains.runs.configuration import config_hash

    return config_hash(config)


def _positive(field: str, value: int) -> int:
    from hstore.listing import identifier

    return identifier(field, value)


def status_of(exit_code: int | None, signal: int | None) -> str:
    """How a run that ended so is called."""
    if signal is not None:
        return "killed"
    return "failed" if exit_code else "ok"
