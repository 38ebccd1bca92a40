"""Cleaning beside writers: a million expired rows go while processes record, and how long those have to wait.

`python benchmarks/cleaning.py [--rows N] [--writers N]` fills a store with rows that are due (memory, nonces, metrics
and tool executions, a quarter each) and a hundredth of that which are not, starts writers that record run after run,
each in a transaction of its own, and cleans beside them. It prints how long records took before and meanwhile, rows a
second, whether all that was not due is there, and the size of the file before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hstore import Store
from hstore.clock import now

MICRO = 1_000_000
DAY = 86_400 * MICRO
WRITE = """
import sys, time
from hstore import Store
path, out = sys.argv[1:]
waits = []
with Store.open(path, busy_timeout=60) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    stop = False
    import threading
    def wait_for_the_end():
        global stop
        sys.stdin.readline()
        stop = True
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    while not stop:
        begun = time.time()
        store.record_run("writer", ["writer", "at", "work"], exit_code=0, duration=0.1)
        waits.append((begun, time.time() - begun))
        time.sleep(0.002)
with open(out, "w") as file:
    file.writelines(f"{begun} {taken}\\n" for begun, taken in waits)
"""
FILL = {
    "memory": """
        INSERT INTO memory (scope, key, value, created_at, updated_at, expires_at)
        SELECT 'global', 'key:' || $1 || ':' || value, '{"text": "a value of some length"}', 0, 0, $2
        FROM json_each($3)""",
    "nonces": """
        INSERT INTO nonces (digest, device, created_at, expires_at)
        SELECT randomblob(32), 'device ' || $1, 0, $2 FROM json_each($3)""",
    "performance_metrics": """
        INSERT INTO performance_metrics (operation, started_at, duration, success)
        SELECT 'operation ' || (value % 20 + 0 * length($1)), $2, value, value % 10 > 0 FROM json_each($3)""",
    "tool_executions": """
        INSERT INTO tool_executions (tool, parameters, success, result, duration, executed_at)
        SELECT 'tool ' || (value % 20), '{"path": "/some/where", "n": ' || value || '}', value % 10 > 0,
               '{"output": "' || $1 || ' some lines of output"}', value, $2
        FROM json_each($3)""",
}
"""Parameters: a word, the moment by which a row ages, and the numbers of the rows."""
BLOCK = 5000


def fill(path: Path, rows: int) -> dict[str, int]:
    """Rows that are due, mixed with a hundredth that are not; return how many of those each table has."""
    due = {"memory": now() - DAY, "nonces": now() - DAY}
    kept = {"memory": now() + DAY, "nonces": now() + DAY}
    numbers, few = json.dumps(list(range(BLOCK))), json.dumps(list(range(BLOCK // 100)))
    blocks = max(1, rows // len(FILL) // BLOCK)
    with Store.open(path) as store:
        store.retention.set("metrics", max_age=90 * 86_400)
        store.retention.set("tool_executions", max_age=90 * 86_400)
        for block in range(blocks):
            with store.batch():
                for table, sql in FILL.items():
                    old, new = due.get(table, now() - 91 * DAY), kept.get(table, now())
                    store._connection.write(sql, (f"old {block}", old, numbers))
                    store._connection.write(sql, (f"new {block}", new, few))
        store._connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return dict.fromkeys(FILL, blocks * (BLOCK // 100))


def shown(name: str, waits: list[float]) -> None:
    """Print how long records took: the middle, the tail and the longest, in milliseconds."""
    ordered = sorted(waits)
    shares = [f"{ordered[int(share * len(ordered))] * 1000:.2f}" for share in (0.5, 0.99, 0.999)]
    print(
        f"{name:15} {len(ordered):7} records, ms: median {shares[0]}, 99 % {shares[1]}, 99.9 % {shares[2]},"
        f" longest {ordered[-1] * 1000:.1f}; {sum(wait > 0.1 for wait in waits)} over 100"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--before", type=float, default=10.0, help="seconds that the writers are alone first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "project.db")
        kept = fill(path, options.rows)
        size = path.stat().st_size
        outs = [Path(folder, f"waits {number}") for number in range(options.writers)]
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITE, str(path), str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for out in outs
        ]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        tell(writers)
        time.sleep(options.before)
        begun = time.time()
        processor = time.process_time()
        with Store.open(path, busy_timeout=60) as store:
            report = store.retention.clean()
        ended = time.time()
        processor = time.process_time() - processor
        tell(writers)
        codes = [writer.wait() for writer in writers]
        waits = [tuple(map(float, line.split())) for out in outs for line in out.read_text().splitlines()]
        with Store.open(path) as store:
            left = {table: store.info().counts[table] for table in FILL}
            recorded = store.info().counts["runs"]
        after = path.stat().st_size
        shown("writers alone", [taken for at, taken in waits if at + taken < begun])
        shown("while cleaning", [taken for at, taken in waits if begun <= at + taken and at <= ended])
        print(
            f"{report.rows} rows in {ended - begun:.1f} s, {report.rows / (ended - begun):.0f} rows/s;"
            f" processor {processor:.1f} s"
        )
        print(f"what was not due: {'all there' if left == kept else f'{left} of {kept}'}")
        print(f"records: {'all there' if recorded == len(waits) and not any(codes) else f'{recorded} of {len(waits)}'}")
        print(f"file: {size / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")
        print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


def tell(writers: list[subprocess.Popen[bytes]]) -> None:
    """Send each a line: the first begins its work, the second ends it."""
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()


if __name__ == "__main__":
    main()
