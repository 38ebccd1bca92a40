"""Migrations: the schema they build, files of the past, and refusals."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import apsw
import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.engine import Connection, migrations, open_writer
from hstore.errors import HstoreError, MigrationError

HERE = Path(__file__).parent
SCHEMA = HERE / "schema.sql"
PAST = sorted((HERE / "past").glob("*.db"))


def schema_of(path: Path | str) -> str:
    connection = apsw.Connection(str(path))
    rows = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' ORDER BY type DESC, name"
    ).fetchall()
    connection.close()
    return ";\n\n".join(row[0] for row in rows) + ";\n"


def write(folder: Path, **files: str) -> str:
    """A folder of migrations, as `_0001_a='…'`."""
    folder.mkdir(exist_ok=True)
    for name, sql in files.items():
        (folder / f"{name[1:]}.sql").write_text(sql)
    return str(folder)


@pytest.fixture
def own_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped migrations, in place of them, to be tampered with."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder)
    monkeypatch.setattr(migrations, "FOLDER", str(folder))
    return folder


def test_all_migrations_build_the_committed_schema(path: Path) -> None:
    """A change of the schema shows in review: schema.sql is what the migrations make."""
    Store.open(path).close()
    assert schema_of(path) == SCHEMA.read_text()


@pytest.mark.parametrize("past", PAST, ids=lambda past: past.stem)
def test_file_of_every_past_schema_opens_migrates_and_reads_back(past: Path, tmp_path: Path) -> None:
    """A file written by an earlier version has all its content after migration."""
    path = tmp_path / "project.db"
    shutil.copy(past, path)
    with Store.open(path) as store:
        assert store.schema_version == len(migrations.load())
        run = store.runs.latest()
        assert run is not None
        assert (run.app, run.argv, run.status) == ("pytest", ("pytest", "-q"), "ok")
        (artifact,) = store.artifacts.list(run=run.id)
        assert store.read_artifact(artifact.id) == b"a line of the past\n" * 500
        assert store.recall("past") == {"schema": 1}
        assert store.sessions.context("past") == {"key": "value"}
        assert len(store.audit.list(event="past.written")) == 1
        assert [reference.title for reference in store.wiki.list()] == ["Past"]
        assert [step.name for step in store.runs.steps(run.id)] == ["build"]
        if past.stem >= "0005":
            assert_hosts_kept(store)
    assert schema_of(path) == SCHEMA.read_text()


def assert_hosts_kept(store: Store) -> None:
    """What make_past.py writes for hosts reads back."""
    assert store.devices.get("past").capabilities == {"voice": False}
    assert store.agents.get("past").name == "Past"
    assert [past.value for past in store.memory.history("past")] == [{"schema": 5}, {"schema": 1}]
    (execution,) = store.tool_executions.list(device="past")
    assert (execution.tool, execution.duration, execution.session) == ("open", 0.25, "past")
    assert store.sessions.get("past").tool_execution_count == 1
    (event,) = store.events.unresolved()
    assert event.data == {"free": 1}
    (first, then) = store.conversations.thread(1)
    assert (first.question, then.depth) == ("Why?", 1)
    (related,) = store.knowledge.related("one")
    assert (related.item.title, related.strength) == ("other", 0.75)
    assert [policy.subject for policy in store.retention.list()] == ["metrics"]


def test_there_is_a_file_of_every_past_schema() -> None:
    """One fixture for each migration."""
    assert len(PAST) == len(migrations.load())


def test_version_name_hash_and_time_of_each_are_in_the_file(store: Store) -> None:
    """schema_migrations and meta say what was applied, when and by which version."""
    from hstore.version import VERSION

    states = store.migrations()
    assert (states[0].version, states[0].name) == (1, "core")
    assert all(len(state.sha256) == 64 and state.applied_at is not None for state in states)
    ((version, app, identity, created),) = store.query(
        "SELECT schema_version, app_version, store_id, created_at FROM meta"
    )
    assert (version, app, identity) == (len(states), VERSION, store.store_id)
    assert created <= states[0].applied_at.timestamp() * 1_000_000 + 1
    import uuid

    assert uuid.UUID(store.store_id).version == 4


def test_new_migration_is_applied_at_open(path: Path, own_migrations: Path) -> None:
    """A store made by an older version is migrated when it is opened for writing, and refused for reading before."""
    Store.open(path).close()
    next_one = len(migrations.load()) + 1
    write(own_migrations, **{f"_{next_one:04}_more": "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT"})
    with pytest.raises(MigrationError, match="db migrate"):
        Store.open(path, readonly=True)
    assert [check.status for check in examine(path).checks if check.name == "schema"] == ["warn"]
    with Store.open(path) as store:
        assert [migration.name for migration in store.migrated] == ["more"]
        assert store.schema_version == next_one
        assert store.query("SELECT count(*) FROM more") == ((0,),)


def test_altered_migration_is_refused(path: Path, own_migrations: Path) -> None:
    """One changed byte of a migration that was applied: refused, for writing and reading."""
    Store.open(path).close()
    file = own_migrations / "0001_core.sql"
    file.write_text(file.read_text() + "-- one more comment\n")
    for readonly in (False, True):
        with pytest.raises(MigrationError, match="0001_core was altered"):
            Store.open(path, readonly=readonly)
    assert not examine(path).ok


def test_renamed_or_missing_record_is_refused(path: Path) -> None:
    """The list in the file must be complete and with the right names and hashes."""
    for damage in (
        "UPDATE schema_migrations SET name = 'other'",
        "UPDATE schema_migrations SET sha256 = 'x'",
        "DELETE FROM schema_migrations",
    ):
        Store.open(path).close()
        connection = apsw.Connection(str(path))
        connection.execute(damage)
        connection.close()
        with pytest.raises(MigrationError):
            Store.open(path)
        path.unlink()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"_0002_b": "SELECT 1"},
        {"_0001_a": "SELECT 1", "_0003_c": "SELECT 1"},
        {"_0001_a": "SELECT 1", "_0001_b": "SELECT 1"},
        {"_first": "SELECT 1"},
    ],
)
def test_folder_with_a_missing_or_misnamed_migration_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    """Gaps, doubles and wrong names are an error of the installation."""
    with pytest.raises(MigrationError):
        migrations.load(write(tmp_path / "m", **files))


def test_failing_migration_changes_nothing(path: Path, own_migrations: Path) -> None:
    """All due migrations are one transaction: the file stays at the version it had, and opens again."""
    Store.open(path).close()
    next_one = len(migrations.load()) + 1
    bad = write(
        own_migrations,
        **{
            f"_{next_one:04}_good": "CREATE TABLE good (id INTEGER PRIMARY KEY) STRICT",
            f"_{next_one + 1:04}_bad": "CREATE TABLE worse (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE nonsense",
        },
    )
    with pytest.raises(HstoreError, match=f"{next_one + 1:04}_bad was not applied"):
        Store.open(path)
    Path(bad, f"{next_one + 1:04}_bad.sql").unlink()
    Path(bad, f"{next_one:04}_good.sql").unlink()
    with Store.open(path) as store:
        assert store.schema_version == next_one - 1
        assert schema_of(path) == SCHEMA.read_text()


def test_error_of_a_migration_that_sqlite_rolled_back_is_told(path: Path, own_migrations: Path) -> None:
    """As after an I/O error: the error is the migration's, not that the transaction is gone."""
    Store.open(path).close()
    number = len(migrations.load()) + 1
    write(own_migrations, **{f"_{number:04}_bad": "ROLLBACK; CREATE TABLE nonsense"})
    with pytest.raises(HstoreError, match=f"{number:04}_bad was not applied: .*incomplete input"):
        Store.open(path)


