"""A dictionary and first inputs for the fuzzers, made from the rules at run time, so that no secret is stored."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TELLING = (
    "password", "password_beside", "secret", "token", "key", "key_beside", "authorization", "authorization_weak",
    "signature", "session", "session_beside",
)  # fmt: skip
NOTATIONS = ('{name}="{token}"', "{name}: {token}\n", "https://u:{token}@h/", "a {token} b", "\x1b[31m{token}\x1b[0m;")
ODDITIES = (
    "\x1b[", "\x1b[31m", "\x1b]8;;", "\x07", "\x1b\\", "\x1b(", "\x1b7", "\r\n", "\\n", "\\u0022", "%22", "%20", "\0",
    "[masked:", "[masked:github-pat]", "]", "://", "@", "-u ", "--user=", "--password\0", "Bearer ", "Basic ",
    "Cookie: ", "-----END RSA PRIVATE " + "KEY-----", "PRIVATE " + "KEY", "value: ", "name: ", "=>", ":=", '": "', "</",
    "é", "{{", "${",
)  # fmt: skip
OWN = (
    b" own-abcdefghij",
    b" own-abcdefgh ",
    b" my-acme_pin: abc1def2ghi3",
    b"\nhotkey=abc1def2",
    b" own-xyz9w8v7u6 acmePin='a1b2c3d4'",
)
PLANS = (b"\0", b"\1\1", b"\1\7", b"\1\x40", b"\3\1\2\xc8", b"\2\xff\5")
Entry = dict[str, Any]


def generator() -> Any:
    """The table generator, which is a program beside the C files."""
    sys.path.insert(0, str(ROOT / "csrc"))
    return importlib.import_module("generate_rules")


def rules() -> tuple[dict[str, str], list[Entry], dict[str, Any]]:
    """Classes, rules and word lists, read as the table generator reads them."""
    loaded: tuple[dict[str, str], list[Entry], dict[str, Any]] = generator().load(ROOT / "csrc" / "rules")
    return loaded


def words() -> list[str]:
    """What a dictionary should hold: anchors, telling words, and what stands around secrets."""
    _, entries, names = rules()
    found = [anchor for entry in entries for anchor in entry["anchors"]]
    found += [word for kind in TELLING for word in names[kind]]
    return list(dict.fromkeys([*found, *ODDITIES]))


def write_dictionary(path: Path) -> None:
    r"""In the form that libFuzzer and AFL++ read: one quoted word on each line, odd bytes as \xNN."""
    lines = []
    for word in words():
        shown = "".join(chr(b) if b < 128 and chr(b).isalnum() else f"\\x{b:02x}" for b in word.encode())
        lines.append(f'"{shown}"\n')
    path.write_text("".join(lines), encoding="ascii")


def texts(seed: int = 3) -> Iterator[bytes]:
    """Every anchor with a run of its class behind it, each in one notation after the other."""
    classes, entries, names = rules()
    expand = generator().expand
    drawn = random.Random(seed)
    names_of = [word for kind in TELLING for word in names[kind]]
    for number, entry in enumerate(entries):
        choices = sorted(map(chr, expand(classes.get(entry.get("class", "alnum"), "0-9A-Za-z"))))
        for anchor in entry["anchors"]:
            run = "".join(drawn.choice(choices) for _ in range(max(entry.get("min", 0), 20) + drawn.randrange(3)))
            notation = NOTATIONS[number % len(NOTATIONS)]
            yield notation.format(name=drawn.choice(names_of), token=anchor + run).encode()


def own_rules() -> bytes:
    """A token, a name and an allowed text of a user, in the form that csrc/ruleset.c describes."""

    def text(content: bytes) -> bytes:
        return len(content).to_bytes(2, "little") + content + b"\0"

    def number(value: int, size: int = 2) -> bytes:
        return value.to_bytes(size, "little")

    count = len(rules()[1])
    header = (ROOT / "csrc" / "rules_table.h").read_text(encoding="utf-8")
    any_token = int(header.partition("const int class_any_token = ")[2].partition(";")[0])
    counts = b"".join(map(number, (1, 2, 5, 2, 1, 1)))
    token = bytes([0, any_token, 8, 0, 3, 0, 0, 0]) + text(b"own-token") + text(b"") + text(b"")
    name = bytes([7, *bytes(7)]) + text(b"own-name") + text(b"") + text(b"")
    anchors = number(count) + b"\1\1" + text(b"own-")
    for form in (b"hotkey", b"acme_pin", b"acme-pin", b"acmepin"):
        anchors += number(count + 1) + b"\0\0" + text(form)
    names = number(count + 1) + number(1, 4) + text(b"hotkey") + number(count + 1) + number(8, 4) + text(b"acmepin")
    characters = sum(1 << ord(c) for c in "abcdef0123456789_").to_bytes(32, "little")
    allowed = number(0xFFFF) + text(b"own-abcdefgh")
    return b"".join((b"HSR1", counts, characters, token, name, anchors, names, allowed, number(3)))


def write_seeds(folder: Path, harness: str) -> None:
    """One file per input, with the head that the harness reads before the text."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = random.Random(harness)
    values = [b"pass password", b"abcabcabd", b"Zq9!line-two"]
    listed = bytes([len(values) - 1]) + b"".join(bytes([len(v) - 8]) + v for v in values)
    for number, text in enumerate(texts()):
        head = drawn.choice(PLANS)
        if harness in {"values", "adopted"}:
            text = text[: len(text) // 2] + bytes([0xF4 + number % 3, 0xF8 + number % 3]) + text[len(text) // 2 :]
            head = listed + (drawn.randbytes(2) if harness == "adopted" else b"") + head
        elif harness == "states":
            head, text = drawn.randbytes(4) + head, text + b" pass pass password"
        elif harness == "rules":
            own = own_rules()
            head, text = drawn.randbytes(1) + len(own).to_bytes(2, "little") + own + head, text + OWN[number % len(OWN)]
        (folder / f"seed-{number:04}").write_bytes(head + text)
