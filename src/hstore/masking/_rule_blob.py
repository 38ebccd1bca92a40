"""Writes users' rules down for csrc/ruleset.c, which builds the tables from them."""

from __future__ import annotations

from hstore._masker import ffi, lib
from hstore.errors import InvalidInput
from hstore.masking import rule_ids
from hstore.masking._rule_fields import squashed, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hstore.masking._rule_file import Entry
    from hstore.masking.rules import Rules

ANY_RULE = 0xFFFF
"""Stands for every rule where a text is allowed."""
FORM_TOKEN, FORM_NAME = 0, 7
"""As in `enum form` of csrc/internal.h; a test compares them."""


def class_names() -> tuple[str, ...]:
    """The named sets of characters, in the order of their bits."""
    return tuple(_class_names())


def _class_names() -> Iterator[str]:
    number = 0
    while (name := lib.hstore_class_name(number)) != ffi.NULL:
        yield ffi.string(name).decode()
        number += 1


def compiled(rules: Rules) -> Any:
    """The ruleset of the built-in rules and these, to be shared by maskers.

    Raises:
        InvalidInput: more than the tables can hold.
    """
    blob = blob_of(rules)
    error = ffi.new("int *")
    handle = lib.hstore_ruleset_new(blob, len(blob), error)
    if handle != ffi.NULL:
        return ffi.gc(handle, lib.hstore_ruleset_free)
    if error[0] == lib.HSTORE_NO_MEMORY:
        raise MemoryError("no memory for the rules")
    raise InvalidInput(
        "rules: all anchors together are more than the tables can hold: give fewer, or of fewer characters"
    )


def blob_of(rules: Rules) -> bytes:
    """The rules in the form that csrc/ruleset.c describes."""
    builtin = rule_ids()[:-1]
    numbers = {name: number for number, name in enumerate((*builtin, *rules.ids()))}
    classes = rules.own_classes()
    anchors = [*_token_anchors(rules, numbers), *_name_anchors(rules, numbers)]
    names = list(_names(rules, numbers))
    allowed = [_number(_of(entry, numbers)) + _text(entry.fields["text"]) for entry in rules.allowed]
    off = [_number(numbers[name]) for name in rules.off]
    counts = (len(classes), len(numbers) - len(builtin), len(anchors), len(names), len(allowed), len(off))
    return b"".join(
        [
            b"HSR1",
            *map(_number, counts),
            *(sum(1 << byte for byte in each).to_bytes(32, "little") for each in classes),
            *(_token(entry, classes) for entry in rules.tokens),
            *(_rule(entry, FORM_NAME, bytes(7)) for entry in rules.names),
            *anchors,
            *names,
            *allowed,
            *off,
        ]
    )


def _number(value: int, size: int = 2) -> bytes:
    return value.to_bytes(size, "little")


def _text(text: str | None) -> bytes:
    raw = (text or "").encode()
    return _number(len(raw)) + raw + b"\0"


def _rule(entry: Entry, form: int, numbers: bytes) -> bytes:
    fields = entry.fields
    texts = (fields["id"], fields.get("inner"), fields.get("allow_suffix"))
    return bytes([form]) + numbers + b"".join(map(_text, texts))


def _token(entry: Entry, classes: list[frozenset[int]]) -> bytes:
    fields = entry.fields
    named = class_names()
    own = fields["characters"]
    number = named.index(fields["class"]) if own is None else len(named) + classes.index(own)
    shape = [number, fields["min"], fields["max"], fields["distinct"], fields["digit"], fields["shown"], fields["lone"]]
    return _rule(entry, FORM_TOKEN, bytes(map(int, shape)))


def _token_anchors(rules: Rules, numbers: dict[str, int]) -> Iterator[bytes]:
    for entry in rules.tokens:
        anchors = entry.fields["anchors"]
        if entry.fields["any_case"]:
            anchors = dict.fromkeys(form for anchor in anchors for form in (anchor, anchor.lower(), anchor.upper()))
        for anchor in anchors:
            held = not entry.fields["shown"]
            yield _number(numbers[entry.fields["id"]]) + bytes([1, held]) + _text(anchor)


def _name_anchors(rules: Rules, numbers: dict[str, int]) -> Iterator[bytes]:
    """A name in each notation; the automaton reads folded text, so acmepin stands for acmePin too."""
    for entry in rules.names:
        found: dict[str, None] = {}
        for name in entry.fields["names"]:
            found.update(dict.fromkeys(joint.join(words_of(name)) for joint in ("_", "-", ".", "")))
        for anchor in found:
            yield _number(numbers[entry.fields["id"]]) + bytes([0, 0]) + _text(anchor)


def _names(rules: Rules, numbers: dict[str, int]) -> Iterator[bytes]:
    for entry in rules.names:
        for name in dict.fromkeys(map(squashed, entry.fields["names"])):
            yield _number(numbers[entry.fields["id"]]) + _number(entry.fields["kind"], 4) + _text(name)


def _of(entry: Entry, numbers: dict[str, int]) -> int:
    rule = entry.fields["rule"]
    return ANY_RULE if rule is None else numbers[rule]
