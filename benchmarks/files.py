"""Scans of a folder with many files: the first, one where nothing has changed, one that reads all; and their memory.

Usage: python benchmarks/files.py [--files N] [--rounds N] [--json FILE]

Beside a quick scan stands `os.walk` with an `lstat` of each file, and beside those that read, reading and hashing the
same files one by one: the least that Python has to do for the same knowledge, without a store. Each scan is a process
of its own, so that its peak of memory is its own. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compare_report import quartiles

WORKER = """
import hashlib, json, os, resource, sys, time
task, folder, database = sys.argv[1:]

def walk(hashing):
    for here, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(here, name)
            os.lstat(path)
            if hashing:
                with open(path, "rb", buffering=0) as file:
                    hashlib.sha256(file.read()).digest()

from hstore import Store
store = None if task in ("walk", "hash") else Store.open(database)
wall, processor = time.perf_counter(), time.process_time()
if store is None:
    walk(task == "hash")
else:
    report = store.files.scan(folder, verify=task == "verify")
found = [time.perf_counter() - wall, time.process_time() - processor]
print(json.dumps([*found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
TASKS = ("hash", "first", "walk", "quick", "verify")
PEERS = {"first": "hash", "quick": "walk", "verify": "hash"}


def fill(folder: Path, files: int) -> None:
    """Files of 100 to 4,000 bytes, a hundred to a folder, written long ago."""
    for number in range(files):
        path = folder / str(number // 100) / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"file {number}\n".encode() * (10 + number % 300))


def measured(task: str, folder: Path, database: Path) -> list[float]:
    """Seconds of wall and of processor time, and megabytes at most."""
    words = [sys.executable, "-c", WORKER, task, str(folder), str(database)]
    found: list[float] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, list[list[float]]] = {task: [] for task in TASKS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "folder")
        folder.mkdir()
        fill(folder, options.files)
        for turn in range(options.rounds):
            for task in TASKS:  # "first" begins with a file of its own, in which the two behind it find everything
                found[task].append(measured(task, folder, Path(place, f"{turn}.db")))
    for task, each in found.items():
        wall, processor, peak = (statistics.median(one[part] for one in each) for part in range(3))
        beside = ""
        if task in PEERS:
            peer = found[PEERS[task]]
            low, middle, high = quartiles([mine[1] / theirs[1] for mine, theirs in zip(each, peer, strict=True)])
            beside = f", {middle:.2f} ({low:.2f} to {high:.2f}) of {PEERS[task]}'s processor time"
        print(
            f"{task:7} {wall:6.2f} s, {processor:6.2f} s of processor time, {processor / options.files * 1e6:6.1f} µs"
            f" a file, {peak:5.1f} MB at most{beside}"
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
