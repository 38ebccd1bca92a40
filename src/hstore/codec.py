"""How content is cut, addressed and compressed. It knows no table; docs/file-format.md states the form.

`zstandard` (10 ms) and `xxhash` are imported at their first use.
"""

from __future__ import annotations

from _thread import _local

from hstore.errors import CorruptDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHUNK = 256 * 1024
"""Bytes in a full chunk: large enough for zstd's window, small enough that a range read decodes little."""
RAW, ZSTD, WITH_DICTIONARY = 0, 1, 2
SETTLED = 8
"""Added to a codec's number where compaction has been over the chunk: it is as small as that makes it."""
SMALLEST_COMPRESSED = 64
"""Below this many bytes a zstd frame without a dictionary saves nothing worth importing it for."""
LARGEST_WITH_DICTIONARY = 64 * 1024
"""Bytes above which a dictionary is not used: of many small outputs put together it saves 19 % at 32 KiB, 13 % at 64,
9 % at 128, 4 % at 256, and takes 40 % more time."""
FAST, BETTER, THOROUGH = 1, 3, 9
"""Levels of zstd: while a command waits; for many contents at once; and when nobody waits: 9 takes 16 to 22 % fewer
bytes than 1 for source texts and logs in full chunks, at about 50 MB/s, 12 another 1 to 3 % at a fifth of that."""
_LEVEL_OF_SMALL = 3
"""With a dictionary, level 3 takes 7 % more time than 1 for a tenth fewer bytes."""
_DICTIONARY_SIZE = 32 * 1024
"""Bytes: with 16 KiB the small outputs of the benchmarks take 4 % more, with 64 KiB 2 % less, and 0.3 ms instead of 0.2
until each process can use it."""


class Dictionary:
    """What zstd is told beforehand of small content: `id` in its store, and `data` in zstd's own form."""

    __slots__ = ("data", "id")

    def __init__(self, id: int, data: bytes) -> None:  # noqa: A002 - it is called that in the file
        self.id = id
        self.data = data


