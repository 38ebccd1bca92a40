"""Where the microseconds of a verb go: statements, masker, codec, and what is left, which is hstore's own Python.

Usage: python benchmarks/hot_path.py [--verb NAME ...] [--rounds N] [--calls] [--instructions] [--json FILE]

A sampling profiler or cProfile would make short functions look dear. So little is measured inside of a verb: each round
times the verb as it is; then it notes which statements SQLite was given, and gives exactly those, on a new file, to the
same connection without hstore, a clock around each; and once more with a clock around the outermost calls of the masker
and the codec. What is left is the difference. --calls counts the functions that are called, --instructions counts by
library under callgrind (valgrind), which nothing else on the machine disturbs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import workload  # noqa: E402 # a script's neighbours are found through the line above
from hot_path_instructions import instructions, libraries  # noqa: E402 # likewise

from hstore import Store  # noqa: E402 # after the lines that are needed above

WARM_UP = 20
NAMES = ("app", "cmdline", "cwd", "started_at", "duration", "exit_code")
TIMED = {"masker": "hstore.masking", "codec": "hstore.codec"}
"""Modules whose public functions, and public methods of classes, have a clock; one inside another is part of that."""
Statements = list[tuple[str, list[Any]]]
"""Each with what was bound: several times for `executemany`."""


@dataclass(frozen=True)
class Verb:
    """What is measured: `run` does the verb for all items, which `draw` makes."""

    run: Callable[[Store, list[Any]], object]
    draw: Callable[[int], list[Any]]
    before: Callable[[Store, list[Any]], object] = lambda store, items: None


def runs(count: int) -> list[Any]:
    """Arguments of `record_run`."""
    return [dict(zip(NAMES, row, strict=True)) for row in workload.rows(count, 1, workload.values())]


def contents(count: int) -> list[Any]:
    """Outputs of 200 to 2,000 bytes."""
    lines = [row[1] for row in workload.rows(count * 8, 2, workload.values())]
    return ["\n".join(lines[at * 8 :])[: 200 + at * 7919 % 1800].encode() for at in range(count)]


def _one_by_one(store: Store, items: list[Any]) -> None:
    for row in items:
        store.record_run(**row)


def _in_a_batch(store: Store, items: list[Any]) -> None:
    with store.batch():
        _one_by_one(store, items)


def _remember(store: Store, items: list[Any]) -> None:
    for key, value in items:
        store.remember(key, value)


def _remember_in_a_batch(store: Store, items: list[Any]) -> None:
    with store.batch():
        _remember(store, items)


def _remember_more(store: Store, items: list[Any]) -> None:
    _remember(store, [(key, {**value, "again": 1}) for key, value in items])


def _remember_more_in_a_batch(store: Store, items: list[Any]) -> None:
    with store.batch():
        _remember_more(store, items)


def _session(store: Store, items: list[Any]) -> None:
    store.session("s")


def _execute(store: Store, items: list[Any], session: str | None = None) -> None:
    for key, value in items:
        store.tool_executions.record(
            key[:12], value, success=True, result=value, duration=0.045, user_query=key, session=session
        )


def _execute_in_a_batch(store: Store, items: list[Any]) -> None:
    with store.batch():
        _execute(store, items)


def _note(store: Store, items: list[Any]) -> None:
    for key, value in items:
        store.events.add(key[:12], "warning", value)


def _recall(store: Store, items: list[Any]) -> None:
    for key, _ in items:
        store.recall(key)


def _attach(store: Store, items: list[Any]) -> None:
    run = store.record_run("pytest", ["pytest"], exit_code=0)
    with store.batch():
        for content in items:
            store.attach_artifact(run, "log", content, name="stdout")


def _memories(count: int) -> list[Any]:
    return workload.items(count, 1)


VERBS = {
    "record_run": Verb(_one_by_one, runs),
    "record_run in a batch": Verb(_in_a_batch, runs),
    "record_runs": Verb(lambda store, items: store.record_runs(items), runs),
    "remember": Verb(_remember, _memories),
    "remember in a batch": Verb(_remember_in_a_batch, _memories),
    "remember another value": Verb(_remember_more, _memories, before=_remember),
    "remember another value in a batch": Verb(_remember_more_in_a_batch, _memories, before=_remember_in_a_batch),
    "recall": Verb(_recall, _memories, before=_remember),
    "tool_executions.record": Verb(_execute, _memories),
    "tool_executions.record, session": Verb(lambda store, items: _execute(store, items, "s"), _memories, _session),
    "tool_executions.record in a batch": Verb(_execute_in_a_batch, _memories),
    "events.add": Verb(_note, _memories),
    "attach_artifact in a batch": Verb(_attach, contents),
}


@contextmanager
def ready(verb: Verb, items: list[Any]) -> Iterator[Store]:
    """A new store in which everything has been done once."""
    with (
        tempfile.TemporaryDirectory(prefix="hot-path-") as folder,
        Store.open(str(Path(folder, "data")), values=workload.values()) as store,
    ):
        verb.before(store, items)
        verb.run(store, items[:WARM_UP])
        yield store


def whole(verb: Verb, items: list[Any]) -> float:
    """Seconds of the verb as it is."""
    with ready(verb, items) as store:
        begin = time.perf_counter()
        verb.run(store, items)
        return time.perf_counter() - begin


def statements(verb: Verb, items: list[Any]) -> Statements:
    """Those that SQLite was given, with what was bound."""
    found: Statements = []
    cursors: list[object] = []  # kept, so that no two have the same identity; `executemany` has one for all rows

    def note(cursor: object, sql: str, bound: Any) -> bool:
        if cursors and cursors[-1] is cursor and found[-1][0] == sql:
            found[-1][1].append(bound)
        else:
            found.append((sql, [bound]))
            cursors.append(cursor)
        return True

    with ready(verb, items) as store:
        raw = _connection(store)
        raw.exec_trace = note
        verb.run(store, items)
        raw.exec_trace = None
    return found


def _connection(store: Store) -> Any:
    raw = store._connection._raw
    assert raw is not None
    return raw


def replayed(verb: Verb, items: list[Any], given: Statements, clock: float) -> Counter[str]:
    """Seconds of the same statements by their first word, less what the clock costs."""
    seconds: Counter[str] = Counter()
    ticks = time.perf_counter_ns
    with ready(verb, items) as store:
        raw = _connection(store)
        execute, executemany = raw.execute, raw.executemany
        for sql, bound in given:
            begin = ticks()
            if len(bound) == 1:
                execute(sql, bound[0]).fetchall()
            else:
                executemany(sql, bound).fetchall()
            seconds[sql.split(None, 1)[0]] += ticks() - begin - clock  # type: ignore[assignment] # nanoseconds yet
    return Counter({word: spent / 1e9 for word, spent in seconds.items()})


def inside(verb: Verb, items: list[Any], clock: float) -> tuple[Counter[str], Counter[str]]:
    """Seconds in the outermost calls of the masker and the codec, and how many there were."""
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    within: list[str] = []
    ticks = time.perf_counter_ns

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def outermost(*arguments: Any, **named: Any) -> Any:
            if within:
                return function(*arguments, **named)
            within.append(part)
            begin = ticks()
            try:
                return function(*arguments, **named)
            finally:
                spent[part] += ticks() - begin - clock  # type: ignore[assignment] # nanoseconds yet
                calls[part] += 1
                within.clear()

        return outermost

    replaced = [(owner, name, function, part) for part in TIMED for owner, name, function in _places(part)]
    for owner, name, function, part in replaced:
        setattr(owner, name, timed(part, function))
    try:
        with ready(verb, items) as store:
            spent.clear()
            calls.clear()
            verb.run(store, items)
    finally:
        for owner, name, function, _ in replaced:
            setattr(owner, name, function)
    return Counter({part: nanoseconds / 1e9 for part, nanoseconds in spent.items()}), calls


def _places(part: str) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Where a part's functions are known: in its classes, and under their names in all modules."""
    module = import_module(TIMED[part])
    public = {name: member for name, member in vars(module).items() if not name.startswith("_")}
    for member in public.values():
        if isclass(member) and member.__module__ == module.__name__:
            methods = ((name, method) for name, method in vars(member).items() if not name.startswith("_"))
            yield from ((member, name, method) for name, method in methods if isfunction(method))
    own = {id(member) for member in public.values() if isfunction(member) and member.__module__ == module.__name__}
    for other in [other for name, other in sys.modules.items() if name.startswith("hstore")]:
        yield from ((other, name, member) for name, member in list(vars(other).items()) if id(member) in own)


