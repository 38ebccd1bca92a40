"""What compare.py says: the table of engines, and the ratios that are aimed at with their targets beside them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chart import Bar

ROOT = Path(__file__).resolve().parent.parent
TASKS = {
    "bulk": "many rows, one transaction, the quickest way",
    "loop": "many rows, one transaction, a call for each",
    "single": "a transaction for each row",
    "begun": "the same, with BEGIN IMMEDIATE and COMMIT said",
    "remember": "a small JSON value under a key, a transaction for each",
    "recall": "a small JSON value by its key",
}


@dataclass(frozen=True)
class Aim:
    """A ratio of rates from the same rounds, and what it is meant to be."""

    name: str
    ours: tuple[str, str]
    theirs: tuple[str, str]
    target: float


AIMS = (
    Aim("record_runs / better-sqlite3's loop", ("hstore", "bulk"), ("better-sqlite3", "loop"), 1.1),
    Aim("record_runs / APSW executemany", ("hstore", "bulk"), ("apsw", "bulk"), 1 / 1.5),
    Aim("record_runs / APSW executemany, hstore's table", ("hstore", "bulk"), ("apsw, hstore's table", "bulk"), 0),
    Aim("record_run in a batch / better-sqlite3's loop", ("hstore", "loop"), ("better-sqlite3", "loop"), 1.0),
    Aim("record_run / APSW, autocommit", ("hstore", "single"), ("apsw", "single"), 0.85),
    Aim("record_run / APSW, BEGIN and COMMIT", ("hstore", "single"), ("apsw", "begun"), 0.85),
    Aim("record_run / APSW, hstore's table", ("hstore", "single"), ("apsw, hstore's table", "begun"), 0),
    Aim("remember / diskcache set", ("hstore", "remember"), ("diskcache", "remember"), 3.0),
    Aim("recall / diskcache get", ("hstore", "recall"), ("diskcache", "recall"), 1.5),
)  # fmt: skip
P99_TARGET = 150
ELSEWHERE = {
    "benchmarks/artifacts.py": "many small artifacts",
    "benchmarks/recording.py": "hstore run of a command that prints a lot",
    "benchmarks/startup.py": "starting",
    "benchmarks/processes.py": "many processes",
    "benchmarks/growth.py": "cost by size",
}
"""Other aims have programs of their own."""

Rounds = dict[tuple[str, str], list[dict[str, Any]]]
"""What each engine answered for each task, round by round."""


def quartiles(figures: list[float]) -> tuple[float, float, float]:
    """The lower one, the median and the upper one."""
    if len(figures) == 1:
        return (figures[0],) * 3
    low, middle, high = statistics.quantiles(figures, n=4, method="inclusive")
    return low, middle, high


def rates(rounds: Rounds, one: tuple[str, str], clock: str = "seconds") -> list[float]:
    """Rows or calls in a second, round by round; of processor time with the clock `cpu`."""
    return [answer["count"] / answer[clock] for answer in rounds.get(one, [])]


def ratios(rounds: Rounds, ours: tuple[str, str], theirs: tuple[str, str], clock: str = "seconds") -> list[float]:
    """Our rate by theirs, of the same rounds."""
    pairs = zip(rates(rounds, ours, clock), rates(rounds, theirs, clock), strict=False)
    return [one / other for one, other in pairs]


def summary(rounds: Rounds, labels: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """A row for each engine and task: medians, quartiles, and hstore's rate by this one's."""
    found = []
    for task in TASKS:
        ours = ("hstore", task) if ("hstore", task) in rounds else ("hstore", "single")
        for engine in (engine for engine, name in rounds if name == task):
            answers = rounds[engine, task]
            row: dict[str, Any] = {"task": task, "engine": engine, "how": labels[engine][task]}
            row["count"] = answers[0]["count"]
            row["per second"] = quartiles(rates(rounds, (engine, task)))
            for key in ("p50", "p99"):
                if key in answers[0]:
                    row[key] = quartiles([answer[key] for answer in answers])
            if engine != "hstore" and ours in rounds:
                row["hstore by it"] = quartiles(ratios(rounds, ours, (engine, task)))
                row["processor"] = quartiles(ratios(rounds, ours, (engine, task), "cpu"))
            found.append(row)
    return found


def aims(rounds: Rounds) -> list[dict[str, Any]]:
    """The ratios that are aimed at, as far as both sides were measured."""
    found: list[dict[str, Any]] = []
    for aim in AIMS:
        figures = ratios(rounds, aim.ours, aim.theirs)
        if figures:
            processor = quartiles(ratios(rounds, aim.ours, aim.theirs, "cpu"))
            found.append({"name": aim.name, "ratio": quartiles(figures), "processor": processor, "target": aim.target})
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """For people."""
    lines = []
    for task, meaning in TASKS.items():
        chosen = [row for row in rows if row["task"] == task]
        if not chosen:
            continue
        head = f"{task}: {meaning}"
        lines.append(f"\n{head:58} {'per second':>11} {'quartiles':>19} {'p50 µs':>7} {'p99 µs':>7}  hstore by it")
        for row in sorted(chosen, key=lambda row: -row["per second"][1]):
            low, middle, high = row["per second"]
            calls = [f"{row[key][1]:7.1f}" if key in row else " " * 7 for key in ("p50", "p99")]
            name = f"  {row['engine']}: {row['how']}, {row['count']:,}"
            line = f"{name:58} {middle:11,.0f} {low:9,.0f} {high:9,.0f} {' '.join(calls)}"
            if "hstore by it" in row:
                low, middle, high = row["hstore by it"]
                line += f"  {middle:5.2f}  ({low:.2f} … {high:.2f})"
            lines.append(line.rstrip())
    return "\n".join(lines).lstrip("\n")


def aims_table(found: list[dict[str, Any]], rows: list[dict[str, Any]]) -> str:
    """Each ratio with its target beside it."""
    head = "ratio of rates in the same rounds"
    lines = [f"{head:50} {'median':>7} {'quartiles':>17}  {'target':8} of processor time"]
    for aim in found:
        low, middle, high = aim["ratio"]
        target = f"≥ {aim['target']:.2f}" if aim["target"] else ""
        processor = "{1:.2f} ({0:.2f} … {2:.2f})".format(*aim["processor"])
        lines.append(f"{aim['name']:50} {middle:7.2f} {low:8.2f} … {high:6.2f}  {target:8} {processor}")
    for row in rows:
        if (row["engine"], row["task"]) == ("hstore", "single"):
            low, middle, high = row["p99"]
            name = "record_run, p99 in µs"
            lines.append(f"{name:50} {middle:7.1f} {low:8.1f} … {high:6.1f}  ≤ {P99_TARGET}")
    there = {name: what for name, what in ELSEWHERE.items() if (ROOT / name).exists()}
    return "\n".join([*lines, *(f"{what}: see {name}" for name, what in there.items())])


def panels(rows: list[dict[str, Any]]) -> list[tuple[str, list[Bar]]]:
    """For the picture."""
    found = []
    for task, meaning in TASKS.items():
        chosen = sorted((row for row in rows if row["task"] == task), key=lambda row: -row["per second"][1])
        if chosen:
            found.append((f"{task}: {meaning}", [_bar(row) for row in chosen]))
    return found


def _bar(row: dict[str, Any]) -> Bar:
    low, middle, high = row["per second"]
    note = f"{middle:,.0f}"
    if "hstore by it" in row:
        note += f" (hstore: {row['hstore by it'][1]:.2f} of it)"
    return Bar(f"{row['engine']}: {row['how']}", low, middle, high, note, ours=row["engine"] == "hstore")
