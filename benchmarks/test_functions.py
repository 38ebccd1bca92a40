"""Single functions under pytest-benchmark: `python -m pytest benchmarks/test_functions.py --benchmark-enable`.

Not part of the tests: `python -m pytest` looks into `tests` only, and nothing here is asserted about time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest
from benchmarks import workload

from hstore import Store

NAMES = ("app", "cmdline", "cwd", "started_at", "duration", "exit_code")
VALUES = workload.values()
RUNS = [dict(zip(NAMES, row, strict=True)) for row in workload.rows(1000, 1, VALUES)]
ITEMS = workload.items(1000, 1)

Benchmark = Callable[..., Any]
"""The fixture of pytest-benchmark."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store with three registered values."""
    with Store.open(tmp_path / "project.db", values=VALUES) as opened:
        yield opened


def test_record_run(benchmark: Benchmark, store: Store) -> None:
    """One run in a transaction of its own."""
    given = cycle(RUNS)
    benchmark(lambda: store.record_run(**next(given)))


def test_record_run_in_a_batch(benchmark: Benchmark, store: Store) -> None:
    """One run of many in a transaction."""
    given = cycle(RUNS)
    with store.batch():
        benchmark(lambda: store.record_run(**next(given)))


def test_record_runs_of_1000(benchmark: Benchmark, store: Store) -> None:
    """A thousand runs in one transaction."""
    assert len(benchmark(store.record_runs, RUNS)) == len(RUNS)


def test_remember(benchmark: Benchmark, store: Store) -> None:
    """A small value under one of a thousand keys."""
    given = cycle(ITEMS)
    benchmark(lambda: store.remember(*next(given)))


def test_recall(benchmark: Benchmark, store: Store) -> None:
    """A small value by one of a thousand keys."""
    for key, value in ITEMS:
        store.remember(key, value)
    given = cycle(key for key, _ in ITEMS)
    assert benchmark(lambda: store.recall(next(given))) is not None


def test_attach_artifact(benchmark: Benchmark, store: Store) -> None:
    """About 600 bytes of output that were not seen before, in a transaction of their own."""
    run, number = store.record_run("pytest", ["pytest", "-q"], exit_code=0), count()
    lines = [row["cmdline"] for row in RUNS[:5]]
    benchmark(lambda: store.attach_artifact(run, "log", "\n".join([*lines, str(next(number))]).encode(), name="stdout"))


def test_mask_a_command_line(benchmark: Benchmark, store: Store) -> None:
    """The masker alone."""
    masker, given = store._door.masker, cycle(row["cmdline"] for row in RUNS)
    benchmark(lambda: masker.mask_text(next(given)))


def test_open_and_close(benchmark: Benchmark, tmp_path: Path) -> None:
    """A store that exists and has nothing due."""
    path = tmp_path / "project.db"
    Store.open(path).close()
    benchmark(lambda: Store.open(path).close())
