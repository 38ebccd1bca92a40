"""Many processes that write into one file, each commit its own transaction: rate, waiting, and the size of the WAL.

hstore's `record_run`; the same with SQLite's own waiting (`busy_timeout`) and checkpoints in place of hstore's
("plain"); and APSW with SQLite's own doing an insert into one table of 8 columns with one index. They take turns in
each round. What counts is the rate of all processes by that of one, and how long the unluckiest commits waited. With
`--reader` a process reads without an end meanwhile: `loop` opens one snapshot after the other, `hold` never lets go of
its first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ENGINES = ["hstore", "plain", "apsw"]
COMMAND = ["pytest", "-q", "tests/unit/test_locks.py", "--maxfail=1", "--durations=10", "-p", "no:cacheprovider"]
TABLE = """
    CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT, cmdline TEXT, cwd TEXT, started_at INTEGER,
                       duration INTEGER, exit_code INTEGER, status TEXT);
    CREATE INDEX runs_by_start ON runs (started_at);
"""
INSERT = "INSERT INTO runs (app, cmdline, cwd, started_at, duration, exit_code, status) VALUES (?, ?, ?, ?, ?, ?, ?)"


def main() -> None:
    """Measure and print one table, and with `--json FILE` write every figure."""
    options = _options()
    if options.worker:
        return _work(options.worker[0], options.worker[1], int(options.worker[2]))
    if options.read:
        return _read(options.read[0], options.read[1])
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for number in range(options.rounds):
        for processes in options.processes:
            for engine in options.engines:
                figures = measure(engine, processes, options.commits, options.reader)
                found.setdefault((engine, processes), []).append(figures)
                print(f"round {number + 1}: {engine} {processes}", file=sys.stderr)
    table = summary(found)
    print(f"{os.cpu_count()} cores, {options.commits} commits of each process, reader: {options.reader or 'none'}")
    print(_rendered(table))
    if options.json:
        Path(options.json).write_text(json.dumps({"summary": table, "samples": options.rounds}, indent=1))
    return None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 8, 16, 32])
    parser.add_argument("--commits", type=int, default=500, help="of each process (default: 500)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--reader", choices=["loop", "hold"], help="a process that reads without an end")
    parser.add_argument("--json", help="a file for the figures")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(engine: str, processes: int, commits: int, reader: str | None) -> dict[str, float]:
    """Let `processes` of them write at once; rates per second, times in milliseconds, sizes in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "project.db")
        _make(engine, path)
        commits = commits if processes > 1 else 8 * commits
        with contextlib.ExitStack() as stack:
            if reader:
                _start(stack, "--read", path, reader)
            workers = [_start(stack, "--worker", engine, path, str(commits)) for _ in range(processes)]
            sizes, ended = [0], threading.Event()
            watcher = threading.Thread(target=_watch, args=(path + "-wal", sizes, ended))
            watcher.start()
            for worker in workers:
                worker.stdin.write("go\n")
                worker.stdin.flush()
            told = [json.loads(worker.stdout.readline()) for worker in workers]
            ended.set()
            watcher.join()
            failed = sum(each["failed"] for each in told)
            there = _count(path)
        assert there == processes * commits - failed, f"{there} rows of {processes * commits}"
    return _figures(told, max(sizes), failed)


def _figures(told: list[dict[str, object]], wal: int, failed: int) -> dict[str, float]:
    waits = sorted(wait for each in told for wait in each["waits"])
    wall = max(each["end"] for each in told) - min(each["start"] for each in told)
    figures = {"rate": len(waits) / wall, "errors": failed, "wal": wal / 2**20, "max": waits[-1] * 1e3}
    for name, part in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        figures[name] = waits[min(len(waits) - 1, int(len(waits) * part))] * 1e3
    return figures


