"""Rows of a batch wait and are written together: nobody can tell, but by the clock."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from hstore import Store
from hstore.domains import events, memory, tool_executions
from hstore.engine.behind import GROUP, LIMIT, _of_a_group
from hstore.errors import HstoreError, InvalidInput, NotFound, StoreError


def record(store: Store, name: str = "a") -> int:
    return store.record_run(name, name, exit_code=0)


def waiting(store: Store) -> int:
    return sum(len(rows) for rows in store._connection._behind.rows.values())


def test_rows_wait_in_a_batch_and_are_there_after_it(store: Store) -> None:
    """The premise of the tests below: without anything that looks, nothing is written before the end."""
    record(store)
    with store.batch():
        runs = [record(store) for _ in range(10)]
        assert waiting(store) == 10
    assert [run.id for run in store.runs.list(limit=10)] == runs[::-1]


@pytest.mark.parametrize("sql", [memory.REMEMBER, tool_executions.ADD, events.ADD], ids=lambda sql: sql.split()[2])
def test_rows_share_a_statement(sql: str) -> None:
    """Whatever follows the values, and where one of them stands in several columns: 64 rows are one statement."""
    grouped = _of_a_group(sql)
    assert grouped is not None
    assert len(re.findall(r"\(\?", grouped)) == GROUP
    numbers = [int(number) for number in re.findall(r"\?(\d+)", grouped)]
    width = len(set(re.findall(r"\$(\d+)", sql)))
    assert sorted(set(numbers)) == list(range(1, width * GROUP + 1))


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO a (b) VALUES ('text')",
        "INSERT INTO a (b) VALUES ($1, coalesce($2, 1))",
        "INSERT INTO a (b) SELECT $1",
        "UPDATE a SET b = $1",
        "INSERT INTO a (b) VALUES ($1) ON CONFLICT DO UPDATE SET b = $1",
    ],
)
def test_statement_of_another_form_is_run_row_by_row(sql: str) -> None:
    """A parameter beyond the values, or a value that is none, cannot be told for many rows at once."""
    assert _of_a_group(sql) is None


def test_whatever_looks_sees_them(store: Store) -> None:
    """Reading by id, listing, attaching, counting in the batch see what was recorded in it."""
    record(store)
    with store.batch():
        first = record(store, "first")
        assert store.runs.get(first).app == "first"
        second = record(store, "second")
        assert [run.app for run in store.runs.list(limit=2)] == ["second", "first"]
        third = record(store, "third")
        artifact = store.attach_artifact(third, "note", b"text")
        assert store.read_artifact(artifact) == b"text"
        fourth = record(store, "fourth")
        store.runs.step_start(fourth, "build")
    assert second == first + 1
    assert store.runs.steps(fourth)[0].name == "build"


def test_ids_go_on_whatever_comes_between(store: Store) -> None:
    """Rows that wait, rows that do not (they have a key) and rows of other verbs get ids in the order of the calls."""
    found = [record(store)]
    with store.batch():
        for number in range(3):
            found.append(record(store))
            found.append(store.record_run("k", "k", key=f"key-{number}", exit_code=0))
            store.remember("between", number)
            found.extend(store.record_runs([{"app": "m", "cmdline": "m", "exit_code": 0}] * 2))
    assert found == list(range(found[0], found[0] + 13))


def test_ids_are_not_given_twice_after_the_newest_was_deleted(store: Store) -> None:
    """As AUTOINCREMENT promises: also for a batch that begins with an empty table."""
    with store.batch():
        last = [record(store) for _ in range(5)][-1]
    store._connection.write("DELETE FROM runs")
    with store.batch():
        assert record(store) == last + 1
        store._connection.write("DELETE FROM runs")
        assert record(store) == last + 2


def test_an_inner_batch_that_fails_takes_only_its_own(store: Store) -> None:
    """What waited when a savepoint began is kept by the outer one, what waited inside goes."""
    record(store)
    with store.batch():
        outer = record(store, "outer")
        with pytest.raises(ValueError, match="inner"), store.batch():
            record(store, "inner")
            assert waiting(store) == 1
            raise ValueError("inner")
        behind = record(store, "behind")
    assert [run.app for run in store.runs.list(limit=2)] == ["behind", "outer"]
    assert behind > outer


def test_a_batch_that_fails_leaves_nothing_behind(store: Store) -> None:
    """Rows that waited are gone, and do not come with the next batch."""
    record(store)
    with pytest.raises(ValueError, match="all"), store.batch():
        record(store)
        raise ValueError("all")
    assert waiting(store) == 0
    with store.batch():
        record(store, "next")
    assert [run.app for run in store.runs.list()] == ["next", "a"]


def test_many_rows_do_not_wait_in_memory(store: Store) -> None:
    """Past a bound they are written, inside the transaction."""
    record(store)
    line = "x" * 10_000
    with store.batch():
        for _ in range(LIMIT // 5_000):
            store.record_run("a", line, exit_code=0)
            assert waiting(store) * 10_000 <= LIMIT + 20_000
    assert store.info().counts["runs"] == LIMIT // 5_000 + 1


def test_a_row_that_cannot_be_written_undoes_the_batch_and_says_so(store: Store) -> None:
    """Here by an id that somebody took, as no program should: what was acknowledged is not kept in part."""
    record(store)
    with pytest.raises((InvalidInput, StoreError)), store.batch():
        number = record(store, "waits")
        raw = store._connection._raw
        assert raw is not None
        raw.execute(
            "INSERT INTO runs (id, project_id, app, cmdline, started_at, status) VALUES ($1, 1, '', '', 1, 'ok')",
            (number,),
        )
        store.remember("after", 1)
    assert store.recall("after") is None
    assert [run.app for run in store.runs.list()] == ["a"]
    record(store)


def test_after_such_an_error_the_batch_takes_nothing_more(store: Store) -> None:
    """Who catches it inside the batch is told at the next call, and at its end."""
    record(store)
    with pytest.raises(HstoreError, match="leave the batch"), store.batch():
        number = record(store, "waits")
        raw = store._connection._raw
        assert raw is not None
        raw.execute(
            "INSERT INTO runs (id, project_id, app, cmdline, started_at, status) VALUES ($1, 1, '', '', 1, 'ok')",
            (number,),
        )
        with pytest.raises(HstoreError):
            store.runs.list()
        store.runs.list()
    assert store.info().counts["runs"] == 1


def test_unknown_sessions_and_taken_keys_are_told_at_the_call(store: Store) -> None:
    """Not at the end of the batch, where nobody knows which row it was."""
    store.session("known")
    record(store)
    with store.batch():
        with pytest.raises(NotFound):
            store.record_run("a", "a", session="unknown", exit_code=0)
        store.record_run("a", "a", session="known", key="one", exit_code=0)
        with pytest.raises(InvalidInput, match="has it already"):
            store.record_run("a", "a", key="one", exit_code=0)
    with pytest.raises(InvalidInput, match="has it already"):
        store.record_run("a", "a", key="one", exit_code=0)
    assert len(store.runs.list(session="known")) == 1


def test_sessions_in_turn_make_no_row_wait_less(store: Store) -> None:
    """By key, id or result: each is asked for once in a batch, and a new one in the next."""
    sessions = [store.session(key) for key in ("one", "two", "three")]
    record(store)
    for _ in range(2):
        with store.batch():
            for session in sessions:
                store.record_run("a", "a", session=session, exit_code=0)
                store.record_run("a", "a", session="".join(session.key), exit_code=0)
                store.record_run("a", "a", session=session.id, exit_code=0)
            before = waiting(store)
            for session in sessions * 10:
                store.record_run("a", "a", session=session, exit_code=0)
                store.record_run("a", "a", session="".join(session.key), exit_code=0)
                store.record_run("a", "a", session=session.id, exit_code=0)
            assert waiting(store) == before + 90
            with pytest.raises(InvalidInput):
                store.record_run("a", "a", session=True, exit_code=0)
    assert [len(store.runs.list(session=session, limit=None)) for session in sessions] == [66, 66, 66]


def test_a_session_that_is_deleted_meanwhile_is_told(store: Store) -> None:
    """A single record checks again when the schema refuses what was looked up before."""
    session = store.session("short")
    record(store)
    with Store.open(store.path) as second:
        second._connection.write("DELETE FROM sessions WHERE id = $1", (session.id,))
    with pytest.raises(NotFound):
        store.record_run("a", "a", session=session, exit_code=0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_inside_a_batch_leaves_the_rows_to_the_parent(path: Path) -> None:
    """The child can record nothing, and nothing of what waits is written twice."""
    with Store.open(path) as store:
        record(store)
        with store.batch():
            record(store, "waits")
            child = os.fork()
            if child == 0:
                try:
                    record(store, "child")
                except HstoreError:
                    os._exit(17)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
        assert [run.app for run in store.runs.list()] == ["waits", "a"]
