"""Reading a file for its digest: once more if it changes meanwhile, and never one that this process has open itself.

Closing a descriptor of a file drops every POSIX lock that this process holds on it, and SQLite locks its databases so:
those of hstore, and those that a host has open with anything else.
"""

from __future__ import annotations

import os
import stat
import time

from hstore.clock import nearest
from hstore.engine import is_open_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Identity = tuple[int, int]
    Stamp = tuple[int, int, int]

RACY = 2_000_000_000
"""Nanoseconds: the coarsest clock of a file system (FAT). A file changed so lately may change again unseen."""
ATTEMPTS = 3
BLOCK = 256 * 1024
DESCRIPTORS = "/dev/fd"
MAGIC = b"SQLite format 3\0"

_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_kept: list[int] = []


class Unreadable(Exception):
    """A file that is not read; the argument is the reason, without its path."""


class Store(Unreadable):
    """It is a database of hstore that is open here, or belongs to one."""


class Content:
    """What was read of a file, and by what it is known as long as it does not change."""

    __slots__ = ("ctime_ns", "modified_at", "mtime_ns", "sha256", "size")

    def __init__(self, read: tuple[int, bytes], found: os.stat_result, moment: int) -> None:
        self.size, self.sha256 = read
        self.modified_at = nearest(found.st_mtime_ns // 1000)
        self.mtime_ns: int | None = None
        self.ctime_ns: int | None = None
        times = stamp(found)[1:]
        if max(times) < moment - RACY and min(times) >= -1 << 63:
            self.mtime_ns, self.ctime_ns = times


def stamp(found: os.stat_result) -> Stamp:
    """What changes when a file does: its size, and its times of change, of which one cannot be set by hand."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def open_in_process() -> frozenset[Identity]:
    """Device and inode of each file that this process has open; empty where the system does not tell."""
    return frozenset(identity for _, identity in _descriptors())


def _descriptors() -> Iterator[tuple[int, Identity]]:
    try:
        names = os.listdir(DESCRIPTORS)
    except OSError:
        return
    for name in names:
        try:
            each = os.fstat(int(name))
        except (OSError, ValueError):  # closed since, such as the one of the listing itself
            continue
        yield int(name), (each.st_dev, each.st_ino)


def read(path: str, held: frozenset[Identity], *, follow: bool = False) -> Content:
    """Read a regular file to its end.

    Args:
        path: where it is.
        held: files that this process has open.
        follow: whether it may be a symbolic link.

    Raises:
        Store: a database that is open here. Unreadable: anything else that is in the way.
    """
    from hashlib import sha256

    if is_open_here(path):
        raise Store("a database that is open here; reading it would drop its locks")
    for _ in range(ATTEMPTS):
        moment = time.time_ns()
        try:
            found, after, digest = _read(path, held, follow, sha256)
        except OSError as failure:
            raise Unreadable(failure.strerror or "it cannot be read") from None
        if stamp(found) == stamp(after) and digest[0] == after.st_size:
            return Content(digest, after, moment)
    raise Unreadable("it kept changing while it was read")


def _read(
    path: str, held: frozenset[Identity], follow: bool, sha256: Callable[[], Any]
) -> tuple[os.stat_result, os.stat_result, tuple[int, bytes]]:
    """How the file was before and after, and its size and digest."""
    try:
        before = os.stat(path, follow_symlinks=follow)
        _check(before, held)
        number = os.open(path, _FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except ValueError:
        raise Unreadable("no path: a NUL is in it") from None
    is_database = False
    try:
        opened = os.fstat(number)
        is_database = (opened.st_dev, opened.st_ino) in held
        _check(opened, held)
        state = sha256()
        size, block = 0, os.read(number, BLOCK)
        is_database = block.startswith(MAGIC)
        while block and size <= opened.st_size:  # one that grows as fast as it is read would have no end
            state.update(block)
            size += len(block)
            block = os.read(number, BLOCK)
        return opened, os.fstat(number), (size, state.digest())
    finally:
        if is_database and _others_have(number):
            _kept.append(number)  # another thread has begun to use that database: closing would drop its locks
        else:
            os.close(number)


def _check(found: os.stat_result, held: frozenset[Identity]) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable("not a regular file")
    if (found.st_dev, found.st_ino) in held:
        raise Unreadable("this process has it open; closing it after reading would drop its locks")


def _others_have(number: int) -> bool:
    """Whether another descriptor of this process is of the same file."""
    mine = os.fstat(number)
    identity = (mine.st_dev, mine.st_ino)
    return any(other != number and each == identity for other, each in _descriptors())