def summary(found: dict[tuple[str, int], list[dict[str, float]]]) -> list[dict[str, object]]:
    """Medians of all rounds; the rate by that of one process of the same engine in the same round, and its spread."""
    rows = []
    for (engine, processes), rounds in found.items():
        row: dict[str, object] = {"engine": engine, "processes": processes}
        row |= {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        row["longest"] = max(each["max"] for each in rounds)
        row["errors"] = sum(each["errors"] for each in rounds)
        alone = found.get((engine, 1))
        if alone:
            ratios = sorted(each["rate"] / one["rate"] for each, one in zip(rounds, alone, strict=True))
            row |= {"ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]}
        rows.append(row)
    return rows


def _rendered(rows: list[dict[str, object]]) -> str:
    lines = ["engine processes  commits/s   by one's rate       p50 ms   p99 ms p99.9 ms   max ms  errors  WAL MiB"]
    for row in rows:
        ratio = f"{row['ratio']:.2f} ({row['least']:.2f} … {row['most']:.2f})" if "ratio" in row else ""
        lines.append(
            f"{row['engine']:6} {row['processes']:9} {row['rate']:10,.0f}   {ratio:18} {row['p50']:7.3f}"
            f" {row['p99']:8.2f} {row['p99.9']:8.1f} {row['longest']:8.1f} {row['errors']:7} {row['wal']:8.1f}"
        )
    return "\n".join(lines)


def _start(stack: contextlib.ExitStack, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdout.readline() == "ready\n"
    return process


def _watch(path: str, sizes: list[int], ended: threading.Event) -> None:
    while not ended.wait(0.02):
        with contextlib.suppress(OSError):
            sizes.append(os.stat(path).st_size)


def _make(engine: str, path: str) -> None:
    if engine != "apsw":
        from hstore import Store

        return Store.open(path).close()
    with contextlib.closing(_apsw(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute(TABLE).fetchall()
    return None


def _apsw(path: str) -> object:
    import apsw

    connection = apsw.Connection(path)
    connection.set_busy_timeout(5000)
    connection.execute("PRAGMA synchronous = NORMAL").fetchall()
    return connection


def _count(path: str) -> int:
    with contextlib.closing(_apsw(path)) as connection:
        return connection.execute("SELECT count(*) FROM runs").fetchall()[0][0]


def _work(engine: str, path: str, commits: int) -> None:
    """Be one of the processes: wait for the word, write, tell how long each commit took."""
    write, close = _writer(engine, path)
    print("ready", flush=True)
    sys.stdin.readline()
    clock, waits, failed = time.perf_counter, [], 0
    start = time.monotonic()
    for _ in range(commits):
        before = clock()
        try:
            write()
        except Exception:
            failed += 1
        waits.append(clock() - before)
    print(json.dumps({"start": start, "end": time.monotonic(), "waits": waits, "failed": failed}), flush=True)
    sys.stdin.readline()
    close()


def _writer(engine: str, path: str) -> tuple[object, object]:
    if engine != "apsw":
        from hstore import Store

        store = Store.open(path)
        if engine == "plain":
            raw = store._connection._raw
            raw.set_busy_timeout(5000)
            raw.wal_autocheckpoint(1000)
        return (lambda: store.record_run("pytest", COMMAND, exit_code=0, duration=0.25)), store.close
    connection = _apsw(path)
    execute, line = connection.execute, " ".join(COMMAND)

    def write() -> None:
        execute(INSERT, ("pytest", line, "/home/user/project", time.time_ns() // 1000, 250_000, 0, "ok"))

    return write, connection.close


def _read(path: str, how: str) -> None:
    """Be the reader that never ends."""
    connections = [_apsw(path), _apsw(path)]
    connections[0].execute("BEGIN; SELECT count(*) FROM runs").fetchall()
    print("ready", flush=True)
    number = 1
    while True:
        time.sleep(0.02)
        if how == "loop":  # the next snapshot is taken before the last is let go of
            connections[number].execute("BEGIN; SELECT count(*) FROM runs").fetchall()
            number = 1 - number
            connections[number].execute("COMMIT").fetchall()


if __name__ == "__main__":
    main()
