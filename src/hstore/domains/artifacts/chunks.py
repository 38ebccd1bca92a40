"""Chunks: content stored once each, found by digest and decided by equality of the bytes."""

from __future__ import annotations

from hstore.codec import (
    BETTER,
    FAST,
    LARGEST_WITH_DICTIONARY,
    SETTLED,
    SMALLEST_COMPRESSED,
    THOROUGH,
    WITH_DICTIONARY,
    Codec,
    Dictionary,
    digest,
    digests,
)
from hstore.domains.artifacts.dictionaries import Dictionaries, MissingDictionary
from hstore.errors import CorruptDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hstore.engine import Connection

CANDIDATES = "SELECT id, codec, dictionary_id, data FROM chunks WHERE digest = $1 AND size = $2"
PRESENT = "SELECT 1 FROM chunks WHERE id = $1 AND digest = $2"
ADD = "INSERT INTO chunks (digest, size, codec, dictionary_id, data) VALUES ($1, $2, $3, $4, $5) RETURNING id"
PUT = "UPDATE chunks SET codec = $1, dictionary_id = $2, data = $3 WHERE id = $4 AND digest = $5"
REMOVE_UNNEEDED = """
    DELETE FROM chunks
    WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM artifact_pieces WHERE chunk_id = $1)
        AND NOT EXISTS (SELECT 1 FROM artifacts WHERE chunk_id = $1)
    RETURNING id
"""
READ = "SELECT id, digest, size, codec, dictionary_id, data FROM chunks WHERE id = $1"


class Prepared:
    """A chunk ready to be stored: compressed, or known to be there already as `known`."""

    __slots__ = ("codec", "dictionary", "digest", "known", "payload", "size")

    def __init__(
        self, digest: bytes, size: int, known: int | None, codec: int, payload: bytes, dictionary: Dictionary | None
    ) -> None:
        self.digest = digest
        self.size = size
        self.known = known
        self.codec = codec
        self.payload = payload
        self.dictionary = dictionary