CHOICES = {
    ("runs", "status"): {"running", "ok", "failed", "killed", "lost"},
    ("run_steps", "status"): {"running", "ok", "failed", "skipped"},
    ("artifacts", "kind"): {"log", "file", "note"},
    ("audit_log", "level"): {"debug", "info", "warning", "error"},
    ("memory", "scope"): {"global", "device", "session", "project"},
}
ROWS = {
    "runs": {"project_id": 1, "app": "a", "cmdline": "a", "started_at": 1},
    "run_steps": {"run_id": 1, "name": "a", "started_at": 1},
    "artifacts": {"run_id": 1, "created_at": 1},
    "audit_log": {"at": 1, "event": "a"},
    "memory": {"owner": "", "key": "a", "value": "1", "tags": "[]", "created_at": 1, "updated_at": 1},
}


def add(raw: apsw.Connection, table: str, row: dict[str, object]) -> None:
    """Insert a row and undo it again; ConstraintError if it is refused."""
    columns, values = ", ".join(row), ", ".join("?" * len(row))
    raw.execute("BEGIN")
    try:
        raw.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", tuple(row.values()))
    finally:
        raw.execute("ROLLBACK")


@pytest.mark.parametrize("past", [None, *PAST], ids=lambda past: past.stem if past else "new")
def test_enumerated_columns_take_what_is_listed_and_nothing_else(past: Path | None, path: Path) -> None:
    """In a new file and in one of each past schema, also for who only opens it afterwards."""
    if past is not None:
        shutil.copy(past, path)
    with Store.open(path) as store:
        store.record_run("a", "a", exit_code=0)
    raw = apsw.Connection(str(path))
    for (table, column), choices in CHOICES.items():
        others = ROWS[table]
        for choice in sorted(choices):
            add(raw, table, {**others, column: choice})
        every = set().union(*CHOICES.values())
        for wrong in (*sorted(every - choices), "", "OK", sorted(choices)[0] + " ", None):
            with pytest.raises(apsw.ConstraintError, match="CHECK|NOT NULL"):
                add(raw, table, {**others, column: wrong})
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()


