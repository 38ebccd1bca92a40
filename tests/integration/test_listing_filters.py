"""The listings of runs, sessions, artifacts, wiki references and the audit log by time, and their pages."""

from __future__ import annotations

import inspect
from datetime import datetime, timezone

import pytest

from hstore import Store
from hstore.clock import to_datetime
from hstore.errors import InvalidInput

NOUNS = ("artifacts", "audit", "runs", "sessions", "wiki")
TABLES = {
    "artifacts": ("artifacts", "created_at"),
    "audit": ("audit_log", "at"),
    "runs": ("runs", "started_at"),
    "sessions": ("sessions", "started_at"),
    "wiki": ("wiki_refs", "created_at"),
}


@pytest.fixture
def filled(store: Store) -> Store:
    """Six rows of each, a clock's tick or more apart."""
    for number in range(6):
        store.session(f"session {number}")
        run = store.record_run("app", "line", exit_code=0)
        store.attach_artifact(run, "note", b"content")
        store.wiki.add(f"page {number}", run=run)
        store.audit.write("info", "event", run=run)
    return store


@pytest.mark.parametrize("noun", NOUNS)
def test_every_listing_takes_the_same_bounds(noun: str, store: Store) -> None:
    """`since`, `until`, `limit` and `after`, by name."""
    parameters = inspect.signature(getattr(store, noun).list).parameters
    assert {"since", "until", "limit", "after"} <= set(parameters)


@pytest.mark.parametrize("noun", NOUNS)
def test_since_is_the_first_moment_and_until_the_first_after_it(noun: str, filled: Store) -> None:
    """Rows at `since` are listed, rows at `until` are not; pages within the bounds are the whole."""
    table, column = TABLES[noun]
    listing = getattr(filled, noun).list
    times = dict(filled.query(f"SELECT id, {column} FROM {table}"))
    ids = sorted(times, reverse=True)
    since, until = to_datetime(times[ids[4]]), to_datetime(times[ids[1]])
    expected = [number for number in ids if times[ids[4]] <= times[number] < times[ids[1]]]
    assert [row.id for row in listing(since=since, until=until)] == expected
    assert [row.id for row in listing(since=since.timestamp() + 1)] == []
    pages: list[int] = []
    while page := listing(until=until, limit=1, after=pages[-1] if pages else None):
        pages += [row.id for row in page]
    assert pages == [number for number in ids if times[number] < times[ids[1]]]


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    "bounds",
    [{"since": "yesterday"}, {"until": datetime(2026, 1, 1)}, {"since": float("nan")}, {"limit": 0}, {"after": True}],
    ids=str,
)
def test_bounds_that_make_no_sense_are_refused(noun: str, bounds: dict[str, object], store: Store) -> None:
    """A time without a zone, no time at all, and what is no whole number from 1."""
    with pytest.raises(InvalidInput, match=next(iter(bounds))):
        getattr(store, noun).list(**bounds)


def test_bounds_of_another_zone_are_moments(filled: Store) -> None:
    """A time of any zone is the moment that it names."""
    far = datetime(2999, 1, 1, tzinfo=timezone.utc)
    assert len(filled.wiki.list(until=far)) == 6
    assert filled.wiki.list(since=far) == []
