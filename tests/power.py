"""A disk whose power can be cut at any moment, in Python: SQLite's writes recorded, and what a cut would leave of them.

`RecordingVFS` hands everything on to the real VFS and notes each write, truncation, sync, creation and removal in
order. `Cut` builds from a beginning of that record what the disk may hold: everything that was synced, and of the rest
any sectors, each for itself, so that single writes are torn and later ones are there without earlier ones. The entries
of the folder last from a sync of the folder on; of later changes to it a beginning is there, as file systems with a
journal have it. The shared memory (`-shm`) does not outlive a cut.

What syncs the folder is not seen by a VFS on top; it is as in SQLite's os_unix.c: the first sync of a WAL or journal
that was made by opening it, and a removal that asks for it. The database itself is made by hstore, before.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR = 512
MADE_WITH_FOLDER_SYNC = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
KEPT = apsw.SQLITE_OPEN_MAIN_DB | MADE_WITH_FOLDER_SYNC


class Operation(NamedTuple):
    """One step of the record: `kind` is write, truncate, sync, sync folder, create, remove or done."""

    kind: str
    file: int = 0
    name: str = ""
    offset: int = 0
    data: bytes = b""
    what: Any = None


class Record:
    """What happened, in order. Each file has a number of its own, also when its name is used again."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._files: dict[str, int] = {}
        self._count = 0

    def note(self, kind: str, **about: Any) -> None:
        """Add one step."""
        self.operations.append(Operation(kind, **about))

    def done(self, what: Any) -> None:
        """Note that the store has acknowledged something."""
        self.note("done", what=what)

    def file(self, path: str) -> int:
        """The number of the file at `path`, a new one if it was not there."""
        if path not in self._files:
            self._count += 1
            self._files[path] = self._count
            self.note("create", file=self._count, name=os.path.basename(path))
        return self._files[path]

    def removed(self, path: str, folder_synced: bool) -> None:
        """Note a removal."""
        if path in self._files:
            self.note("remove", file=self._files.pop(path), name=os.path.basename(path))
        if folder_synced:
            self.note("sync folder")


class RecordingVFS(apsw.VFS):
    """Becomes the default, so that what is tested opens its files with it and knows nothing of it."""

    def __init__(self, record: Record, *, ignored: int = 0) -> None:
        self.record = record
        self.ignored = ignored  # which kinds of files are not synced, as flags of opening
        super().__init__("recording", base="", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802 - SQLite's name
        """Open; databases, WALs and journals are recorded."""
        there = name is not None and os.path.exists(_path(name))
        if not flags[0] & KEPT:
            return apsw.VFSFile("unix", name, flags)
        return RecordedFile(self, name, flags, there)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802
        """Remove a file, and note it."""
        super().xDelete(name, syncdir)
        self.record.removed(name, bool(syncdir) and not self.ignored & MADE_WITH_FOLDER_SYNC)


class RecordedFile(apsw.VFSFile):
    """A file whose changes are noted. Locks and shared memory are the real VFS's."""

    def __init__(self, vfs: RecordingVFS, name: Any, flags: list[int], there: bool) -> None:
        self._vfs = vfs
        self._file = vfs.record.file(_path(name))
        self._ignored = bool(flags[0] & vfs.ignored)
        self._syncs_folder = not there and bool(flags[0] & MADE_WITH_FOLDER_SYNC)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        super().xWrite(data, offset)
        self._vfs.record.note("write", file=self._file, offset=offset, data=bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        """Cut off."""
        super().xTruncate(size)
        self._vfs.record.note("truncate", file=self._file, offset=size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Sync, in the record alone: the simulated disk is the one that counts."""
        if self._ignored:
            return
        self._vfs.record.note("sync", file=self._file)
        if self._syncs_folder:
            self._syncs_folder = False
            self._vfs.record.note("sync folder")


def _path(name: Any) -> str:
    return name.filename() if isinstance(name, apsw.URIFilename) else str(name)


class Disk:
    """The state of the disk while the record is gone through: what is sure, and what is only in the caches."""

    def __init__(self) -> None:
        self.acknowledged: list[Any] = []
        self._synced: dict[int, bytearray] = {}
        self._waiting: dict[int, list[Operation]] = {}
        self._entries: dict[str, int] = {}
        self._changes: list[Operation] = []

    def go_on(self, operation: Operation) -> None:
        """Let one more operation happen."""
        kind, file = operation.kind, operation.file
        if kind == "done":
            self.acknowledged.append(operation.what)
        elif kind in ("create", "remove"):
            self._changes.append(operation)
        elif kind == "sync folder":
            _change(self._entries, self._changes)
            self._changes = []
        elif kind == "sync":
            content = self._synced.setdefault(file, bytearray())
            for waiting in self._waiting.pop(file, []):
                _apply(content, waiting)
        else:
            self._waiting.setdefault(file, []).append(operation)

    def cut(self, folder: Path, draw: random.Random, share: float) -> None:
        """Put into `folder` what a power cut now could leave; `share` of what is not synced is there."""
        entries = dict(self._entries)
        certain = len(self._changes) if share >= 1 else round(draw.uniform(0, len(self._changes))) if share else 0
        _change(entries, self._changes[:certain])
        for name, file in entries.items():
            content = bytearray(self._synced.get(file, b""))
            for operation in self._waiting.get(file, []):
                for part in _sectors(operation):
                    if draw.random() < share:
                        _apply(content, part)
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)


def _change(entries: dict[str, int], changes: list[Operation]) -> None:
    for change in changes:
        if change.kind == "create":
            entries[change.name] = change.file
        else:
            entries.pop(change.name, None)


def _sectors(operation: Operation) -> list[Operation]:
    if operation.kind != "write":
        return [operation]
    parts, position = [], 0
    while position < len(operation.data):
        at = operation.offset + position
        length = SECTOR - at % SECTOR
        parts.append(operation._replace(offset=at, data=operation.data[position : position + length]))
        position += length
    return parts


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.kind == "truncate":
        del content[operation.offset :]
        content.extend(bytes(max(0, operation.offset - len(content))))
        return
    content.extend(bytes(max(0, operation.offset - len(content))))
    content[operation.offset : operation.offset + len(operation.data)] = operation.data
