"""A slow second masker that always tells the truth: naive searches over the forms of values and the rules of tokens.

It shares the data with the C masker (forms, csrc/rules/*.toml) and none of its ways: no automaton, no filter, no
stream, no hold. Left out are escape sequences, marks in the input, and every rule that is not a token.
"""

from __future__ import annotations

import importlib
import random
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PART = re.compile(r"'([^' ]+)'|([a-z0-9-]+)\{(\d+)(,)?(\d+)?\}")
WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
HEX = frozenset(b"0123456789abcdefABCDEF")
Entry = dict[str, Any]
Found = tuple[int, int, str]


class Shape(NamedTuple):
    """What stands behind an anchor: a pattern, and the class of the run that goes on behind it or must not."""

    pattern: re.Pattern[bytes]
    runs: re.Pattern[bytes]
    """The same with a group for each run of a class."""
    open_end: bool
    last_class: bytes
    """As in a pattern, without the brackets; empty when the shape ends with fixed characters."""


class TokenRule(NamedTuple):
    """A rule of the form `token`, resolved."""

    id: str
    anchors: tuple[bytes, ...]
    shapes: tuple[Shape, ...]
    entry: Entry
    before: re.Pattern[bytes] | None
    before_class: bytes
    """The class of the run with which `before` begins."""


class Rules(NamedTuple):
    """What the oracle knows of csrc/rules."""

    tokens: tuple[TokenRule, ...]
    classes: dict[str, bytes]
    stop_words: tuple[bytes, ...]


def load() -> Rules:
    """The rules, with the defaults that the table generator fills in."""
    sys.path.insert(0, str(ROOT / "csrc"))
    module = importlib.import_module("generate_rules")
    texts, entries, names = module.load(ROOT / "csrc" / "rules")
    classes = {
        name: b"".join(b"\\x%02x" % byte for byte in sorted(module.expand(text))) for name, text in texts.items()
    }
    tokens = [_resolved(entry, classes) for entry in entries if entry["form"] == "token"]
    return Rules(tuple(tokens), classes, tuple(word.encode() for word in names.get("stop_words", ())))


def _resolved(entry: Entry, classes: dict[str, bytes]) -> TokenRule:
    plain = "{}{{{},{}}}".format(entry.get("class"), entry.get("min"), entry.get("max") or "")
    shapes = tuple(_shape(text, classes) for text in entry.get("shapes", [plain]))
    parts = [(part.text, classes.get(part.name, b""), part.low, part.high) for part in entry["before"]]
    before = re.compile(_pattern(parts) + rb"\Z", re.DOTALL) if parts else None
    anchors = tuple(anchor.encode() for anchor in entry["anchors"])
    return TokenRule(entry["id"], anchors, shapes, entry, before, parts[0][1] if parts else b"")


def _parts(text: str, classes: dict[str, bytes]) -> list[tuple[str, bytes, int, int]]:
    found = []
    for fixed, name, low, comma, high in PART.findall(text):
        letters = classes.get(name, b"0-9" if name == "digit" else b"")
        found.append((fixed, letters, int(low or 0), int(high or 0) if comma else int(low or 0)))
    return found


def _pattern(parts: list[tuple[str, bytes, int, int]], run: bytes = b"[%s]{%d,%d}") -> bytes:
    pieces = []
    for fixed, letters, low, high in parts:
        # A run without an end is decided by its first characters; the rest is swallowed.
        pieces.append(re.escape(fixed.encode()) if fixed else run % (letters, low, high or low))
    return b"".join(pieces)


def _shape(text: str, classes: dict[str, bytes]) -> Shape:
    parts = _parts(text, classes)
    fixed, letters, _, high = parts[-1]
    whole, runs = _pattern(parts), _pattern(parts, b"([%s]{%d,%d})")
    open_end = not fixed and high == 0
    return Shape(re.compile(whole, re.DOTALL), re.compile(runs, re.DOTALL), open_end, b"" if fixed else letters)


def sample(rule: TokenRule, rules: Rules, source: random.Random) -> bytes:
    """A token of the rule, as short as it may be."""
    run = b""
    for text, name, low, _ in source.choice(rule.entry["read"]):
        letters = bytes.fromhex(rules.classes[name].decode().replace("\\x", "")) if not text else b""
        run += text.encode() or bytes(source.choice(letters) for _ in range(low))
    return source.choice(rule.anchors) + run


# ---- tokens ----


