"""What compare.py keeps: a run in an hstore store for each of its own runs, and what changed since an earlier one.

The run has its configuration's hash, so that only like is compared with like; its figures are steps, everything
measured is an artifact, and the newest ratios are remembered under `benchmarks/compare`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from hstore import Store

APP = "benchmarks/compare.py"
MEMORY = "benchmarks/compare"
LOOKED_AT = 1000
"""Runs that are looked through for one of the same configuration."""

Kept = dict[str, Any]
"""What stands in the JSON file."""


def git_sha(folder: Path) -> str | None:
    """The commit that was measured, if this is a repository."""
    try:
        told = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()


def previous(path: Path, configuration: dict[str, Any]) -> Kept | None:
    """What was measured last with the same configuration, or None."""
    if not path.exists():
        return None
    with Store.open(path, readonly=True) as store:
        wanted = store.runs.config_hash(configuration)
        for run in store.runs.list(app=APP, limit=LOOKED_AT):
            if run.config_hash == wanted:
                content = store.read_artifact(store.artifacts.list(run=run.id)[0].id)
                kept: Kept = json.loads(content)
                return kept
    return None


def record(path: Path, kept: Kept, arguments: list[str], began: float, seconds: float) -> int:
    """Record a run of compare.py and return its id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Store.open(path) as store, store.batch():
        run = store.record_run(
            APP,
            [APP, *arguments],
            started_at=began,
            duration=seconds,
            exit_code=0,
            git_sha=kept["git"],
            config=kept["configuration"],
        )
        for row in kept["rows"]:
            step = store.runs.step_start(run, f"{row['task']}: {row['engine']}")
            figures = {key: row[key] for key in ("per second", "p50", "p99", "hstore by it", "processor") if key in row}
            store.runs.step_finish(step, stats={"count": row["count"], **figures})
        store.attach_artifact(run, "file", json.dumps(kept, indent=1).encode(), name="compare.json")
        store.remember(MEMORY, {"run": run, "ratios": {aim["name"]: aim["ratio"] for aim in kept["aims"]}})
    return run


def changes(old: Kept, new: Kept) -> str:
    """Where hstore's ratio to a peer is another than it was; the farthest first. Nothing is judged by it.

    The ratios are those of processor time, which other processes on the machine hardly change.
    """
    before = {(row["task"], row["engine"]): row for row in old["rows"] if "processor" in row}
    found = []
    for row in new["rows"]:
        known = before.get((row["task"], row["engine"]))
        if known is not None and "processor" in row:
            (low, middle, high), (low_old, was, high_old) = row["processor"], known["processor"]
            apart = low > high_old or high < low_old
            found.append((middle / was, apart, f"{row['task']}, by {row['engine']}", was, middle))
    if not found:
        return "nothing in common"
    lines = [f"{'hstore by the peer, processor time':40} {'was':>7} {'is':>7} {'change':>8}"]
    for factor, apart, name, was, middle in sorted(found, key=lambda one: -max(one[0], 1 / one[0])):
        beyond = "  beyond the quartiles of both" if apart else ""
        lines.append(f"{name:40} {was:7.2f} {middle:7.2f} {factor - 1:+8.0%}{beyond}")
    return "\n".join(lines)
