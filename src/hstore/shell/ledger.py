"""Sees to it that each of a shell's commands gets into the right store, and keeps what cannot be written yet."""

from __future__ import annotations

import os
import sys
import time

from hstore.config import environment, settings
from hstore.errors import Busy, HstoreError
from hstore.location import existing_store, shell_store
from hstore.masking import Masker, telling_name
from hstore.shell.book import Book
from hstore.shell.commands import Command
from hstore.shell.exports import exports
from hstore.shell.programs import records_itself

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IDLE_SECONDS = 5.0
"""After so long without a command a store is closed, so that a shell that waits holds no file."""
OPEN_STORES = 4
HELD_BYTES = 16 << 20
"""How much is kept while stores are locked; beyond that the oldest is left out."""
LAST_TRY_SECONDS = 30.0
"""How long the end of a shell is tried to be written while another process holds a lock."""
REFUSED_SECONDS = 60.0
"""How long a store that cannot be used is not tried again."""
_REST_SECONDS = 0.25
_CHANGING = frozenset(("PWD", "OLDPWD", "_", "SHLVL"))
"""Variables that change all the time and hold no secret."""


class Ledger:
    """The commands of the shell `pid`; `tell` shows a line to the person at it."""

    def __init__(self, pid: int, shell: str, tell: Callable[[str], None]) -> None:
        self._shell = shell
        self._session = f"shell-{_host()}-{pid}-{int(time.time())}"
        self._tell = tell
        self._told: set[str] = set()
        self._waiting: dict[str, list[Command]] = {}
        self._held = 0
        self._books: dict[str, Book] = {}
        self._used: set[str] = set()
        self._refused: dict[str, float] = {}
        self._rest_until = 0.0
        self._environ = dict(environment())
        self._listing = b""
        self._values: list[str] = []

    def follow(self, shell: str) -> None:
        """The process has become another shell, by `exec`."""
        self._shell = shell

    def learn(self, listing: bytes) -> None:
        """Take over what the shell exports now: secrets among it are masked from now on, also once they are gone."""
        if listing == self._listing:
            return
        self._listing = listing
        given = exports(listing.decode("utf-8", "surrogateescape"), self._shell)
        changed = {name for name, value in given.items() if self._environ.get(name) != value} - _CHANGING
        for name in changed:
            before = self._environ.get(name, "")
            if telling_name(name) and before not in self._values and Masker.refusal(before) is None:
                self._values.append(before)
        self._environ.update(given)
        if changed:
            for path in list(self._books):  # they know only the secrets of their beginning
                self._close(path)

    def add(self, fields: Sequence[bytes]) -> None:
        """Take a command over, to be written by `write`."""
        try:
            command = Command(fields)
        except ValueError:
            return
        line = command.line.strip()
        if not line or (line.startswith("#") and "\n" not in line) or records_itself(line):
            return
        self._put(self._place(command), command)

    def _put(self, path: str | None, command: Command) -> None:
        if path is None:
            self._say("", "no place for the shell's commands: there is no home directory; set HSTORE_DB")
            return
        self._waiting.setdefault(path, []).append(command)
        self._held += command.size
        while self._held > HELD_BYTES:
            self._leave_out_oldest()

    def _leave_out_oldest(self) -> None:
        path = min(self._waiting, key=lambda each: self._waiting[each][0].ended)
        self._held -= self._waiting[path].pop(0).size
        if not self._waiting[path]:
            del self._waiting[path]
        self._say(path, f"{path}: locked for too long; the oldest of this shell's commands are left out")

    def _place(self, command: Command) -> str | None:
        """The store that a command belongs to: none is made for a directory because somebody has been there."""
        given = settings(self._environ)
        if command.database is not None:
            found: str | None = os.path.realpath(os.path.join(command.directory, os.path.expanduser(command.database)))
        else:
            found = existing_store(command.directory, given)
        if found is None or time.monotonic() < self._refused.get(found, 0.0):
            return shell_store(given)
        return found

    def write(self) -> None:
        """Write what waits, as far as no lock prevents it, and close what has been idle."""
        if self._waiting and time.monotonic() >= self._rest_until:
            for path in list(self._waiting):
                self._write(path)
            if self._waiting:
                self._rest_until = time.monotonic() + _REST_SECONDS
        for path, book in list(self._books.items()):
            if time.monotonic() - book.used >= IDLE_SECONDS:
                self._close(path)

    def _write(self, path: str) -> None:
        commands = self._waiting[path]
        try:
            self._book(path).write(commands)
        except Busy:
            self._close(path)
            return
        except Exception as error:  # whatever it is, the next command is another one
            self._close(path)
            self._forget(path)
            self._refuse(path, commands, error)
            return
        self._forget(path)

    def _forget(self, path: str) -> None:
        self._held -= sum(command.size for command in self._waiting.pop(path))

    def _refuse(self, path: str, commands: Sequence[Command], error: Exception) -> None:
        """Write to the shell's own store what another could not take."""
        reason = str(error) if isinstance(error, HstoreError) else type(error).__name__
        self._refused[path] = time.monotonic() + REFUSED_SECONDS
        other = shell_store(settings(self._environ))
        if other is None or path == other:
            self._say(path, f"commands are not recorded: {reason}")
            return
        self._say(path, f"commands are recorded in {other} instead: {reason}")
        for command in commands:
            self._put(other, command)

    def _book(self, path: str) -> Book:
        if path not in self._books:
            while len(self._books) >= OPEN_STORES:
                self._close(min(self._books, key=lambda each: self._books[each].used))
            self._books[path] = Book(path, self._session, self._shell, self._environ, self._values)
            self._used.add(path)
        return self._books[path]

    def _close(self, path: str) -> None:
        book = self._books.pop(path, None)
        if book is not None:
            book.close()

    def patience(self) -> float | None:
        """Seconds until `write` has something to do; None while there is nothing."""
        due = [book.used + IDLE_SECONDS for book in self._books.values()]
        if self._waiting:
            due.append(self._rest_until)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def finish(self) -> None:
        """The shell has ended: write everything, and note the end of its session."""
        deadline = time.monotonic() + LAST_TRY_SECONDS
        self.write()
        while self._waiting and time.monotonic() < deadline:
            time.sleep(_REST_SECONDS)
            self.write()
        for path in sorted(self._used):
            try:
                self._book(path).close(end=True)
            except Exception:  # noqa: S112 # nobody is left to be told
                continue
            finally:
                self._books.pop(path, None)

    def _say(self, about: str, message: str) -> None:
        if about not in self._told:
            self._told.add(about)
            self._tell(f"hstore: {message}")


def _host() -> str:
    if sys.platform == "win32":
        return "local"
    return os.uname().nodename
