"""The append-only audit log, and a caller's own SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import HstoreError, InvalidInput, QueryRefused, QueryTimeout


def test_audit_line_comes_back_and_lists_filter(store: Store, run: int) -> None:
    """Every column, every filter, pages."""
    for number in range(6):
        store.audit.write(
            "error" if number % 2 else "info",
            f"event.{number % 3}",
            f"message {number}",
            run=run if number < 3 else None,
            scope="s",
            data={"n": number},
        )
    entry = store.audit.list(limit=1)[0]
    assert (entry.level, entry.event, entry.message, entry.run, entry.scope, entry.data) == (
        "error",
        "event.2",
        "message 5",
        None,
        "s",
        {"n": 5},
    )
    assert [found.id for found in store.audit.list(level="error")] == [6, 4, 2]
    assert [found.id for found in store.audit.list(event="event.0", run=run)] == [1]
    assert [found.id for found in store.audit.list(scope="s", after=3)] == [2, 1]
    assert store.audit.list(since=entry.at, level="info") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET message = 'changed'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE id = 1",
        "INSERT OR REPLACE INTO audit_log (id, at, level, event) VALUES (1, 0, 'info', 'forged')",
        "INSERT INTO audit_log (id, at, level, event) VALUES (1, 0, 'info', 'x') ON CONFLICT (id) DO UPDATE SET at = 0",
    ],
)
def test_database_itself_refuses_to_change_the_audit_log(store: Store, statement: str) -> None:
    """Not even hstore's own connection can update, delete or replace a line."""
    store.audit.write("info", "kept")
    with pytest.raises(HstoreError, match="append-only"):
        store._connection.write(statement)
    assert [entry.event for entry in store.audit.list()] == ["kept"]


