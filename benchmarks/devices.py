"""What a heartbeat costs, each in a transaction of its own, beside APSW doing the same UPDATE without hstore.

Usage: python benchmarks/devices.py [--devices N] [--beats N] [--rounds N] [--json FILE]

Both files have hstore's schema and the same devices, all of them seen before. The two take turns, so that what disturbs
one disturbs the other. Nothing is asserted; the target stands beside the rate.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import apsw  # noqa: E402 # the peer
from compare_report import quartiles  # noqa: E402 # a script's neighbours are found through the line above

from hstore import Store  # noqa: E402 # likewise

TARGET = 20_000
"""Heartbeats a second."""
UPDATE = """
    UPDATE device_presence SET said = ?, last_seen_at = max(?, last_seen_at)
    WHERE device_id = (SELECT id FROM devices WHERE key = ?)
"""


def filled(path: Path, keys: list[str]) -> None:
    """A file with devices that have been seen."""
    with Store.open(path) as store, store.batch():
        for key in keys:
            store.devices.register(key, hostname=f"{key}.example", capabilities={"voice": True})
            store.devices.heartbeat(key)


def peer(path: Path) -> apsw.Connection:
    """APSW with the settings that matter here as hstore has them."""
    connection = apsw.Connection(str(path))
    for setting in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    return connection


def measured(beat: Callable[[str], object], keys: list[str], beats: int) -> tuple[float, float]:
    """Microseconds of a heartbeat: wall and processor."""
    wall, processor = time.perf_counter(), time.process_time()
    for number in range(beats):
        beat(keys[number % len(keys)])
    return (time.perf_counter() - wall) / beats * 1e6, (time.process_time() - processor) / beats * 1e6


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--beats", type=int, default=5000, help="in each round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keys = [f"device-{number}" for number in range(options.devices)]
    found: dict[str, list[tuple[float, float]]] = {"hstore": [], "apsw": []}
    with tempfile.TemporaryDirectory() as folder:
        for name in found:
            filled(Path(folder, f"{name}.db"), keys)
        with Store.open(Path(folder, "hstore.db")) as store:
            raw = peer(Path(folder, "apsw.db"))
            beats: dict[str, Callable[[str], object]] = {
                "hstore": store.devices.heartbeat,
                "apsw": lambda key: raw.execute(UPDATE, ("online", time.time_ns() // 1000, key)).fetchall(),
            }
            for turn in range(options.rounds + 1):
                for name in sorted(found, reverse=turn % 2 == 0):
                    one = measured(beats[name], keys, options.beats)
                    if turn:  # the first round fills caches
                        found[name].append(one)
            raw.close()
    ratios = [mine[1] / theirs[1] for mine, theirs in zip(found["hstore"], found["apsw"], strict=True)]
    for name, each in found.items():
        wall, processor = (statistics.median(one[part] for one in each) for part in (0, 1))
        print(f"{name:8} {1e6 / wall:>9,.0f} heartbeats/s  {wall:5.1f} µs, {processor:5.1f} µs of processor time")
    low, middle, high = quartiles(ratios)
    print(f"processor time, hstore / apsw: {middle:.2f} ({low:.2f} to {high:.2f}); target {TARGET:,} heartbeats/s")
    if options.json:
        options.json.write_text(json.dumps({"microseconds": found, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
