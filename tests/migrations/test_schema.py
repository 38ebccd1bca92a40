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
        assert [entry.event for entry in store.audit.list()] == ["past.written"]
        assert [reference.title for reference in store.wiki.list()] == ["Past"]
        assert [step.name for step in store.runs.steps(run.id)] == ["build"]
    assert schema_of(path) == SCHEMA.read_text()


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


def test_every_sql_constant_prepares_against_the_schema(store: Store) -> None:
    """Each named statement of domains and engine is understood by the schema that the migrations build."""
    import importlib
    import pkgutil

    import hstore.domains
    import hstore.engine

    found = 0
    for package in (hstore.domains, hstore.engine):
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
