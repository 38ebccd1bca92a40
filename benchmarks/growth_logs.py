"""Logs of growing size as artifacts, beside zstd -1 on the same bytes, and a reader that never ends, for growth.py."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import inputs
import workload
from compare_report import quartiles

from hstore import Store

MEGABYTES = (1, 10, 100, 1000, 5000, 20_000)
FEW = 100
"""Megabytes up to which each size is measured in every round; larger ones once in three."""
BLOCK = 8_000_000
STAMP = 4096
"""Bytes after which a number stands that is never the same, so that no chunk is one that was stored before."""
READER = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM runs").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


class Log:
    """A readable stream of log lines, made ahead, but for the numbers."""

    def __init__(self, block: bytes, size: int, seed: int) -> None:
        self._block = bytearray(block)
        self._left, self._at, self._number = size, len(block), random.Random(seed).randrange(1 << 30)
        self.spent = self.cpu = 0.0
        """Seconds that making took, and those of processor time."""

    def read(self, size: int = -1, /) -> bytes:
        """As a binary file."""
        begin, cpu = time.perf_counter(), time.process_time()
        if self._at >= len(self._block):
            for place in range(0, len(self._block) - 16, STAMP):
                self._block[place : place + 12] = b"%012d" % self._number
                self._number += 1
            self._at = 0
        count = min(size if size >= 0 else len(self._block), self._left, len(self._block) - self._at)
        piece = bytes(self._block[self._at : self._at + count])
        self._at += count
        self._left -= count
        self.spent += time.perf_counter() - begin
        self.cpu += time.process_time() - cpu
        return piece


def stored(folder: Path, log: Log) -> dict[str, float]:
    """Seconds, bytes and WAL of one log as an artifact, and the microseconds of its tail."""
    path = folder / f"{time.perf_counter_ns()}.db"
    with Store.open(path, values=workload.values()) as store:
        run = store.record_run("server", ["server"], exit_code=0)
        begin, cpu = time.perf_counter(), time.process_time()
        artifact = store.attach_artifact(run, "log", log, name="stdout")
        seconds, processor = time.perf_counter() - begin - log.spent, time.process_time() - cpu - log.cpu
        wal = Path(f"{path}-wal").stat().st_size
        tails = []
        for _ in range(21):
            begin = time.perf_counter()
            store.artifacts.tail(artifact, 10)
            tails.append((time.perf_counter() - begin) * 1e6)
    size = path.stat().st_size
    path.unlink()
    return {"seconds": seconds, "cpu": processor, "bytes": size, "wal": wal, "tail": statistics.median(tails)}


def squeezed(log: Log) -> dict[str, float]:
    """The same of zstd -1 alone, which masks nothing and writes nothing."""
    from zstandard import ZstdCompressor

    stream, size = ZstdCompressor(level=1).compressobj(), 0
    begin, cpu = time.perf_counter(), time.process_time()
    while piece := log.read(1 << 20):
        size += len(stream.compress(piece))
    size += len(stream.flush())
    seconds, processor = time.perf_counter() - begin - log.spent, time.process_time() - cpu - log.cpu
    return {"seconds": seconds, "cpu": processor, "bytes": size}


def measured_logs(folder: Path, most: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each size."""
    block = inputs.clean(BLOCK)
    sizes = [size for size in MEGABYTES if size <= most]
    found: dict[int, list[tuple[dict[str, float], dict[str, float]]]] = {}
    for number in range(rounds):
        for size in sizes:
            if size > FEW and number % 3:
                continue
            ours = stored(folder, Log(block, size * 1_000_000, number))
            found.setdefault(size, []).append((ours, squeezed(Log(block, size * 1_000_000, number))))
            if size > FEW:
                print(f"{size:,} MB of logs in {ours['seconds']:.1f} s", file=sys.stderr)
    return [_row(size, answers) for size, answers in found.items()]


def _row(size: int, answers: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, Any]:
    ours, theirs = [one for one, _ in answers], [other for _, other in answers]
    return {
        "megabytes": size,
        "ms": quartiles([one["seconds"] * 1000 / size for one in ours]),
        "zstd ms": statistics.median(other["seconds"] * 1000 / size for other in theirs),
        "by zstd": quartiles([one["seconds"] / other["seconds"] for one, other in answers]),
        "by zstd, processor": statistics.median(one["cpu"] / other["cpu"] for one, other in answers),
        "stored": statistics.median(one["bytes"] for one in ours) / size / 1e6,
        "zstd": statistics.median(other["bytes"] for other in theirs) / size / 1e6,
        "most WAL": max(one["wal"] for one in ours),
        "tail µs": statistics.median(one["tail"] for one in ours),
    }


def reader_that_never_ends(folder: Path, steps: int = 6, runs: int = 20_000) -> list[tuple[int, int]]:
    """Runs written and bytes of the WAL, step by step, while another process holds a snapshot."""
    path = folder / "reader.db"
    content = workload.content(runs)
    names = ("app", "cmdline", "cwd", "started_at", "duration", "exit_code")
    rows = [dict(zip(names, row, strict=True)) for row in content["rows"]]
    found = []
    with Store.open(path, values=content["values"]) as store:
        store.record_runs(rows[:100])
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert reader.stdout is not None
        reader.stdout.readline()
        for step in range(1, steps + 1):
            for begin in range(0, runs, 1000):
                store.record_runs(rows[begin : begin + 1000])
            found.append((step * runs, Path(f"{path}-wal").stat().st_size))
        reader.communicate()
    return found
