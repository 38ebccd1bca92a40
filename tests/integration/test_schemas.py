"""Cached schemas: read from real SQLite and PostgreSQL databases, all or nothing, and looked up by name."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from hstore import Store
from hstore.errors import InvalidInput, NotFound, Unreachable
from hstore.sealing import new_key

SHOP = """
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'nobody', born DATE);
    CREATE TABLE orders (
        number INTEGER NOT NULL, part INTEGER NOT NULL, customer INTEGER REFERENCES customers ON DELETE CASCADE,
        twice INTEGER AS (part * 2), PRIMARY KEY (number, part)
    );
    CREATE TABLE notes (id INTEGER, number INTEGER, part INTEGER, FOREIGN KEY (number, part) REFERENCES orders (number, part));
    CREATE UNIQUE INDEX customers_name ON customers (name, lower(name)) WHERE born IS NOT NULL;
    CREATE VIEW grown AS SELECT name, born FROM customers;
    CREATE VIEW broken AS SELECT x FROM absent;
    CREATE VIRTUAL TABLE texts USING fts5(body);
    CREATE TABLE "a ""quoted"" näme" ("select" BLOB);
    INSERT INTO customers (name) VALUES ('ann'), ('bob');
"""  # noqa: E501 - one statement, one line


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Another program's SQLite database."""
    path = tmp_path / "shop.db"
    database = apsw.Connection(str(path))
    database.execute(SHOP)
    database.close()
    return path


@pytest.fixture
def cached(store: Store, shop: Path) -> Store:
    """A store that has read it."""
    store.connections.save("shop", "sqlite", str(shop))
    assert store.schemas.refresh("shop") == 7
    return store


def test_sqlite_schema_is_read_as_it_is(cached: Store) -> None:
    """Tables, virtual tables and views, their columns, keys, indexes and rows; nothing of SQLite's own."""
    names = [(each.name, each.kind, each.row_count) for each in cached.schemas.list("shop")]
    assert names == [
        ('a "quoted" näme', "table", 0),
        ("broken", "view", None),
        ("customers", "table", 2),
        ("grown", "view", None),
        ("notes", "table", 0),
        ("orders", "table", 0),
        ("texts", "table", None),
    ]
    customers = cached.schemas.get("shop", "customers")
    assert customers.columns == [
        {"name": "id", "type": "INTEGER", "nullable": False, "default": None, "primary_key": True},
        {"name": "name", "type": "TEXT", "nullable": False, "default": "'nobody'", "primary_key": False},
        {"name": "born", "type": "DATE", "nullable": True, "default": None, "primary_key": False},
    ]
    assert customers.indexes == [
        {"name": "customers_name", "unique": True, "primary": False, "partial": True, "columns": ["name", None]}
    ]
    orders = cached.schemas.get("shop", "orders")
    assert [column["name"] for column in orders.columns] == ["number", "part", "customer", "twice"]
    assert [column["name"] for column in orders.columns if column["primary_key"]] == ["number", "part"]
    assert orders.relationships == [
        {
            "columns": ["customer"],
            "references_schema": "",
            "references_table": "customers",
            "references_columns": [],
            "on_delete": "CASCADE",
            "on_update": "NO ACTION",
        }
    ]
    assert orders.indexes[0]["primary"]
    (pair,) = cached.schemas.get("shop", "notes").relationships
    assert (pair["columns"], pair["references_columns"]) == (["number", "part"], ["number", "part"])
    assert cached.schemas.get("shop", "broken").columns == []
    assert [column["name"] for column in cached.schemas.get("shop", "grown").columns] == ["name", "born"]


def test_reading_notes_the_connection_and_changes_nothing_in_the_file(store: Store, shop: Path) -> None:
    """The time of the last success is there, and the other database is the same, byte for byte."""
    before = shop.read_bytes()
    store.connections.save("shop", "sqlite", str(shop))
    store.schemas.refresh("shop")
    assert shop.read_bytes() == before
    assert sorted(each.name for each in shop.parent.iterdir() if each.name.startswith("shop")) == ["shop.db"]
    assert store.connections.get("shop").last_connected_at is not None


