"""`hstore stats`: what a person sees, and what programs read."""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import termios
from datetime import datetime, timedelta, timezone

import pytest

from hstore import Store

KEYS = {
    "days", "since", "limit", "newest", "size", "runs", "programs", "slowest", "tools", "features", "operations",
    "productivity", "knowledge", "caches",
}  # fmt: skip


@pytest.fixture
def filled(tmp_path):
    """A store with something of everything."""
    now = datetime.now(timezone.utc)
    with Store.open(tmp_path / "project.db") as store:
        for number in range(12):
            store.record_run(
                "pytest" if number % 3 else "make \x1b[2J",
                "x",
                started_at=now - timedelta(days=number % 4, seconds=90),
                duration=number,
                exit_code=int(number % 5 == 4),
            )
        store.record_run("sleep", "sleep 1000", started_at=now)
        store.tool_executions.record("read_file", {}, success=True, duration=0.25)
        store.usage.record("search", "core", duration=1.5)
        store.metrics.record("db_query", duration=0.04, cache_hit=True)
        store.productivity.record("code_review", estimate=3600, actual=600, satisfaction=4)
        store.productivity.record("slower", estimate=60, actual=120)
        store.knowledge.add(type="pattern", title="t", content="c", confidence=0.75)
        store.response_cache.put("prompt", "response", model="m", tokens=1)
        store.record_run("old", "old", started_at=now - timedelta(days=40), exit_code=0)


@pytest.mark.usefixtures("filled")
def test_stats_shows_everything_that_is_there(hstore):
    """Each table under its title, nothing of what is older, no escape sequence of what is stored."""
    done = hstore("stats")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    for title in ("programs", "slowest runs", "tools", "features", "operations", "time saved", "knowledge", "caches"):
        assert f"\n{title}\n" in text
    assert "13 runs, 83 % ok, 1 not ended" in text
    for shown in ("read_file", "search", "db_query", "code_review", "-1m00s", "pattern", "responses", "make \\e[2J"):
        assert shown in text
    assert "old" not in text
    assert "\x1b" not in text
    assert "█" in text


@pytest.mark.usefixtures("filled")
def test_stats_has_a_documented_shape(hstore):
    """All names are there, with numbers in seconds and shares."""
    found = hstore.json("stats", "--days", "2", "--limit", "1")
    assert set(found) == KEYS
    assert [len(found[name]) for name in ("programs", "slowest", "productivity")] == [1, 1, 1]
    assert sum(day["runs"] for day in found["runs"]) in (4, 7)  # 90 seconds ago may have been yesterday
    assert found["tools"] == [{"tool": "read_file", "executions": 1, "average_duration": 0.25, "success_rate": 1.0}]
    assert set(found["operations"][0]) == {
        "operation", "measurements", "success_rate", "cache_hit_rate", "average", "p50", "p95", "longest", "tokens",
    }  # fmt: skip
    assert found["caches"]["responses"]["entries"] == 1


@pytest.mark.parametrize(
    "settings",
    [{"LC_ALL": "C"}, {"LC_ALL": "de_DE.ISO-8859-1"}, {"TERM": "dumb"}],
    ids=["C", "latin", "dumb"],
)
@pytest.mark.usefixtures("filled")
def test_stats_is_ascii_where_nothing_else_can_be_shown(hstore, settings):
    """By the locale, or by a terminal that can do nothing."""
    hstore.environment.update(settings)
    done = hstore("stats")
    assert done.stdout.isascii()
    assert b"####" in done.stdout


def on_terminal(hstore, columns):
    """What `hstore stats` shows on a terminal of so many columns."""
    master, slave = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        assert hstore("stats", stdout=slave).returncode == 0
        seen = b""
        while select.select([master], [], [], 0)[0]:
            seen += os.read(master, 65536)
        return seen.decode()
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.usefixtures("filled")
def test_stats_keeps_to_the_terminal(hstore):
    """No line is wider than it; colours only without NO_COLOR."""
    seen = on_terminal(hstore, 50)
    assert "\x1b[1m" in seen
    plain = seen.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(map(len, plain.splitlines())) <= 50
    hstore.environment["NO_COLOR"] = "1"
    assert "\x1b" not in on_terminal(hstore, 50)


def test_stats_of_nothing_is_one_line(hstore):
    """An empty store says so; a missing one makes none."""
    assert hstore("stats").returncode == 4
    hstore("project", "init")
    done = hstore("stats", "--days", "7")
    assert (done.returncode, done.stdout) == (0, b"nothing was recorded in the last 7 days\n")
    assert json.loads(hstore("stats", "--json").stdout)["runs"] == []


def test_stats_gives_up_charts_before_figures(hstore, tmp_path):
    """On a narrow terminal long names are cut and bars are left out; each figure is there."""
    with Store.open(tmp_path / "project.db") as store:
        store.record_run("a-program-with-quite-a-long-name-indeed", "x", duration=61, exit_code=0)
    wide, narrow = on_terminal(hstore, 80), on_terminal(hstore, 50)
    assert "█" in wide.partition("programs")[2]
    assert "█" not in narrow.partition("programs")[2]
    assert "a-program-with.." in narrow
    assert narrow.count("1m01s") == 3


def test_stats_of_what_has_not_ended(hstore, tmp_path):
    """No rate is made up for it."""
    with Store.open(tmp_path / "project.db") as store:
        store.record_run("sleep", "sleep 1000")
    assert "\n1 run, 1 not ended\n" in hstore("stats").stdout.decode()


@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "x"), ("--days", "10001"), ("--limit", "-1")])
def test_stats_refuses_other_numbers(hstore, words):
    """Usage errors have 2, and say what would do."""
    done = hstore("stats", *words)
    assert done.returncode == 2
    assert b"a whole number from" in done.stderr


def test_views_can_be_read_by_query(hstore, tmp_path):
    """The three views, in the time zone of the reader."""
    late = datetime(2026, 11, 20, 23, 30, tzinfo=timezone.utc)
    with Store.open(tmp_path / "project.db") as store:
        store.productivity.record("t", estimate=20, actual=10, created_at=late)
        store.usage.record("search", "core", started_at=late, duration=2)
        store.knowledge.add(type="pattern", title="t", content="c", confidence=0.5)
        store._connection.write("UPDATE knowledge_items SET created_at = $1", (int(late.timestamp() * 1e6),))
    hstore.environment["TZ"] = "UTC-1"  # POSIX: one hour east of Greenwich
    query = lambda view: hstore.json("project", "query", f"SELECT * FROM {view}")  # noqa: E731 - said once for all
    assert query("productivity_summary") == [
        {
            "date": "2026-11-21",
            "event_type": "t",
            "event_count": 1,
            "avg_time_saved": 10.0,
            "avg_improvement": 50.0,
            "total_time_saved": 10.0,
        }
    ]
    assert query("feature_adoption") == [
        {
            "feature_category": "core",
            "feature_name": "search",
            "usage_count": 1,
            "unique_users": 0,
            "success_rate": 1.0,
            "avg_duration_seconds": 2.0,
        }
    ]
    assert query("knowledge_growth") == [
        {"date": "2026-11-21", "knowledge_type": "pattern", "items_created": 1, "avg_confidence": 0.5}
    ]
    hstore.environment["TZ"] = "UTC"
    assert query("knowledge_growth")[0]["date"] == "2026-11-20"
