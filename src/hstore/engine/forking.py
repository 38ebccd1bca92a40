"""What happens to open databases at `fork()`: none crosses it.

SQLite must not be carried over a fork (https://sqlite.org/howtocorrupt.html, "Carrying an open database connection
across a fork()"), and a fresh connection of the child is no way out while the parent's is still in its memory:
SQLite shares what it believes about locks among all connections to one file of a process, and POSIX locks are not
inherited, so the child would rely on locks that it does not hold. So each idle connection is closed before the fork
and opened again at its next use, in the parent and in the child. One that is inside a transaction stays with the
parent alone: the child gets `StoreForked` for it, and for opening the same file again.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock, get_ident
from _weakref import ref

from hstore.engine import files
from hstore.engine.failures import printable
from hstore.engine.guard import identity
from hstore.errors import StoreForked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import apsw

    from hstore.engine.connection import Connection

_PATIENCE = 5.0  # seconds that a fork waits for a store that another thread is opening
_forking = allocate_lock()
_open: dict[int, ref[Connection]] = {}
_suspended: list[Connection] = []
_lost_files: set[tuple[int, int]] = set()
_held: list[bool] = []


def watch(connection: Connection) -> None:
    """Have `connection` closed before each fork for as long as it lives."""
    key = id(connection)
    _open[key] = ref(connection, lambda _: _open.pop(key, None))


def forget(connection: Connection) -> None:
    """Stop watching a connection that was closed."""
    _open.pop(id(connection), None)


def is_open_here(path: str) -> bool:
    """Say whether `path` is a database that this process has open, or one of the files beside it, by any name."""
    wanted = identity(path)
    for reference in list(_open.values()):
        connection = reference()
        if connection is not None:
            for suffix in ("", "-wal", "-shm", "-journal"):
                if identity(connection.path + suffix) == wanted != (-1, -1):
                    return True
    return False


def check(path: str) -> None:
    """Refuse to open a file whose connection this process inherited.

    Raises:
        StoreForked: the parent had a transaction open on it when this process was forked.
    """
    if _lost_files and identity(path) in _lost_files:
        raise error(path)


def error(path: str) -> StoreForked:
    """What is said of a file whose connection this process inherited."""
    return StoreForked(
        f"{printable(path)}: this process was forked while its parent had a transaction open on this database;"
        " fork outside of batch(), or start the child with exec or the 'spawn' method"
    )


def keep_for_ever(raw: apsw.Connection) -> None:
    """Let a connection of the parent outlive the interpreter: even its destructor would act on the parent's file."""
    from ctypes import py_object, pythonapi

    pythonapi.Py_IncRef(py_object(raw))


def _before() -> None:
    _forking.acquire()
    _held.append(files.opening.acquire(True, _PATIENCE))
    for reference in list(_open.values()):
        connection = reference()
        if connection is not None and connection.suspend():
            _suspended.append(connection)
    _await_imports()


def _await_imports() -> None:
    """Wait until no other thread is importing: a child would wait for ever for what that thread began.

    CPython makes the locks of modules no new ones in a child. hstore imports much at its first use, in any thread.
    """
    # Where this private name is gone one day, all is as it was without it.
    locks: dict[str, Any] = getattr(sys.modules["_frozen_importlib"], "_module_locks", {})
    end = time.monotonic() + _PATIENCE
    while any(_is_held_elsewhere(lock()) for lock in list(locks.values())) and time.monotonic() < end:
        time.sleep(0.001)


def _is_held_elsewhere(lock: Any) -> bool:
    return getattr(lock, "owner", None) not in (None, get_ident())


def _release() -> None:
    if _held.pop():
        files.opening.release()
    _forking.release()


def _in_parent() -> None:
    while _suspended:
        _suspended.pop().resume()
    _release()


def _in_child() -> None:
    idle = {id(connection) for connection in _suspended}
    while _suspended:
        _suspended.pop().renew_lock()
    for key, reference in list(_open.items()):
        connection = reference()
        if connection is not None and key not in idle:
            _lost_files.add(connection.abandon())
            del _open[key]
    if not _held[-1]:
        files.opening = allocate_lock()
    _release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
