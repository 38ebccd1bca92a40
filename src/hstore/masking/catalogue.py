"""All rules as they are listed: the built-in ones and those of files."""

from __future__ import annotations

from typing import NamedTuple

from hstore._masker import ffi, lib
from hstore.masking import rule_ids
from hstore.masking.rules import Rules

BUILT_IN = "built-in"
VALUE = "value"
FORMS = ("token", "block", "jwt", "url", "curl", "curl-word", "mark", "name", "command", "kubernetes")
"""What the numbers of forms in C mean; `curl-word` and `mark` are no rules."""


class Rule(NamedTuple):
    """One rule: `kind` is `token`, `name` or the name of a structure, `origin` is `built-in` or a file."""

    id: str
    kind: str
    on: bool
    origin: str
    description: str
    source: str
    anchors: tuple[str, ...]


def catalogue(rules: Rules | None = None) -> list[Rule]:
    """Every rule that there is, with `rules` those of files too, in the order of their numbers."""
    rules = Rules() if rules is None else rules
    off = set(rules.off)
    builtin = [_builtin(number, name, name not in off) for number, name in enumerate(rule_ids()[:-1])]
    found = [rule for rule in builtin if rule.kind not in ("mark", "curl-word")]
    for kind, field, entries in (("token", "anchors", rules.tokens), ("name", "names", rules.names)):
        for entry in entries:
            fields = entry.fields
            own = fields["id"], kind, fields["id"] not in off, entry.path
            found.append(Rule(*own, fields["description"], fields["source"], tuple(fields[field])))
    return [*found, Rule(VALUE, VALUE, True, BUILT_IN, "A value that was registered, in any of its forms", "", ())]


def _builtin(number: int, name: str, on: bool) -> Rule:
    return Rule(
        name,
        FORMS[lib.hstore_rule_form(ffi.NULL, number)],
        on,
        BUILT_IN,
        _text(lib.hstore_rule_description(number)),
        _text(lib.hstore_rule_source(number)),
        tuple(_anchors(number)),
    )


def _anchors(number: int) -> list[str]:
    found: list[str] = []
    while (anchor := lib.hstore_rule_anchor(ffi.NULL, number, len(found))) != ffi.NULL:
        found.append(_text(anchor))
    return found


def _text(text: object) -> str:
    return str(ffi.string(text).decode())