class Chunks:
    """Stores and returns content of 1 byte to 1 MiB."""

    def __init__(self, connection: Connection, codec: Codec) -> None:
        self._connection = connection
        self._codec = codec
        self.dictionaries = Dictionaries(connection, codec, self.stretch)
        # The chunk decoded last, since the next piece that is read is often in it too. An id whose transaction was
        # rolled back is given out again, hence the rest of the key.
        self._last: tuple[tuple[int, bytes, int], bytes] | None = None

    # --- storing -----------------------------------------------------------------------------------------------------

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
        for number, codec, dictionary, payload in self._connection.rows(CANDIDATES, (address, len(content))):
            known = self.dictionaries.of(dictionary)
            if self._codec.decode(codec, payload, len(content), known) == content:
                return Prepared(address, len(content), number, codec, payload, known)
        return self.encoded(address, content)

    def encoded(self, address: bytes, content: bytes, level: int = FAST) -> Prepared:
        """A chunk to be stored, without a look whether it is there already."""
        small = SMALLEST_COMPRESSED <= len(content) <= LARGEST_WITH_DICTIONARY
        dictionary = self.dictionaries.current() if small else None
        codec, payload = self._codec.encode(content, dictionary, level)
        return Prepared(address, len(content), None, codec, payload, dictionary if codec == WITH_DICTIONARY else None)

    def encoded_many(self, contents: list[bytes], *, alone: bool = False) -> list[Prepared]:
        """As `encoded` of each, at a better level; of several large ones without asking the database, in any thread.

        Args:
            contents: what is to be compressed.
            alone: on this processor only, since others are at work.
        """
        if len(contents) == 1:
            return [self.encoded(digest(contents[0]), contents[0], BETTER)]
        forms = self._codec.encode_many(contents, BETTER, threads=1 if alone else -1)
        return [
            Prepared(address, len(content), None, *form, None)
            for address, content, form in zip(digests(contents), contents, forms, strict=True)
        ]

    def settled(self, address: bytes, content: bytes) -> Prepared:
        """A chunk as small as it gets, for content that nobody waits for, to be stored without a look."""
        codec, payload = self._codec.encode(content, level=THOROUGH)
        small = self.encoded(address, content)
        if small.dictionary is None or len(small.payload) >= len(payload):
            small = Prepared(address, len(content), None, codec, payload, None)
        small.codec |= SETTLED
        return small

    def store(self, chunk: Prepared) -> int:
        """Return a prepared chunk's id, stored now if need be; call it inside the transaction that refers to it."""
        if chunk.known is not None and self._connection.row(PRESENT, (chunk.known, chunk.digest)):
            return chunk.known
        chunk.known = self._stored_meanwhile(chunk)
        if chunk.known is None:
            chunk.known = self.add(chunk)
        return chunk.known

    def _stored_meanwhile(self, chunk: Prepared) -> int | None:
        """The id of the same content, if another writer has stored it since it was prepared."""
        for number, codec, dictionary, payload in self._connection.rows(CANDIDATES, (chunk.digest, chunk.size)):
            if (codec, payload) == (chunk.codec, chunk.payload) or self._content(chunk) == self._codec.decode(
                codec, payload, chunk.size, self.dictionaries.of(dictionary)
            ):
                return int(number)
        return None

    def add(self, chunk: Prepared) -> int:
        """Store a prepared chunk without a look whether it is there, inside the transaction that refers to it."""
        if chunk.dictionary is not None and not self.dictionaries.is_there(chunk.dictionary):
            chunk.codec, chunk.payload = self._codec.encode(self._content(chunk))
            chunk.dictionary = None
        dictionary = None if chunk.dictionary is None else chunk.dictionary.id
        number = self._connection.insert(ADD, (chunk.digest, chunk.size, chunk.codec, dictionary, chunk.payload))
        self.dictionaries.count_chunk(number)
        return number

    def _content(self, chunk: Prepared) -> bytes:
        return self._codec.decode(chunk.codec, chunk.payload, chunk.size, chunk.dictionary)

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, number: int) -> bytes:
        """The content of a chunk.

        Raises:
            CorruptDatabase: it is missing or damaged; its digest is checked.
        """
        try:
            return self._read(number)
        except MissingDictionary:
            return self._read(number)  # it was replaced between two statements, and the row with it

    def _read(self, number: int) -> bytes:
        row = self._connection.row(READ, (number,))
        if row is None:
            raise CorruptDatabase(f"chunk {number} is missing; run `hstore doctor`")
        return self.content(row)

    def stretch(self, number: int, start: int, size: int) -> bytes:
        """A piece's bytes: `size` of them from the offset `start` of a chunk."""
        return self.read(number)[start : start + size]

    def content(self, row: Sequence[Any]) -> bytes:
        """The content of a chunk by its row: id, digest, size, codec, dictionary, data.

        Raises:
            CorruptDatabase: it is damaged; its digest is checked. MissingDictionary: read the row again.
        """
        number, address, size, codec, dictionary, payload = row
        key, last = (number, address, self._connection.rollbacks), self._last
        if last is not None and last[0] == key:
            return last[1]
        content = self._codec.decode(codec, payload, size, self.dictionaries.of(dictionary))
        if digest(content) != address:
            raise CorruptDatabase(f"chunk {number} is damaged; run `hstore doctor`")
        self._last = (key, content)
        return content

    # --- compressing anew --------------------------------------------------------------------------------------------

    def settle(self, number: int) -> None:
        """Make a chunk as small as it gets, in its place; nothing happens if it is gone.

        Raises:
            CorruptDatabase: it is damaged.
        """
        row = self._connection.row(READ, (number,))
        if row is not None:
            self.put(number, self.settled(row[1], self.content(row)))

    def put(self, number: int, chunk: Prepared) -> None:
        """Keep the same content of a chunk in another form; nothing happens if the chunk is gone."""
        with self._connection.transaction():
            if chunk.dictionary is None or self.dictionaries.is_there(chunk.dictionary):
                dictionary = None if chunk.dictionary is None else chunk.dictionary.id
                self._connection.write(PUT, (chunk.codec, dictionary, chunk.payload, number, chunk.digest))
