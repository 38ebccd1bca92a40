"""Regular expressions that say what the rules of the masker say, as far as one can, for engines that take such."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

CSRC = Path(__file__).resolve().parents[1] / "csrc"
TELLING = ("password", "secret", "token", "key", "session", "signature")
STRUCTURES = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",
    r"\beyJ[A-Za-z0-9_-]{8,1000}\.ey[A-Za-z0-9_-]{8,}",
    r"://[^/\s:@\"'<>]{1,128}:[^/\s@\"'<>]{1,512}@",
    r"[Aa]uthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:[A-Za-z]{1,12} )?[A-Za-z0-9_.=+/-]{8,}",
    r"\bcurl\b[^\n]{0,200}(?:-u|--user)[ =][\"']?[^\s:\"']{1,64}:[^\s\"']{1,200}",
)


def _class(name: str, classes: dict[str, str], expand: Any) -> str:
    return "[" + "".join(f"\\x{byte:02x}" for byte in sorted(expand(classes[name]))) + "]"


def _shape(parts: Any, classes: dict[str, str], expand: Any) -> str:
    pieces = []
    for part in parts:
        count = f"{{{part.low}}}" if part.low == part.high else f"{{{part.low},{part.high or ''}}}"
        pieces.append(re.escape(part.text) if part.text else _class(part.name, classes, expand) + count)
    return "".join(pieces)


def patterns() -> list[str]:
    """One for each token rule, one for named values, and those of `STRUCTURES`.

    What a pattern cannot say is left out: how different a token's characters must be, what is a placeholder, words
    that make a name harmless, escape codes in the middle.
    """
    sys.path.insert(0, str(CSRC))
    generator = importlib.import_module("generate_rules")
    classes, entries, names = generator.load(CSRC / "rules")
    found = []
    for entry in entries:
        if entry["form"] != "token":
            continue
        anchors = "|".join(re.escape(anchor) for anchor in entry["anchors"])
        shapes = "|".join(_shape(parts, classes, generator.expand) for parts in entry["read"])
        before = _shape(entry["before"], classes, generator.expand) if entry.get("before") else r"\b"
        found.append(f"{before}(?:{anchors})(?:{shapes})")
    words = "|".join(sorted({word for kind in TELLING for word in names[kind]} | {"api[_-]?key", "[a-z]_key"}))
    named = rf"(?:{words})[a-z0-9_]{{0,20}}[\"']?\]?\s{{0,4}}(?:=>|:=|==|=|:|>|,)\s{{0,4}}[\"']?[^\s\"'<>,;]{{8,200}}"
    return [*found, f"(?i:{named})", *STRUCTURES]
