"""Compiles csrc/rules/*.toml into csrc/rules_table.h: the automaton, the classes and the word lists as C tables.

Usage: python csrc/generate_rules.py [--check]

The output depends on the TOML files alone, so it is committed and a test proves that it is current.
"""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from pathlib import Path

from generate_prefilter import ADDRESS, TOKEN, WORD, Window, assign, definition, windows_of
from token_shapes import TOKEN_FIELDS, Entry, Part, RuleError, expand, resolve

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader; building does not need one, changing rules does
    sys.exit("generating the rules needs Python 3.11 or newer")

HERE = Path(__file__).parent
TARGET = HERE / "rules_table.h"
TOKENS = ("tokens-code", "tokens-cloud", "tokens-models", "tokens-business", "tokens-operations")
SOURCES = ("classes", *TOKENS, "structures", "names")
FORMS = ("token", "block", "jwt", "url", "curl", "curl-word", "mark", "name", "command", "kubernetes")
WORD_KINDS = (
    "password", "password_beside", "secret", "token", "key", "key_beside", "authorization",
    "authorization_weak", "signature", "harmless_before", "harmless_behind", "session", "session_beside",
    "vendor", "client", "id", "ending", "placeholder",
)  # fmt: skip
EXACT_FORMS = frozenset({"token", "block", "jwt"})
EXACT_TYPE = "value"
USED_BY_CODE = ("jwt", "any-token")
NAMED_BY_CODE = ("password", "secret", "token", "api-key", "authorization", "signature", "session")
ENDS_HERE, COLUMNS = 0x8000, 64
LONGEST_ANCHOR, LONGEST_WORD = 32, 24


