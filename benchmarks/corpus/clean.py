"""Real text without secrets that this machine has: logs, output of its tools, sources, manuals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Mask = Callable[[bytes], bytes]

COMMANDS: dict[str, list[str]] = {
    "dpkg -l": ["dpkg", "-l"],
    "apt-cache": ["apt-cache", "dumpavail"],
    "journal": ["journalctl", "--no-pager", "-n", "20000"],
    "dmesg": ["dmesg"],
    "processes": ["ps", "auxww"],
    "find /usr": ["find", "/usr", "-xdev"],
    "pip list": [sys.executable, "-m", "pip", "list", "-v"],
    "npm help": ["npm", "help", "config"],
    "gcc -v": ["gcc", "-v", "-x", "c", "-E", "-dM", "/dev/null"],
    "make -p": ["make", "-p", "-f", "/dev/null"],
    "git log": ["git", "log", "--stat", "-n", "400"],
    "checksums": ["sh", "-c", "sha256sum /usr/bin/* 2>/dev/null | head -n 4000"],
    "man pages": ["sh", "-c", "find /usr/share/man -name '*.gz' | sort | head -n 400 | xargs zcat"],
}
FILES: dict[str, tuple[str, str]] = {
    "/var/log": ("/var/log", "**/*.log"),
    "Python": (str(Path(os.__file__).parent), "*.py"),
    "C headers": ("/usr/include", "*.h"),
    "/etc": ("/etc", "*.conf"),
    "npm logs": (str(Path.home() / ".npm/_logs"), "*.log"),
}
LOGS = {
    "dpkg -l",
    "journal",
    "dmesg",
    "processes",
    "find /usr",
    "pip list",
    "gcc -v",
    "checksums",
    "/var/log",
    "npm logs",
}
"""What is a log or a command's output; the rest is source and prose, where code samples hold sample secrets."""


def clean_text() -> dict[str, bytes]:
    """Real text of this machine by where it is from."""
    found: dict[str, bytes] = {}
    for name, command in COMMANDS.items():
        try:
            found[name] = subprocess.run(command, capture_output=True, check=False, timeout=60).stdout
        except (OSError, subprocess.TimeoutExpired):
            continue
    for name, (folder, pattern) in FILES.items():
        pieces = []
        for path in sorted(Path(folder).glob(pattern)):
            try:
                pieces.append(path.read_bytes())
            except OSError:
                continue
        found[name] = b"\n".join(pieces)
    return {name: text for name, text in found.items() if text.count(b"\n") > 20}


def wrong_marks(mask: Mask, text: bytes, limit: int) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Lines looked at, and those that changed, before and after."""
    lines = text.split(b"\n")[:limit]
    joined = b"\n".join(lines)
    masked = mask(joined)
    if masked == joined:
        return len(lines), []
    behind = masked.split(b"\n")
    if len(behind) != len(lines):
        return len(lines), [(b"(a mark over several lines)", b"")] * masked.count(b"[masked:")
    return len(lines), [(old, new) for old, new in zip(lines, behind, strict=True) if old != new]