def test_rows_are_counted_by_statistics_or_up_to_a_bound(store: Store, shop: Path) -> None:
    """With ANALYZE its figure; without it small tables are counted, and of a large one nothing is said."""
    from hstore.inspection.sqlite import COUNTED

    database = apsw.Connection(str(shop))
    many = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {COUNTED + 1})"
    database.execute(f"INSERT INTO notes (id) {many} SELECT i FROM n")
    store.connections.save("shop", "sqlite", str(shop))
    database.close()
    store.schemas.refresh("shop")
    assert store.schemas.get("shop", "notes").row_count is None
    assert store.schemas.get("shop", "customers").row_count == 2
    database = apsw.Connection(str(shop))
    database.execute("DELETE FROM customers WHERE name = 'bob'; CREATE INDEX notes_id ON notes (id); ANALYZE")
    database.close()
    store.schemas.refresh("shop")
    assert store.schemas.get("shop", "notes").row_count == COUNTED + 1
    assert store.schemas.get("shop", "customers").row_count == 1


def test_refreshing_replaces_everything_or_nothing(cached: Store, shop: Path) -> None:
    """What is gone from the database is gone from the cache; where it cannot be read, all stays, and the error too."""
    database = apsw.Connection(str(shop))
    database.execute("DROP TABLE notes; DROP TABLE orders; CREATE TABLE fresh (id)")
    database.close()
    assert cached.schemas.refresh("shop") == 6
    assert [each.name for each in cached.schemas.list("shop", kind="table")] == [
        *('a "quoted" näme', "customers", "fresh", "texts"),
    ]
    kept = cached.schemas.list("shop")
    for bad in (b"no database, but long enough to be looked at as one" * 50, None):
        shop.unlink()
        if bad is not None:
            shop.write_bytes(bad)
        with pytest.raises(Unreachable, match="sqlite: "):
            cached.schemas.refresh("shop")
        assert cached.schemas.list("shop") == kept
        assert "shop.db" in str(cached.connections.get("shop").last_error)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks")
def test_file_that_this_process_has_open_is_not_opened_again(store: Store, shop: Path) -> None:
    """Closing it would drop the locks that another library of this process holds: it is refused, with the reason."""
    import fcntl

    store.connections.save("mine", "sqlite", store.path)
    store.connections.save("shop", "sqlite", str(shop))
    with pytest.raises(Unreachable, match="this process has this file open"):
        store.schemas.refresh("mine")
    other = os.open(shop, os.O_RDWR)
    try:
        fcntl.lockf(other, fcntl.LOCK_EX)
        with pytest.raises(Unreachable, match="this process has this file open"):
            store.schemas.refresh("shop")
        done = subprocess.run(
            [sys.executable, "-c", LOCK, str(shop)], capture_output=True, text=True, timeout=60, check=False
        )
        assert "BlockingIOError" in done.stderr, "the lock of the other library is gone"
    finally:
        os.close(other)
    assert store.schemas.refresh("shop") == 7


def test_database_that_another_process_writes_is_read_as_committed(
    store: Store, tmp_path: Path, program: Callable[..., subprocess.Popen[str]]
) -> None:
    """Reading waits for no writer of a WAL, sees nothing of what it has not committed, and does not disturb it."""
    path = tmp_path / "live.db"
    writer = program(WRITER, path)
    assert writer.stdout is not None
    assert writer.stdin is not None
    assert writer.stdout.readline() == "open\n"
    store.connections.save("live", "sqlite", str(path))
    assert store.schemas.refresh("live") == 1
    writer.stdin.write("commit\n")
    writer.stdin.flush()
    assert writer.stdout.readline() == "done\n"
    assert store.schemas.refresh("live") == 2
    assert store.schemas.get("live", "later").row_count == 1


WRITER = """
import apsw, sys
database = apsw.Connection(sys.argv[1])
database.execute("PRAGMA journal_mode = WAL").fetchall()
database.execute("CREATE TABLE first (a)")
database.execute("BEGIN IMMEDIATE; CREATE TABLE later (a); INSERT INTO later VALUES (1)")
print("open", flush=True)
sys.stdin.readline()
database.execute("COMMIT")
print("done", flush=True)
sys.stdin.readline()
"""
LOCK = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def test_path_is_the_one_of_the_file_as_it_is_now(store: Store, tmp_path: Path) -> None:
    """No file, a folder, an empty file: two errors, and a database without tables."""
    store.connections.save("c", "sqlite", str(tmp_path / "nothing.db"))
    with pytest.raises(Unreachable, match="no such file"):
        store.schemas.refresh("c")
    assert not (tmp_path / "nothing.db").exists()
    store.connections.update("c", database=str(tmp_path))
    with pytest.raises(Unreachable, match="a directory"):
        store.schemas.refresh("c")
    (tmp_path / "empty.db").touch()
    store.connections.update("c", database=str(tmp_path / "empty.db"))
    assert store.schemas.refresh("c") == 0


