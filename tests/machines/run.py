"""Builds the masker for another machine and compares it, under emulation, with the one built here.

Usage: python tests/machines/run.py

Needs a cross compiler and an emulator, on Debian gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; without
them the exit code is 77. The text is drawn at run time: every kind of secret, colour codes, bytes that are no text.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hstore._masker import ffi, lib
from hstore.masking import Masker

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.corpus.kinds import KINDS  # noqa: E402 # found in the checkout, which is no package

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
LEVELS = ("scalar", "neon")
SKIPPED = 77


def text() -> bytes:
    """Lines with and without secrets."""
    drawn = random.Random(20240501)
    words = [
        "the",
        "server",
        "started",
        "worker",
        "token",
        "auth",
        "session",
        "passed",
        "key=value",
        "path/to",
        "10.0.0.1",
    ]
    lines = []
    for number in range(6000):
        line = " ".join(drawn.choices(words, k=drawn.randint(0, 14)))
        if number % 3 == 0:
            kind = drawn.choice(KINDS)
            line += f' {drawn.choice(kind.names)}_token="{kind.draw(drawn)}" '
        if number % 11 == 0:
            line = f"\x1b[1;{drawn.randint(30, 37)}m{line[:9]}\x1b[0m{line[9:]}"
        lines.append(line.encode() + (b"\xff\xc3\xa9" if number % 17 == 0 else b""))
    return b"\n".join(lines)


def build(folder: Path) -> Path:
    """The filter for the other machine."""
    program = folder / "filter"
    sources = [*(ROOT / "csrc").glob("*.c"), Path(__file__).parent / "filter.c"]
    flags = [
        "-std=c11",
        "-O2",
        "-static",
        "-Wall",
        "-Wextra",
        "-Wno-missing-field-initializers",
        "-Werror",
        f"-I{ROOT / 'csrc'}",
    ]
    subprocess.run([COMPILER, *flags, "-o", str(program), *map(str, sources)], check=True)
    return program


def main() -> int:
    """0 when all agree, 1 when not, 77 without the tools."""
    if shutil.which(COMPILER) is None or shutil.which(EMULATOR) is None:
        print(f"skipped: needs {COMPILER} and {EMULATOR}")
        return SKIPPED
    data, names = text(), [ffi.string(lib.hstore_level_name(at)).decode() for at in range(lib.hstore_level_count())]
    expected = Masker().mask(data)
    marks = expected.count(b"[masked:")
    if marks < 1500:
        sys.exit(f"only {marks} marks: the text is not the one it should be")
    with tempfile.TemporaryDirectory(prefix="machine-") as folder:
        program = build(Path(folder))
        for level in LEVELS:
            for step in (61, 4096, len(data)):
                command = [EMULATOR, str(program), str(names.index(level)), str(step)]
                found = subprocess.run(command, input=data, capture_output=True, check=True).stdout
                if found != expected:
                    print(f"aarch64, {level}, pieces of {step} bytes: another output than here")
                    return 1
    print(f"aarch64 gives the same {len(expected):,} bytes with {marks} marks: {', '.join(LEVELS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
