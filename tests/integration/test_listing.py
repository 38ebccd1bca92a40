"""Listings by time: every row once, newest first, whatever is deleted between two pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.errors import InvalidInput
from hstore.listing import Filters

SELECT = "SELECT e.id, e.created_at FROM events AS e"
ADD = "INSERT INTO events (type, severity, created_at) VALUES ($1, 'info', $2)"
SECOND = 1_000_000


def page(store: Store, *, filters: Filters | None = None, **wanted) -> list[tuple[int, int]]:
    return (filters or Filters()).newest(store._connection, SELECT, "events", "created_at", prefix="e.", **wanted)


def pages(store: Store, size: int, after: int | None = None, **wanted) -> list[tuple[int, int]]:
    """All rows, page by page."""
    found: list[tuple[int, int]] = []
    while rows := page(store, limit=size, after=after, **wanted):
        found += rows
        after = rows[-1][0]
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    times=st.lists(st.integers(0, 6), max_size=30),
    size=st.integers(1, 9),
    since=st.none() | st.integers(0, 7),
    until=st.none() | st.integers(0, 7),
)
def test_pages_together_are_the_whole_listing(store: Store, times, size, since, until) -> None:
    """Each row that fits stands in one page, by time and among the same times by id, however the clock has gone."""
    store._connection.write("DELETE FROM events")
    for moment in times:
        store._connection.write(ADD, ("a", moment * SECOND))
    rows = store._connection.rows("SELECT id, created_at FROM events")
    first, end = -1 if since is None else since * SECOND, 8 * SECOND if until is None else until * SECOND
    fitting = [row for row in rows if first <= row[1] < end]
    wanted = sorted(fitting, key=lambda row: (row[1], row[0]), reverse=True)
    assert pages(store, size, since=since, until=until) == wanted
    assert page(store, limit=None, since=since, until=until) == wanted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(count=st.integers(2, 20), size=st.integers(1, 5), data=st.data())
def test_rows_deleted_between_two_pages_take_no_other_with_them(store: Store, count, size, data) -> None:
    """The page behind a row that has gone begins behind its place: no other row is left out or comes twice."""
    store._connection.write("DELETE FROM events")
    for moment in range(count):
        store._connection.write(ADD, ("a", moment * SECOND))
    first = page(store, limit=size)
    gone = data.draw(st.sets(st.sampled_from([row[0] for row in first])))
    for number in gone:
        store._connection.write("DELETE FROM events WHERE id = $1", (number,))
    rest = pages(store, size, after=first[-1][0])
    assert [row[1] // SECOND for row in first + rest] == list(range(count - 1, -1, -1))


def test_filters_and_pages_join(store: Store) -> None:
    """A filter holds for every page."""
    for number in range(10):
        store._connection.write(ADD, ("even" if number % 2 == 0 else "odd", number * SECOND))
    filters = Filters().add("e.type =", "odd")
    newest = page(store, filters=filters, limit=2)
    assert [row[1] // SECOND for row in newest] == [9, 7]
    then = page(store, filters=Filters().add("e.type =", "odd"), limit=9, after=newest[-1][0], until=6)
    assert [row[1] // SECOND for row in then] == [5, 3, 1]


def test_page_of_an_empty_listing_is_empty(store: Store) -> None:
    """With an id that nobody has, too."""
    assert page(store) == []
    assert page(store, after=12) == []


@pytest.mark.parametrize("wanted", [{"limit": 0}, {"after": -1}, {"limit": True}, {"after": "1"}, {"since": "today"}])
def test_wrong_bounds_are_refused(store: Store, wanted) -> None:
    """The message names the argument."""
    (field,) = wanted
    with pytest.raises(InvalidInput, match=field):
        page(store, **wanted)


def test_page_reads_no_rows_before_it(path: Path) -> None:
    """Behind any row the search begins at its place in the index of times, with an upper bound of one's own too."""
    with Store.open(path) as store:
        for moment in range(50):
            store._connection.write(ADD, ("a", moment * SECOND))
        asked: list[str] = []
        rows = store._connection.rows

        def noted(sql, parameters=()):
            asked.append(sql)
            return rows(sql, parameters)

        store._connection.rows = noted
        page(store, after=20, until=45, limit=5)
        store._connection.rows = rows
        (statement,) = [sql for sql in asked if sql.startswith(SELECT)]
        assert statement.count("created_at <") == 0
        plan = rows(f"EXPLAIN QUERY PLAN {statement}", (19 * SECOND, 20, 5))
        assert [row[3] for row in plan] == ["SEARCH e USING COVERING INDEX events_created (created_at<?)"]