@pytest.mark.parametrize("kind", ["mysql", "sqlserver"])
def test_what_is_not_read_can_be_put(store: Store, kind: str) -> None:
    """Refreshing says so; a host that reads it by itself gives it to `put`."""
    store.connections.save("c", kind, "d")
    with pytest.raises(InvalidInput, match=r"schemas\.put"):
        store.schemas.refresh("c")
    count = store.schemas.put(
        "c",
        [
            {"name": "b", "schema": "s", "columns": [{"name": "id"}], "row_count": 3},
            {"name": "a", "schema": "s", "kind": "view"},
            {"name": "a", "schema": "t", "kind": "stored_procedure", "indexes": [], "relationships": []},
        ],
    )
    assert count == 3
    assert [(each.schema, each.name, each.kind) for each in store.schemas.list("c")] == [
        *(("s", "a", "view"), ("s", "b", "table"), ("t", "a", "stored_procedure")),
    ]
    assert store.schemas.get("c", "b").columns == [{"name": "id"}]
    assert store.schemas.get("c", "a", "t").kind == "stored_procedure"
    with pytest.raises(InvalidInput, match="^schema: several"):
        store.schemas.get("c", "a")
    with pytest.raises(NotFound, match="^table: "):
        store.schemas.get("c", "c")
    with pytest.raises(NotFound, match="^table: "):
        store.schemas.get("c", "b", "t")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("text", "^tables: several"),
        (7, "^tables: several"),
        ({"name": "a"}, "^tables: several"),
        ([{"name": "a"}, "b"], r"^tables\[1\]: a dict"),
        ([{"name": "a"}, {}], r"^tables\[1\]: name: empty"),
        ([{"name": "a"}, {"name": "b", "more": 1}], r"^tables\[1\]: a dict with"),
        ([{"name": "a"}, {"name": "b", "kind": "index"}], r"^tables\[1\]: kind"),
        ([{"name": "a"}, {"name": "b", "columns": {"id": 1}}], r"^tables\[1\]: columns"),
        ([{"name": "a"}, {"name": "b", "columns": [{"x": {1}}]}], r"^tables\[1\]: columns"),
        ([{"name": "a"}, {"name": "b", "row_count": -1}], r"^tables\[1\]: row_count"),
        ([{"name": "a"}, {"name": "b", "row_count": 1.5}], r"^tables\[1\]: row_count"),
        ([{"name": "a"}, {"name": "b", "schema": None}], r"^tables\[1\]: schema"),
        ([{"name": "a"}, {"name": "a", "schema": ""}], r"^tables\[1\]: name: the same"),
    ],
)
def test_wrong_tables_change_nothing(store: Store, tables: Any, said: str) -> None:
    """The message says which one and which field; what was cached stays."""
    store.connections.save("c", "mysql", "d")
    store.schemas.put("c", [{"name": "kept"}])
    with pytest.raises(InvalidInput, match=said):
        store.schemas.put("c", tables)
    assert [each.name for each in store.schemas.list("c")] == ["kept"]


def test_names_that_are_masked_alike_stay_two(store: Store) -> None:
    """Two tables whose names hold secrets are two tables still."""
    names = ["gh" + "p_" + secrets.token_hex(18) for _ in range(2)]
    store.connections.save("c", "mysql", "d")
    store.schemas.put("c", [{"name": name} for name in names])
    assert sorted(each.name for each in store.schemas.list("c")) == ["[masked:github-pat]", "[masked:github-pat] (2)"]


def test_schemas_go_with_their_connection(cached: Store) -> None:
    """Deleting the connection deletes what was cached of it, and nothing of others."""
    cached.connections.save("other", "mysql", "d")
    cached.schemas.put("other", [{"name": "a"}])
    cached.connections.delete("shop")
    assert [each.name for each in cached.schemas.list()] == ["a"]
    with pytest.raises(NotFound):
        cached.schemas.list("shop")
    with pytest.raises(NotFound):
        cached.schemas.refresh("shop")


