"""Chunks: content stored once each, found by digest and decided by equality of the bytes."""

from __future__ import annotations

from hstore.codec import Codec, digest
from hstore.errors import CorruptDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.engine import Connection

CANDIDATES = "SELECT id, codec, data FROM chunks WHERE digest = $1 AND size = $2"
PRESENT = "SELECT 1 FROM chunks WHERE id = $1 AND digest = $2"
ADD = "INSERT INTO chunks (digest, size, codec, data) VALUES ($1, $2, $3, $4) RETURNING id"
READ = "SELECT codec, data, size, digest FROM chunks WHERE id = $1"


class Prepared:
    """A chunk ready to be stored: compressed, or known to be there already as `known`."""

    __slots__ = ("codec", "digest", "known", "payload", "size")

    def __init__(self, digest: bytes, size: int, known: int | None, codec: int, payload: bytes) -> None:
        self.digest = digest
        self.size = size
        self.known = known
        self.codec = codec
        self.payload = payload


class Chunks:
    """Stores and returns content of 1 byte to 1 MiB."""

    def __init__(self, connection: Connection, codec: Codec) -> None:
        self._connection = connection
        self._codec = codec

    def prepare(self, contents: list[bytes]) -> list[Prepared]:
        """Look contents up and compress the new ones: the slow part, done before the write lock is taken."""
        made: dict[bytes, tuple[bytes, Prepared]] = {}
        found = []
        for content in contents:
            address = digest(content)
            twin = made.get(address)
            if twin is None or twin[0] != content:
                twin = made[address] = (content, self._prepare(address, content))
            found.append(twin[1])
        return found

    def _prepare(self, address: bytes, content: bytes) -> Prepared:
        for number, codec, payload in self._connection.rows(CANDIDATES, (address, len(content))):
            if self._codec.decode(codec, payload, len(content)) == content:
                return Prepared(address, len(content), number, codec, payload)
        return Prepared(address, len(content), None, *self._codec.encode(content))

    def store(self, chunk: Prepared) -> int:
        """Return a prepared chunk's id, stored now if need be; call it inside the transaction that refers to it."""
        if chunk.known is not None and self._connection.row(PRESENT, (chunk.known, chunk.digest)):
            return chunk.known
        # Another writer may have stored it since it was prepared.
        for number, codec, payload in self._connection.rows(CANDIDATES, (chunk.digest, chunk.size)):
            if codec == chunk.codec and payload == chunk.payload:
                chunk.known = int(number)
                return chunk.known
        chunk.known = self._connection.insert(ADD, (chunk.digest, chunk.size, chunk.codec, chunk.payload))
        return chunk.known

    def read(self, number: int) -> bytes:
        """The content of a chunk.

        Raises:
            CorruptDatabase: it is missing or damaged; its digest is checked.
        """
        row = self._connection.row(READ, (number,))
        if row is None:
            raise CorruptDatabase(f"chunk {number} is missing; run `hstore doctor`")
        content = self._codec.decode(*row[:3])
        if digest(content) != row[3]:
            raise CorruptDatabase(f"chunk {number} is damaged; run `hstore doctor`")
        return content
