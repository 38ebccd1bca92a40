"""hstore, and what SQLite's own bindings do with the same rows, for compare_worker.py.

The peers' table has eight columns, the id among them, and one index; WAL and `synchronous = NORMAL` as hstore has them.
`apsw, hstore's table` is APSW with hstore's own schema instead: what the richer table costs without hstore.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

from compare_worker import Engine

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")
TABLE = """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, app TEXT NOT NULL, cmdline TEXT NOT NULL, cwd TEXT, started_at INTEGER NOT NULL,
        duration INTEGER, exit_code INTEGER, status TEXT NOT NULL
    )
"""
INDEX = "CREATE INDEX runs_started ON runs (started_at)"
INSERT = """
    INSERT INTO runs (app, cmdline, cwd, started_at, duration, exit_code, status) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
INSERT_WHOLE = """
    INSERT INTO runs (key, project_id, session_id, name, app, cmdline, argv, cwd, git_sha, config_hash, pid, owner,
                      started_at, finished_at, duration, exit_code, signal, status)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
MEMORY = "CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at INTEGER)"
REMEMBER = """
    INSERT INTO memory (key, value, updated_at) VALUES (?, ?, 0)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
"""
HOLDING = "SELECT count(*) FROM runs WHERE instr(cmdline, ?) > 0"
RECALL = "SELECT value FROM memory WHERE key = ?"


def status(code: int) -> str:
    """As hstore names it."""
    return "failed" if code else "ok"


def as_columns(row: list[Any]) -> tuple[Any, ...]:
    """A row of the peers' table: times in microseconds."""
    app, line, folder, start, duration, code = row
    return (app, line, folder, int(start * 1e6), int(duration * 1e6), code, status(code))


def as_whole_row(row: list[Any]) -> tuple[Any, ...]:
    """A row of hstore's table."""
    app, line, folder, start, duration, code = row
    begin, length = int(start * 1e6), int(duration * 1e6)
    before = (None, 1, None, None, app, line, None, folder, None, None, None, None)
    return (*before, begin, begin + length, length, code, None, status(code))


class Hstore(Engine):
    """This project, as a user calls it: mappings and arguments, masking on with three registered values."""

    labels: ClassVar[dict[str, str]] = {
        "bulk": "record_runs", "loop": "record_run in a batch", "single": "record_run", "remember": "remember",
        "recall": "recall",
    }  # fmt: skip

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        names = ("app", "cmdline", "cwd", "started_at", "duration", "exit_code")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def open(self, path: str) -> None:
        from hstore import Store

        self.store = Store.open(path, values=self.values)
        self.record, self.save, self.fetch = self.store.record_run, self.store.remember, self.store.recall

    def close(self) -> None:
        self.store.close()

    def bulk(self, rows: list[Any]) -> None:
        self.store.record_runs(rows)

    def loop(self, rows: list[Any]) -> None:
        record = self.record
        with self.store.batch():
            for row in rows:
                record(**row)

    def single(self, row: Any) -> None:
        self.record(**row)

    def remember(self, key: str, value: Any) -> None:
        self.save(key, value)

    def recall(self, key: str) -> Any:
        return self.fetch(key)

    def proof(self) -> str:
        """That no registered value came through.

        Raises:
            RuntimeError: one did.
        """
        counts = [self.store.query(HOLDING, (text,))[0][0] for text in (*self.values, "[masked")]
        if any(counts[:-1]):
            raise RuntimeError("a registered value is in the file: masking was off")
        total = self.store.query(HOLDING, ("",))[0][0]
        return f"{counts[-1]:,} of {total:,} command lines with marks"


class Apsw(Engine):
    """APSW alone, the table of eight columns."""

    labels: ClassVar[dict[str, str]] = {
        "bulk": "executemany", "loop": "execute", "single": "execute, autocommit", "begun": "BEGIN, execute, COMMIT",
        "remember": "upsert with JSON", "recall": "get with JSON",
    }  # fmt: skip
    insert = INSERT

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        return [as_columns(row) for row in rows]

    def open(self, path: str) -> None:
        import apsw

        self.connection = apsw.Connection(path)
        self.execute, self.executemany = self.connection.execute, self.connection.executemany
        for statement in (*SETTINGS, *self.schema()):
            self.execute(statement).fetchall()

    def schema(self) -> tuple[str, ...]:
        """What makes the tables."""
        return (TABLE, INDEX, MEMORY)

    def close(self) -> None:
        self.connection.close()

    def bulk(self, rows: list[Any]) -> None:
        self.execute("BEGIN IMMEDIATE")
        self.executemany(self.insert, rows)
        self.execute("COMMIT")

    def loop(self, rows: list[Any]) -> None:
        execute, insert = self.execute, self.insert
        execute("BEGIN IMMEDIATE")
        for row in rows:
            execute(insert, row)
        execute("COMMIT")

    def single(self, row: Any) -> None:
        self.execute(self.insert, row)

    def begun(self, row: Any) -> None:
        execute = self.execute
        execute("BEGIN IMMEDIATE")
        execute(self.insert, row)
        execute("COMMIT")

    def remember(self, key: str, value: Any) -> None:
        self.execute(REMEMBER, (key, json.dumps(value)))

    def recall(self, key: str) -> Any:
        return json.loads(self.execute(RECALL, (key,)).fetchall()[0][0])


class ApswWhole(Apsw):
    """APSW alone, hstore's own tables with all their indexes."""

    labels: ClassVar[dict[str, str]] = {
        key: label for key, label in Apsw.labels.items() if key not in {"remember", "recall"}
    }
    insert = INSERT_WHOLE

    def schema(self) -> tuple[str, ...]:
        # Its own tables, so that they are those of today; without hstore's code.
        made = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql")))
        return ("PRAGMA foreign_keys = ON", made, "INSERT INTO projects (root, created_at) VALUES ('/', 0)")

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        return [as_whole_row(row) for row in rows]


class Sqlite3(Apsw):
    """The standard library's, which opens transactions where it is told to."""

    def open(self, path: str) -> None:
        self.opened = sqlite3.connect(path, isolation_level=None)
        self.execute, self.executemany = self.opened.execute, self.opened.executemany
        for statement in (*SETTINGS, *self.schema()):
            self.execute(statement).fetchall()

    def close(self) -> None:
        self.opened.close()


ENGINES: dict[str, type[Engine]] = {
    "hstore": Hstore,
    "apsw": Apsw,
    "apsw, hstore's table": ApswWhole,
    "sqlite3": Sqlite3,
}