def test_listing_pages_through_thousands(store: Store) -> None:
    """Pages together are the whole, in the order of schema and name."""
    store.connections.save("c", "mysql", "d")
    store.schemas.put("c", [{"name": f"t{number:04}"} for number in range(2500)])
    found, after = [], None
    while page := store.schemas.list("c", limit=400, after=after):
        found += [each.name for each in page]
        after = page[-1].id
    assert found == [f"t{number:04}" for number in range(2500)]
    assert len(store.schemas.list("c", kind="view")) == 0


def test_table_is_found_in_every_connection(store: Store) -> None:
    """By its name alone, whichever connection and schema it is of; filters narrow."""
    for name in ("one", "two"):
        store.connections.save(name, "mysql", "d")
        store.schemas.put(name, [{"name": "orders"}, {"name": "orders", "schema": "old"}, {"name": "customers"}])
    assert len(store.schemas.list(table="orders")) == 4
    assert {found.name for found in store.schemas.list(table="orders")} == {"orders"}
    (found,) = store.schemas.list("two", table="orders", schema="old")
    assert (found.connection, found.schema) == (store.connections.get("two").id, "old")
    assert store.schemas.list(table="nothing") == []


# --- PostgreSQL ------------------------------------------------------------------------------------------------------

WAREHOUSE = """
    CREATE SCHEMA "Stock";
    CREATE TABLE public.customers (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(30) NOT NULL DEFAULT 'nobody',
        price numeric(8, 2), tags text[]
    );
    CREATE TABLE "Stock".items (
        a int, b int, customer bigint REFERENCES public.customers ON DELETE CASCADE ON UPDATE SET NULL,
        gone int, PRIMARY KEY (b, a)
    );
    ALTER TABLE "Stock".items DROP COLUMN gone;
    CREATE UNIQUE INDEX named ON public.customers (lower(name)) INCLUDE (price) WHERE price > 0;
    CREATE VIEW public.rich AS SELECT name FROM public.customers WHERE price > 100;
    CREATE MATERIALIZED VIEW public.counted AS SELECT count(*) AS n FROM public.customers;
    CREATE TABLE public.parts (at date) PARTITION BY RANGE (at);
    CREATE FUNCTION public.add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';
    CREATE FUNCTION public.add(a text, OUT found text) LANGUAGE sql AS 'SELECT a';
    CREATE PROCEDURE "Stock".tidy() LANGUAGE sql AS 'DELETE FROM "Stock".items';
    INSERT INTO public.customers (name) SELECT 'n' || i FROM generate_series(1, 500) AS i;
    ANALYZE public.customers;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    """A PostgreSQL server in a temporary folder, on a socket there, with a password made for it."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])
    initdb, postgres = shutil.which("initdb", path=places), shutil.which("postgres", path=places)
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL server (initdb, postgres) is installed")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    user: dict[str, Any] = {"user": "nobody"} if as_root else {}  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="hstore-pg-"))
    try:
        password = secrets.token_urlsafe(18)
        (folder / "password").write_text(password)
        if as_root:
            for each in (folder, folder / "password"):
                shutil.chown(each, "nobody")
        data = folder / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", "ann", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8",
             "--no-sync", "--locale=C"],
            check=True, capture_output=True, cwd=folder, timeout=120, **user,
        )  # fmt: skip
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        running = subprocess.Popen(
            [postgres, "-D", data, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **user
        )
        try:
            yield {"host": str(folder), "port": 5432, "username": "ann", "password": password, "database": "postgres"}
        finally:
            running.terminate()
            running.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def warehouse(server: dict[str, Any]) -> dict[str, Any]:
    """The server once it answers, with something in it."""
    import time

    import psycopg

    end = time.monotonic() + 60
    while True:
        try:
            given = {"user": server["username"], "dbname": server["database"]}
            with psycopg.connect(
                host=server["host"], port=server["port"], password=server["password"], autocommit=True, **given
            ) as connection:
                connection.execute(WAREHOUSE)
                return server
        except psycopg.OperationalError:
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)


