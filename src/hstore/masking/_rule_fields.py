"""The fields of a rule file's tables: each a check that returns the value to use, or says why there is none."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Check = Callable[[Any], Any]

LONGEST_ID = 40
LONGEST_ANCHOR = 32
SHORTEST_ANCHOR = 3
LONGEST_ALLOWED = 1024
MOST = 256
"""Texts of one list."""

KINDS = {"password": 1, "secret": 4, "token": 8, "key": 16}
"""Kinds of named values, with their bits in csrc/internal.h (WORD_PASSWORD, …)."""

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_UNUSABLE = frozenset(" \"'`\\[]<>")
"""No characters of a token: they end it in every notation, and marks have brackets."""


def _present(value: Any) -> Any:
    if value is None:
        raise ValueError("is missing")
    return value


def _text(value: Any) -> str:
    if not isinstance(_present(value), str):
        raise ValueError("a text in quotes")
    found: str = value
    return found


def _texts(value: Any) -> list[str]:
    if not isinstance(_present(value), list) or not all(isinstance(each, str) for each in value):
        raise ValueError('a list of texts, as ["first", "second"]')
    if len(value) > MOST:
        raise ValueError(f"at most {MOST} texts")
    return list(dict.fromkeys(value))


def _some_texts(value: Any) -> list[str]:
    found = _texts(value)
    if not found:
        raise ValueError("at least one text")
    return found


def _shown(text: str) -> str:
    """A text in a message; of a long one, which may be a secret in the wrong place, only the beginning."""
    return repr(text if len(text) <= 20 else text[:6] + "…")


def _optional(check: Check, otherwise: Any = None) -> Check:
    return lambda value: otherwise if value is None else check(value)


def _between(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if not isinstance(_present(value), int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a number from {low} to {high}")
        return int(value)

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _id(value: Any) -> str:
    text = _text(value)
    if not 2 <= len(text) <= LONGEST_ID or not all(c.islower() or c in _DIGITS or c == "-" for c in text):
        raise ValueError(f"2 to {LONGEST_ID} small letters, digits and '-': it stands in the mark")
    if not text.isascii():
        raise ValueError("ASCII letters only: it stands in the mark")
    return text


def _anchors(value: Any) -> list[str]:
    for anchor in _some_texts(value):
        if not SHORTEST_ANCHOR <= len(anchor) <= LONGEST_ANCHOR:
            raise ValueError(
                f"{_shown(anchor)}: {SHORTEST_ANCHOR} to {LONGEST_ANCHOR} characters; what is shorter stands everywhere"
            )
        if not all("!" <= c <= "~" for c in anchor) or "[masked" in anchor.lower():
            raise ValueError(
                f"{_shown(anchor)}: ASCII without spaces and control characters, and not the marks' own text"
            )
    return _texts(value)


def _class_name(value: Any) -> str:
    return _text(value)


def _characters(value: Any) -> frozenset[int]:
    """The bytes of a class written like "-_0-9A-Z"; "-" itself stands first."""
    text = _text(value)
    found: set[int] = set()
    at = 0
    while at < len(text):
        if at + 2 < len(text) and text[at + 1] == "-":
            if text[at] > text[at + 2]:
                raise ValueError(f"{text[at : at + 3]!r}: the range runs backwards")
            found.update(range(ord(text[at]), ord(text[at + 2]) + 1))
            at += 3
        else:
            found.add(ord(text[at]))
            at += 1
    wrong = sorted(chr(each) for each in found if not 0x20 < each < 0x7F or chr(each) in _UNUSABLE)
    if wrong:
        raise ValueError(
            f"{wrong[0]!r} cannot be part of a token: ASCII without spaces, quotes, \\ and brackets [ ] < >"
        )
    if len(found) < 2:
        raise ValueError('characters and ranges, as "-_0-9A-Z"')
    return frozenset(found)


def _ascii(longest: int) -> Check:
    def check(value: Any) -> str:
        text = _text(value)
        if not 1 <= len(text) <= longest or not all("!" <= c <= "~" for c in text):
            raise ValueError(f"1 to {longest} ASCII characters without spaces")
        return text

    return check


def _names(value: Any) -> list[str]:
    for name in _some_texts(value):
        plain = squashed(name)
        if set(name) - _LETTERS - _DIGITS - frozenset("_-."):
            raise ValueError(f"{_shown(name)}: a name has ASCII letters, digits, '_', '-' and '.' only")
        if len(plain) < 3 or len("_".join(words_of(name))) > LONGEST_ANCHOR or not set(plain) & _LETTERS:
            raise ValueError(f"{_shown(name)}: 3 to {LONGEST_ANCHOR} characters, a letter among them")
    return _texts(value)


def squashed(name: str) -> str:
    """A name as it is compared: small letters and digits only."""
    return "".join(c for c in name.lower() if c not in "_-.")


def words_of(name: str) -> list[str]:
    """The words of a name in small letters: of acme_pin, acme-pin and acmePin the same."""
    spaced = ""
    for before, c in zip(" " + name, name, strict=False):
        spaced += "_" + c if c.isupper() and not before.isupper() else c
    return [word.lower() for word in spaced.replace("-", "_").replace(".", "_").split("_") if word]


def _kind(value: Any) -> int:
    try:
        return KINDS[_text(value)]
    except KeyError:
        raise ValueError(f"one of {', '.join(KINDS)}: it says how the value is tested") from None


def allowed_text(value: Any) -> str:
    """Check a text that is no secret.

    Raises:
        ValueError: saying why it cannot be one.
    """
    text = _text(value)
    if not 1 <= len(text.encode("utf-8", "surrogatepass")) <= LONGEST_ALLOWED:
        raise ValueError(f"1 to {LONGEST_ALLOWED} bytes")
    if any(c < " " or "\x7f" <= c < "\xa0" or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("one line without control characters")
    if "[masked:" in text:
        raise ValueError("a mark is no false alarm: allow the text that stood there")
    return text


def _patterns(value: Any) -> list[str]:
    for pattern in _texts(value):
        if set(pattern) - _LETTERS - _DIGITS - frozenset("_*"):
            raise ValueError(f"{_shown(pattern)}: a name has letters, digits and '_'; '*' stands for any of them")
        if not set(pattern) & _LETTERS:
            raise ValueError(f"{_shown(pattern)}: would take every variable, PATH and HOME too")
    return _texts(value)


TOKEN_FIELDS: dict[str, Check] = {
    "id": _id,
    "description": _optional(_text, ""),
    "source": _optional(_text, ""),
    "anchors": _anchors,
    "class": _optional(_class_name),
    "characters": _optional(_characters),
    "min": _between(8, 200),
    "max": _optional(_between(8, 250), 0),
    "distinct": _optional(_between(1, 60), 6),
    "digit": _optional(_flag, False),
    "inner": _optional(_ascii(64)),
    "allow_suffix": _optional(_ascii(64)),
    "any_case": _optional(_flag, False),
    "lone": _optional(_flag, False),
    "shown": _optional(_flag, False),
}
NAME_FIELDS: dict[str, Check] = {
    "id": _id,
    "description": _optional(_text, ""),
    "source": _optional(_text, ""),
    "names": _names,
    "kind": _kind,
}
ALLOW_FIELDS: dict[str, Check] = {
    "text": allowed_text,
    "rule": _optional(_text),
    "reason": _optional(_text, ""),
}
ENVIRONMENT_FIELDS: dict[str, Check] = {
    "names": _optional(_patterns, []),
    "except": _optional(_patterns, []),
}
RULES_FIELDS: dict[str, Check] = {
    "off": _optional(_texts, []),
}
