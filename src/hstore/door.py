"""The one door to the tables: every text is checked, made to fit visibly, and masked here before a domain binds it."""

from __future__ import annotations

import os

from hstore.errors import InvalidInput
from hstore.masking import SEPARATOR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from hstore.masking import Masker

KEY_LIMIT = 1024
"""Bytes of a caller's key: it is indexed, and a longer one is a value in the wrong place."""
NAME_LIMIT = 64 * 1024
"""Bytes of a name, path or label."""
TEXT_LIMIT = 1024 * 1024
"""Bytes of a message, a selection, a command line."""
JSON_LIMIT = 16 * 1024 * 1024
"""Bytes of a JSON value."""

KNOWN_KEYS = 16384
"""Keys that are remembered as plain; of at most a kilobyte each."""
PLAIN_LIMIT = 32 * 1024
"""Bytes that are looked at together; more are worth a call each."""
_SEPARATOR = SEPARATOR.encode()
_SEPARATOR_BYTE = ord(SEPARATOR)

_simple_json: Callable[[object, str], tuple[str, list[str], int] | None] | None = None

try:
    from _json import encode_basestring as _quote_json
except ImportError:  # an interpreter without the accelerator
    from json.encoder import encode_basestring as _quote_json


class Door:
    """Checks, fits and masks what callers hand in; the `field` names the argument in errors, the value never shows."""

    __slots__ = ("_plain_keys", "_plain_state", "masker")

    def __init__(self, masker: Masker) -> None:
        self.masker = masker
        self._plain_keys: set[str] = set()
        self._plain_state: object = None

    def are_plain(self, texts: Sequence[str], nuls: int = 0) -> bool:
        """Whether all of `texts` are valid, short, and hold nothing to mask: then they may be stored as they are.

        One call instead of one for each; where the answer is no, the methods below say which and why, or mask it.

        Args:
            texts: what was given; an empty list, or what is no `str`, is not plain.
            nuls: how many NULs are in them, between the words of a command.
        """
        raw = _joined(texts, nuls)
        return raw is not None and len(raw) <= PLAIN_LIMIT and self.masker.leaves(raw)

    def to_mask(self, texts: Sequence[str], nuls: int = 0) -> Sequence[str] | None:
        """Those of many texts that hold something to mask; None where they have to be looked at one by one.

        Their lengths are the caller's to check.
        """
        raw = _joined(texts, nuls)
        return None if raw is None else [texts[number] for number in self.masker.changes(raw, len(texts))]

    def leaves(self, contents: Sequence[bytes]) -> bool:
        """Whether each of many contents, looked at by itself, holds nothing to mask; one call for all of them."""
        # Looked for in each, since `count` in all of them takes five instructions for each byte; and as a number, since
        # CPython tries first whether what it looks for in bytes is one.
        if any([_SEPARATOR_BYTE in content for content in contents]):  # noqa: C419 - a generator takes twice the time
            return False
        return self.masker.leaves(_SEPARATOR.join(contents))

    def text(self, field: str, value: str, limit: int = TEXT_LIMIT) -> str:
        """A text of at most `limit` bytes.

        Raises:
            InvalidInput: not a `str`, or too long.
        """
        if not isinstance(value, str):
            raise InvalidInput(f"{field}: text (str), not {type(value).__name__}")
        masked = self.masker.mask_text(fitting(value))
        if len(masked) > limit or (len(masked) * 4 > limit and len(masked.encode()) > limit):
            raise InvalidInput(f"{field}: longer than {limit} bytes")
        return masked

    def optional(self, field: str, value: str | None, limit: int = NAME_LIMIT) -> str | None:
        """As `text`, with None for None."""
        return None if value is None else self.text(field, value, limit)

    def path(self, field: str, value: str | os.PathLike[str] | None) -> str | None:
        """A path as text, or None."""
        if isinstance(value, os.PathLike):
            value = os.fsdecode(value)
        return self.optional(field, value)

    def key(self, field: str, value: str, limit: int = KEY_LIMIT) -> str:
        """A caller's key, or a name: not empty, at most `limit` bytes."""
        masked = self.text(field, value, limit)
        if not masked:
            raise InvalidInput(f"{field}: empty")
        return masked

    def known_key(self, field: str, value: str) -> str:
        """As `key`, for one that is used again and again: what needed no masking is remembered, the last thousands."""
        known = self._known_keys()
        if type(value) is str and value in known:
            return value
        masked = self.key(field, value)
        if masked is value:
            known.add(value)
        return masked

    def _known_keys(self) -> set[str]:
        state = self.masker.state
        if self._plain_state is not state or len(self._plain_keys) >= KNOWN_KEYS:
            # Not cleared: another thread may be about to put in what was plain by the state before.
            self._plain_keys = set()
            self._plain_state = state
        return self._plain_keys

    def plain_json(self, key: str, value: Any, *beside: str) -> str | None:
        """The JSON text of a simple value, if nothing in it, in its key or in the texts beside it is to be masked.

        None where that takes a closer look: then `key`, `json` and `optional` say what is wrong, or mask it.
        """
        global _simple_json
        if _simple_json is None:
            from hstore.masking._json import simple_json

            _simple_json = simple_json
        if type(key) is not str or not 0 < len(key) <= KEY_LIMIT // 4:
            return None
        known, found = self._known_keys(), _simple_json(value, key)
        if found is None or not self.are_plain([key, *found[1], *beside], found[2]):
            return None
        known.add(key)
        return found[0]

    def shortened(self, field: str, value: str) -> str:
        """A text of any length; what does not fit into 1 MiB is left out of its middle, and that is said."""
        if not isinstance(value, str):
            raise InvalidInput(f"{field}: text (str), not {type(value).__name__}")
        masked = self.masker.mask_text(fitting(value))
        keep = TEXT_LIMIT // 16
        if len(masked) <= TEXT_LIMIT // 4:
            return masked
        left_out = len(masked) - 2 * keep
        return f"{masked[:keep]} […{left_out} characters left out…] {masked[-keep:]}"

    def words(self, field: str, values: Sequence[str]) -> list[str]:
        """An argument vector, masked with its neighbours in sight: `--password`, then the value.

        Raises:
            InvalidInput: not a sequence of `str`, or empty.
        """
        if not isinstance(values, (list, tuple)) or not values or not all(isinstance(value, str) for value in values):
            raise InvalidInput(f"{field}: a command line is a str, or a non-empty list or tuple of str")
        fitted = [fitting(value) for value in values]
        joined = "\0".join(fitted)
        masked = self.masker.mask_text(joined)
        if masked is not joined:
            words = masked.split("\0")
            # Something like an unterminated private key may have taken in the words behind it.
            fitted = words if len(words) == len(fitted) else [self.masker.mask_text(word) for word in fitted]
        return _shortened_words(fitted)

    def json(self, field: str, value: Any, name: str | None = None) -> str:
        """A JSON text; `name` is the key under which the value is known.

        Raises:
            InvalidInput: not JSON (NaN, infinity, lone surrogates, other types), or larger than 16 MiB.
        """
        try:
            text = self.masker.mask_json(value, name)
        except InvalidInput as refused:
            raise InvalidInput(f"{field}: {refused}") from None
        if len(text) * 4 > JSON_LIMIT and len(text.encode()) > JSON_LIMIT:
            raise InvalidInput(f"{field}: larger than {JSON_LIMIT} bytes as JSON")
        return text

    def json_object(self, field: str, values: Mapping[str, Any]) -> str:
        """As `json`, for values by name.

        Raises:
            InvalidInput: it is no mapping: an empty text or list would quietly mean that there are no values.
        """
        from collections.abc import Mapping

        if not isinstance(values, Mapping):
            raise InvalidInput(f"{field}: a mapping of names to JSON values, not {type(values).__name__}")
        return self.json(field, dict(values))

    def digest(self, field: str, value: Any) -> bytes:
        """The SHA-256 of a JSON value in one form: keys sorted by code point, no spaces, UTF-8. It is not masked.

        Raises:
            InvalidInput: not JSON.
        """
        from hashlib import sha256
        from json import dumps

        from hstore.masking._json import strict_json

        try:
            strict_json(value)
        except InvalidInput as refused:
            raise InvalidInput(f"{field}: {refused}") from None
        return sha256(dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()

    def sealed_text(self, field: str, value: str) -> bytes:
        """A text that is to be sealed: checked, but not masked. It may reach a table only as what a key made of it.

        Raises:
            InvalidInput: not a `str`, not valid text, or longer than 64 KiB.
        """
        if not isinstance(value, str):
            raise InvalidInput(f"{field}: text (str), not {type(value).__name__}")
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise InvalidInput(f"{field}: a lone surrogate, which is not text") from None
        if len(raw) > NAME_LIMIT:
            raise InvalidInput(f"{field}: longer than {NAME_LIMIT} bytes")
        return raw

    def sealed_json(self, field: str, value: Any) -> bytes:
        """As `sealed_text`, for a JSON value of at most 1 MiB."""
        from hstore.masking._json import strict_json

        try:
            raw = strict_json(value).encode()
        except InvalidInput as refused:
            raise InvalidInput(f"{field}: {refused}") from None
        if len(raw) > TEXT_LIMIT:
            raise InvalidInput(f"{field}: larger than {TEXT_LIMIT} bytes as JSON")
        return raw


def _joined(texts: Sequence[str], nuls: int) -> bytes | None:
    """The texts as the masker takes many at once; None where they are no texts, or hold what separates them."""
    try:
        raw = SEPARATOR.join(texts).encode()
    except (TypeError, UnicodeEncodeError):
        return None
    return raw if raw.count(_SEPARATOR) == len(texts) - 1 and raw.count(0) == nuls else None


def fitting(value: str) -> str:
    r"""Return `value` as valid UTF-8 without NUL: what cannot be kept stands there visibly, as `\xff` or `\x00`."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            value = _undecodable_shown(value)
    return value.replace("\0", "\\x00") if "\0" in value else value


def _undecodable_shown(value: str) -> str:
    try:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _shortened_words(words: list[str]) -> list[str]:
    kept: list[str] = []
    room = TEXT_LIMIT // 8
    for position, word in enumerate(words):
        room -= len(word)
        if room < 0:
            return [*kept, f"[…{len(words) - position} arguments left out…]"]
        kept.append(word)
    return kept


def several(field: str, values: Iterable[Any]) -> list[Any]:
    """What a caller gives as several values.

    Raises:
        InvalidInput: one text, or what cannot be gone through.
    """
    if isinstance(values, (str, bytes)):
        raise InvalidInput(f"{field}: several, as in ['a', 'b'], not one text")
    try:
        return list(values)
    except TypeError:
        raise InvalidInput(f"{field}: several, as in ['a', 'b']") from None


def several_texts(field: str, values: Iterable[str]) -> list[str]:
    """What a caller gives as several texts.

    Raises:
        InvalidInput: as `several`, or one of them is no `str`.
    """
    found = several(field, values)
    if not all(isinstance(value, str) for value in found):
        raise InvalidInput(f"{field}: each of them is a text (str)")
    return found


def json_array(words: Sequence[str]) -> str:
    """The JSON text of a list of strings, without importing `json` (6 ms) on the recording path."""
    return "[" + ",".join(map(_quote_json, words)) + "]"


_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_"
_PLAIN_OR_NUL = _PLAIN + b"\0"


def command_line(words: Sequence[str]) -> str:
    """Words as one line that a POSIX shell would read back as the same words."""
    joined = "\0".join(words).encode("utf-8", "surrogatepass")
    if not joined.translate(None, _PLAIN_OR_NUL) and all(words):
        return " ".join(words)
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word and not word.encode("utf-8", "surrogatepass").translate(None, _PLAIN):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