class Codec:
    """Encodes and decodes chunks; each thread keeps its own zstd contexts for reuse.

    Not a lock around shared ones: a fork while another thread holds it would leave the child waiting for ever.
    """

    __slots__ = ("_own",)

    def __init__(self) -> None:
        self._own = _local()

    def encode(self, content: bytes, dictionary: Dictionary | None = None, level: int = FAST) -> tuple[int, bytes]:
        """Return the codec's number and the payload, whichever form is smaller.

        Args:
            content: 1 byte to 1 MiB.
            dictionary: used if the content is small enough to gain by it.
            level: of zstd, where no dictionary is used.
        """
        if len(content) < SMALLEST_COMPRESSED:
            return RAW, content
        if dictionary is None or len(content) > LARGEST_WITH_DICTIONARY:
            number, packed = ZSTD, self._packer(None, level)(content)
        else:
            number, packed = WITH_DICTIONARY, self._packer(dictionary, _LEVEL_OF_SMALL)(content)
        return (number, packed) if len(packed) < len(content) else (RAW, content)

    def encode_many(self, contents: Sequence[bytes], level: int, threads: int) -> list[tuple[int, bytes]]:
        """As `encode` of each without a dictionary, by so many threads (-1: one for each processor); Python runs on."""
        if len(contents) < 2 or min(map(len, contents)) < SMALLEST_COMPRESSED:
            return [self.encode(content, None, level) for content in contents]
        from zstandard import ZstdCompressor

        many = getattr(ZstdCompressor(level=level), "multi_compress_to_buffer", None)  # not in every build
        if many is None:
            return [self.encode(content, None, level) for content in contents]
        packed = [segment.tobytes() for segment in many(list(contents), threads=threads)]
        return [
            (ZSTD, one) if len(one) < len(content) else (RAW, content)
            for one, content in zip(packed, contents, strict=True)
        ]

    def decode(self, codec: int, payload: bytes, size: int, dictionary: Dictionary | None = None) -> bytes:
        """Return the content of a payload.

        Raises:
            CorruptDatabase: the payload is damaged, of another size, or of a codec that this version does not know.
        """
        form = codec & ~SETTLED
        if form == RAW:
            content = payload
        elif form == ZSTD or (form == WITH_DICTIONARY and dictionary is not None):
            content = self._unpack(payload, size, dictionary if form == WITH_DICTIONARY else None)
        elif form == WITH_DICTIONARY:
            raise CorruptDatabase("a chunk needs a dictionary that is missing; run `hstore doctor`")
        else:
            raise CorruptDatabase(f"a chunk has codec {codec}, which this hstore does not know; use a newer one")
        if len(content) != size:
            raise CorruptDatabase(f"a chunk has {len(content)} bytes instead of {size}; run `hstore doctor`")
        return content

    def _packer(self, dictionary: Dictionary | None, level: int) -> Callable[[bytes], bytes]:
        key = (0 if dictionary is None else dictionary.id, level)
        packers: dict[tuple[int, int], Callable[[bytes], bytes]] = self._own.__dict__.setdefault("packers", {})
        found = packers.get(key)
        if found is None:
            from zstandard import ZstdCompressionDict, ZstdCompressor

            known = None if dictionary is None else ZstdCompressionDict(dictionary.data)
            if known is not None:
                known.precompute_compress(level=level)
            # The row names the dictionary, so the frame need not.
            found = packers[key] = ZstdCompressor(level=level, dict_data=known, write_dict_id=False).compress
        return found

    def _unpack(self, payload: bytes, size: int, dictionary: Dictionary | None) -> bytes:
        from zstandard import ZstdCompressionDict, ZstdDecompressor, ZstdError

        key = 0 if dictionary is None else dictionary.id
        unpackers: dict[int, Callable[..., bytes]] = self._own.__dict__.setdefault("unpackers", {})
        decompress = unpackers.get(key)
        try:
            if decompress is None:
                known = None if dictionary is None else ZstdCompressionDict(dictionary.data)
                decompress = unpackers[key] = ZstdDecompressor(dict_data=known).decompress
            content = decompress(payload, max_output_size=size)
        except ZstdError:
            raise CorruptDatabase("a chunk cannot be decompressed; run `hstore doctor`") from None
        return content


def trained(samples: Sequence[bytes]) -> bytes | None:
    """A dictionary made of small contents, in zstd's own form; None if they have too little in common to make one.

    zstd's fast cover algorithm with its parameters given: 25 ms for 1,000 samples of 1 KB, where a search for better
    parameters takes 150 ms and more and gains 1 %.
    """
    from zstandard import ZstdError, train_dictionary

    try:
        data: bytes = train_dictionary(_DICTIONARY_SIZE, list(samples), k=1000, d=8, f=20, accel=1).as_bytes()
    except ZstdError:
        return None
    return data


def digest(content: bytes) -> bytes:
    """XXH3-128 of `content`, 16 bytes big-endian (https://github.com/Cyan4973/xxHash, canonical form)."""
    from xxhash import xxh3_128_digest

    return xxh3_128_digest(content)


def digests(contents: Sequence[bytes]) -> list[bytes]:
    """`digest` of each; its import alone, done once, takes longer than the digest of a small content."""
    from xxhash import xxh3_128_digest

    return list(map(xxh3_128_digest, contents))


def encode_marks(marks: list[tuple[int, int]]) -> bytes:
    """Pack `(microseconds since the mark before, bytes)` pairs as unsigned LEB128 numbers (DWARF 5, 7.6)."""
    packed = bytearray()
    for pair in marks:
        for number in pair:
            while number > 0x7F:
                packed.append(number & 0x7F | 0x80)
                number >>= 7
            packed.append(number)
    return bytes(packed)


def decode_marks(packed: bytes) -> Iterator[tuple[int, int]]:
    """Yield the pairs that `encode_marks` packed."""
    numbers = list(_decode_numbers(packed))
    if len(numbers) % 2 or (packed and packed[-1] > 0x7F):
        raise CorruptDatabase("the marks of a piece are damaged; run `hstore doctor`")
    return zip(numbers[::2], numbers[1::2], strict=True)


def _decode_numbers(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
