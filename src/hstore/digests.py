"""Digests of what is random by nature: the masker would take it for secrets, and two of them for the same."""

from __future__ import annotations

from hstore.engine._digest import sha256
from hstore.errors import InvalidInput

LIMIT = 64 * 1024
"""Bytes of what may be given; more is a value in the wrong place."""


def digest(field: str, value: str | bytes) -> bytes:
    """The SHA-256 of a text, as UTF-8 (a lone surrogate as the three bytes it would have), or of bytes.

    Raises:
        InvalidInput: empty, longer than 64 KiB, or neither text nor bytes.
    """
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if not isinstance(value, bytes):
        raise InvalidInput(f"{field}: text (str) or bytes, not {type(value).__name__}")
    if not value:
        raise InvalidInput(f"{field}: empty")
    if len(value) > LIMIT:
        raise InvalidInput(f"{field}: longer than {LIMIT} bytes")
    return sha256(value).digest()
