"""Paths as they are kept: absolute, masked, and told apart by a digest of what they were before."""

from __future__ import annotations

import os

from hstore.door import NAME_LIMIT
from hstore.engine._digest import sha256
from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hstore.door import Door

LONGEST_TYPE = 16
"""Characters of an ending that says what a file is; a longer one is part of its name."""


class KeptPath:
    """A path's masked text, with name and type taken from that, and the digest of the path itself."""

    __slots__ = ("digest", "text")

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.digest = sha256(os.fsencode(path)).digest()

    @property
    def name(self) -> str:
        """What stands behind the last slash."""
        return os.path.basename(self.text)

    @property
    def type(self) -> str:
        """The ending of the name, in lower case."""
        ending = os.path.splitext(self.name)[1][1:].lower()
        return ending if ending.isalnum() and len(ending) <= LONGEST_TYPE else ""


def absolute(field: str, path: str | os.PathLike[str]) -> str:
    """The path from the root on, without `.` and `..`; links in it stay.

    Raises:
        InvalidInput: it is no path, or relative to a directory that is gone.
    """
    if isinstance(path, os.PathLike):
        path = os.fsdecode(path)
    if not isinstance(path, str) or not path:
        raise InvalidInput(f"{field}: a path (str or os.PathLike), not empty")
    if "\0" in path:
        raise InvalidInput(f"{field}: no path: a NUL is in it")
    try:
        os.fsencode(path)
        full = os.path.abspath(path)
    except UnicodeEncodeError:
        raise InvalidInput(f"{field}: no path: a surrogate is in it that stands for no byte") from None
    except OSError:
        raise InvalidInput(f"{field}: relative to the working directory, and that is gone") from None
    return full[1:] if full.startswith("//") else full  # which POSIX lets mean something else, and no system does


def kept_path(door: Door, path: str) -> KeptPath:
    """The form in which an absolute path is kept."""
    return KeptPath(door.text("path", path, NAME_LIMIT), path)


def kept_paths(door: Door, paths: Sequence[str]) -> list[KeptPath]:
    """As `kept_path` for many, which are looked at in one call where nothing is to be masked in any of them."""
    if paths and door.are_plain(paths):
        return [KeptPath(path, path) for path in paths]
    return [kept_path(door, path) for path in paths]
