"""Dictionaries: trained on the store's own small content, kept while a chunk needs them, replaced in time.

They are trained on what is compressed with them, and on nothing else. Values of `memory` stay readable text in their
rows; among the samples they make a dictionary 1 to 2 % worse for outputs, and it does nothing for them.
"""

from __future__ import annotations

from hstore.clock import now
from hstore.codec import LARGEST_WITH_DICTIONARY, SMALLEST_COMPRESSED, Codec, Dictionary, trained
from hstore.errors import CorruptDatabase, HstoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.engine import Connection

    Place = tuple[int, int, int, int]  # artifact, chunk, start in the chunk, size

EVERY = 256
"""Chunks after which somebody looks whether a dictionary should be trained."""
ENOUGH = 256
"""Samples below which none is trained: they would be learnt by heart."""
_MOST = 1000  # samples
_MOST_BYTES = 1024 * 1024
_KEPT_OUT = 8  # of so many samples one is not trained on but measured with
FIRST_GAIN, NEXT_GAIN = 0.85, 0.9
"""A new dictionary must pack what it was not trained on into at most this share of what is needed without it: of what
zstd alone needs for the first, of what the present one needs for each other, since every one stays in the file."""
WORN = 1.2
"""The present dictionary is looked at again when the newest chunks are packed so many times worse than at its training
(packed bytes by plain bytes of the newest 256 chunks that use it)."""

NEWEST = "SELECT id, data FROM dictionaries ORDER BY id DESC LIMIT 1"
BY_ID = "SELECT id, data FROM dictionaries WHERE id = $1"
PRESENT = "SELECT 1 FROM dictionaries WHERE id = $1"
TRAINED = "SELECT CAST(packed_size AS REAL) / plain_size FROM dictionaries WHERE id = $1"
RECENT = """
    SELECT count(*), coalesce(sum(size), 0), coalesce(sum(length(data)), 0)
    FROM (SELECT size, data FROM chunks WHERE dictionary_id = $1 ORDER BY id DESC LIMIT 256)
"""
SAMPLES = """
    SELECT * FROM (
        SELECT id, chunk_id, chunk_start, size FROM artifacts
        WHERE id > (SELECT coalesce(max(id), 0) FROM artifacts) - 5000 AND size BETWEEN $1 AND $2
        AND chunk_id IS NOT NULL ORDER BY id DESC LIMIT $3)
    UNION ALL SELECT * FROM (
        SELECT artifact_id, chunk_id, chunk_start, size FROM artifact_pieces
        WHERE artifact_id > (SELECT coalesce(max(id), 0) FROM artifacts) - 5000 AND size BETWEEN $1 AND $2
        ORDER BY artifact_id DESC LIMIT $3)
    ORDER BY 1 DESC LIMIT $3
"""
STILL_THERE = "SELECT 1 FROM pieces WHERE artifact_id = $1 AND chunk_id = $2 AND chunk_start = $3"
ADD = """
    INSERT INTO dictionaries (samples, plain_size, packed_size, created_at, data) VALUES ($1, $2, $3, $4, $5)
    RETURNING id
"""
UNUSED = """
    SELECT id FROM dictionaries AS d
    WHERE id <= $1 AND NOT EXISTS (SELECT 1 FROM chunks AS c WHERE c.dictionary_id = d.id)
"""
REMOVE = "DELETE FROM dictionaries WHERE id = $1"


class MissingDictionary(CorruptDatabase):
    """A chunk's dictionary is not there; when masking anew has just replaced both, another read finds the new ones."""