def test_audit_is_written_in_the_transaction_of_what_it_speaks_of(store: Store) -> None:
    """Both are there or neither."""
    with pytest.raises(ValueError, match="no"), store.batch():
        run = store.record_run("a", "a")
        store.audit.write("info", "run.started", run=run)
        raise ValueError("no")
    assert store.audit.list() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"level": "loud"}, "level"),
        ({"event": ""}, "event"),
        ({"event": "e", "data": {1, 2}}, "data"),
        ({"event": "e", "run": 0}, "run"),
        ({"event": "e", "message": 5}, "message"),
    ],
)
def test_wrong_audit_lines_are_refused(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument."""
    with pytest.raises(InvalidInput, match=said):
        store.audit.write(**{"level": "info", "event": "e", **wrong})
    assert store.audit.list() == []


def test_query_gives_tuples_and_columns(store: Store) -> None:
    """Rows are tuples in a tuple, with column names, also when there is no row; parameters by order and name."""
    store.record_run("a", "a", exit_code=0)
    rows = store.query("SELECT id, app AS program FROM runs WHERE id = $1", (1,))
    assert rows == ((1, "a"),)
    assert rows.columns == ("id", "program")
    assert store.query("SELECT :x + 1", {"x": 4}) == ((5,),)
    empty = store.query("SELECT id FROM runs WHERE 0")
    assert (empty, empty.columns) == ((), ("id",))
    assert store.query("WITH t(x) AS (VALUES (1), (2)) SELECT sum(x) FROM t") == ((3,),)
    assert store.query("EXPLAIN QUERY PLAN SELECT 1")
    assert len(store.query("SELECT name FROM pragma_table_info('runs')")) > 10


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM runs",
        "UPDATE runs SET app = 'x'",
        "INSERT INTO projects (root, created_at) VALUES ('x', 1)",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t (x)",
        "DROP TABLE runs",
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "DETACH DATABASE main",
        "PRAGMA query_only = OFF",
        "PRAGMA user_version = 7",
        "PRAGMA wal_checkpoint",
        "VACUUM",
        "VACUUM INTO '/tmp/stolen.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT s",
        "SELECT 1; DELETE FROM runs",
        "SELECT load_extension('x')",
        "EXPLAIN DELETE FROM runs",
    ],
)
def test_query_refuses_everything_but_reading(store: Store, statement: str) -> None:
    """By authorizer and query_only; nothing changes, and reading goes on."""
    store.record_run("a", "a", exit_code=0)
    with pytest.raises((QueryRefused, InvalidInput)):
        store.query(statement)
    assert store.query("SELECT count(*) FROM runs") == ((1,),)
    assert not Path("/tmp/stolen.db").exists()


def test_query_has_a_time_limit(store: Store) -> None:
    """An endless statement ends with QueryTimeout, and the connection is good for the next one."""
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    with pytest.raises(QueryTimeout, match="longer than 0.1 s"):
        store.query(endless, timeout=0.1)
    assert store.query("SELECT 1") == ((1,),)


@pytest.mark.parametrize("statement", ["", "   ", "selec 1", "SELECT nothing FROM nowhere", "SELECT $1", "SELECT", 5])
def test_query_that_is_no_statement_is_invalid_input(store: Store, statement: object) -> None:
    """SQLite's words are passed on as a clear error."""
    with pytest.raises(InvalidInput, match="sql"):
        store.query(statement)


def test_query_error_shows_no_secret(store: Store, secret: str) -> None:
    """SQLite quotes the statement in its message; the quote is masked."""
    with pytest.raises(InvalidInput) as caught:
        store.query(f"SELECT 1 FROM x WHERE password='{secret}' AND {secret[:5]}password={secret}")
    assert secret not in str(caught.value)


def test_query_sees_committed_rows_only(store: Store) -> None:
    """A batch that is open is not seen."""
    with store.batch():
        store.record_run("a", "a")
        assert store.query("SELECT count(*) FROM runs") == ((0,),)
    assert store.query("SELECT count(*) FROM runs") == ((1,),)


def test_threads_may_query_at_once(store: Store) -> None:
    """Four threads query one store."""
    from concurrent.futures import ThreadPoolExecutor

    store.record_run("a", "a")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.query("SELECT count(*) FROM runs"), range(100)))
    assert set(found) == {((1,),)}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT hex(zeroblob(400000000))",
        "SELECT zeroblob(1000000000)",
        "SELECT instr(zeroblob(300000000), zeroblob(100000) || x'01')",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT zeroblob(60000000) FROM c",
    ],
)
def test_query_is_bounded_in_memory(store: Store, statement: str) -> None:
    """Huge values and endless rows are refused before they fill the memory."""
    with pytest.raises((QueryRefused, QueryTimeout, InvalidInput)):
        store.query(statement, timeout=60)


@pytest.mark.parametrize("parameters", [(1 << 70,), ("\ud800",), (object(),), {"other": 1}, 5])
def test_query_with_wrong_parameters_is_invalid_input(store: Store, parameters: object) -> None:
    """Never a raw error of the binding."""
    with pytest.raises(InvalidInput, match="sql"):
        store.query("SELECT :name", parameters)


def test_query_takes_comments_and_a_closing_semicolon(store: Store) -> None:
    """Only a second statement is a second statement."""
    assert store.query("/* why */ SELECT 1; -- because") == ((1,),)
    with pytest.raises(InvalidInput, match="SELECT"):
        store.query("-- nothing")


def test_rows_can_be_copied_and_pickled_and_not_changed(store: Store) -> None:
    """They are values."""
    import copy
    import pickle

    rows = store.query("SELECT 1 AS one")
    for twin in (copy.copy(rows), copy.deepcopy(rows), pickle.loads(pickle.dumps(rows))):
        assert (twin, twin.columns) == (rows, ("one",))
    with pytest.raises(AttributeError):
        rows.columns = ("two",)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(store)


def test_closed_store_answers_no_query(path: Path) -> None:
    """Also when it was never asked before."""
    from hstore.errors import StoreClosed

    store = Store.open(path)
    store.close()
    with pytest.raises(StoreClosed):
        store.query("SELECT 1")
