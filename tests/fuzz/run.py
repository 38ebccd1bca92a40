"""Builds the fuzz harnesses of the C masker with clang's libFuzzer and the sanitizers, and runs them.

Usage: python tests/fuzz/run.py [--seconds N] [--seed N] [--harness NAME] [--corpus FOLDER]
       python tests/fuzz/run.py --harness NAME --input "b'...'"

The time is shared by the harnesses. Each run draws a seed of its own, which it prints. With --corpus what was found to
be interesting is kept, so that a long run goes on where the last one stopped. A broken law or a sanitizer's report ends
the run with status 1; the input is printed as a Python literal together with the command that runs it again. Without
clang the status is 77.

Where CI is set in the environment, the seed is fixed, and each harness gets a fixed number of inputs instead of so many
seconds: a change is then judged by what it changes, and not by what a fast machine happened to reach or a seed to draw.
The same commit with the same clang has the same verdict everywhere; what is new is looked for by the runs without CI.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
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
CI_SEED = 1
# How many inputs a harness gets in CI: about ten seconds for each.
CI_INPUTS = {"adopted": 20_000, "laws": 14_000, "levels": 7_000, "rules": 7_000, "states": 12_000, "values": 20_000}


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


def compile_masker(clang: str, folder: Path) -> list[Path]:
    """All of the masker but its Python binding, and what the harnesses share, compiled once for all of them."""
    sources = [path for path in sorted((ROOT / "csrc").glob("*.c")) if path.name != "_masker.c"]
    sources.append(HERE / "harness.c")
    subprocess.run([clang, *FLAGS, f"-I{ROOT / 'csrc'}", "-c", *map(str, sources)], check=True, cwd=folder)
    return [folder / f"{source.stem}.o" for source in sources]


def build(clang: str, folder: Path, harness: str, objects: list[Path]) -> Path:
    """The program of one harness."""
    program = folder / harness
    command = [clang, *FLAGS, f"-I{ROOT / 'csrc'}", str(HERE / f"fuzz_{harness}.c"), *map(str, objects)]
    subprocess.run([*command, "-o", str(program)], check=True)
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


def limits(harness: str, seconds: int, seed: int) -> list[str]:
    """libFuzzer's options for how long it looks, and from which seed: so many inputs in CI, else so many seconds.

    In CI it neither reads its corpus again, which it does by the clock, nor learns from what the program compares: that
    is addresses too, and they differ from run to run.
    """
    if "CI" in os.environ:
        return [f"-seed={seed}", f"-runs={CI_INPUTS[harness]}", "-reload=0", "-use_cmp=0"]
    return [f"-seed={seed}", f"-max_total_time={seconds}"]


def fuzz(program: Path, harness: str, chosen: list[str], corpus: Path, folder: Path) -> bool:
    """New inputs within the limits that were chosen. False when one broke a law."""
    seeds = folder / f"seeds-{harness}"
    write_dictionary(folder / "dictionary")
    write_seeds(seeds, harness)
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts = folder / f"artifacts-{harness}"
    artifacts.mkdir()
    listed = folder / f"listed-{harness}"  # in order, where a folder would be read in that of its file system
    listed.write_text(",".join(map(str, sorted(seeds.iterdir()))), encoding="utf-8")
    command = [
        program, corpus, f"-seed_inputs=@{listed}", f"-dict={folder / 'dictionary'}", *chosen,
        f"-max_len={LONGEST_INPUT}", f"-artifact_prefix={artifacts}/", "-timeout=20", "-print_final_stats=1",
    ]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", check=False)
    seconds = time.monotonic() - began
    if done.returncode != 0:
        found = sorted(artifacts.iterdir())
        show(harness, found[0].read_bytes() if found else b"", done.stderr[-6000:])
        return False
    figures = {line.split()[0]: line.split()[-1] for line in done.stderr.splitlines() if line.startswith("stat::")}
    coverage = [line for line in done.stderr.splitlines() if " cov: " in line]
    covered = coverage[-1].split(" cov: ")[1].split()[0] if coverage else "?"
    runs = figures.get("stat::number_of_executed_units:", "?")
    print(f"{harness}: {runs} inputs in {seconds:.0f} s, {covered} edges, every law held", flush=True)
    return True


def main() -> int:
    """Build, run what once failed, then look for more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=40, help="in all, but in CI; default: %(default)s")
    parser.add_argument("--seed", type=int, help="libFuzzer's; default: a new one, in CI always the same")
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
    seed = options.seed or (CI_SEED if "CI" in os.environ else random.randrange(1, 1 << 31))
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        objects = compile_masker(clang, folder)
        for harness in chosen:
            program = build(clang, folder, harness, objects)
            if options.input:
                return 0 if run_inputs(program, harness, [ast.literal_eval(options.input)], folder) else 1
            if not run_inputs(program, harness, INPUTS.get(harness, []), folder):
                return 1
            corpus = (options.corpus or folder / "corpus") / harness
            length = limits(harness, max(1, options.seconds // len(chosen)), seed)
            if not fuzz(program, harness, length, corpus, folder):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