class Dictionaries:
    """Gives the dictionary of a chunk and the one for new chunks, and trains new ones outside of all transactions."""

    def __init__(self, connection: Connection, codec: Codec, read: Callable[[int, int, int], bytes]) -> None:
        self._connection = connection
        self._codec = codec
        self._read = read
        self._known: dict[int, Dictionary] = {}
        self._current: Dictionary | None = None
        self._looked = False
        self._patience = 0
        self.due = False
        """Whether so many chunks have come that somebody should call `refresh`."""

    # --- using them --------------------------------------------------------------------------------------------------

    def of(self, number: int | None) -> Dictionary | None:
        """The dictionary of that id; None for None.

        Raises:
            MissingDictionary: it is not there.
        """
        if number is None:
            return None
        found = self._known.get(number)
        if found is None:
            row = self._connection.row(BY_ID, (number,))
            if row is None:
                raise MissingDictionary(f"dictionary {number} is missing; run `hstore doctor`")
            found = self._known[number] = Dictionary(*row)
        return found

    def current(self) -> Dictionary | None:
        """The dictionary for new chunks, if there is one; looked up once, and again after `refresh`."""
        if not self._looked:
            row = self._connection.row(NEWEST)
            self._current = None if row is None else Dictionary(*row)
            self._looked = True
        return self._current

    def is_there(self, dictionary: Dictionary) -> bool:
        """Whether a dictionary still is in the file: masking anew takes away those that may hold what it replaced."""
        if self._connection.row(PRESENT, (dictionary.id,)):
            return True
        self._looked = False
        return False

    def count_chunk(self, number: int) -> None:
        """Note that a chunk was stored, by its id, which processes share: whoever stores every 256th is to look."""
        if number % EVERY == 0:
            self.due = True

    # --- training them -----------------------------------------------------------------------------------------------

    def refresh(self) -> Dictionary | None:
        """Train a dictionary if there is none and enough to train on, or if the present one has stopped paying.

        Nothing is held meanwhile but for the one short transaction that keeps it. It takes some 50 ms. Whoever fails
        at it, because others write, leaves it to the next.

        Returns:
            The new dictionary, if there is one.
        """
        if self._connection.in_transaction:
            return None
        self.due = False
        self._looked = False
        try:
            if not self._is_wanted():
                return None
            made = self.train()
        except HstoreError:
            return None
        # Content that nothing can be learnt from is looked at ever less often by this process.
        self._patience = 0 if made else self._patience * 2 + 1
        return made

    def _is_wanted(self) -> bool:
        if self._patience > 1:
            self._patience -= 1
            return False
        current = self.current()
        if current is None:
            return True
        chunks, plain, packed = self._connection.rows(RECENT, (current.id,))[0]
        if chunks < ENOUGH // 2:
            return False
        return bool(packed / plain > WORN * self._connection.value(TRAINED, (current.id,)))

    def train(self, *, afresh: bool = False) -> Dictionary | None:
        """Train a dictionary on the newest small contents, and keep it if it pays on others that were kept out.

        Args:
            afresh: it stands in for all there are, so it need not be better than the present one; without it, there
                is none for new chunks from now on.

        Raises:
            HstoreError: the file cannot be read or written now.
        """
        newest = self.current()
        current = None if afresh else newest
        self._current = current
        places, contents = self._samples()
        data = None
        if len(contents) >= ENOUGH:
            data = trained([content for number, content in enumerate(contents) if number % _KEPT_OUT])
        if data is None:
            return None
        kept_out = contents[::_KEPT_OUT]
        before = self._packed(kept_out, current)
        after = self._packed(kept_out, Dictionary(0, data), Codec())
        if after > before * (FIRST_GAIN if current is None else NEXT_GAIN):
            return None
        return self._keep(data, (len(contents), sum(map(len, kept_out)), after), places, newest)

    def _keep(
        self, data: bytes, figures: tuple[int, int, int], places: Sequence[Place], current: Dictionary | None
    ) -> Dictionary | None:
        """Store a dictionary unless what it was trained on was replaced meanwhile, or another one was stored."""
        connection = self._connection
        with connection.transaction():
            newest = connection.row(NEWEST)
            if (None if newest is None else newest[0]) != (None if current is None else current.id):
                return None
            # Masking anew may have replaced a sample: then its bytes must not come back in a dictionary.
            if not all(connection.row(STILL_THERE, place[:3]) for place in places):
                return None
            number = connection.insert(ADD, (*figures, now(), data))
        self._current, self._looked = Dictionary(number, data), True
        return self._current

    def _samples(self) -> tuple[list[Place], list[bytes]]:
        """The newest small contents, and where each stands."""
        places: list[Place] = []
        contents: list[bytes] = []
        seen: set[tuple[int, int]] = set()
        room = _MOST_BYTES
        for place in self._connection.rows(SAMPLES, (SMALLEST_COMPRESSED, LARGEST_WITH_DICTIONARY // 2, _MOST)):
            if place[1:3] in seen:
                continue
            seen.add(place[1:3])
            room -= place[3]
            if room < 0:
                break
            try:
                contents.append(self._read(*place[1:]))
            except CorruptDatabase:
                continue  # moved meanwhile, or damaged: whoever reads it is told
            places.append(place)
        return places, contents

    def _packed(self, contents: Sequence[bytes], dictionary: Dictionary | None, codec: Codec | None = None) -> int:
        encode = (codec or self._codec).encode
        return sum(len(encode(content, dictionary)[1]) for content in contents)

    # --- taking them away --------------------------------------------------------------------------------------------

    def remove_unused(self, newest: int) -> int:
        """Delete dictionaries up to the id `newest` that no chunk needs; return how many."""
        removed = 0
        with self._connection.transaction():
            for (number,) in self._connection.rows(UNUSED, (newest,)):
                self._connection.write(REMOVE, (number,))
                removed += 1
        self._looked = False
        return removed
