"""How content is cut, addressed and compressed. It knows no table; docs/file-format.md states the form.

`zstandard` (10 ms) and `xxhash` are imported at their first use.
"""

from __future__ import annotations

from _thread import _local

from hstore.errors import CorruptDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 256 * 1024
"""Bytes in a full chunk: large enough for zstd's window, small enough that a range read decodes little."""
LARGEST_CHUNK = 1024 * 1024
"""Bytes that a chunk may have at most in the file (design rule, for the sake of other databases)."""
RAW, ZSTD = 0, 1
SMALLEST_COMPRESSED = 64
"""Below this many bytes a zstd frame without a dictionary saves nothing worth importing it for."""
_LEVEL = 1


class Codec:
    """Encodes and decodes chunks; each thread keeps its own zstd contexts for reuse.

    Not a lock around shared ones: a fork while another thread holds it would leave the child waiting for ever.
    """

    __slots__ = ("_own",)

    def __init__(self) -> None:
        self._own = _local()

    def encode(self, content: bytes) -> tuple[int, bytes]:
        """Return the codec's number and the payload, whichever form is smaller."""
        if len(content) < SMALLEST_COMPRESSED:
            return RAW, content
        compress = getattr(self._own, "compress", None)
        if compress is None:
            from zstandard import ZstdCompressor

            compress = self._own.compress = ZstdCompressor(level=_LEVEL).compress
        packed: bytes = compress(content)
        return (ZSTD, packed) if len(packed) < len(content) else (RAW, content)

    def decode(self, codec: int, payload: bytes, size: int) -> bytes:
        """Return the content of a payload.

        Raises:
            CorruptDatabase: the payload is damaged, of another size, or of a codec that this version does not know.
        """
        if codec == RAW:
            content = payload
        elif codec == ZSTD:
            content = self._unpack(payload, size)
        else:
            raise CorruptDatabase(f"a chunk has codec {codec}, which this hstore does not know; use a newer one")
        if len(content) != size:
            raise CorruptDatabase(f"a chunk has {len(content)} bytes instead of {size}; run `hstore doctor`")
        return content

    def _unpack(self, payload: bytes, size: int) -> bytes:
        from zstandard import ZstdDecompressor, ZstdError

        decompress = getattr(self._own, "decompress", None)
        if decompress is None:
            decompress = self._own.decompress = ZstdDecompressor().decompress
        try:
            content: bytes = decompress(payload, max_output_size=size)
        except ZstdError:
            raise CorruptDatabase("a chunk cannot be decompressed; run `hstore doctor`") from None
        return content


def digest(content: bytes) -> bytes:
    """XXH3-128 of `content`, 16 bytes big-endian (https://github.com/Cyan4973/xxHash, canonical form)."""
    from xxhash import xxh3_128_digest

    return xxh3_128_digest(content)


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
