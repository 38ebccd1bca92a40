"""Which processes hold SQLite's locks on a database, so that whoever has waited in vain is told for whom.

The locks of a WAL database are single bytes of its `-shm` file (https://sqlite.org/walformat.html#locks), and Linux
lists all locks in /proc/locks (https://docs.kernel.org/filesystems/proc.html). Nothing is opened but files of the
kernel. Elsewhere nothing is known.
"""

from __future__ import annotations

import os
import re

from hstore.engine.guard import identity

LOCKS = "/proc/locks"
_WRITER = range(120, 121)
_READERS = range(123, 128)
_LOCK = re.compile(r"\d+: (?:POSIX|OFDLCK) +\S+ +(\S+) +(-?\d+) +([0-9a-f]+):([0-9a-f]+):(\d+) +(\d+) +(\d+|EOF)")


def writers(path: str) -> list[str]:
    """Other processes that are in the middle of a writing transaction on the database, as `4711 (name)`."""
    return _holders(path + "-shm", _WRITER, "WRITE")


def readers(path: str) -> list[str]:
    """Other processes that are reading the database, as `4711 (name)`."""
    return _holders(path + "-shm", _READERS, "READ")


def _holders(path: str, locks: range, kind: str) -> list[str]:
    device, inode = identity(path)
    try:
        with open(LOCKS, encoding="ascii", errors="replace") as table:
            held = [_LOCK.match(line) for line in table]
    except OSError:
        return []
    found = set()
    for lock in held:
        if lock is None or lock[1] != kind or int(lock[5]) != inode:
            continue
        if os.makedev(int(lock[3], 16), int(lock[4], 16)) != device:
            continue
        first, last = int(lock[6]), 1 << 62 if lock[7] == "EOF" else int(lock[7])
        if first < locks.stop and last >= locks.start and int(lock[2]) > 0:
            found.add(int(lock[2]))
    return [f"{process} ({_name(process)})" for process in sorted(found - {os.getpid()})]


def _name(process: int) -> str:
    try:
        with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as name:
            return "".join(character for character in name.read() if character.isprintable())
    except OSError:
        return "unknown"
