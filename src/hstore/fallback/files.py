"""The files of output that waits to be recorded: where they are, their form, and reading them.

    {"hstore_fallback": 1, "key": …, "place": …, "argv": […], …}      one line of JSON
    what the command printed, masked, of both outputs in the order in which it came
    {"hstore_end": the key again, "exit_code": …, …}                  a line of its own, once the command has ended

The key is drawn anew for each file, so no output can be taken for the last line.
"""

from __future__ import annotations

import json
import os
import stat

from hstore.liveness import is_alive
from hstore.location import FOLDER, fallback_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.config import Settings

SUFFIX = ".log"
FORM = 1
MOST = 16 << 20
"""Bytes of output that one file keeps at most."""
_LONGEST_FIRST_LINE = 4 << 20
_LAST_LINE = 1024  # bytes that have room for it


def place_of(database: str) -> str:
    """What tells the files of one database from those of others; its path itself may be somebody's secret."""
    from hashlib import sha256

    return sha256(os.fsencode(database)).hexdigest()[:32]


def create(database: str, settings: Settings, name: str) -> tuple[int, str]:
    """Make a private file for output of a database that cannot take it; its descriptor and its path.

    Raises:
        OSError: none of the places can be written.
    """
    failure = OSError("there is no place for it")
    for folder in fallback_folders(database, settings):
        for _ in range(2):  # somebody who adopts may have removed the folder in between
            try:
                _make_private(folder)
                path = os.path.join(folder, name + SUFFIX)
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600), path
            except OSError as error:
                failure = error
    raise failure


def remove_empty(database: str, settings: Settings) -> None:
    """Remove folders in which nothing waits any more, so that the next run need not look into them."""
    for folder in fallback_folders(database, settings):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # it is not there, or something is in it


def _make_private(folder: str) -> None:
    """Make the folder; the one above it is made in the home alone."""
    above = os.path.dirname(folder)
    if os.path.basename(above) == FOLDER:
        os.makedirs(above, 0o700, exist_ok=True)
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
    if not _is_ours(os.lstat(folder), stat.S_ISDIR):
        raise OSError("the folder for it is another user's, or a link")


_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for whoever writes a pipe, which is no file of ours


def _is_ours(found: os.stat_result, kind: Any) -> bool:
    return bool(kind(found.st_mode)) and (not hasattr(os, "geteuid") or found.st_uid == os.geteuid())


def waiting(database: str, settings: Settings) -> list[str]:
    """The files that wait for this database, oldest first."""
    found = []
    for folder in fallback_folders(database, settings):
        try:
            names = [name for name in os.listdir(folder) if name.endswith(SUFFIX)]
        except OSError:
            continue
        found += [(name, os.path.join(folder, name)) for name in names]
    return [path for _, path in sorted(found) if _is_of(path, place_of(database))]


def _is_of(path: str, place: str) -> bool:
    try:
        with Reader(path) as file:
            return bool(file.header["place"] == place)
    except (OSError, ValueError):
        return False


class Reader:
    """Reads one file, also while it is being written; `end` is what its last line says, once that is there."""

    def __init__(self, path: str) -> None:
        """Open it and read its first line.

        Raises:
            OSError: it cannot be read, or is not ours. ValueError: it has another form.
        """
        self._file = open(os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT), "rb")  # noqa: SIM115 - closed by `close`
        try:
            if not _is_ours(os.fstat(self._file.fileno()), stat.S_ISREG):
                raise OSError("no file, or another user's")
            self.header = _checked(_loaded(self._file.readline(_LONGEST_FIRST_LINE)))
        except BaseException:
            self._file.close()
            raise
        self.end: dict[str, Any] | None = None
        self._mark = b'\n{"hstore_end": "%s"' % self.header["key"].encode()
        self._held = b""

    @property
    def is_written(self) -> bool:
        """Whether its recorder lives and may write more."""
        return self.end is None and is_alive(self.header["owner"]) and not self._has_end()

    def _has_end(self) -> bool:
        """Whether the last line is there, as far as it can be told without reading the output."""
        place = self._file.tell()
        self._file.seek(max(place, self._file.seek(0, os.SEEK_END) - _LAST_LINE))
        found = self._held + self._file.read()
        self._file.seek(place)
        return self._mark in found and found.endswith(b"}\n")

    def read(self) -> bytes:
        """The output that came since the last time."""
        data = self._held + self._file.read()
        place = data.find(self._mark)
        if place < 0:  # it may have come half
            place = data.rfind(b"\n")
            place = place if place >= 0 and self._mark.startswith(data[place:]) else len(data)
        elif data.endswith(b"}\n"):
            self.end = _loaded(data[place:])
        self._held = data[place:]
        return data[:place]

    def rest(self) -> bytes:
        """What was held back because the last line could have begun there; nobody writes any more."""
        held, self._held = self._held, b""
        return b"" if self.end or held.startswith(self._mark) else held

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_FIELDS = {"key": str, "place": str, "owner": str, "app": str, "argv": list, "started_at": int}


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _checked(header: Any) -> dict[str, Any]:
    if not isinstance(header, dict) or header.get("hstore_fallback") != FORM:
        raise ValueError("no output that waits to be recorded")
    for field, kind in _FIELDS.items():
        if not isinstance(header.get(field), kind):
            raise ValueError(f"no {field}")
    return header