def clock_cost() -> float:
    """Nanoseconds that lie between two looks at the clock."""
    ticks = time.perf_counter_ns
    found = []
    for _ in range(10_000):
        begin = ticks()
        found.append(ticks() - begin)
    return statistics.median(found)


def breakdown(name: str, count: int, rounds: int) -> dict[str, Any]:
    """Microseconds for each item: of every part the least over the rounds, which nothing else has disturbed."""
    verb, clock = VERBS[name], clock_cost()
    items = verb.draw(count)
    given = statements(verb, items)
    parts: dict[str, list[float]] = {}
    calls: Counter[str] = Counter()
    for _ in range(rounds):
        total, sql = whole(verb, items), replayed(verb, items, given, clock)
        within, calls = inside(verb, items, clock)
        for part, seconds in {"whole": total, **sql, **within}.items():
            parts.setdefault(part, []).append(seconds / count * 1e6)
    least = {part: min(figures) for part, figures in parts.items()}
    return {
        "verb": name,
        "items": count,
        "statements": sum(len(bound) for _, bound in given) / count,
        "calls": {part: times / count for part, times in calls.items()},
        "µs": {**least, "rest": 2 * least["whole"] - sum(least.values())},
        "whole, median": statistics.median(parts["whole"]),
    }


def called(name: str, count: int = 200) -> Counter[str]:
    """How often each function is called for an item: Python's and those in C."""
    verb = VERBS[name]
    items = verb.draw(count)
    found: Counter[str] = Counter()

    def note(frame: Any, event: str, function: Any) -> None:
        if event == "call":
            found[f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"] += 1
        elif event == "c_call":
            found[f"{getattr(function, '__qualname__', function)} (C)"] += 1

    with ready(verb, items) as store:
        sys.setprofile(note)
        verb.run(store, items)
        sys.setprofile(None)
    return Counter({function: times for function, times in found.items() if times >= count / 10})


def show(found: dict[str, Any]) -> None:
    """One verb."""
    micros = dict(found["µs"])
    total, rest = micros.pop("whole"), micros.pop("rest")
    print(
        f"\n{found['verb']}: {total:.2f} µs for each of {found['items']:,} (median {found['whole, median']:.2f});"
        f" {found['statements']:.2f} statements"
        + "".join(f", {times:.2f} calls of the {part}" for part, times in found["calls"].items())
    )
    for part, figure in [*sorted(micros.items(), key=lambda pair: -pair[1]), ("rest", rest)]:
        print(f"  {part:10} {figure:8.2f} µs {figure / total:6.0%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verb", choices=tuple(VERBS), action="append", help="only these")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--items", type=int, default=1000, help="of each verb in a round")
    parser.add_argument("--calls", action="store_true", help="count calls of functions instead")
    parser.add_argument("--instructions", action="store_true", help="count instructions by library instead")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    options = parser.parse_args()
    kept: list[Any] = []
    for name in options.verb or VERBS:
        if options.calls:
            counts = called(name)
            print(f"\n{name}: {sum(counts.values()) / 200:.1f} calls for each")
            for function, times in counts.most_common():
                print(f"  {times / 200:6.2f}  {function}")
            kept.append({"verb": name, "calls": {function: times / 200 for function, times in counts.items()}})
        elif options.instructions:
            kept.append({"verb": name, "instructions": instructions(name)})
            print(f"\n{name}: {sum(kept[-1]['instructions'].values()):,.0f} instructions for each")
            for library, total, functions in libraries(kept[-1]["instructions"]):
                print(f"  {total:10,.0f}  {library}")
                for function, figure in functions[:8]:
                    print(f"  {'':10}  {figure:8,.0f}  {function}")
        else:
            kept.append(breakdown(name, options.items, options.rounds))
            show(kept[-1])
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
