"""hstore and its peers in turn, in one run: medians, spreads, ratios, and the ratios aimed at with their targets.

Usage: python benchmarks/compare.py [--install] [--quick] [--rounds N] [--engine NAME ...] [--against FILE]

Each engine runs in a process of its own and measures itself, one after the other, in an order that turns from round to
round, each time on a new file in the same folder. Ratios are those of a round; their medians and quartiles are shown.
Nothing is asserted: a target stands beside what was measured.

What was measured is kept in a folder for results, `build/benchmarks` or the one that HSTORE_BENCHMARKS names: as JSON,
as a picture, and as a run in an hstore store, which is asked what was measured before.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chart  # noqa: E402 # a script's neighbours are found through the line above
from compare_history import changes, git_sha, previous, record  # noqa: E402 # likewise
from compare_peers import ENGINES, Peer, install, start, versions  # noqa: E402 # likewise
from compare_report import TASKS, Rounds, aims, aims_table, panels, summary, table  # noqa: E402 # likewise
from workload import write  # noqa: E402 # likewise

QUICK = ("hstore", "apsw", "apsw, hstore's table", "sqlite3", "better-sqlite3", "diskcache")
SLOW = {"sqlite-utils": 3, "sqlalchemy": 10, "mlflow": 200}
"""Engines that get a part of the rows only, since what is compared are rates."""


def count(task: str, engine: str, rows: int) -> int:
    """Rows or calls for a task: those with a transaction each are a tenth."""
    whole = {"bulk": rows, "loop": rows, "recall": rows // 2}.get(task, rows // 10)
    return max(20, whole // SLOW.get(engine, 1))


def one_round(peers: list[Peer], folder: Path, number: int, rows: int, tasks: list[str], rounds: Rounds) -> None:
    """Every task by every engine that can do it."""
    for task in tasks:
        turn = number % len(peers)
        for peer in (*peers[turn:], *peers[:turn]):
            if task not in peer.labels:
                continue
            fresh = Path(tempfile.mkdtemp(dir=folder))
            try:
                answer = peer.ask(task=task, path=str(fresh / "data"), count=count(task, peer.name, rows))
            finally:
                shutil.rmtree(fresh)
            rounds.setdefault((peer.name, task), []).append(answer)


def measure(peers: list[Peer], folder: Path, options: argparse.Namespace) -> Rounds:
    """All rounds; a first one, in which everything is loaded, is not kept."""
    rounds: Rounds = {}
    tasks = options.task or list(TASKS)
    one_round(peers, folder, 0, options.rows // 4, tasks, {})
    for number in range(options.rounds):
        one_round(peers, folder, number, options.rows, tasks, rounds)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return rounds


def machine() -> dict[str, Any]:
    """Where this is."""
    try:
        listed = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        listed = ""
    models = [line.partition(": ")[2] for line in listed.splitlines() if line.startswith("model name")]
    processor = models[0] if models else platform.processor()
    return {"platform": platform.platform(), "processor": processor, "cores": os.cpu_count(), "load": os.getloadavg()}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="install the peers that are missing first")
    parser.add_argument("--quick", action="store_true", help="3 rounds of fewer rows, the quick engines only")
    parser.add_argument("--rounds", type=int, help="default: 9")
    parser.add_argument("--rows", type=int, help="in one transaction (default: 30,000); a tenth of it, one by one")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only these, and hstore")
    parser.add_argument("--task", choices=tuple(TASKS), action="append", help="only these")
    parser.add_argument("--folder", type=Path, help="where the files are made (default: the system's for temporaries)")
    parser.add_argument("--json", type=Path, help="where everything measured is written (default: compare.json)")
    parser.add_argument("--picture", type=Path, help="default: compare.svg; a .png needs rsvg-convert")
    parser.add_argument("--store", type=Path, help="the store of all runs (default: history.db)")
    parser.add_argument(
        "--against", type=Path, help="JSON of an earlier run (default: the last one like it, in the store)"
    )
    parser.add_argument("--keep-nothing", action="store_true", help="print only")
    parser.add_argument("--seed", type=int, default=1, help="of the command lines")
    options = parser.parse_args()
    if options.picture and options.picture.suffix == ".png" and shutil.which("rsvg-convert") is None:
        parser.error("--picture: a .png needs rsvg-convert; without it an .svg can be drawn")
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.rows = options.rows or (10_000 if options.quick else 30_000)
    chosen = set(options.engine or (QUICK if options.quick else ENGINES)) | {"hstore"}
    options.engines = tuple(name for name in ENGINES if name in chosen)
    return options


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is to be kept, and the table for people on the way."""
    with tempfile.TemporaryDirectory(prefix="compare-", dir=options.folder) as name:
        folder = Path(name)
        workload = folder / "workload.json"
        write(workload, options.rows + 1000, options.rows // 10, options.rows // 5, options.rows, options.seed)
        peers = [peer for peer in (start(engine, workload) for engine in options.engines) if peer is not None]
        rounds = measure(peers, folder, options)
        for peer in peers:
            peer.process.communicate()
    rows, found = summary(rounds, {peer.name: peer.labels for peer in peers}), aims(rounds)
    missing = sorted(set(options.engines) - {peer.name for peer in peers})
    print(f"{table(rows)}\n\n{aims_table(found, rows)}")
    print(f"{options.rounds} rounds; missing: {', '.join(missing) or 'none'}")
    for answer in rounds.get(("hstore", "bulk"), [])[:1]:
        print(f"masking: {answer['proof']}")
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "git": git_sha(HERE),
        "machine": machine(),
        "versions": versions(),
        "configuration": {"rows": options.rows, "seed": options.seed},
        "missing": missing,
        "rounds": options.rounds,
        "rows": rows,
        "aims": found,
    }


def draw(path: Path, kept: dict[str, Any]) -> None:
    """The picture: SVG, or PNG through rsvg-convert."""
    about = f"{kept['at']}, {kept['machine']['processor']}, medians and quartiles of {kept['rounds']} rounds"
    drawn = chart.bars("Rows or calls in a second", about, panels(kept["rows"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        subprocess.run(["rsvg-convert", "--zoom", "2", "-o", str(path)], input=drawn.encode(), check=True)
    else:
        path.write_text(drawn, encoding="utf-8")


def keep(options: argparse.Namespace, kept: dict[str, Any], began: float) -> None:
    """JSON, picture, and a run in the store."""
    results = Path(os.environ.get("HSTORE_BENCHMARKS") or HERE.parent / "build" / "benchmarks")
    written, store = options.json or results / "compare.json", options.store or results / "history.db"
    old = json.loads(options.against.read_text("utf-8")) if options.against else previous(store, kept["configuration"])
    if old is not None:
        print(f"\nsince {old['at']}, commit {(old['git'] or 'unknown')[:12]}\n{changes(old, kept)}")
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    picture = options.picture or results / "compare.svg"
    draw(picture, kept)
    run = record(store, kept, sys.argv[1:], began, time.time() - began)
    print(f"\nkept: {written}, {picture}, run {run} in {store}")


def main() -> None:
    """Install if asked, measure what starts, print, keep."""
    options, began = arguments(), time.time()
    if options.install:
        install(options.engines)
    kept = measured(options)
    if not options.keep_nothing:
        keep(options, kept, began)


if __name__ == "__main__":
    main()
