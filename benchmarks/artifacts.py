"""What many small contents cost, in time and in bytes, beside plain blobs in SQLite and zstd on each content.

`python benchmarks/artifacts.py [--number N] [--rounds N] [--profile]` attaches N contents (`outputs.py`; 10,000) to a
run in one batch, each time in a new store, and prints medians with their spread:

- hstore, cold: a new store, which has no dictionary; warm: one that has trained one on other contents; with secrets:
  one content in a hundred has something to mask; alternating: a run is recorded for each content;
- alone: each content in a transaction of its own (a tenth as many);
- APSW: the same contents as plain blobs, unmasked and uncompressed, by `executemany` into a table like hstore's, which
  is what SQLite itself needs for them.

All take turns in each round. Bytes are those of the chunks' data, and of the file with everything that is in it. On a
machine with other work the processor time tells more than the time that passed; both are given.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import zstandard
from outputs import Project

from hstore import Store

TABLE = """
    CREATE TABLE blobs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT,
                        path TEXT, size INTEGER NOT NULL, created_at INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
    CREATE INDEX blobs_run ON blobs (run_id);
"""
ADD = "INSERT INTO blobs (run_id, kind, name, path, size, created_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
STORED = "SELECT sum(length(data)) FROM chunks WHERE id > $1"
NEWEST = "SELECT coalesce(max(id), 0) FROM chunks"
Taken = tuple[float, float]
"""Seconds that passed, and of processor time."""


def clocks() -> Taken:
    """Both clocks."""
    return time.perf_counter(), time.process_time()


def since(begin: Taken) -> Taken:
    """What has passed on both."""
    now = clocks()
    return now[0] - begin[0], now[1] - begin[1]


class Workload:
    """The contents, and each way of storing them: a function that returns what it took."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.contents = Project(1).outputs(number)
        self.others = Project(2).outputs(2000)
        self.stores = 0
        self.bytes: dict[str, tuple[int, int]] = {}

    def path(self) -> Path:
        """Where a new store may be."""
        self.stores += 1
        return self.folder / str(self.stores) / "project.db"

    def batch(self, name: str, contents: list[bytes], *, warm: bool = False, runs: bool = False) -> Taken:
        """Attach all in one batch, the commit included."""
        with Store.open(self.path()) as store:
            run = store.record_run("pytest", ["pytest", "-q"], exit_code=0)
            if warm:
                for content in self.others:
                    store.attach_artifact(run, "log", content, name="stdout")
            before = store.query(NEWEST)[0][0]
            attach, record = store.attach_artifact, store.record_run
            begin = clocks()
            with store.batch():
                for content in contents:
                    if runs:
                        run = record("pytest", "pytest -q tests", exit_code=0)
                    attach(run, "log", content, name="stdout")
            taken = since(begin)
            stored = store.query(STORED, (before,))[0][0]
        self.bytes[name] = stored, os.stat(store.path).st_size
        return taken

    def alone(self, name: str, *, warm: bool) -> Taken:
        """Attach a tenth, each in a transaction of its own; ten times what it took."""
        with Store.open(self.path()) as store:
            run = store.record_run("pytest", ["pytest", "-q"], exit_code=0)
            if warm:
                for content in self.others:
                    store.attach_artifact(run, "log", content, name="stdout")
            before = store.query(NEWEST)[0][0]
            begin = clocks()
            for content in self.contents[::10]:
                store.attach_artifact(run, "log", content, name="stdout")
            taken = since(begin)
            self.bytes[name] = store.query(STORED, (before,))[0][0] * 10, 0
        return (taken[0] * 10, taken[1] * 10)

    def compacted(self) -> None:
        """What it takes when it has been compacted."""
        path = self.path()
        with Store.open(path) as store:
            run = store.record_run("pytest", ["pytest", "-q"], exit_code=0)
            with store.batch():
                for content in self.contents:
                    store.attach_artifact(run, "log", content, name="stdout")
            store.artifacts.compact()
            stored = store.query(STORED, (0,))[0][0]
        self.bytes["compacted"] = stored, path.stat().st_size

    def plain(self) -> Taken:
        """The same as plain blobs, by SQLite itself."""
        path = self.path()
        path.parent.mkdir()
        connection = apsw.Connection(str(path))
        connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL").fetchall()
        connection.execute(TABLE)
        now = time.time_ns() // 1000
        begin = clocks()
        with connection:
            rows = ((1, "log", "stdout", None, len(content), now, content) for content in self.contents)
            connection.executemany(ADD, rows)
        taken = since(begin)
        connection.close()
        self.bytes["APSW, plain blobs"] = sum(map(len, self.contents)), path.stat().st_size
        return taken


def with_secrets(contents: list[bytes]) -> list[bytes]:
    """One in a hundred has a value behind a telling name."""
    return [
        content + b"password=" + os.urandom(9).hex().encode() + b"\n" if number % 100 == 0 else content
        for number, content in enumerate(contents)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true", help="only say where the time of a cold batch goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Workload(Path(folder), options.number)
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(work.batch, "cold", work.contents)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            return
        secret = with_secrets(work.contents)
        ways: dict[str, Callable[[], Taken]] = {
            "hstore, cold": lambda: work.batch("hstore, cold", work.contents),
            "hstore, warm": lambda: work.batch("hstore, warm", work.contents, warm=True),
            "hstore, with secrets": lambda: work.batch("hstore, with secrets", secret),
            "hstore, alternating": lambda: work.batch("hstore, alternating", work.contents, runs=True),
            "APSW, plain blobs": work.plain,
            "alone, cold": lambda: work.alone("alone, cold", warm=False),
            "alone, warm": lambda: work.alone("alone, warm", warm=True),
        }
        found: dict[str, list[Taken]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                found[name].append(way())
        work.compacted()
        report(work, found, options.rounds)


def report(work: Workload, found: dict[str, list[Taken]], rounds: int) -> None:
    """Print the table."""
    number, plain = len(work.contents), sum(map(len, work.contents))
    compress = zstandard.ZstdCompressor(level=1).compress
    each = sum(len(compress(content)) for content in work.contents)
    print(f"{number:,} contents, {plain:,} bytes, {plain / number:.0f} each; {rounds} rounds, medians (quartiles)")
    head = f"{'':22} {'per second':>28} {'by APSW':>8} {'cpu us each':>12} {'by APSW':>8}"
    print(f"{head} {'bytes':>10} {'by zstd -1':>10} {'file':>10}")
    peer = found["APSW, plain blobs"]
    for name, taken in found.items():
        low, middle, high = statistics.quantiles([number / passed for passed, _ in taken], n=4)
        work_each = statistics.median(spent for _, spent in taken) / number * 1e6
        rate, spent = (
            statistics.median(one[clock] / other[clock] for one, other in zip(peer, taken, strict=True))
            for clock in (0, 1)
        )
        data, file = work.bytes[name]
        speed = f"{middle:,.0f} ({low:,.0f} … {high:,.0f})"
        print(f"{name:22} {speed:>28} {rate:8.2f} {work_each:12.2f} {spent:8.2f}", end=" ")
        print(f"{data:10,} {data / each:10.3f} {file:10,}")
    data, file = work.bytes["compacted"]
    print(f"{'compacted':82} {data:10,} {data / each:10.3f} {file:10,}")
    print(f"{'zstd -1 on each':82} {each:10,} {1:10.3f}")


if __name__ == "__main__":
    main()
