"""Shared secrets as salted, slow hashes: made, and compared in constant time.

scrypt (RFC 7914) with N = 2^14, r = 8, p = 5: 16 MiB and about a quarter of a second of one core, one of the settings
that OWASP's Password Storage Cheat Sheet counts as equal. Those with a smaller p take up to 128 MiB for each device
that logs in, a lot for a gateway on a small machine. Where OpenSSL was built without scrypt, PBKDF2 with HMAC-SHA-256
and the 600,000 rounds of the same source.

The method names hash and cost, as in `scrypt:16384:8:5`, so that the cost can be raised: what is stored is compared by
its own method, what is set is set by the present one.
"""

from __future__ import annotations

from hstore.clock import now
from hstore.errors import AccessDenied, InvalidInput, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.engine import Connection

    Hashed = tuple[str, bytes, bytes]
    """Method, salt and hash."""
    Standing = tuple[Any, ...]
    """Whether a device was ever approved, and its method, salt and hash, if it has a secret."""


SCRYPT = "scrypt:16384:8:5"
PBKDF2 = "pbkdf2-sha256:600000"

SALT_BYTES = 16
HASH_BYTES = 32
SECRET_LIMIT = 4096
"""Bytes of a secret; it is hashed before the slow part begins, so this only catches mistakes."""
MEMORY_LIMIT = 1 << 30
"""Bytes that a method from a file may ask for."""

STANDING = """
    SELECT d.approved_at IS NOT NULL, s.method, s.salt, s.hash
    FROM devices AS d LEFT JOIN device_secrets AS s ON s.device_id = d.id WHERE d.key = $1
"""
SET_HASH = """
    INSERT INTO device_secrets (device_id, method, salt, hash, set_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (device_id) DO UPDATE SET
        method = excluded.method, salt = excluded.salt, hash = excluded.hash, set_at = excluded.set_at
"""


class Credentials:
    """The secrets of devices; what is slow is done outside of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standing(self, key: str) -> Standing | None:
        """How the device `key` stands; None if there is none."""
        return self._connection.row(STANDING, (key,))

    def new(self, standing: Standing | None, secret: str | bytes | None) -> Hashed | None:
        """What to store for a device that registers with this secret; None if nothing is to be stored.

        Raises:
            AccessDenied: it has another one, or was approved without one. InvalidInput: this is none.
        """
        stored = _hashed_of(standing)
        if secret is None:
            if stored is not None:
                raise AccessDenied("secret: the device has one, and registers with it; update changes it without")
            return None
        raw = encoded(secret)
        if stored is None:
            if standing is not None and standing[0]:
                raise AccessDenied("secret: the device was approved without one; set_secret gives it one")
            return hashed(raw)
        if not matches(raw, stored):
            raise AccessDenied("secret: the device has another one; set_secret changes it")
        return None

    def put(self, device: int, made: Hashed) -> None:
        """Store a secret, in place of what there was."""
        self._connection.write(SET_HASH, (device, *made, now()))

    def fit(self, key: str, secret: str | bytes) -> bool:
        """Whether a secret is that of the device `key`; as slow where there is none."""
        return matches(encoded(secret), _hashed_of(self.standing(key)))


def _hashed_of(standing: Standing | None) -> Hashed | None:
    if standing is None or standing[1] is None:
        return None
    return (standing[1], standing[2], standing[3])


def encoded(secret: str | bytes) -> bytes:
    """A secret as bytes.

    Raises:
        InvalidInput: empty, too long, no text and no bytes, or text that is no Unicode.
    """
    if isinstance(secret, str):
        try:
            secret = secret.encode()
        except UnicodeEncodeError:
            raise InvalidInput("secret: not valid Unicode; give bytes instead") from None
    if not isinstance(secret, bytes):
        raise InvalidInput("secret: text (str) or bytes")
    if not secret:
        raise InvalidInput("secret: empty")
    if len(secret) > SECRET_LIMIT:
        raise InvalidInput(f"secret: longer than {SECRET_LIMIT} bytes")
    return secret


def hashed(secret: bytes) -> Hashed:
    """The hash of a secret with a salt of its own, by the present method."""
    from os import urandom

    method, salt = _present_method(), urandom(SALT_BYTES)
    return method, salt, _hash(method, salt, secret)


def matches(secret: bytes, stored: Hashed | None) -> bool:
    """Whether a secret is the one that was stored. Without one the same work is done, and the answer is False."""
    from hmac import compare_digest

    method, salt, expected = stored or (_present_method(), bytes(SALT_BYTES), bytes(HASH_BYTES))
    return compare_digest(_hash(method, salt, secret), expected) and stored is not None


def _present_method() -> str:
    import hashlib

    return SCRYPT if hasattr(hashlib, "scrypt") else PBKDF2


def _hash(method: str, salt: bytes, secret: bytes) -> bytes:
    import hashlib

    name, *costs = method.split(":")
    try:
        if name == "scrypt":
            n, r, p = map(int, costs)
            memory = 128 * r * (n + p + 2)
            if memory > MEMORY_LIMIT:
                raise ValueError
            return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=HASH_BYTES)
        if name == "pbkdf2-sha256":
            (rounds,) = map(int, costs)
            return hashlib.pbkdf2_hmac("sha256", secret, salt, rounds, HASH_BYTES)
    except (ValueError, AttributeError):
        pass
    raise StoreError("device: its secret was set by a method that cannot be computed here; set_secret sets it anew")