@pytest.mark.parametrize("past", PAST, ids=lambda past: past.stem)
def test_connection_that_migrated_cannot_write_the_schema_afterwards(past: Path, path: Path) -> None:
    """`writable_schema` and the lifted defence were for the migration alone."""
    shutil.copy(past, path)
    with Store.open(path) as store:
        raw = store._connection._raw
        assert raw is not None
        assert raw.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1
        assert raw.execute("PRAGMA writable_schema").fetchall() == [(0,)]
        raw.execute("PRAGMA writable_schema = ON")
        with pytest.raises(apsw.SQLError, match="may not be modified"):
            raw.execute("UPDATE sqlite_schema SET sql = sql")


@pytest.mark.parametrize("past", PAST, ids=lambda past: past.stem)
def test_connection_that_was_open_before_goes_on(past: Path, path: Path) -> None:
    """A program of the earlier version that has the file open writes and reads while a later one migrates it."""
    shutil.copy(past, path)
    earlier = apsw.Connection(str(path))
    row = {**ROWS["runs"], "status": "ok"}
    add(earlier, "runs", row)
    with Store.open(path) as store:
        add(earlier, "runs", row)
        with pytest.raises(apsw.ConstraintError):
            add(earlier, "runs", {**row, "status": "wrong"})
        number = store.record_run("later", "later", exit_code=0)
        assert earlier.execute("SELECT app FROM runs WHERE id = ?", (number,)).fetchall() == [("later",)]
    earlier.close()


KILLED = """
import os, sys
from hstore import Store
from hstore.engine import migrations
left = int(sys.argv[2])
def counted(step):
    def call(*given):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)
        return step(*given)
    return call
from hstore.engine.connection import Connection
Connection.using, Connection.write = counted(Connection.using), counted(Connection.write)
Store.open(sys.argv[1]).close()
"""


def test_migration_that_is_killed_at_any_step_is_done_at_the_next_open(tmp_path: Path, program) -> None:
    """The file has the old schema or the new one, whole, and nothing of what it held is missing."""
    for step in range(1, 100):
        path = tmp_path / f"{step}.db"
        shutil.copy(PAST[0], path)
        process = program(KILLED, path, step)
        _, said = process.communicate()
        ended = process.returncode
        assert ended in (0, -9), said
        with Store.open(path) as store:
            assert store.runs.list()
            assert store._connection.value("PRAGMA integrity_check") == "ok"
        assert schema_of(path) == SCHEMA.read_text()
        if ended == 0:
            break
    assert step > 10


def test_every_sql_constant_prepares_against_the_schema(store: Store) -> None:
    """Each named statement of domains and engine is understood by the schema that the migrations build."""
    import importlib
    import pkgutil

    import hstore.domains
    import hstore.engine
    import hstore.retention

    found = 0
    for package in (hstore.domains, hstore.engine, hstore.retention):
        for module_info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            module = importlib.import_module(module_info.name)
            for name, value in vars(module).items():
                if name.isupper() and isinstance(value, str) and value.split()[:1]:
                    verb = value.split()[0]
                    if verb in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
                        store._connection.rows(
                            "EXPLAIN " + value, (None,) * max(map(int, re.findall(r"\$(\d+)", value)), default=0)
                        )
                        found += 1
    assert found > 40


def test_engine_works_without_any_domain(tmp_path: Path) -> None:
    """The engine opens, migrates and writes by itself: it knows no domain."""
    opened = open_writer(str(tmp_path / "x.db"), create=True, durability="normal", timeout=1.0, app_version="test")
    assert isinstance(opened.connection, Connection)
    assert opened.created
    opened.connection.close()
