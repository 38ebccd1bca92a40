"""`hstore init`: what an interactive shell evaluates to have its commands recorded."""

from __future__ import annotations

import os
import stat
import sys

from hstore.cli import messages
from hstore.errors import HstoreError
from hstore.shell import SHELLS, offer, script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SUMMARY = "print what a shell evaluates to have its commands recorded"
DETAILS = """\
Every command is recorded with its exit code, duration and directory, in the project's database where there is
one already, else in ~/.heimdall/shell.db. What it prints is not; `hstore run -- COMMAND` records that too.
A command that begins with a space is left out. Secrets are masked before anything is stored."""
EXAMPLES = (
    ('eval "$(hstore init bash)"', "in ~/.bashrc, near its end"),
    ('eval "$(hstore init zsh)"', "in ~/.zshrc"),
    ("hstore init fish | source", "in ~/.config/fish/config.fish"),
    ('eval "$(hstore --db ~/typed.db init bash)"', "everything into one database"),
    ("hstore --db ~/.heimdall/shell.db log list", "what was typed outside of projects"),
)


def main(shell: str) -> int:
    """Print the script of a shell and return the exit code."""
    try:
        return write(shell, messages.show)
    except HstoreError as error:
        messages.complain(str(error))
        return error.exit_code


def write(shell: str, show: Callable[[str], int], database: str | None = None) -> int:
    """Hand the script of a shell to `show` and return its exit code.

    A recorder is started only where the output is a pipe, so probably evaluated: not for who looks at it or keeps it
    in a file. `database` is where commands go instead of the store of their directory.

    Raises:
        HstoreError: no such shell, or none can be recorded on this system.
    """
    if shell not in SHELLS:
        messages.complain(
            f"init: {shell!r} is no shell that can be recorded; give {', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
        )
        return 2
    try:
        addresses = offer() if _is_pipe(1) else ()
    except OSError:  # no process or descriptor left now; the hook tries again with the first command
        addresses = ()
    if not database:
        return show(script(shell, _program(), addresses))
    path = os.path.abspath(os.path.expanduser(database))
    return show(script(shell, (*_program(), "--db", path), addresses, path))


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _program() -> tuple[str, ...]:
    """The words that start this program again, from any directory."""
    given = os.path.abspath(sys.argv[0])
    if os.path.basename(given) in ("hstore", "heimdal") and os.access(given, os.X_OK):
        return (given,)
    safe_path = ("-P",) if sys.version_info >= (3, 11) else ()  # no module of the directory it is started in
    return (sys.executable, *safe_path, "-m", "hstore")
