"""One store that is open for a shell's commands."""

from __future__ import annotations

import time

from hstore.config import settings
from hstore.door import fitting
from hstore.errors import HstoreError, InvalidInput
from hstore.location import rule_files
from hstore.masking.surroundings import masker_for
from hstore.shell.programs import program_of
from hstore.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hstore.shell.commands import Command

_TRY_SECONDS = 0.2
"""How long another process's lock is waited for at once; meanwhile the shell's pipe is not drained."""


class Book:
    """The store at `path`, in which the shell's own session has the key `session`.

    Args:
        path: the database.
        session: the key.
        shell: the shell's name.
        environ: the shell's variables, of which some hold secrets and some say where rules are.
        values: other secrets, such as variables held once.

    Raises:
        HstoreError: it cannot be opened. Busy: not now.
    """

    def __init__(
        self, path: str, session: str, shell: str, environ: Mapping[str, str], values: Sequence[str] = ()
    ) -> None:
        self._session = session
        self._shell = shell
        self._sessions: dict[str, int] = {}
        # The store masks by itself. This one is for the program's name, which is taken from the masked line: a word by
        # itself may not show that it is a secret.
        self._masker, known = masker_for(rule_files(path, settings(environ)), values, environ)
        self._store = Store.open(path, busy_timeout=_TRY_SECONDS, values=known)
        self.used = time.monotonic()

    def write(self, commands: Sequence[Command]) -> None:
        """Record commands, all or none; one that no store would take is left out. After a failure, close the book."""
        self.used = time.monotonic()
        with self._store.batch():
            for command in commands:
                try:
                    self._record(command)
                except InvalidInput:
                    continue

    def _record(self, command: Command) -> None:
        line = self._masker.mask_text(fitting(command.line))
        self._store.record_run(
            program_of(line, self._shell),
            line,
            session=self._session_of(command),
            cwd=command.directory,
            started_at=command.ended - command.duration,
            duration=command.duration,
            exit_code=command.exit_code,
        )

    def _session_of(self, command: Command) -> int:
        key = command.session or self._session
        if key not in self._sessions:
            try:
                self._sessions[key] = self._store.session(key).id
            except InvalidInput:  # such as one that is too long
                self._sessions[key] = self._store.session(self._session).id
        return self._sessions[key]

    def close(self, *, end: bool = False) -> None:
        """Close the store; with `end` the shell's session is over."""
        try:
            if end:
                self._store.sessions.end(self._session)
        except HstoreError:
            pass  # it has none here, or cannot be written now; its runs say when it was active
        finally:
            self._store.close()
