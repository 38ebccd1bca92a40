"""Paths as they are kept: absolute, masked, and told apart by a digest of what they were before."""

from __future__ import annotations

import os

from hstore.engine._digest import sha256
from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.door import Door

LONGEST_TYPE = 16
"""Characters of an ending that says what a file is; a longer one is part of its name."""


class KeptPath:
    """A path's masked text, with name and type taken from that, and the digest of the path itself."""

    __slots__ = ("digest", "name", "text", "type")

    def __init__(self, text: str, digest: bytes) -> None:
        self.text = text
        self.digest = digest
        self.name = os.path.basename(text)
        ending = os.path.splitext(self.name)[1][1:].lower()
        self.type = ending if ending.isalnum() and len(ending) <= LONGEST_TYPE else ""


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
        return os.path.abspath(path)
    except UnicodeEncodeError:
        raise InvalidInput(f"{field}: no path: a surrogate is in it that stands for no byte") from None
    except OSError:
        raise InvalidInput(f"{field}: relative to the working directory, and that is gone") from None


def kept_path(door: Door, path: str) -> KeptPath:
    """The form in which an absolute path is kept."""
    return KeptPath(door.text("path", path), sha256(os.fsencode(path)).digest())
