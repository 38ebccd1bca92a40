"""Bringing output that waits in files into the database that it was meant for, each once, whatever dies meanwhile."""

from __future__ import annotations

import os
from time import monotonic
from typing import NamedTuple

from hstore.config import settings
from hstore.errors import Busy, HstoreError, InvalidInput, NotFound
from hstore.fallback.files import Reader, remove_empty, waiting
from hstore.location import locate
from hstore.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Adoption(NamedTuple):
    """What became of the files: ids of the `runs` made of them, and the paths of those `left` with the reason."""

    runs: tuple[int, ...]
    left: dict[str, str]


def adopt(database: str | os.PathLike[str] | None = None, *, seconds: float | None = None) -> Adoption:
    """Record what waits for the database at a path (default: the project's own), oldest first, and remove its files.

    A run and its output are one transaction that is on the disk before the file is removed; the run has the file's key,
    so that a file which outlived its adoption is only removed the next time.

    Args:
        database: the database file.
        seconds: begin with no other file after so long.

    Raises:
        HstoreError: the database cannot be opened.
    """
    place = locate(database, settings())
    paths = waiting(place.path, settings())
    runs: list[int] = []
    left: dict[str, str] = {}
    if not paths:
        remove_empty(place.path, settings())
        return Adoption((), left)
    deadline = None if seconds is None else monotonic() + seconds
    with Store.open(place.path, durability="full", ambient=False) as store:
        for path in paths:
            if deadline is not None and monotonic() > deadline:
                left[path] = "there was no time for it"
                continue
            try:
                runs += _adopted(store, path)
            except Busy:
                raise
            except FileNotFoundError:
                continue  # somebody else has adopted it
            except (HstoreError, OSError, ValueError) as error:
                left[path] = str(error)
    remove_empty(place.path, settings())
    return Adoption(tuple(runs), left)


def _adopted(store: Store, path: str) -> list[int]:
    """The run made of one file; none if it was made before."""
    with Reader(path) as file:
        if file.is_written:
            raise HstoreError("its command is still running")
        output = file.read() + file.rest()
        header, end = file.header, file.end or {}
    made = []
    with store.batch():
        if not _is_recorded(store, header["key"]):
            made.append(_record(store, header, end))
            with store.artifacts.writer(made[0], "log", name="output") as writer:
                writer.write(output, at=header["started_at"])
                writer.close(complete=bool(end.get("complete")))
    os.unlink(path)
    return made


def _is_recorded(store: Store, key: str) -> bool:
    try:
        return store.runs.resolve(key).key == key
    except (NotFound, InvalidInput):
        return False


def _record(store: Store, header: dict[str, Any], end: dict[str, Any]) -> int:
    """Without an end the run has no owner that lives, and shows as lost once this process has ended."""
    session = header.get("session")
    if session is not None:
        store.session(session)
    return store.record_run(
        header["app"],
        header["argv"],
        session=session,
        name=header.get("name"),
        key=header["key"],
        cwd=header.get("cwd"),
        git_sha=header.get("git_sha"),
        pid=header.get("pid"),
        started_at=header["started_at"] / 1_000_000,
        duration=end.get("duration"),
        exit_code=end.get("exit_code"),
        signal=end.get("signal"),
    )
