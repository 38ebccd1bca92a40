"""The schema of a PostgreSQL database, by the `psycopg` package: one read-only transaction over its catalogues.

https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

from hstore.errors import Unreachable
from hstore.sealing import without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.models.connections import SavedConnection

CONNECT_TIMEOUT = 10
"""Seconds to wait for the server, unless the connection's options say otherwise."""
LONGEST = 200
"""Characters of a procedure's name with its arguments; of a longer one its number in the catalogue stands behind."""
SETTINGS = "SET statement_timeout = '60s'"

OBJECTS = """
    SELECT c.oid, n.nspname, c.relname, c.relkind IN ('v', 'm'),
           CASE WHEN c.relkind IN ('r', 'p', 'm') AND c.reltuples >= 0 THEN c.reltuples::bigint END
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname !~ '^pg_(toast|temp)'
    ORDER BY n.nspname, c.relname
"""
COLUMNS = """
    SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
           pg_catalog.pg_get_expr(d.adbin, d.adrelid), i.indexrelid IS NOT NULL
    FROM pg_catalog.pg_attribute AS a
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY (%s)
    ORDER BY a.attrelid, a.attnum
"""
FOREIGN_KEYS = """
    SELECT k.conrelid, k.conname,
           (SELECT pg_catalog.array_agg(a.attname ORDER BY p.place)
            FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS p (number, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = p.number),
           n.nspname, c.relname,
           (SELECT pg_catalog.array_agg(a.attname ORDER BY p.place)
            FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS p (number, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = p.number),
           k.confdeltype, k.confupdtype
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conrelid = ANY (%s)
    ORDER BY k.conrelid, k.conname
"""
INDEXES = """
    SELECT i.indrelid, c.relname, i.indisunique, i.indisprimary, i.indpred IS NOT NULL, m.amname,
           (SELECT pg_catalog.array_agg(pg_catalog.pg_get_indexdef(i.indexrelid, p.place, true) ORDER BY p.place)
            FROM pg_catalog.generate_series(1, i.indnkeyatts::int) AS p (place))
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
    WHERE i.indrelid = ANY (%s)
    ORDER BY i.indrelid, c.relname
"""
PROCEDURES = """
    SELECT p.oid, n.nspname, p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
           p.proargnames, p.proargmodes::text[],
           (SELECT pg_catalog.array_agg(pg_catalog.format_type(t.type, NULL) ORDER BY t.place)
            FROM pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
            WITH ORDINALITY AS t (type, place)),
           pg_catalog.pg_get_function_result(p.oid)
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname !~ '^pg_(toast|temp)'
      AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d
                      WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    ORDER BY n.nspname, 3
"""
ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
MODES = {"i": "in", "o": "out", "b": "inout", "v": "variadic", "t": "table"}


def objects(saved: SavedConnection, password: str | None) -> list[dict[str, Any]]:
    """Tables, views, and procedures (functions too, but for those of extensions) of all schemas but PostgreSQL's own.

    Raises:
        Unreachable: `psycopg` is missing, the server refuses, or a statement fails.
    """
    try:
        import psycopg
        from psycopg.conninfo import make_conninfo
    except ImportError:
        raise Unreachable(
            "postgresql: the package `psycopg` is not installed; `pip install 'hstore[postgresql]'` brings it"
        ) from None
    try:
        with psycopg.connect(make_conninfo(**_parameters(saved, password)), autocommit=False) as server:
            server.read_only = True
            server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            server.execute(SETTINGS)
            return [*_relations(server), *(_procedure(row) for row in server.execute(PROCEDURES).fetchall())]
    except psycopg.Error as failure:
        raise Unreachable(f"postgresql: {_said(failure, password)}") from None


def _parameters(saved: SavedConnection, password: str | None) -> dict[str, Any]:
    """What libpq is told, by its own names of parameters."""
    given = {
        "connect_timeout": CONNECT_TIMEOUT,
        **saved.options,
        **saved.ssl,
        "host": saved.host,
        "port": saved.port,
        "dbname": saved.database,
        "user": saved.username,
        "password": password,
        "client_encoding": "UTF8",
    }
    wrong = [name for name, value in given.items() if not isinstance(value, (str, int, float, type(None)))]
    if wrong:
        raise Unreachable("postgresql: the values of ssl and options are texts and numbers, as libpq takes them")
    return {name: value for name, value in given.items() if value is not None}


def _said(failure: Exception, password: str | None) -> str:
    text = " ".join(str(failure).split()) or type(failure).__name__
    return without(password, text) if password else text


def _relations(server: Any) -> list[dict[str, Any]]:
    found = {
        number: {
            "schema": schema,
            "name": name,
            "kind": "view" if is_view else "table",
            "columns": [],
            "relationships": [],
            "indexes": [],
            "row_count": count,
        }
        for number, schema, name, is_view, count in server.execute(OBJECTS).fetchall()
    }
    numbers = (list(found),)
    for number, *column in server.execute(COLUMNS, numbers).fetchall():
        found[number]["columns"].append(
            dict(zip(("name", "type", "nullable", "default", "primary_key"), column, strict=True))
        )
    for number, *key in server.execute(FOREIGN_KEYS, numbers).fetchall():
        found[number]["relationships"].append(_relationship(key))
    for number, *index in server.execute(INDEXES, numbers).fetchall():
        names = ("name", "unique", "primary", "partial", "method", "columns")
        found[number]["indexes"].append(dict(zip(names, index, strict=True)))
    return list(found.values())


def _relationship(key: list[Any]) -> dict[str, Any]:
    name, columns, schema, table, referenced, on_delete, on_update = key
    return {
        "name": name,
        "columns": columns,
        "references_schema": schema,
        "references_table": table,
        "references_columns": referenced,
        "on_delete": ACTIONS.get(_letter(on_delete)),
        "on_update": ACTIONS.get(_letter(on_update)),
    }


def _procedure(row: tuple[Any, ...]) -> dict[str, Any]:
    number, schema, signature, names, modes, types, result = row
    if len(signature) > LONGEST:
        signature = f"{signature[:LONGEST]}… #{number}"
    columns = [
        {
            "name": names[at] if names else "",
            "type": kind,
            "mode": MODES.get(modes[at]) if modes else "in",
        }
        for at, kind in enumerate(types or ())
    ]
    if result is not None:
        columns.append({"name": "", "type": result, "mode": "result"})
    return {"schema": schema, "name": signature, "kind": "stored_procedure", "columns": columns}


def _letter(code: Any) -> str:
    """PostgreSQL's one-byte type comes as bytes or as text, by the version of psycopg."""
    return code.decode() if isinstance(code, bytes) else str(code)
