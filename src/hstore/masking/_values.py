"""Registered values: which are refused, and all their forms as the C side reads them."""

from __future__ import annotations

from hstore.errors import InvalidInput
from hstore.masking._forms import forms_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

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


def refusal(value: str | bytes, kinds: Iterable[str] = ()) -> str | None:
    """Why masking this value would do more harm than good, or None; `kinds` are types besides the built-in ones."""
    raw = _raw(value).strip()
    length = len(value.strip()) if isinstance(value, str) else len(raw)
    if length < SHORTEST:
        return f"shorter than {SHORTEST} characters"
    if len(set(raw)) == 1:
        return "a run of one character"
    if raw.lower() in COMMON:
        return "a common word"
    if _stands_in_a_mark(raw) or any(raw in f"[masked:{kind}]".encode() for kind in kinds):
        return "a part of the marks themselves"
    return None


def _stands_in_a_mark(raw: bytes) -> bool:
    global _marks
    if not _marks:
        from hstore.masking import rule_ids

        _marks = "\0".join(f"[masked:{kind}]" for kind in rule_ids()).encode()
    return b"[masked:" in raw or raw in _marks


_marks = b""


def blob_of(values: Iterable[str | bytes], kinds: Collection[str] = ()) -> bytes:
    """All forms of all values as the C side reads them: length, bytes, length, bytes.

    Raises:
        InvalidInput: a refused value, named by its position alone.
    """
    found: dict[bytes, None] = {}
    for position, value in enumerate(values):
        if not isinstance(value, str | bytes):
            raise InvalidInput(f"values[{position}]: text or bytes, not {type(value).__name__}")
        reason = refusal(value, kinds)
        if reason is not None:
            raise InvalidInput(f"values[{position}]: {reason}")
        for form in forms(value):
            if len(form) <= LONGEST_FORM:
                found[form] = None
            else:
                found.update(dict.fromkeys(_pieces(form)))
    return b"".join([part for form in found for part in (len(form).to_bytes(4, "little"), form)])


def forms(value: str | bytes) -> set[bytes]:
    """Every form of a value that is long enough to be looked for."""
    return {form for text in _line_forms(_raw(value).strip()) for form in forms_of(text) if len(form) >= SHORTEST}


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


def _pieces(form: bytes) -> Iterator[bytes]:
    """A form that is longer than the matcher takes is looked for in overlapping pieces."""
    for start in range(0, len(form) - LONGEST_FORM, LONGEST_FORM - OVERLAP):
        yield form[start : start + LONGEST_FORM]
    yield form[-LONGEST_FORM:]
