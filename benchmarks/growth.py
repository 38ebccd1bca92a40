"""What a record costs as the store grows, and a megabyte of logs as they grow; how large the file and its WAL become.

Usage: python benchmarks/growth.py [--runs N] [--megabytes N] [--rounds N] [--json FILE] [--picture FILE.svg]

Stores of all sizes are filled first; then they take turns, so that the cost at one size is compared with the cost at
another in the same round, beside APSW without hstore on the same tables with the same number of rows. Logs of all sizes
are stored in turn with what zstd -1 needs for the same bytes. Nothing is asserted; the target stands beside its ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chart  # noqa: E402 # a script's neighbours are found through the line above
import workload  # noqa: E402 # likewise
from compare_report import quartiles  # noqa: E402 # likewise
from compare_sqlite import ApswWhole, Hstore  # noqa: E402 # likewise
from compare_worker import Engine  # noqa: E402 # likewise
from growth_logs import measured_logs, reader_that_never_ends  # noqa: E402 # likewise

SIZES = (10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000)
BASE, TARGET = 50_000, 1.25
CHUNK = 20_000
"""Rows in a transaction while filling; drawn once, and used again with later times."""
TASKS = {"bulk": 5000, "loop": 2000, "single": 500}
"""Rows for each task and round: a few rounds of them are more than SQLite's WAL holds before its checkpoint is due."""
ENGINES: dict[str, type[Engine]] = {"hstore": Hstore, "apsw, hstore's table": ApswWhole}
PEER_SINGLE = "begun"
"""What of the peer's stands beside `single`: it, too, says BEGIN and COMMIT."""


