"""Phase 2: runs that can be audited, with a normalised configuration, steps, and a log that shows what was changed.

Run it as `python examples/phase2_audit.py [DATABASE]`, a file that is not there yet;
without one it works in a temporary one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hstore import Store

CONFIG = {"source": "invoices", "limit": 500, "strict": True}


def main(database: Path) -> None:
    """Show a pipeline's run, from the first migration to the doctor."""
    print(f"before there is a database: {doctor(database)}")
    with Store.open(database) as store:
        for migration in store.migrations():
            print(f"  migration {migration.version} {migration.name}: {migration.sha256[:12]}")
        # From here on each line of the log covers the one before it, so a changed or removed line shows.
        store.audit.chain()
        run = pipeline(store)
        failing_step(store)
        nothing_half(store)
        look_back(store, run)
    print(f"afterwards: {doctor(database)}")


def pipeline(store: Store) -> int:
    """One run with three steps; what the audit log says of it is in the transaction of what it speaks of."""
    # The same configuration in any order of keys has the same hash; the configuration itself is not kept.
    print(f"configuration {store.runs.config_hash(CONFIG)[:12]}, the same in another order: {same_hash(store)}")
    with store.batch():
        run = store.record_run("invoices", ["invoices", "--limit", "500"], key="2026-11-21/1", config=CONFIG)
        store.audit.write("info", "run.started", "nightly import", run=run, scope="pipeline", data={"limit": 500})
    with store.runs.step(run, "fetch") as step:
        step.stats["pages"] = 12
    with store.runs.step(run, "parse") as step:
        step.stats["invoices"] = 480
    with store.runs.step(run, "mail") as step:
        step.skip()
    with store.batch():
        store.runs.finish(run, exit_code=0)
        store.audit.write("info", "run.finished", run=run, scope="pipeline", data={"invoices": 480})
    return run


def same_hash(store: Store) -> bool:
    """Whether the order of the keys makes no difference."""
    return store.runs.config_hash(dict(reversed(CONFIG.items()))) == store.runs.config_hash(CONFIG)


def failing_step(store: Store) -> None:
    """An exception ends the step as failed and goes on to whoever handles it."""
    run = store.record_run("invoices", "invoices --strict")
    try:
        with store.runs.step(run, "parse"):
            raise ValueError("page 3 is empty")
    except ValueError as failure:
        store.audit.write("error", "step.failed", str(failure), run=run, scope="pipeline")
        store.runs.finish(run, exit_code=1)


def nothing_half(store: Store) -> None:
    """If the work fails, the log does not claim that it was done."""
    before = len(store.audit.list())
    try:
        with store.batch():
            store.audit.write("info", "run.started", "never happened")
            store.record_run("", "no program has no name")
    except ValueError as failure:
        print(f"rolled back: {failure}; lines of the log: {before} before, {len(store.audit.list())} after")


def look_back(store: Store, run: int) -> None:
    """Runs with their steps, the log, and whether anybody touched it."""
    for found in reversed(store.runs.list(app="invoices")):
        steps = ", ".join(f"{step.name} {step.status} {step.stats}" for step in store.runs.steps(found.id))
        print(f"run {found.key or found.id}: {found.status}; {steps}")
    for line in reversed(store.audit.list(run=run)):
        print(f"  {line.level} {line.event} {line.data}")
    report = store.audit.verify()
    # Whoever can write the file can write the whole chain anew, so keep the head somewhere else now and then.
    print(f"hash chain whole: {report.ok}, {report.lines} lines, head {str(report.head)[:12]}")


def doctor(database: Path) -> str:
    """What `hstore doctor --json` finds: a missing database is no failure, and is not made by looking."""
    command = [sys.executable, "-m", "hstore", "--db", os.fspath(database), "doctor", "--json"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return f"ok {report['ok']}, initialised {report['initialised']}, {len(report['checks'])} checks"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if Path(sys.argv[1]).exists():
            sys.exit(f"{sys.argv[1]}: is there already, and this begins with a new database")
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as folder:
            main(Path(folder) / "audit.db")
