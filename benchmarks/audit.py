"""What a line of the audit log costs with a chain and without, and how fast a chain is verified.

Usage: python benchmarks/audit.py [--lines N] [--rounds N] [--verified N] [--json FILE]

Two stores, one of them chained, take turns, so that what disturbs one disturbs the other: lines alone, each its own
transaction, and lines in batches of a hundred. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from compare_report import quartiles  # noqa: E402 # a script's neighbours are found through the line above

from hstore import Store  # noqa: E402 # likewise

BATCH = 100


def alone(store: Store, lines: int) -> None:
    """Lines that are transactions of their own."""
    for number in range(lines):
        store.audit.write("info", "deploy.started", "went out", scope="ci", data={"number": number})


def together(store: Store, lines: int) -> None:
    """Lines in batches."""
    for _ in range(lines // BATCH):
        with store.batch():
            alone(store, BATCH)


def measured(act: Callable[[Store, int], None], store: Store, lines: int) -> tuple[float, float]:
    """Microseconds of a line: wall and processor."""
    wall, processor = time.perf_counter(), time.process_time()
    act(store, lines)
    return (time.perf_counter() - wall) / lines * 1e6, (time.process_time() - processor) / lines * 1e6


def writing(folder: str, lines: int, rounds: int) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Microseconds of lines, by way of writing and by store, of each round."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with Store.open(Path(folder, "plain.db")) as plain, Store.open(Path(folder, "chained.db")) as chained:
        chained.audit.chain()
        stores = {"plain": plain, "chained": chained}
        for act in (alone, together):
            found[act.__name__] = {name: [] for name in stores}
            for turn in range(rounds + 1):
                for name in sorted(stores, reverse=turn % 2 == 0):
                    one = measured(act, stores[name], lines)
                    if turn:  # the first round fills caches
                        found[act.__name__][name].append(one)
    return found


def verifying(folder: str, lines: int) -> tuple[float, float]:
    """Seconds of processor time that verifying so many lines takes, and that SHA-256 alone takes for as many."""
    with Store.open(Path(folder, "verified.db")) as store:
        store.audit.chain()
        together(store, lines)
        begin = time.process_time()
        assert store.audit.verify().ok
        took = time.process_time() - begin
    begin = time.process_time()
    digest = b""
    for _ in range(lines):
        digest = hashlib.sha256(digest + b"x" * 90).digest()
    return took, time.process_time() - begin


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=2000, help="in each round")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--verified", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = writing(folder, options.lines, options.rounds)
        took, hashing = verifying(folder, options.verified)
    for act, stores in found.items():
        for name, each in stores.items():
            wall, processor = (statistics.median(one[part] for one in each) for part in (0, 1))
            print(f"{act:9} {name:8} {wall:6.1f} µs a line, {processor:6.1f} µs of processor time")
        ratios = [mine[1] / theirs[1] for mine, theirs in zip(stores["chained"], stores["plain"], strict=True)]
        low, middle, high = quartiles(ratios)
        print(f"{act:9} processor time, chained / plain: {middle:.2f} ({low:.2f} to {high:.2f})")
    rate = options.verified / took
    print(
        f"verify    {options.verified:,} lines in {took:.2f} s of processor time: {rate:,.0f} lines/s,"
        f" {took / hashing:.1f} times SHA-256 alone"
    )
    if options.json:
        told = {"microseconds": found, "verify_seconds": took, "hash_seconds": hashing}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
