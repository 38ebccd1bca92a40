"""What a put and a get of the response cache cost when it is full, small beside large.

Usage: python benchmarks/caches.py [--small N] [--large N] [--puts N] [--rounds N]

Each put is a transaction of its own and sends one entry away. Small and large take turns; what is told are medians of
the processor time, and the ratio of large to small in the same round. Nothing is asserted.
"""

from __future__ import annotations

import argparse
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

RESPONSE = "An answer of a few hundred characters, as a model gives it. " * 5


def filled(path: Path, entries: int) -> Store:
    """A store whose cache holds as many entries as it may."""
    store = Store.open(path)
    with store.batch():
        for number in range(entries):
            store.response_cache.put(f"before {number}", RESPONSE, model="m", max_entries=entries)
    return store


def measured(action: Callable[[int], object], count: int) -> float:
    """Microseconds of processor time of one."""
    start = time.process_time()
    for number in range(count):
        action(number)
    return (time.process_time() - start) / count * 1e6


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--puts", type=int, default=1000, help="in each round")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    sizes = {"small": options.small, "large": options.large}
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        stores = {name: filled(Path(folder, f"{name}.db"), entries) for name, entries in sizes.items()}
        for turn in range(options.rounds + 1):
            for name in sorted(stores, reverse=turn % 2 == 0):
                cache, most = stores[name].response_cache, sizes[name]
                verbs: dict[str, Callable[[int], object]] = {
                    "put": lambda n: cache.put(f"{turn} {n}", RESPONSE, model="m", max_entries=most),  # noqa: B023 - called at once
                    "hit": lambda n: cache.get(f"{turn} {n}", model="m"),  # noqa: B023 - called at once
                    "miss": lambda n: cache.get(f"missing {n}", model="m"),  # noqa: B023 - called at once
                }
                for verb, action in verbs.items():
                    cost = measured(action, min(options.puts, options.small))
                    if turn:  # the first round fills caches
                        found.setdefault((verb, name), []).append(cost)
        for verb in ("put", "hit", "miss"):
            small, large = found[verb, "small"], found[verb, "large"]
            low, middle, high = quartiles([b / a for a, b in zip(small, large, strict=True)])
            print(
                f"{verb:5} {statistics.median(small):6.1f} µs of {options.small:,} entries,"
                f" {statistics.median(large):6.1f} µs of {options.large:,}: {middle:.2f} ({low:.2f} to {high:.2f})"
            )
        for store in stores.values():
            store.close()


if __name__ == "__main__":
    main()
