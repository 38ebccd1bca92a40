"""Builds the fuzz harnesses of the C masker with clang's libFuzzer and the sanitizers, and runs them.

Usage: python tests/fuzz/run.py [--seconds N] [--harness NAME] [--corpus FOLDER]
       python tests/fuzz/run.py --harness NAME --input "b'...'"

The time is shared by the harnesses. With --corpus what was found to be interesting is kept, so that a long run goes
on where the last one stopped. A broken law or a sanitizer's report ends the run with status 1; the input is printed
as a Python literal together with the command that runs it again. Without clang the status is 77.
"""

from __future__ import annotations

import argparse
import ast
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from regressions import INPUTS  # noqa: E402 # a script's neighbours are found through the line above
from seeds import write_dictionary, write_seeds  # noqa: E402 # likewise

HARNESSES = tuple(sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c")))
FLAGS = (
    "-std=c11", "-g", "-O2", "-Wall", "-Wextra", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)  # fmt: skip
LONGEST_INPUT = 3000
NO_COMPILER = 77


def compiler() -> str | None:
    """A clang that has libFuzzer; HSTORE_FUZZ_CC names another."""
    named = os.environ.get("HSTORE_FUZZ_CC", "clang")
    found = shutil.which(named)
    if found is None:
        return None
    source = "int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n) { return p == 0 && n != 0; }"
    command = [found, "-x", "c", "-", "-fsanitize=fuzzer,address", "-o", os.devnull]
    works = subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode == 0
    return found if works else None


def build(clang: str, folder: Path, harness: str) -> Path:
    """The program of one harness, with all of the masker but its Python binding."""
    sources = [path for path in sorted((ROOT / "csrc").glob("*.c")) if path.name != "_masker.c"]
    program = folder / harness
    command = [clang, *FLAGS, f"-I{ROOT / 'csrc'}", *map(str, sources), str(HERE / "harness.c")]
    subprocess.run([*command, str(HERE / f"fuzz_{harness}.c"), "-o", str(program)], check=True)
    return program


def show(harness: str, content: bytes, log: str) -> None:
    """What broke, with which input, and how to see it again."""
    print(log, file=sys.stderr)
    print(f"\n{harness}: broken by {len(content)} bytes:\n\n    {content!r}\n", file=sys.stderr)
    again = f"python tests/fuzz/run.py --harness {harness} --input {shlex.quote(repr(content))}"
    print(f"run it again:\n\n    {again}\n\nand keep it in tests/fuzz/regressions.py", file=sys.stderr)


def run_inputs(program: Path, harness: str, inputs: list[bytes], folder: Path) -> bool:
    """Single inputs, each once. False when one broke a law."""
    for content in inputs:
        path = folder / "input"
        path.write_bytes(content)
        done = subprocess.run([program, path], capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            show(harness, content, done.stderr[-6000:])
            return False
    return True


def fuzz(program: Path, harness: str, seconds: int, corpus: Path, folder: Path) -> bool:
    """New inputs for so many seconds. False when one broke a law."""
    write_dictionary(folder / "dictionary")
    write_seeds(folder / f"seeds-{harness}", harness)
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts = folder / f"artifacts-{harness}"
    artifacts.mkdir()
    command = [
        program, corpus, folder / f"seeds-{harness}", f"-dict={folder / 'dictionary'}", f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}", f"-artifact_prefix={artifacts}/", "-timeout=20", "-print_final_stats=1",
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        found = sorted(artifacts.iterdir())
        show(harness, found[0].read_bytes() if found else b"", done.stderr[-6000:])
        return False
    figures = {line.split()[0]: line.split()[-1] for line in done.stderr.splitlines() if line.startswith("stat::")}
    coverage = [line for line in done.stderr.splitlines() if " cov: " in line]
    covered = coverage[-1].split(" cov: ")[1].split()[0] if coverage else "?"
    runs = figures.get("stat::number_of_executed_units:", "?")
    print(f"{harness}: {runs} inputs in {seconds} s, {covered} edges, every law held", flush=True)
    return True


def main() -> int:
    """Build, run what once failed, then look for more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=40, help="in all; default: %(default)s")
    parser.add_argument("--harness", choices=HARNESSES, action="append", help="default: all")
    parser.add_argument("--corpus", type=Path, help="keep what was found here")
    parser.add_argument("--input", help="run this one input, a Python bytes literal")
    options = parser.parse_args()
    clang = compiler()
    if clang is None:
        print(
            "no clang with libFuzzer: install clang and its compiler-rt, or name one in HSTORE_FUZZ_CC", file=sys.stderr
        )
        return NO_COMPILER
    chosen = options.harness or list(HARNESSES)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        for harness in chosen:
            program = build(clang, folder, harness)
            if options.input:
                return 0 if run_inputs(program, harness, [ast.literal_eval(options.input)], folder) else 1
            if not run_inputs(program, harness, INPUTS.get(harness, []), folder):
                return 1
            corpus = (options.corpus or folder / "corpus") / harness
            if not fuzz(program, harness, max(1, options.seconds // len(chosen)), corpus, folder):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
