"""Counts the instructions that the masker executes for each byte, which no other process on the machine disturbs.

Usage: python benchmarks/instructions.py [--record | --check]

A small C program with the masker in it runs under callgrind; only what `hstore_stream_feed` does is counted. --record
writes the figures to instructions.json; --check ends with status 1 when one has risen by more than a tenth since. The
figures hold for one compiler: with another one --check says so and judges nothing. Needs cc and valgrind (status 77
without them). Valgrind knows no AVX-512, so that level is not among them; the others than the best that it knows are
counted on clean text only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import inputs  # noqa: E402 # a script's neighbours are found through the line above

from hstore._masker import ffi, lib  # noqa: E402 # after the line that is needed above
from hstore.masking._values import blob_of  # noqa: E402 # likewise

RECORD = HERE / "instructions.json"
FLAGS = ("-std=c11", "-O2", "-g", "-fvisibility=hidden")
SIZE = 300_000
ALLOWED = 1.10
UNKNOWN = "avx512vbmi"
MISSING = 77
Case = tuple[bytes, int, int]
"""Text, bytes in a write, registered values."""


def cases() -> dict[str, Case]:
    """What is counted, by name."""
    text = inputs.clean(SIZE)
    found: dict[str, Case] = {
        "clean, writes of 64 KiB": (text, 65536, 10),
        "clean, writes of 4 KiB": (text, 4096, 10),
        "clean, writes of 64 B": (text, 64, 10),
        "clean, no values": (text, 65536, 0),
        "clean, 100 values": (text, 65536, 100),
        "clean, 1,000 values": (text, 65536, 1000),
        "many telling names": (inputs.named(SIZE), 65536, 10),
    }
    for every in (1, 10, 100):
        found[f"a secret in every {every} KB"] = (inputs.with_secrets(text, every * 1000), 65536, 10)
    for name in inputs.FLOODS:
        found[f"flood of {name}"] = (inputs.flood(name, SIZE), 65536, 10)
    return found


def compiler() -> str:
    """The compiler's first line about itself."""
    return subprocess.check_output([os.environ.get("CC", "cc"), "--version"], text=True).splitlines()[0]


def build(folder: Path) -> Path:
    """The program to run."""
    program = folder / "instructions"
    sources = [path for path in sorted((ROOT / "csrc").glob("*.c")) if path.name != "_masker.c"]
    command = [
        os.environ.get("CC", "cc"),
        *FLAGS,
        f"-I{ROOT / 'csrc'}",
        *map(str, sources),
        str(HERE / "instructions.c"),
    ]
    subprocess.run([*command, "-o", str(program)], check=True)
    return program


def count(program: Path, folder: Path, case: Case, level: int) -> float:
    """Instructions for each byte."""
    text, write, values = case
    (folder / "text").write_bytes(text)
    (folder / "forms").write_bytes(blob_of(inputs.values(values)) if values else b"")
    report = folder / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=hstore_stream_feed", f"--callgrind-out-file={report}"]
    words = [program, folder / "text", folder / "forms", write, level]
    subprocess.run([*command, *map(str, words)], check=True, capture_output=True)
    totals = [
        line for line in report.read_text(encoding="utf-8").splitlines() if line.startswith(("totals:", "summary:"))
    ]
    return round(int(totals[-1].split()[1]) / len(text), 3)


def levels() -> dict[str, int]:
    """The instruction sets of this machine that valgrind knows too, by name, the best one last."""
    names = {ffi.string(lib.hstore_level_name(number)).decode(): number for number in range(lib.hstore_level_count())}
    return {name: number for name, number in names.items() if name != UNKNOWN and lib.hstore_level_supported(number)}


def measure() -> dict[str, float]:
    """All figures, by level and case."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="instructions-") as name:
        folder = Path(name)
        program = build(folder)
        known = levels()
        best = max(number for number in known.values() if number <= lib.hstore_level())
        for level, number in known.items():
            for case, what in cases().items():
                if number == best or case.startswith("clean"):
                    figures[f"{level}: {case}"] = count(program, folder, what, number)
    return figures


def show(figures: dict[str, float], recorded: dict[str, float]) -> list[str]:
    """Print the table; the names of the figures that have risen too much."""
    worse = []
    print(f"{'instructions for each byte':50} {'now':>9} {'recorded':>9}")
    for name, figure in figures.items():
        before = recorded.get(name)
        print(f"{name:50} {figure:9.3f} {'' if before is None else f'{before:9.3f}'}")
        if before is not None and figure > before * ALLOWED + 0.01:
            worse.append(name)
    return worse


def main() -> int:
    """Measure, then print, record or judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write instructions.json")
    parser.add_argument("--check", action="store_true", help="compare with instructions.json")
    options = parser.parse_args()
    if shutil.which("valgrind") is None or shutil.which(os.environ.get("CC", "cc")) is None:
        print("needs cc and valgrind", file=sys.stderr)
        return MISSING
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    about = {"compiler": compiler(), "flags": list(FLAGS), "machine": platform.machine()}
    comparable = all(record.get(key) == value for key, value in about.items())
    if options.check and not comparable:
        print(f"recorded with {record.get('compiler')} on {record.get('machine')}, this is {about}: nothing is judged")
        return 0
    figures = measure()
    worse = show(figures, record.get("per_byte", {}) if comparable else {})
    if options.record:
        RECORD.write_text(json.dumps({**about, "per_byte": figures}, indent=1) + "\n", encoding="utf-8")
    for name in worse:
        print(f"risen by more than a tenth: {name}", file=sys.stderr)
    return 1 if options.check and worse else 0


if __name__ == "__main__":
    sys.exit(main())
