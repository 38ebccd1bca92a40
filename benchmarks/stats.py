"""What `hstore stats` costs by the size of the store: everything in it is of the last thirty days.

Usage: python benchmarks/stats.py [--sizes N,N,…] [--rounds N] [--json FILE]

Stores with so many runs, uses of features, measurements, tool executions and items of knowledge each are filled, then
asked in turn. Shown is what each question takes, and all of them beside those of the smallest store in the same round.
Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from compare_report import quartiles  # noqa: E402 # a script's neighbours are found through the line above

from hstore import Store  # noqa: E402 # likewise
from hstore.cli.stats import NEWEST, gathered  # noqa: E402 # likewise

DAYS = 30
FILL = """
    WITH RECURSIVE each (n, at) AS (
        SELECT 1, {now} - {span} UNION ALL SELECT n + 1, {now} - {span} + n * {span} / {size} FROM each WHERE n < {size}
    )
    INSERT INTO {table} SELECT {columns} FROM each
"""
TABLES = {
    "runs (project_id, app, cmdline, started_at, finished_at, duration, exit_code, status)": """
        1, 'app ' || (n % 40), 'app --with some --words of its own ' || n, at, at + n % 9000000, n % 9000000,
        n % 13 = 0, CASE WHEN n % 13 = 0 THEN 'failed' ELSE 'ok' END""",
    "feature_usage (feature, category, started_at, completed_at, success)": """
        'feature ' || (n % 20), 'core', at, at + n % 9000000, n % 11 > 0""",
    "performance_metrics (operation, started_at, duration, success)": """
        'operation ' || (n % 20), at, n % 9000000, n % 11 > 0""",
    "tool_executions (tool, parameters, success, duration, executed_at)": """
        'tool ' || (n % 20), '{"path": "a/b/c"}', n % 11 > 0, n % 9000000, at""",
    "knowledge_items (source_type, type, title, content, created_at, updated_at)": """
        'other', 'type ' || (n % 5), 'title ' || n, 'content that is a sentence or two, as it would be', at, at""",
    "productivity_events (type, estimate, actual, saved, improvement, created_at)": """
        'type ' || (n % 5), 20, 10, 10, 50.0, at""",
}


def filled(path: Path, size: int) -> None:
    """A store with so many rows in each table."""
    with Store.open(path) as store:
        store.record_run("first", "first", exit_code=0)  # and with it its project
        now, span = time.time_ns() // 1000, (DAYS - 1) * 86_400_000_000
        for table, columns in TABLES.items():
            with store.batch():
                store._connection.script(FILL.format(now=now, span=span, size=size, table=table, columns=columns))


def measured(path: Path) -> float:
    """Milliseconds of processor time for all that is shown."""
    with Store.open(path, readonly=True) as store:
        begin = time.process_time()
        gathered(store, DAYS, 10)
        return (time.process_time() - begin) * 1e3


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = [int(each) for each in options.sizes.split(",")]
    found: dict[int, list[float]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            filled(Path(folder, f"{size}.db"), size)
        for turn in range(options.rounds + 1):
            for size in sizes if turn % 2 else reversed(sizes):
                took = measured(Path(folder, f"{size}.db"))
                if turn:  # the first round fills caches
                    found[size].append(took)
    for size, each in found.items():
        low, middle, high = quartiles([took / first for took, first in zip(each, found[sizes[0]], strict=True)])
        print(
            f"{size:>9,} rows of each: {statistics.median(each):7.0f} ms of processor time,"
            f" {middle:.1f} ({low:.1f} to {high:.1f}) times those of {sizes[0]:,}"
        )
    print(f"the newest {NEWEST:,} rows of a table are looked at")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
