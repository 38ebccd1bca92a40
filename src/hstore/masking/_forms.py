"""The forms in which a text leaks: raw, escaped, encoded, quoted, doubled."""

from __future__ import annotations

from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

try:  # what `json` itself uses; importing `json` costs 6 ms on the recording path
    from _json import encode_basestring as _quote
    from _json import encode_basestring_ascii as _quote_ascii
except ImportError:  # an interpreter without the accelerator
    from json.encoder import encode_basestring as _quote
    from json.encoder import encode_basestring_ascii as _quote_ascii

_ALNUM = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_UNRESERVED = _ALNUM + b"-._~"
_INERT = _ALNUM + b"-._"
"""What no quoting and no escaping changes: a value of these alone has one textual form, itself."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BOTH_CASES = ("%02X", "%02x")

_HTML = (
    (b'"', b"'"),  # Python's html.escape(quote=False), and whatever escapes text but not attributes
    (b"&quot;", b"'"),
    (b"&quot;", b"&#x27;"),  # Python
    (b"&#34;", b"&#39;"),  # Go, Jinja
    (b"&quot;", b"&#39;"),  # Ruby, JavaScript's libraries
    (b"&quot;", b"&#039;"),  # PHP
    (b"&quot;", b"&apos;"),  # XML
)
"""How encoders write the two quotes; they agree on the other three characters."""


def forms_of(raw: bytes) -> Iterator[bytes]:
    """Every form of one line or block of bytes; some may come twice, and some may be short."""
    yield raw
    yield from _whole_forms(raw)
    if raw.translate(None, _INERT):
        yield from _percent_forms(raw)
        yield from _shell_forms(raw)
        yield from _doubled_forms(raw)
        yield from _html_forms(raw)
        yield from _language_forms(raw)


def _whole_forms(raw: bytes) -> Iterator[bytes]:
    r"""Forms that change every byte: hex, `aa:bb`, `\xaa`, `%aa`, octal, and base64 at its three alignments.

    What stands before the value decides how base64 cuts its bits. Only characters that lie wholly within the value
    are certain; the edges depend on its neighbours. That also takes care of a trailing newline, which
    `echo … | base64` encodes with the value.
    """
    pairs = raw.hex(":")
    for text in (pairs, pairs.upper()):
        yield text.replace(":", "").encode()
        yield text.encode()
        yield ("%" + text.replace(":", "%")).encode()
        yield ("\\x" + text.replace(":", "\\x")).encode()
    yield b"".join(map(_OCTAL.__getitem__, raw))
    for shift in range(3):
        encoded = b2a_base64(b"\0" * shift + raw, newline=False)
        sure = encoded[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        yield sure
        yield sure.translate(_URL_SAFE)


_OCTAL = tuple(b"\\%03o" % byte for byte in range(256))


def _escape_table(escaped: Iterable[int], form: str) -> list[bytes]:
    """For each byte what it becomes: itself, or `form` where it is among the escaped."""
    table = [bytes([byte]) for byte in range(256)]
    for byte in escaped:
        table[byte] = (form % byte).encode()
    return table


def _percent_tables() -> Iterator[list[bytes]]:
    for digits in _BOTH_CASES:
        for kept in (b"", b"/", b"!'()*", b"/:@!$&'()*+,;="):
            yield _escape_table(set(range(256)) - {*_UNRESERVED, *kept}, "%%" + digits)
        with_plus = _escape_table(set(range(256)) - {*_UNRESERVED}, "%%" + digits)
        with_plus[0x20] = b"+"
        yield with_plus


_PERCENT: list[list[bytes]] = []  # made for the first value that needs them
_IN_DOUBLE_QUOTES = _escape_table(b'"$`\\', "\\%c")
_UNQUOTED = _escape_table(b" !\"#$&'()*,;<>?[\\]^`{|}~", "\\%c")


def _percent_forms(raw: bytes) -> Iterator[bytes]:
    if not _PERCENT:
        _PERCENT[:] = _percent_tables()
    for table in _PERCENT:
        yield b"".join(map(table.__getitem__, raw))


def _shell_forms(raw: bytes) -> Iterator[bytes]:
    if b"'" in raw:
        yield raw.replace(b"'", b"'\\''")
        yield raw.replace(b"'", b"'\"'\"'")
    yield b"".join(map(_IN_DOUBLE_QUOTES.__getitem__, raw))
    yield b"".join(map(_UNQUOTED.__getitem__, raw))


def _doubled_forms(raw: bytes) -> Iterator[bytes]:
    """A quote written twice: SQL and YAML do it with single ones, CSV and Basic with double ones."""
    for quote in (b"'", b'"'):
        if quote in raw:
            yield raw.replace(quote, quote * 2)


def _html_forms(raw: bytes) -> Iterator[bytes]:
    text = raw.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    for double, single in _HTML:
        yield text.replace(b'"', double).replace(b"'", single)


def _language_forms(raw: bytes) -> Iterator[bytes]:
    r"""Python's `repr`, and JSON as its encoders write it: `\/`, `\u00fc` in both cases, `\u003c` for HTML's sake."""
    yield repr(raw)[2:-1].encode()
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