class Grown:
    """One engine with a file of one size."""

    def __init__(self, name: str, size: int, folder: Path, content: dict[str, Any]) -> None:
        self.name, self.size = name, size
        self.path = folder / f"{name.partition(',')[0]}-{size}.db"
        self.engine = ENGINES[name](content)
        self.raw = content["rows"]
        self.engine.open(str(self.path))
        self.rows, self.most_wal = 0, 0

    def take(self, count: int) -> list[Any]:
        """The next rows, as the engine wants them."""
        found = []
        for _ in range(count):
            turn, number = divmod(self.rows, len(self.raw))
            app, line, folder, start, duration, code = self.raw[number]
            found.append([app, line, folder, start + turn * 1e6, duration, code])
            self.rows += 1
        return self.engine.prepared(found)

    def fill(self, rounds: int) -> float:
        """Bring the file so near to its size that it has it in the middle of the rounds; seconds of it."""
        spent, enough = 0.0, self.size - rounds * sum(TASKS.values()) // 2
        while self.rows < enough:
            rows = self.take(min(CHUNK, enough - self.rows))
            begin = time.perf_counter()
            self.engine.bulk(rows)
            spent += time.perf_counter() - begin
            self.look()
        return spent

    def look(self) -> None:
        """At the WAL."""
        wal = Path(f"{self.path}-wal")
        self.most_wal = max(self.most_wal, wal.stat().st_size if wal.exists() else 0)

    def cost(self, task: str) -> tuple[float, float, float]:
        """Microseconds of a record: wall, processor, and the 99th of 100 calls where each is one by itself."""
        rows, times = self.take(TASKS[task]), []
        begin, cpu = time.perf_counter(), time.process_time()
        if task == "single":
            single = getattr(self.engine, "single" if self.name == "hstore" else PEER_SINGLE)
            for row in rows:
                before = time.perf_counter_ns()
                single(row)
                times.append((time.perf_counter_ns() - before) / 1000)
        else:
            getattr(self.engine, task)(rows)
        wall, processor = time.perf_counter() - begin, time.process_time() - cpu
        self.look()
        return (
            wall / len(rows) * 1e6,
            processor / len(rows) * 1e6,
            sorted(times)[len(times) * 99 // 100] if times else 0.0,
        )


def measured_runs(folder: Path, sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """A row for each engine, size and task: costs, and costs by those at 50,000 in the same round."""
    content = workload.content(CHUNK)
    grown = [Grown(name, size, folder, content) for size in sizes for name in ENGINES]
    for one in grown:
        spent = one.fill(rounds)
        print(f"{one.name}: {one.rows:,} runs in {spent:.1f} s", file=sys.stderr)
    found: dict[tuple[str, int, str], list[tuple[float, float, float]]] = {}
    for number in range(rounds + 1):
        turn = number % len(grown)
        for one in (*grown[turn:], *grown[:turn]):
            for task in TASKS:
                cost = one.cost(task)
                if number:  # the first is not kept
                    found.setdefault((one.name, one.size, task), []).append(cost)
    base = BASE if BASE in sizes else sizes[0]
    for one in grown:
        one.engine.close()  # then all is in the file itself, and its size can be told
    return [_row(one, task, found, base) for one in grown for task in TASKS]


def _row(one: Grown, task: str, found: dict[Any, Any], base: int) -> dict[str, Any]:
    costs, reference = found[one.name, one.size, task], found[one.name, base, task]
    wall, processor, slowest = zip(*costs, strict=True)
    means = [sum(figures) / len(figures) for figures in (wall, processor, *list(zip(*reference, strict=True))[:2])]
    return {
        "engine": one.name,
        "size": one.size,
        "task": task,
        "µs": quartiles(list(wall)),
        "mean µs": means[0],
        "p99": statistics.median(slowest),
        "base": base,
        "by base": quartiles([mine[0] / other[0] for mine, other in zip(costs, reference, strict=True)]),
        "mean by base": means[0] / means[2],
        "mean by base, processor": means[1] / means[3],
        "bytes": one.path.stat().st_size / one.rows,
        "most WAL": one.most_wal,
    }


def show_runs(rows: list[dict[str, Any]]) -> None:
    """The table."""
    base = rows[0]["base"]
    named = (f"{name:>{width}}" for name, width in (("bytes", 6), ("WAL MB", 7)))
    by = f"by {base:,} runs"
    print(f"{'':40} {'µs each':>8} {'mean':>8} {'p99':>7}  {by:20} {'mean':>5} {'cpu':>5} {' '.join(named)}")
    for row in sorted(rows, key=lambda row: (list(TASKS).index(row["task"]), row["engine"], row["size"])):
        name = f"{row['task']}, {row['engine']}, {row['size']:,}"
        by = "{1:.2f} ({0:.2f} … {2:.2f})".format(*row["by base"])
        slowest = f"{row['p99']:7.1f}" if row["p99"] else " " * 7
        means = f"{row['mean by base']:5.2f} {row['mean by base, processor']:5.2f}"
        size = f"{row['bytes']:6.0f} {row['most WAL'] / 1e6:7.1f}"
        print(f"{name:40} {row['µs'][1]:8.2f} {row['mean µs']:8.2f} {slowest}  {by:20} {means} {size}")
    for row in (row for row in rows if row["engine"] == "hstore" and row["size"] == rows[-1]["size"]):
        ratio = f"{row['mean by base']:.2f}, of processor time {row['mean by base, processor']:.2f}"
        print(f"{row['task']}: at {row['size']:,} runs by {base:,}: {ratio}; target ≤ {TARGET} at 5,000,000")


def show_logs(rows: list[dict[str, Any]]) -> None:
    """The table."""
    columns = (
        ("ms for each MB", 20),
        ("by zstd -1", 20),
        ("cpu", 5),
        ("stored", 7),
        ("zstd", 8),
        ("WAL MB", 9),
        ("tail µs", 8),
    )
    print(f"\n{'logs':>10} {' '.join(f'{name:>{width}}' for name, width in columns)}")
    for row in rows:
        cost = "{1:.2f} ({0:.2f} … {2:.2f})".format(*row["ms"])
        by = "{1:.2f} ({0:.2f} … {2:.2f})".format(*row["by zstd"])
        by += f" {row['by zstd, processor']:5.2f}"
        sizes = f"{row['stored']:7.1%} {row['zstd']:8.1%} {row['most WAL'] / 1e6:9.1f}"
        print(f"{row['megabytes']:7,} MB {cost:>20} {by:>26} {sizes} {row['tail µs']:8.0f}")


def pictures(kept: dict[str, Any]) -> str:
    """Cost against size."""
    panels = []
    for task, meaning in (("bulk", "record_runs"), ("loop", "record_run in a batch"), ("single", "record_run")):
        series = [
            chart.Series(name, [(row["size"], row["µs"][1]) for row in kept["runs"] if _is(row, name, task)])
            for name in ENGINES
        ]
        panels.append(chart.Lines(f"{meaning}: microseconds for a record", "runs in the store", "", series))
    stored = [(row["size"], row["bytes"]) for row in kept["runs"] if _is(row, "hstore", "bulk")]
    panels.append(chart.Lines("Bytes for a record", "runs in the store", "", [chart.Series("hstore", stored)]))
    logs = kept["logs"]
    costs = [
        chart.Series("hstore", [(row["megabytes"], row["ms"][1]) for row in logs]),
        chart.Series("zstd -1", [(row["megabytes"], row["zstd ms"]) for row in logs]),
    ]
    panels.append(chart.Lines("Logs: milliseconds for a megabyte", "megabytes in one log", "", costs))
    about = f"medians of {kept['rounds']} rounds in which the sizes take turns"
    return chart.lines("Cost against size", about, [panel for panel in panels if panel.series[0].points])


def _is(row: dict[str, Any], engine: str, task: str) -> bool:
    return (row["engine"], row["task"]) == (engine, task)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500_000, help="at most (default: %(default)s; up to 5,000,000)")
    parser.add_argument("--megabytes", type=int, default=100, help="of logs (default: %(default)s; up to 20,000)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="where the files are made; 5,000,000 runs need 5 GB")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--picture", type=Path, help="draw cost against size, as SVG")
    options = parser.parse_args()
    kept: dict[str, Any] = {"rounds": options.rounds}
    with tempfile.TemporaryDirectory(prefix="growth-", dir=options.folder) as name:
        sizes = [size for size in SIZES if size <= options.runs]
        kept["runs"] = measured_runs(Path(name), sizes, options.rounds) if sizes else []
    with tempfile.TemporaryDirectory(prefix="growth-", dir=options.folder) as name:
        kept["logs"] = measured_logs(Path(name), options.megabytes, options.rounds)
        kept["reader"] = reader_that_never_ends(Path(name))
    if kept["runs"]:
        show_runs(kept["runs"])
    show_logs(kept["logs"])
    sizes_of_wal = ", ".join(f"{wal / 1e6:.1f}" for _, wal in kept["reader"])
    print(f"\nWAL beside a reader that never ends, after each {kept['reader'][0][0]:,} runs: {sizes_of_wal} MB")
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if options.picture:
        options.picture.write_text(pictures(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
