"""The database's file and folder: made private from the first moment, looked at by path only, never opened here again.

Closing any descriptor of a file drops every POSIX lock this process holds on it
(https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_), so nothing
in hstore opens a database but SQLite. The one descriptor that creates it is closed before SQLite can have it open.
"""

from __future__ import annotations

import os
import stat
import sys
from _thread import allocate_lock

from hstore.engine.failures import printable
from hstore.errors import NotADatabase, NotInitialised, ReadOnly, StorageFull, StoreError

MOUNTS = "/proc/self/mountinfo"
MEMORY = "/proc/meminfo"
DESCRIPTORS = "/dev/fd"
UNSAFE_FILE_SYSTEMS = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "gpfs"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.cephfs", "fuse.glusterfs", "vboxsf", "prl_fs", "drvfs"),
    }
)
"""Types on which shared memory or locks do not reach other machines, which WAL needs (https://sqlite.org/wal.html)."""

opening = allocate_lock()
"""Held from the creation of a file until SQLite has opened it, so that no thread locks it in between."""


def exists(path: str) -> bool:
    """Say whether a regular file stands at `path`.

    Raises:
        NotADatabase: something else stands there.
        ReadOnly: the folder may not be searched.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        raise ReadOnly(f"{printable(path)}: access denied; check the permissions of its folders") from None
    except OSError as failure:
        raise StoreError(f"{printable(path)}: {failure.strerror}") from None
    if stat.S_ISREG(found.st_mode):
        return True
    kind = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
    raise NotADatabase(f"{printable(path)}: this is {kind}; give the path of a database file")


def size(path: str) -> int:
    """Bytes of the file at `path`, by path; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def require(path: str) -> None:
    """Raise `NotInitialised` unless a database file is there already."""
    if not exists(path) or os.stat(path).st_size == 0:
        raise NotInitialised(f"{printable(path)}: no database yet; `hstore project init` makes one")


def create(path: str) -> bool:
    """Make an empty file with mode 0600, and its folders with 0700; say whether this call made it.

    Raises:
        ReadOnly, StorageFull, StoreError: the file cannot be made there.
    """
    try:
        _make_folder(os.path.dirname(path))
        _keep_private(os.path.dirname(path))
    except OSError as failure:
        raise _cannot_create(path, failure) from None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
    except FileExistsError:
        return False
    except OSError as failure:
        raise _cannot_create(path, failure) from None
    return True


def _cannot_create(path: str, failure: OSError) -> StoreError:
    from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS

    message = f"{printable(path)}: cannot be created: {failure.strerror}"
    if failure.errno in (EACCES, EPERM, EROFS):
        return ReadOnly(message + "; check owner and permissions of its folder, or name another place")
    if failure.errno in (ENOSPC, EDQUOT):
        return StorageFull(message)
    return StoreError(message)


def _make_folder(folder: str) -> None:
    """Make `folder` and what is missing above it, private, and keep it out of every history by a `.gitignore`."""
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for made in reversed(missing):
        try:
            os.mkdir(made, 0o700)
        except FileExistsError:
            if not os.path.isdir(made):
                raise
    if missing:
        _ignore_in_git(missing[0])


def _keep_private(folder: str) -> None:
    """Give a `.heimdall` that somebody made by hand, or that a killed process left half made, what ours have."""
    if os.path.basename(folder) == ".heimdall" and sys.platform != "win32" and os.stat(folder).st_uid == os.geteuid():
        os.chmod(folder, 0o700)
        _ignore_in_git(folder)


def _ignore_in_git(folder: str) -> None:
    try:
        descriptor = os.open(os.path.join(folder, ".gitignore"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        os.write(descriptor, b"*\n")
    finally:
        os.close(descriptor)


def has_descriptor(path: str) -> bool:
    """Whether this process has the file at `path` open, by whatever library, where the system lists descriptors."""
    try:
        wanted = os.stat(path)
        numbers = [int(name) for name in os.listdir(DESCRIPTORS)]
    except (OSError, ValueError):
        return False
    return any(_is_file(number, wanted) for number in numbers)


def _is_file(descriptor: int, wanted: os.stat_result) -> bool:
    try:
        found = os.fstat(descriptor)
    except OSError:  # the one that listed them
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def make_private(path: str) -> None:
    """Take an existing file's access from everybody else, by path."""
    if sys.platform == "win32":
        return
    try:
        os.chmod(path, 0o600)
    except OSError as failure:
        raise ReadOnly(
            f"{printable(path)}: cannot be made private: {failure.strerror}; name a file of your own"
        ) from None


def wal_is_unsafe(path: str) -> str | None:
    """Return the file system's type if WAL is not safe on it, by the mount table: `statfs` can lie."""
    kind = file_system(path)
    return kind if kind in UNSAFE_FILE_SYSTEMS else None


def file_system(path: str) -> str | None:
    """Type of the file system that holds `path` by the kernel's mount table, or None where there is no table.

    The table's form: https://docs.kernel.org/filesystems/proc.html, "/proc/<pid>/mountinfo".
    """
    try:
        with open(MOUNTS, "rb") as table:
            lines = table.read().splitlines()
    except OSError:
        return None
    folder = os.fsencode(os.path.realpath(os.path.dirname(path)))
    best, kind = -1, None
    for line in lines:
        before, found, after = line.partition(b" - ")
        fields = before.split(b" ")
        if not found or len(fields) < 5:
            continue
        mount = _unescape(fields[4])
        inside = folder == mount or folder.startswith(mount.rstrip(b"/") + b"/")
        if inside and len(mount) >= best:
            best, kind = len(mount), after.split(b" ", 1)[0].decode("ascii", "replace")
    return kind


def _unescape(mount: bytes) -> bytes:
    for code, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        mount = mount.replace(code, character)
    return mount


def memory_available() -> int | None:
    """Bytes that a program can still take without others suffering, or None where the system does not say.

    `MemAvailable` in https://docs.kernel.org/filesystems/proc.html, "meminfo".
    """
    try:
        with open(MEMORY, "rb") as table:
            for line in table:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def sqlite_name(path: str) -> tuple[str, int | None]:
    """Return the name to give to SQLite for `path`, and a descriptor to close once it is open.

    APSW takes only names that are valid UTF-8. For others, Linux's `/proc/self/fd` stands in: SQLite resolves the
    link and goes on with the real bytes. The descriptor is an O_PATH one, whose closing drops no locks.
    """
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        if not hasattr(os, "O_PATH"):
            raise StoreError(
                f"{printable(path)}: a path that is not valid UTF-8 cannot be used on this system"
            ) from None
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        return f"/proc/self/fd/{descriptor}", descriptor
    return path, None
