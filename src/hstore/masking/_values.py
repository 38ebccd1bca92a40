"""The forms in which a registered value leaks: raw, escaped, encoded, quoted."""

from __future__ import annotations

from binascii import b2a_base64

from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

try:  # what `json` itself uses; importing `json` costs 6 ms on the recording path
    from _json import encode_basestring as _quote
    from _json import encode_basestring_ascii as _quote_ascii
except ImportError:  # an interpreter without the accelerator
    from json.encoder import encode_basestring as _quote
    from json.encoder import encode_basestring_ascii as _quote_ascii

SHORTEST = 8
LONGEST_FORM = 4096
OVERLAP = 64
"""Bytes that the pieces of a longer form share, so that they unite into one mark."""

_COMMON_WORDS = (
    "password passwort passwords username changeme localhost database development production staging undefined "
    "disabled enabled required optional internal external administrator anonymous postgres postgresql mongodb "
    "rabbitmq elasticsearch kubernetes container application default-password placeholder something everything "
    "12345678 123456789 1234567890 87654321 00000000 11111111 password1 password123 qwertyui qwerty123 iloveyou "
    "true-false truefalse nullnull test-test testtest test1234 testing1 abcdefgh abcd1234 example.com github.com "
    "gitlab.com docker.io 127.0.0.1 0.0.0.0:0 utf-8-sig us-east-1 us-west-2 eu-west-1 eu-central-1 refs/heads "
    "continue complete finished starting connected response messages settings warnings"
)
COMMON = frozenset(word.encode() for word in _COMMON_WORDS.split())
"""Texts that stand in logs without being anyone's secret, even where someone has chosen them as one."""


def refusal(value: str | bytes) -> str | None:
    """Why masking this value would do more harm than good, or None."""
    raw = _raw(value).strip()
    length = len(value.strip()) if isinstance(value, str) else len(raw)
    if length < SHORTEST:
        return f"shorter than {SHORTEST} characters"
    if len(set(raw)) == 1:
        return "a run of one character"
    if raw.lower() in COMMON:
        return "a common word"
    if _stands_in_a_mark(raw):
        return "a part of the marks themselves"
    return None


def _stands_in_a_mark(raw: bytes) -> bool:
    from hstore.masking import rule_ids

    return b"[masked:" in raw or any(raw in f"[masked:{kind}]".encode() for kind in rule_ids())


def blob_of(values: Iterable[str | bytes]) -> bytes:
    """All forms of all values as the C side reads them: length, bytes, length, bytes.

    Raises:
        InvalidInput: a refused value, named by its position alone.
    """
    found: dict[bytes, None] = {}
    for position, value in enumerate(values):
        if not isinstance(value, str | bytes):
            raise InvalidInput(f"values[{position}]: text or bytes, not {type(value).__name__}")
        reason = refusal(value)
        if reason is not None:
            raise InvalidInput(f"values[{position}]: {reason}")
        for form in forms(value):
            found.update(dict.fromkeys(_pieces(form)))
    return b"".join(len(form).to_bytes(4, "little") + form for form in found)


def forms(value: str | bytes) -> set[bytes]:
    """Every form of a value that is long enough to be looked for."""
    raw = _raw(value).strip(b" \t\r\n")
    found: set[bytes] = set()
    for text in _line_forms(raw):
        found.update(_text_forms(text))
        found.update(_binary_forms(text))
    return {form for form in found if len(form) >= SHORTEST}


def _raw(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _line_forms(raw: bytes) -> Iterator[bytes]:
    """The value with the white space that may stand for its line breaks, and each line by itself."""
    yield raw
    lines = raw.splitlines()
    if len(lines) < 2:
        return
    for between in (b"\n", b"\r\n", b" ", b"\\n", b"\\r\\n", b""):
        yield between.join(lines)
    for line in lines:
        if refusal(line) is None:
            yield line.strip()


def _text_forms(raw: bytes) -> Iterator[bytes]:
    yield raw
    yield from _percent_forms(raw)
    yield from _shell_forms(raw)
    yield repr(raw)[2:-1].encode()
    yield raw.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b'"', b"&quot;")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    yield repr(text)[1:-1].encode()
    for quote in (_quote, _quote_ascii):
        escaped = quote(text)[1:-1]
        for form in {escaped, _upper_escapes(escaped)}:
            yield form.encode()
            yield form.replace("/", "\\/").encode()
            yield form.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def _upper_escapes(escaped: str) -> str:
    pieces = escaped.split("\\u")
    return "\\u".join([pieces[0], *(piece[:4].upper() + piece[4:] for piece in pieces[1:])])


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _percent_forms(raw: bytes) -> Iterator[bytes]:
    for kept in (b"", b"/", b"!'()*", b"/:@!$&'()*+,;="):
        for digits in ("%%%02X", "%%%02x"):
            yield b"".join(
                bytes([byte]) if byte in _UNRESERVED or byte in kept else (digits % byte).encode() for byte in raw
            )
    for digits in ("%%%02X", "%%%02x"):
        yield b"".join(
            b"+" if byte == 0x20 else bytes([byte]) if byte in _UNRESERVED else (digits % byte).encode() for byte in raw
        )


def _shell_forms(raw: bytes) -> Iterator[bytes]:
    yield raw.replace(b"'", b"'\\''")
    yield raw.replace(b"'", b"'\"'\"'")
    yield b"".join(b"\\" + bytes([byte]) if byte in b'"$`\\' else bytes([byte]) for byte in raw)
    yield b"".join(b"\\" + bytes([byte]) if byte in b" !\"#$&'()*,;<>?[\\]^`{|}~" else bytes([byte]) for byte in raw)


def _binary_forms(raw: bytes) -> Iterator[bytes]:
    """Hex, and base64 at three alignments: what stands before the value decides how its bits are cut.

    Only characters that lie wholly within the value are certain; the edges depend on its neighbours. That also
    takes care of a trailing newline, which `echo … | base64` encodes with the value.
    """
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        encoded = b2a_base64(b"\0" * shift + raw, newline=False)
        first, behind = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6
        sure = encoded[first:behind]
        yield sure
        yield sure.translate(bytes.maketrans(b"+/", b"-_"))


def _pieces(form: bytes) -> Iterator[bytes]:
    """A form that is longer than the matcher takes is looked for in overlapping pieces."""
    if len(form) <= LONGEST_FORM:
        yield form
        return
    for start in range(0, len(form) - LONGEST_FORM, LONGEST_FORM - OVERLAP):
        yield form[start : start + LONGEST_FORM]
    yield form[-LONGEST_FORM:]
