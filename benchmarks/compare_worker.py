"""One engine in a process of its own, for compare.py: answers requests on its input, a JSON object on each line.

Usage: python benchmarks/compare_worker.py ENGINE WORKLOAD

Each request names a task and a path for a new file; the answer holds the seconds of the task alone: the rows are in
the form that the engine wants before the clock starts, the file is made and warmed up before, and closed after.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

WARM_UP = 20
"""Calls on the new file before the clock starts: what is done once (statements, the first pages) is not measured."""
MODULES = {
    "hstore": "compare_sqlite",
    "apsw": "compare_sqlite",
    "apsw, hstore's table": "compare_sqlite",
    "sqlite3": "compare_sqlite",
    "diskcache": "compare_libraries",
    "sqlite-utils": "compare_libraries",
    "sqlalchemy": "compare_libraries",
    "mlflow": "compare_libraries",
}


class Engine:
    """What a peer does. A task that it has no method for is not measured."""

    labels: ClassVar[dict[str, str]]
    """How it does each task, for the table."""

    def __init__(self, workload: dict[str, Any]) -> None:
        self.rows = self.prepared(workload["rows"])
        self.writes = [(key, value) for key, value in workload["writes"]]
        self.items = [(key, value) for key, value in workload["items"]]
        self.reads = workload["reads"]
        self.values = workload["values"]

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        """The rows as this engine is given them."""
        raise NotImplementedError

    def open(self, path: str) -> None:
        """Make a new file."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it."""

    def bulk(self, rows: list[Any]) -> None:
        """All rows in one transaction, the quickest way there is."""
        raise NotImplementedError

    def loop(self, rows: list[Any]) -> None:
        """All rows in one transaction, a call for each."""
        raise NotImplementedError

    def single(self, row: Any) -> None:
        """One row in a transaction of its own."""
        raise NotImplementedError

    def begun(self, row: Any) -> None:
        """One row between BEGIN IMMEDIATE and COMMIT, which a library has to say that does several things at once."""
        raise NotImplementedError

    def remember(self, key: str, value: Any) -> None:
        """A JSON value under a key, in place of what was there, in a transaction of its own."""
        raise NotImplementedError

    def recall(self, key: str) -> Any:
        """The value under a key."""
        raise NotImplementedError

    def proof(self) -> str:
        """What the new file holds after `bulk`, where there is something to prove."""
        return ""


def spread(times: list[int]) -> dict[str, float]:
    """Microseconds that half, 99 of 100, and all calls took."""
    ordered = sorted(times)
    return {
        "p50": ordered[len(ordered) // 2] / 1000,
        "p99": ordered[len(ordered) * 99 // 100] / 1000,
        "most": ordered[-1] / 1000,
    }


def whole(engine: Engine, task: str, count: int) -> dict[str, Any]:
    """The seconds of one transaction."""
    work, rows = getattr(engine, task), engine.rows[-count:]
    work(engine.rows[:WARM_UP])
    begin, cpu = time.perf_counter(), time.process_time()
    work(rows)
    spent = {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - begin}
    return {"count": len(rows), **spent, "proof": engine.proof()}


def each(engine: Engine, task: str, count: int) -> dict[str, Any]:
    """The seconds of many calls, and how they are spread."""
    work, clock = getattr(engine, task), time.perf_counter_ns
    given: list[tuple[Any, ...]]
    if task == "remember":
        given = engine.writes
    elif task == "recall":
        given = [(key,) for key in engine.reads]
        for key, value in engine.items:
            engine.remember(key, value)
    else:
        given = [(row,) for row in engine.rows]
    for arguments in given[:WARM_UP]:
        work(*arguments)
    chosen, times = given[-count:], []
    begin, cpu = time.perf_counter(), time.process_time()
    for arguments in chosen:
        before = clock()
        work(*arguments)
        times.append(clock() - before)
    spent = {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - begin}
    return {"count": len(chosen), **spent, **spread(times)}


def main() -> None:
    """Load, say what can be done, and answer until the input ends."""
    name, workload = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    engine: Engine = importlib.import_module(MODULES[name]).ENGINES[name](workload)
    del workload
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:  # what is not installed shows here
        engine.open(str(Path(folder, "data")))
        engine.close()
    gc.collect()
    gc.freeze()  # the rows are the benchmark's, not the engine's: its collections need not go over them
    print(json.dumps({"labels": engine.labels}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        engine.open(request["path"])
        try:
            measure = whole if request["task"] in {"bulk", "loop"} else each
            answer = measure(engine, request["task"], request["count"])
        finally:
            engine.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
