"""Starts the command with `posix_spawn`, and says what a shell would say where it cannot be started.

Why `posix_spawn`: it runs no Python between fork and exec, copies no page tables, reports a failing exec
as an exception, and its attributes do all that is needed here. `subprocess` would cost 9 ms of imports.
A new session with a controlling terminal needs no `TIOCSCTTY`: a session leader without one gets the first
terminal it opens, and the file action OPEN of the pseudo-terminal's path is such an opening.

Every descriptor of the recorder is close-on-exec, so the command gets its three streams and what the
recorder itself was given (make's job server, `3<file`), as it would without hstore. The store is opened
after the start, so no descriptor and no lock of it can be inherited.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from typing import Any
else:
    import _signal as signal  # without the enums of the plain module; see _signals.py

# Python ignores these at its start; a command expects their defaults (`yes | head` ends by SIGPIPE).
_DEFAULTS = tuple(getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ", "SIGXFZ") if hasattr(signal, name))

NOT_FOUND, NOT_EXECUTABLE = 127, 126


class CannotStart(Exception):
    """The command did not start; `exit_code` is what a shell gives for it."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def spawn(
    argv: Sequence[str], environment: Mapping[str, str], actions: Sequence[tuple[Any, ...]], *, session: bool
) -> int:
    """Start `argv` with the file `actions` (a new session where asked for) and return its process id.

    Raises:
        CannotStart: not found, not executable, too long.
    """
    command = argv[0]
    if not command:
        raise CannotStart(NOT_FOUND, "'': command not found")
    try:
        return _spawn(command, argv, environment, actions, session)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return _spawn_script(argv, environment, actions, session)
        raise _explained(command, error) from None


def _spawn(
    command: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    actions: Sequence[tuple[Any, ...]],
    session: bool,
) -> int:
    return os.posix_spawnp(command, list(argv), environment, file_actions=actions, setsid=session, setsigdef=_DEFAULTS)


def _spawn_script(
    argv: Sequence[str], environment: Mapping[str, str], actions: Sequence[tuple[Any, ...]], session: bool
) -> int:
    """A text without `#!` is a shell script by old custom; shells and execvp run it with sh."""
    path = _on_path(argv[0], environment) or argv[0]
    try:
        return _spawn("/bin/sh", ["/bin/sh", path, *argv[1:]], environment, actions, session)
    except OSError as error:
        raise _explained(argv[0], error) from None


def _on_path(command: str, environment: Mapping[str, str]) -> str | None:
    if "/" in command:
        return command
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, command)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _explained(command: str, error: OSError) -> CannotStart:
    if error.errno == errno.ENOENT:
        if "/" not in command:
            return CannotStart(NOT_FOUND, f"{command}: command not found")
        if os.path.lexists(command):
            return CannotStart(NOT_FOUND, f"{command}: cannot execute: its interpreter is not found")
        return CannotStart(NOT_FOUND, f"{command}: {error.strerror}")
    if error.errno == errno.EACCES and os.path.isdir(command):
        return CannotStart(NOT_EXECUTABLE, f"{command}: {os.strerror(errno.EISDIR)}")
    return CannotStart(NOT_EXECUTABLE, f"{command}: {error.strerror}")
