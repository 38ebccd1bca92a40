"""`hstore mask --list` and `--explain`: the rules, and what they find in a text and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hstore.cli.escapes import visible
from hstore.cli.formats import plain
from hstore.config import environment
from hstore.errors import InvalidInput
from hstore.masking.catalogue import BUILT_IN, catalogue
from hstore.masking.explaining import explain as explained
from hstore.masking.rules import Rules
from hstore.masking.surroundings import masker_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hstore.cli.output import Output
    from hstore.masking.catalogue import Rule


def list_rules(files: Sequence[str], output: Output, *, as_json: bool) -> int:
    """Every rule: its id, kind, whether it is on, where it comes from, what it finds."""
    rules = catalogue(Rules.read(files))
    if as_json:
        output.json(plain(rules))
    else:
        output.table(["id", "kind", "", "from", "description"], [_row(rule) for rule in rules], {"off": "yellow"})
    return 0


def _row(rule: Rule) -> list[str]:
    origin = BUILT_IN if rule.origin == BUILT_IN else rule.origin
    return [rule.id, rule.kind, "on" if rule.on else "off", origin, rule.description]


def explain(path: str, files: Sequence[str], values: Sequence[str], output: Output, *, as_json: bool) -> int:
    """Each mark with its place, rule and reason; the text itself is not shown."""
    rules = Rules.read(files)
    masker, _ = masker_for(files, values, environment())
    found = explained(masker, rules, _read(path))
    if as_json:
        output.json(plain(found))
        return 0
    name = "standard input" if path == "-" else path
    for finding in found:
        output.line(f"{finding.line}:{finding.column} (byte {finding.offset})  {finding.rule}  {finding.why}")
    output.flush()
    output.write_error(f"{visible(name)}: {len(found)} to mask\n".encode("utf-8", "backslashreplace"))
    return 0


def _read(path: str) -> bytes:
    try:
        if path == "-":
            if sys.stdin is None:
                raise InvalidInput("mask: cannot read standard input: it is closed")
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidInput(f"mask: --explain: cannot read {path}: {error.strerror}") from None