def tokens_in(text: bytes, rules: Rules) -> list[Found]:
    """Every token, from left to right: of two that overlap the one whose anchor is complete first, then the longer."""
    places = []
    order = 0
    for rule in rules.tokens:
        for anchor in rule.anchors:
            order += 1
            at = text.find(anchor)
            while at >= 0:
                places.append((at + len(anchor), -len(anchor), order, at, rule))
                at = text.find(anchor, at + 1)
    found: list[Found] = []
    barrier = 0
    for behind, _, _, start, rule in sorted(places, key=lambda place: place[:3]):
        if start < barrier or not _may_stand(text, start, barrier, rule):
            continue
        end = _end(text, behind, rule, rules)
        if end is not None:
            found.append((behind if rule.entry.get("shown") else start, end, rule.id))
            barrier = end
    return found


def _end(text: bytes, behind: int, rule: TokenRule, rules: Rules) -> int | None:
    for number, shape in enumerate(rule.shapes):
        match = shape.pattern.match(text, behind)
        if match is None or not _looks_drawn(match.group(), rule, rules, number):
            continue
        end = match.end()
        if shape.open_end:
            while end < len(text) and re.match(b"[%s]" % shape.last_class, text[end : end + 1]):
                end += 1
            return end
        suffix = rule.entry.get("allow_suffix", "").encode()
        if _ends(text, end, rule, shape) and not (suffix and match.group().endswith(suffix)):
            return end
    return None


def _ends(text: bytes, end: int, rule: TokenRule, shape: Shape) -> bool:
    if end == len(text):
        return True
    if text[end] in WORD or (shape.last_class and re.match(b"[%s]" % shape.last_class, text[end : end + 1])):
        return False
    lone = rule.entry.get("lone", False)
    return not (lone and text[end : end + 1] == b"." and end + 1 < len(text) and text[end + 1] in WORD)


def _looks_drawn(run: bytes, rule: TokenRule, rules: Rules, shape: int) -> bool:
    entry = rule.entry
    if any(word in run.lower() for word in rules.stop_words):
        return False
    if any(run.startswith(word.encode()) for word in entry.get("allow", ())):
        return False
    counted = _runs_only(run, rule, shape)
    if len(set(counted)) < entry["distinct"] or (entry.get("digit") and not re.search(rb"[0-9]", counted)):
        return False
    return entry.get("inner", "").encode() in run


def _runs_only(run: bytes, rule: TokenRule, shape: int) -> bytes:
    """The characters that were drawn: those of the fixed parts do not count."""
    match = rule.shapes[shape].runs.match(run)
    assert match is not None
    return b"".join(match.groups())


def _may_stand(text: bytes, start: int, barrier: int, rule: TokenRule) -> bool:
    if rule.before is None:
        return _may_begin(text, start, barrier)
    head = text[max(barrier, start - 64) : start]
    match = rule.before.search(head)
    if match is None:
        return False
    first = start - len(match.group())
    if not _may_begin(text, first, barrier):
        return False
    goes_on = first > barrier and text[first - 1] not in WORD
    return not (goes_on and re.match(b"[%s]" % rule.before_class, text[first - 1 : first]))


def _may_begin(text: bytes, start: int, barrier: int) -> bool:
    """Behind anything but a word character, or behind one that ends an escape: of a line break, in a URL, in JSON."""
    before = text[max(barrier, start - 6) : start]
    if not before or before[-1] not in WORD:
        return True
    return re.search(rb"(\\[nrtbf0]|%[0-9a-fA-F]{2}|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})\Z", before) is not None


def mask_tokens(text: bytes, rules: Rules) -> bytes:
    """The text with a mark for each token."""
    return _marked(text, tokens_in(text, rules))


# ---- values ----


def values_in(text: bytes, forms: list[bytes]) -> list[Found]:
    """Every stretch covered by occurrences of forms; those that overlap or touch are one."""
    covered = bytearray(len(text))
    for form in forms:
        at = text.find(form)
        while at >= 0:
            covered[at : at + len(form)] = b"\1" * len(form)
            at = text.find(form, at + 1)
    return [(match.start(), match.end(), "value") for match in re.finditer(b"\1+", bytes(covered))]


def mask_values(text: bytes, forms: list[bytes]) -> bytes:
    """The text with a mark for each stretch of registered values."""
    return _marked(text, values_in(text, forms))


def forms_of(blob: bytes) -> list[bytes]:
    """The forms in the list that the C side reads."""
    found, at = [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "little")
        found.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _marked(text: bytes, found: list[Found]) -> bytes:
    """Stretches that touch share the mark of the first."""
    pieces: list[bytes] = []
    at = 0
    for start, end, kind in found:
        if start > at or not pieces:
            pieces += [text[at:start], f"[masked:{kind}]".encode()]
        at = end
    return b"".join([*pieces, text[at:]])
