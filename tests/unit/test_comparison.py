"""The benchmarks' own arithmetic: what is drawn, how ratios are made, what is called a change."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import workload


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs find their neighbours as they do when they are started."""
    monkeypatch.syspath_prepend(str(Path(workload.__file__).parent))


def test_command_lines_are_of_60_to_200_characters_and_the_same_for_the_same_seed() -> None:
    """Two draws are equal, and one line of a hundred holds a registered value."""
    registered = ["first-value-of-three", "second-value-of-three", "third-value-of-three"]
    rows = workload.rows(2000, 1, registered)
    assert rows == workload.rows(2000, 1, registered)
    assert rows != workload.rows(2000, 2, registered)
    assert all(60 <= len(row[1]) <= 200 for row in rows)
    assert sum(any(value in row[1] for value in registered) for row in rows) == 20


def test_registered_values_are_never_the_same_twice() -> None:
    """They are secrets of one run."""
    assert set(workload.values()).isdisjoint(workload.values())


@pytest.mark.usefixtures("beside")
def test_ratios_are_those_of_the_same_round() -> None:
    """A machine that is twice as slow in one round changes rates and no ratio."""
    import compare_report

    def answers(*seconds: float) -> list[dict[str, float]]:
        return [{"count": 100, "seconds": one, "cpu": one} for one in seconds]

    rounds = {("hstore", "bulk"): answers(1, 2, 1, 4), ("apsw", "bulk"): answers(2, 4, 2, 8)}
    found = compare_report.ratios(rounds, ("hstore", "bulk"), ("apsw", "bulk"))
    assert found == [2.0, 2.0, 2.0, 2.0]
    assert compare_report.quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)


@pytest.mark.usefixtures("beside")
def test_what_was_kept_is_found_again_and_compared(tmp_path: Path) -> None:
    """The store gives back the last run of the same configuration, and the change of each ratio is told."""
    import compare_history

    def kept(ratio: float, rows: int) -> compare_history.Kept:
        spread = (ratio * 0.9, ratio, ratio * 1.1)
        row = {"task": "bulk", "engine": "apsw", "count": 9, "per second": spread, "processor": spread}
        found = {"at": "2026-11-21", "git": None, "configuration": {"rows": rows}, "aims": [], "rows": [row]}
        return {**found, "machine": "a machine"}

    store = tmp_path / "history.db"
    assert compare_history.previous(store, {"rows": 10}) is None
    compare_history.record(store, kept(0.5, 10), ["--quick"], 1.0, 2.0)
    compare_history.record(store, kept(0.7, 20), [], 3.0, 2.0)
    old = compare_history.previous(store, {"rows": 10})
    assert old is not None
    assert old["rows"][0]["processor"][1] == 0.5
    told = compare_history.changes(old, kept(1.0, 10))
    assert "bulk, by apsw" in told
    assert "+100%" in told
    assert "beyond the quartiles" in told
    assert "beyond" not in compare_history.changes(old, kept(0.51, 10))