def load(folder: Path) -> tuple[dict[str, str], list[Entry], Entry]:
    """Read the TOML files: classes, rules (tokens first), word lists."""
    tables = {name: tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")) for name in SOURCES}
    classes = tables["classes"]["classes"]
    rules = [dict(rule, form="token", held=True) for name in TOKENS for rule in tables[name]["token"]]
    rules += tables["structures"]["structure"]
    seen: set[str] = set()
    for rule in rules:
        check(rule, classes, seen)
        if rule["form"] == "token":
            resolve(rule, classes)
    tables["names"]["stop_words"] = tables["classes"]["stop_words"]
    return classes, rules, tables["names"]


def check(rule: Entry, classes: dict[str, str], seen: set[str]) -> None:
    """Refuse what the tables cannot hold.

    Raises:
        RuleError: naming the rule and what is wrong with it.
    """
    where = f"rule {rule.get('id', '?')!r}"
    for field in ("id", "description", "source", "anchors"):
        if not rule.get(field):
            raise RuleError(f"{where}: {field} is missing")
    if rule["id"] in seen or rule["id"] == EXACT_TYPE:
        raise RuleError(f"{where}: the id is taken")
    seen.add(rule["id"])
    if not all(letter.isdigit() or letter.islower() or letter == "-" for letter in rule["id"]):
        raise RuleError(f"{where}: an id has small letters, digits and '-' only: it stands in the mark")
    if rule["form"] not in FORMS:
        raise RuleError(f"{where}: unknown form {rule['form']!r}")
    if rule["form"] == "token" and (unknown := set(rule) - TOKEN_FIELDS):
        raise RuleError(f"{where}: unknown fields {sorted(unknown)}")
    if rule["form"] == "token" and "shapes" not in rule:
        if rule.get("class") not in classes:
            raise RuleError(f"{where}: unknown class {rule.get('class')!r}")
        if not 8 <= rule.get("min", 0) <= 200 or not 0 <= rule.get("max", 0) <= 250:
            raise RuleError(f"{where}: min must be 8 to 200, max at most 250")
    for anchor in rule["anchors"]:
        if not 2 <= len(anchor) <= LONGEST_ANCHOR or not anchor.isascii() or "\x1b" in anchor:
            raise RuleError(f"{where}: an anchor has 2 to {LONGEST_ANCHOR} ASCII characters")


class Automaton:
    """Aho and Corasick's automaton over the folded anchors, every missing edge filled in."""

    def __init__(self, anchors: list[tuple[bytes, int, bool]], alone: frozenset[int] = frozenset()) -> None:
        self.anchors = anchors
        self.alone = alone
        self.edges: list[dict[int, int]] = [{}]
        self.text = [b""]
        self.ends: list[list[int]] = [[]]
        for number, (anchor, _, _) in enumerate(anchors):
            self._insert(anchor.lower(), number)
        self.fail = [0] * len(self.edges)
        self._link()

    def _insert(self, anchor: bytes, number: int) -> None:
        node = 0
        for byte in anchor:
            if byte not in self.edges[node]:
                self.edges[node][byte] = len(self.edges)
                self.edges.append({})
                self.text.append(self.text[node] + bytes([byte]))
                self.ends.append([])
            node = self.edges[node][byte]
        self.ends[node].append(number)

    def _link(self) -> None:
        queue = deque(self.edges[0].values())
        while queue:
            node = queue.popleft()
            for byte, child in self.edges[node].items():
                self.fail[child] = self.step(self.fail[node], byte)
                self.ends[child] = self.ends[child] + self.ends[self.fail[child]]
                queue.append(child)

    def step(self, node: int, byte: int) -> int:
        """The node behind `node` by `byte`."""
        while byte not in self.edges[node]:
            if node == 0:
                return 0
            node = self.fail[node]
        return self.edges[node][byte]

    def held(self, node: int) -> list[tuple[int, int]]:
        """Pairs (length, anchor) of proper prefixes of held anchors that end here, longest first.

        Of anchors that begin alike one stands for all, but each whose rule asks for something before it for itself.
        """
        pairs: list[tuple[int, int]] = []
        text, seen = self.text[node], set()
        for length in range(len(text), 0, -1):
            for number, (anchor, rule, held) in enumerate(self.anchors):
                prefix = anchor[:length]
                if not held or length >= len(anchor) or prefix.lower() != text[-length:]:
                    continue
                key = (prefix, rule if rule in self.alone else -1)
                if key not in seen:
                    seen.add(key)
                    pairs.append((length, number))
        return pairs


def windows_of_all(anchors: list[tuple[bytes, int, bool]], rules: list[Entry]) -> list[list[Window]]:
    """For the prefilter: the windows of each anchor, in the cases in which its verifier takes it."""
    anything = frozenset(range(256))
    found = []
    for anchor, number, _ in anchors:
        rule = rules[number]
        hint = TOKEN if rule["form"] in {"token", "jwt"} and not rule.get("before") else 0
        if anchor.decode() in rule.get("inside_words", ()):
            hint = WORD
        if anchor == b"://":
            hint = ADDRESS
        behind = frozenset(rule.get("behind", anything))
        found.append(windows_of(anchor, rule["form"] in EXACT_FORMS, behind, hint))
    return found


def rows(name: str, ctype: str, values: list[int], width: int = 24) -> str:
    """A C array."""
    lines = [", ".join(map(str, values[at : at + width])) for at in range(0, len(values), width)]
    return f"static const {ctype} {name}[{len(values)}] = {{\n    " + ",\n    ".join(lines) + "\n};\n"


def quoted(text: str) -> str:
    """A C string literal."""
    shown = "".join(c if c.isprintable() and c not in '"\\' else f"\\{ord(c):03o}" for c in text)
    return f'"{shown}"'


def automaton_tables(automaton: Automaton) -> str:
    """The transition table, what ends at each node, and what must be held at each node."""
    used = sorted({byte for text in automaton.text for byte in text})
    number = {byte: at + 1 for at, byte in enumerate(used)}
    fold = [number.get(ord(chr(byte).lower()) if byte < 128 else byte, 0) for byte in range(256)]
    moves = []
    if len(automaton.edges) > ENDS_HERE or len(used) >= COLUMNS:
        raise RuleError(f"the automaton has outgrown 15 bits or {COLUMNS} columns")
    for node in range(len(automaton.edges)):
        steps = [0] + [automaton.step(node, byte) for byte in used]
        moves += [step | (ENDS_HERE if automaton.ends[step] else 0) for step in steps]
        moves += [0] * (COLUMNS - len(steps))
    ends, end_at, held, held_at = [], [], [], []
    for node in range(len(automaton.edges)):
        end_at.append(len(ends))
        ends += sorted(automaton.ends[node], key=lambda n: (-len(automaton.anchors[n][0]), n))
        held_at.append(len(held) // 2)
        for pair in automaton.held(node):
            held += pair
    end_at.append(len(ends))
    held_at.append(len(held) // 2)
    return "".join(
        [
            rows("rule_column", "uint8_t", fold),
            rows("rule_move", "uint16_t", moves),
            rows("rule_end_at", "uint16_t", end_at),
            rows("rule_ends", "uint16_t", ends),
            "/* pairs: length of the prefix, anchor */\n",
            rows("rule_held_at", "uint16_t", held_at),
            rows("rule_held", "uint16_t", held),
        ]
    )


def part_row(part: Part, class_names: list[str]) -> str:
    """A part as an initialised struct."""
    klass = 0 if part.text else class_names.index(part.name)
    return f"{{{quoted(part.text) if part.text else 'NULL'}, {part.low}, {part.high}, {klass}}}"


def parts_tables(number: int, rule: Entry, class_names: list[str]) -> str:
    """The shapes of a token, what must stand before it, and the examples that are none."""
    lines = []
    if "shapes" in rule:
        for at, parts in enumerate(rule["read"]):
            rows_of = ", ".join(part_row(part, class_names) for part in parts)
            lines.append(f"static const struct part parts_{number}_{at}[] = {{{rows_of}}};\n")
        pairs = ", ".join(f"{{parts_{number}_{at}, {len(parts)}}}" for at, parts in enumerate(rule["read"]))
        lines.append(f"static const struct token_shape shapes_{number}[] = {{{pairs}}};\n")
    if rule["before"]:
        rows_of = ", ".join(part_row(part, class_names) for part in rule["before"])
        lines.append(f"static const struct part before_{number}[] = {{{rows_of}}};\n")
    if "allow" in rule:
        texts = ", ".join(quoted(text) for text in rule["allow"])
        lines.append(f"static const char *const allow_{number}[] = {{{texts}, NULL}};\n")
    return "".join(lines)


def rule_row(number: int, rule: Entry, class_names: list[str]) -> str:
    """A rule as an initialised struct."""
    form = "FORM_" + rule["form"].upper().replace("-", "_")
    klass = class_names.index(rule["class"]) if "class" in rule else 0
    small = [klass, rule.get("min", 0), rule.get("max", 0), rule.get("distinct", 0)]
    small += [int(rule.get(flag, False)) for flag in ("digit", "shown", "lone")]
    tables = [
        f"{name}_{number}" if rule.get(field) else "NULL"
        for name, field in (("shapes", "shapes"), ("before", "before"), ("allow", "allow"))
    ]
    texts = [quoted(rule[key]) if key in rule else "NULL" for key in ("inner", "allow_suffix")]
    counts = len(rule.get("shapes", ())), len(rule.get("before", ()))
    fields = ", ".join([quoted(rule["id"]), form, *map(str, small), *texts, *tables, *map(str, counts)])
    return f"    {{{fields}}},\n"


def rule_tables(
    rules: list[Entry], class_names: list[str], anchors: list[tuple[bytes, int, bool]], windows: list[Window]
) -> str:
    """The rules and their anchors as initialised structs."""
    lines = [f"static const struct anchor rule_anchors[{len(anchors)}] = {{\n"]
    for (anchor, rule, held), window in zip(anchors, windows, strict=True):
        exact = int(rules[rule]["form"] in EXACT_FORMS)
        lines.append(
            f"    {{{quoted(anchor.decode())}, {rule}, {len(anchor)}, {exact}, {int(held)}, "
            f"{window.back}, {window.hint}}},\n"
        )
    lines.append("};\n")
    lines += [parts_tables(number, rule, class_names) for number, rule in enumerate(rules) if rule["form"] == "token"]
    lines.append(f"static const struct rule rules[{len(rules)}] = {{\n")
    lines += [rule_row(number, rule, class_names) for number, rule in enumerate(rules)]
    ids = [rule["id"] for rule in rules]
    named = [f"const int type_{i.replace('-', '_')} = {ids.index(i)};\n" for i in NAMED_BY_CODE]
    return "".join([*lines, "};\n", *named])


def word_slots(words: list[str]) -> list[int]:
    """A hash table of the words as words.c reads it: 1 + index, collisions in the next free slot."""
    slots = [0] * 2048
    for index, word in enumerate(words):
        value = 0
        for letter in word.encode():
            value = (value * 33 + letter) & 0xFFFFFFFF
        slot = (value * 0x9E3779B1 & 0xFFFFFFFF) >> 21
        while slots[slot]:
            slot = (slot + 1) % len(slots)
        slots[slot] = index + 1
    return slots


def word_tables(names: Entry) -> str:
    """The words of names and of placeholders with their hash table, and the pairs of letters."""
    kinds: dict[str, int] = {}
    for bit, kind in enumerate(WORD_KINDS):
        for word in names[kind]:
            if len(word) > LONGEST_WORD or not (word.isascii() and word.islower() and word.isalpha()):
                raise RuleError(f"names.toml: {word!r} must be up to {LONGEST_WORD} small letters")
            kinds[word] = kinds.get(word, 0) | 1 << bit
    if len(kinds) > 1500:
        raise RuleError("names.toml: more words than the hash table takes")
    lines = [f"const int word_count = {len(kinds)};\nconst struct word words[{len(kinds)}] = {{\n"]
    lines += [f"    {{{quoted(word)}, {len(word)}, {kinds[word]}}},\n" for word in sorted(kinds)]
    lines.append("};\n")
    lines.append(rows("word_slots", "uint16_t", word_slots(sorted(kinds))).removeprefix("static "))
    for table in ("placeholder_pieces", "stop_words"):
        texts = sorted(set(names[table]))
        lines.append(f"const char *const {table}[{len(texts) + 1}] = {{\n")
        lines += [f"    {quoted(text)},\n" for text in texts]
        lines.append("    NULL};\n")
    texts = sorted(set(names["placeholder_pieces"]))
    if len(texts) > 32 or any(len(text) < 2 or text != text.lower() for text in texts):
        raise RuleError("names.toml: at most 32 pieces of placeholders, each of two characters or more, none a capital")
    starts = [sum(1 << at for at, text in enumerate(texts) if text[0] == chr(byte).lower()) for byte in range(256)]
    lines.append(rows("piece_starts", "uint32_t", starts, 16).removeprefix("static "))
    last = [0] * 26
    for word in names["ending"]:
        last[ord(word[-2]) - 97] |= 1 << ord(word[-1]) - 97
    lines.append(rows("ending_pairs", "uint32_t", last, 13).removeprefix("static "))
    pairs = [sum(1 << ord(letter) - 97 for letter in names["pairs"][chr(97 + first)]) for first in range(26)]
    lines.append(rows("letter_pairs", "uint32_t", pairs, 13).removeprefix("static "))
    return "".join(lines)


def class_tables(classes: dict[str, str], used: list[str]) -> str:
    """One bit per class for each byte."""
    bits = [sum(1 << at for at, name in enumerate(used) if byte in expand(classes[name])) for byte in range(256)]
    if len(used) > 32:
        raise RuleError(f"{len(used)} classes are used, and 32 fit a word of bits")
    named = "".join(f"const int class_{n.replace('-', '_')} = {used.index(n)};\n" for n in USED_BY_CODE)
    return named + rows("class_bits", "uint32_t", bits, 16)


def about_tables(rules: list[Entry], class_names: list[str]) -> str:
    """What only listings show: of each rule its description and source, and the names of the classes."""
    lines = [f"static const struct about rule_about[{len(rules)}] = {{\n"]
    lines += [f"    {{{quoted(rule['description'])}, {quoted(rule['source'])}}},\n" for rule in rules]
    lines.append(f"}};\nstatic const char *const class_names[{len(class_names) + 1}] = {{\n")
    lines += [f"    {quoted(name)},\n" for name in class_names]
    return "".join([*lines, "    NULL};\n"])


def ruleset(digest: str, rules: int, anchors: int, nodes: int) -> str:
    """What the parts of the masker are given: all of it."""
    return (
        f'const struct ruleset builtin_rules = {{\n    "{digest}", {rules}, {anchors}, {nodes}, rules, rule_anchors,\n'
        "    class_bits, &builtin_prefilter, rule_column, rule_move, rule_end_at, rule_ends, rule_held_at,\n"
        "    rule_held};\n"
    )


def generate(folder: Path = HERE / "rules") -> str:
    """The whole header."""
    classes, rules, names = load(folder)
    tokens = [rule for rule in rules if rule["form"] == "token"]
    in_parts = {
        part.name for rule in tokens for parts in (*rule["read"], rule["before"]) for part in parts if part.name
    }
    used = sorted(in_parts | {rule["class"] for rule in rules if "class" in rule} | set(USED_BY_CODE))
    anchors = [
        (anchor.encode() if rule["form"] in EXACT_FORMS else anchor.lower().encode(), number,
         bool(rule.get("held")) and not rule.get("shown"))
        for number, rule in enumerate(rules)
        for anchor in rule["anchors"]
    ]  # fmt: skip
    digest = hashlib.sha256(b"".join((folder / f"{name}.toml").read_bytes() for name in SOURCES)).hexdigest()
    automaton = Automaton(anchors, frozenset(number for number, rule in enumerate(rules) if rule.get("before")))
    windows = assign(windows_of_all(anchors, rules))
    return "".join(
        [
            "/* Generated by csrc/generate_rules.py from the TOML files in csrc/rules; change those. */\n",
            class_tables(classes, used),
            rule_tables(rules, used, anchors, [window for window, _ in windows]),
            automaton_tables(automaton),
            definition(windows),
            word_tables(names),
            about_tables(rules, used),
            ruleset(digest[:32], len(rules), len(anchors), len(automaton.edges)),
        ]
    )


def main() -> int:
    """Write the header, or with --check say whether the committed one is current."""
    text = generate()
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
