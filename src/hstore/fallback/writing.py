"""Writing output that no database takes: masked like everything, within a bound, to be read and followed meanwhile."""

from __future__ import annotations

import json
import os

from hstore.config import environment, settings
from hstore.domains.artifacts.excerpts import LONGEST_LINE, head_length, notice, tail_start
from hstore.door import Door
from hstore.fallback.files import FORM, MOST, create, place_of
from hstore.liveness import this_process
from hstore.location import locate, rule_files
from hstore.masking.surroundings import masker_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hstore.masking import Stream

_TAIL = 1 << 20
"""Bytes of the end of too much output that are kept in memory until the command has ended."""


class FallbackFile:
    """One command's output on its way into a file. Once it cannot be written, what is there stays."""

    def __init__(
        self,
        database: str | os.PathLike[str] | None,
        argv: Sequence[str],
        *,
        name: str | None,
        cwd: str | None,
        git_sha: str | None,
        pid: int | None,
        started_at: float,
        limit: int | None,
    ) -> None:
        """Make the file and write its first line.

        Raises:
            HstoreError: no place for a database, or rules that cannot be expressed: nothing is written unmasked.
            OSError: no place that can be written.
        """
        given = settings()
        place = locate(database, given)
        masker, _ = masker_for(rule_files(place.path, given), (), environment())
        door = Door(masker)
        words = door.words("cmdline", argv)
        moment = int(started_at * 1_000_000)
        self._key = _key(door, moment)
        header = {
            "hstore_fallback": FORM,
            "key": self._key,
            "place": place_of(place.path),
            "app": door.shortened("app", os.path.basename(argv[0]) or argv[0] or "''"),
            "argv": words,
            "name": door.optional("name", name),
            "session": None if given.session is None else door.key("session", given.session),
            "cwd": door.path("cwd", cwd),
            "git_sha": door.optional("git_sha", git_sha),
            "pid": pid,
            "started_at": moment,
            "owner": this_process(),
        }
        self._masker = masker
        self._streams: dict[str, Stream] = {}
        most = MOST if limit is None else min(limit, MOST)
        self._tail_limit = min(most // 2, _TAIL)
        self._head_left = most - self._tail_limit
        self._margin = min(LONGEST_LINE, self._head_left // 8)
        self._tail: list[bytes] = []
        self._tail_size = self._dropped = self._dropped_lines = 0
        self._at_line_start = True
        self._fd, self.path = create(place.path, given, f"{moment}-{os.getpid()}")
        self._put(json.dumps(header).encode() + b"\n")

    def write(self, name: str, data: bytes) -> None:
        """Take bytes of the output `name`."""
        if name not in self._streams:
            self._streams[name] = self._masker.stream()
        self._keep(self._streams[name].feed(data))

    def finish(self, *, exit_code: int | None, signal: int | None, duration: float, complete: bool) -> None:
        """Write the end, and how the command ended."""
        for stream in self._streams.values():
            self._keep(stream.finish())
            stream.close()
        self._put_tail()
        end = {
            "hstore_end": self._key,
            "exit_code": exit_code,
            "signal": signal,
            "duration": duration,
            "complete": complete and self._fd >= 0,
            "left_out": self._dropped,
        }
        self._put(b"\n" + json.dumps(end).encode() + b"\n")
        self._close()

    def _keep(self, masked: bytes) -> None:
        if not masked:
            return
        if self._head_left:
            length = self._head_part(masked)
            self._put(masked[:length])
            masked = masked[length:]
        if masked:
            self._tail.append(masked)
            self._tail_size += len(masked)
            self._drop()

    def _head_part(self, masked: bytes) -> int:
        """How much of it belongs to the head, which ends with a line, in its margin or as near before as there is one.

        What is written can be read at once, so the head cannot become shorter again: within the margin the first end of
        a line that comes along is taken.
        """
        room = self._head_left
        if len(masked) < room - self._margin:
            self._head_left -= len(masked)
            return len(masked)
        if room <= self._margin and self._at_line_start:
            length = 0
        elif b"\n" not in masked[:room] and len(masked) <= room:  # a line that began before it goes on
            self._head_left -= len(masked)
            return len(masked)
        else:
            length = head_length(masked[:room])
        self._head_left = 0
        self._tail_limit += room - length  # so that what is within the bound is kept whole
        return length

    def _drop(self) -> None:
        """Forget the oldest of the end, as long as enough is left."""
        while self._tail_size - len(self._tail[0]) > self._tail_limit:
            oldest = self._tail.pop(0)
            self._tail_size -= len(oldest)
            self._dropped += len(oldest)
            self._dropped_lines += oldest.count(b"\n")

    def _put_tail(self) -> None:
        tail = b"".join(self._tail)
        if self._dropped or len(tail) > self._tail_limit:
            start = max(0, len(tail) - self._tail_limit - 1)
            start += tail_start(tail[start:])
            self._dropped += start
            self._dropped_lines += tail.count(b"\n", 0, start)
            self._put(notice(self._dropped, self._dropped_lines, at_line_start=self._at_line_start))
            tail = tail[start:]
        self._put(tail)

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        self._at_line_start = data.endswith(b"\n") if data else self._at_line_start
        while rest and self._fd >= 0:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except OSError:  # the disk is full: what is there stays
                self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _key(door: Door, moment: int) -> str:
    """The key that the run will have: one that no rule takes for a secret, or it could not be told from others."""
    while True:
        key = f"fallback-{moment}-{os.getpid()}-{os.urandom(4).hex()}"
        if door.key("key", key) == key:
            return key
