"""How a line of the audit log becomes bytes, and its hash: to the byte as docs/file-format.md says."""

from __future__ import annotations

from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Column = Union[None, int, str, bytes]

_NAME = b"hstore audit chain 1\n"


def beginning(store_id: str) -> bytes:
    """What the first line of a store's chain follows: no line of another store fits there."""
    return sha256(_NAME + store_id.encode()).digest()


def link(previous: bytes, line: Iterable[Column]) -> bytes:
    """The hash of a line: of the hash before it, and of its columns from `id` to `data`."""
    return sha256(previous + encoded(line)).digest()


def encoded(line: Iterable[Column]) -> bytes:
    """The bytes of a line; no two lines have the same."""
    return b"".join(map(_column, line))


def _column(value: Column) -> bytes:
    """`-,` for NULL, else the number of bytes, `:`, the bytes, `,`."""
    if value is None:
        return b"-,"
    raw = value if isinstance(value, bytes) else str(value).encode()
    return b"%d:%b," % (len(raw), raw)
