r"""What a shell exports, read from its own listing: `export -p` of bash and zsh, `set -xL` of fish.

The values of variables with telling names are masked wherever they stand, so the recorder has to know those that were
set after it was started. A listing is one line for each variable, in the manner of its shell: `"…\"…"` (bash), `'…'` in
pieces (zsh), `$'…\n…'` (both), bare text with backslashes (fish, zsh), text between quotes as it is, where a list is
several of them (fish). What does not look like that is passed over.
"""

from __future__ import annotations

_CONTROLS = {"a": "\a", "b": "\b", "e": "\33", "E": "\33", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX = {"x": 2, "X": 2, "u": 4, "U": 8}
_OCTAL = "01234567"


def exports(listing: str, shell: str) -> dict[str, str]:
    """The variables of a listing by name; a list's words are joined with blanks."""
    found: dict[str, str] = {}
    place = 0
    while place < len(listing):
        end = listing.find("\n", place)
        end = len(listing) if end < 0 else end
        name, begin = _name(listing, place, end, shell)
        if name and shell == "fish" and listing.startswith("'", begin):
            found[name], place = listing[begin + 1 : end - 1].replace("'  '", " "), end
        elif name:
            value, place = _value(listing, begin, shell)
            # Letters that came as single bytes become letters again.
            found[name] = value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        else:
            place = end
        place += 1
    return found


def _name(listing: str, place: int, end: int, shell: str) -> tuple[str, int]:
    """The name that a line sets, and where its value begins; no name where it sets none."""
    if shell == "fish":
        name, given, _ = listing[place:end].partition(" ")
        return (name if name.isidentifier() else ""), place + len(name + given)
    head, given, _ = listing[place:end].partition("=")
    words = head.split(" ")
    if not given or words[0] not in ("declare", "export", "typeset") or not words[-1].isidentifier():
        return "", end
    return words[-1], place + len(head) + 1


def _value(listing: str, place: int, shell: str) -> tuple[str, int]:
    """The value that begins there, without its quotes, and where its line ends."""
    parts: list[str] = []
    while place < len(listing) and listing[place] != "\n":
        if listing.startswith("$'", place) and shell != "fish":
            text, place = _quoted(listing, place + 2, "'", controls=True)
        elif listing[place] == "'":
            text, place = _quoted(listing, place + 1, "'", plain=True)
        elif listing[place] == '"':
            text, place = _quoted(listing, place + 1, '"')
        elif listing[place] == "\\":
            text, place = _escaped(listing, place + 1, controls=shell == "fish")
        else:
            text, place = listing[place], place + 1
        parts.append(text)
    return "".join(parts), place


def _quoted(listing: str, place: int, quote: str, *, controls: bool = False, plain: bool = False) -> tuple[str, int]:
    """What stands in quotes up to the closing one, and where that ends; `plain` knows no escapes."""
    parts: list[str] = []
    while place < len(listing) and listing[place] != quote:
        if listing[place] == "\\" and not plain:
            text, place = _escaped(listing, place + 1, controls=controls)
        else:
            text, place = listing[place], place + 1
        parts.append(text)
    return "".join(parts), place + 1


def _escaped(listing: str, place: int, *, controls: bool) -> tuple[str, int]:
    """What a backslash and the character at `place` stand for; `controls` such as `n` stand for others."""
    letter = listing[place : place + 1]
    if not controls:
        return letter, place + 1
    if letter in _CONTROLS:
        return _CONTROLS[letter], place + 1
    if letter == "c" and place + 1 < len(listing):
        return chr(ord(listing[place + 1]) & 31), place + 2
    if listing.startswith(("C-", "M-"), place) and place + 2 < len(listing):
        return _modified(listing, place)
    if letter in _HEX:
        return _number(listing, place + 1, _HEX[letter], 16, "0123456789abcdefABCDEF", byte=letter in "xX")
    if letter and letter in _OCTAL:
        return _number(listing, place, 3, 8, _OCTAL, byte=True)
    return letter, place + 1


def _modified(listing: str, place: int) -> tuple[str, int]:
    r"""What `\C-A` and `\M-\C-A` are in zsh: a control character, of ASCII or behind it."""
    if listing[place] == "C":
        letter = listing[place + 2]
        return "\x7f" if letter == "?" else chr(ord(letter) & 31), place + 3
    if listing[place + 2] == "\\":
        text, end = _escaped(listing, place + 3, controls=True)
    else:
        text, end = listing[place + 2], place + 3
    return chr(128 + (ord(text[:1] or "\0") & 127)), end


def _number(listing: str, place: int, longest: int, base: int, digits: str, *, byte: bool) -> tuple[str, int]:
    end = place
    while end < min(len(listing), place + longest) and listing[end] in digits:
        end += 1
    number = int(listing[place:end] or "0", base)
    if byte and number >= 128:
        number = 0xDC00 + (number & 255)  # as Python shows a byte that is no UTF-8
    return chr(min(number, 0x10FFFF)), end