@pytest.fixture
def keyed(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with a key."""
    monkeypatch.setenv("HSTORE_KEY", new_key())
    with Store.open(path) as store:
        yield store


def test_postgresql_schema_is_read_as_it_is(keyed: Store, warehouse: dict[str, Any]) -> None:
    """Tables, views and procedures of all schemas, with the sealed password, which the audit log notes."""
    keyed.connections.save("stock", "postgresql", **warehouse)
    assert keyed.schemas.refresh("stock") == 8
    listed = [(each.schema, each.name, each.kind, each.row_count) for each in keyed.schemas.list("stock")]
    assert listed == [
        ("Stock", "items", "table", None),
        ("Stock", "tidy()", "stored_procedure", None),
        ("public", "add(a integer, b integer)", "stored_procedure", None),
        ("public", "add(a text, OUT found text)", "stored_procedure", None),
        ("public", "counted", "view", None),
        ("public", "customers", "table", 500),
        ("public", "parts", "table", None),
        ("public", "rich", "view", None),
    ]
    customers = keyed.schemas.get("stock", "customers")
    assert [tuple(column.values()) for column in customers.columns] == [
        ("id", "bigint", False, None, True),
        ("name", "character varying(30)", False, "'nobody'::character varying", False),
        ("price", "numeric(8,2)", True, None, False),
        ("tags", "text[]", True, None, False),
    ]
    assert customers.indexes == [
        {
            "name": "customers_pkey",
            "unique": True,
            "primary": True,
            "partial": False,
            "method": "btree",
            "columns": ["id"],
        },
        {
            "name": "named",
            "unique": True,
            "primary": False,
            "partial": True,
            "method": "btree",
            "columns": ["lower(name::text)"],
        },
    ]
    items = keyed.schemas.get("stock", "items")
    assert [column["name"] for column in items.columns] == ["a", "b", "customer"]
    assert items.relationships == [
        {
            "name": "items_customer_fkey",
            "columns": ["customer"],
            "references_schema": "public",
            "references_table": "customers",
            "references_columns": ["id"],
            "on_delete": "CASCADE",
            "on_update": "SET NULL",
        }
    ]
    assert items.indexes[0]["columns"] == ["b", "a"]
    assert keyed.schemas.get("stock", "add(a integer, b integer)").columns == [
        {"name": "a", "type": "integer", "mode": "in"},
        {"name": "b", "type": "integer", "mode": "in"},
        {"name": "", "type": "integer", "mode": "result"},
    ]
    assert [entry.event for entry in keyed.audit.list()] == ["connection.password"]
    assert keyed.connections.get("stock").last_error is None


def test_what_postgresql_refuses_is_said_without_the_password(keyed: Store, warehouse: dict[str, Any]) -> None:
    """A wrong password, database, host or option: Unreachable, kept at the connection, and what was cached stays."""
    keyed.connections.save("stock", "postgresql", **warehouse)
    keyed.schemas.refresh("stock")
    wrong = secrets.token_urlsafe(18)
    for change, said in (
        ({"password": wrong}, "password authentication failed"),
        ({"password": warehouse["password"], "database": "nothing"}, "does not exist"),
        ({"database": "postgres", "host": "/nowhere"}, "connection"),
        ({"host": warehouse["host"], "options": {"no_such_option": "x"}}, "no_such_option"),
        ({"options": {"connect_timeout": [1]}}, "texts and numbers"),
    ):
        keyed.connections.update("stock", **change)
        with pytest.raises(Unreachable, match=said) as caught:
            keyed.schemas.refresh("stock")
        kept = keyed.connections.get("stock").last_error
        assert kept == str(caught.value)
        assert wrong not in kept
        assert warehouse["password"] not in kept
    assert len(keyed.schemas.list("stock")) == 8
    keyed.connections.update("stock", options={"connect_timeout": 5}, ssl={"sslmode": "disable"})
    assert keyed.schemas.refresh("stock") == 8


def test_password_that_a_driver_quotes_is_not_shown(keyed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in what is raised nor in what is kept; one of three letters would stand in every word."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    for password, shown in (("tulip-season", "no way with [masked:password]"), ("way", "no way with way")):

        def refuse(*_: object, said: str = f"no way with {password}", **__: object) -> None:
            raise psycopg.OperationalError(said)

        monkeypatch.setattr(psycopg, "connect", refuse)
        keyed.connections.save(password, "postgresql", "d", password=password)
        with pytest.raises(Unreachable) as caught:
            keyed.schemas.refresh(password)
        assert str(caught.value) == keyed.connections.get(password).last_error == f"postgresql: {shown}"


def test_without_psycopg_the_error_names_the_extra(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and the command that brings it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    store.connections.save("stock", "postgresql", "d")
    with pytest.raises(Unreachable, match=r"hstore\[postgresql\]"):
        store.schemas.refresh("stock")
