"""A caller's own SQL: reading only, by SQLite's authorizer and `query_only`, with a time limit."""

from __future__ import annotations

import re
import time

import apsw

from hstore.errors import HstoreError, InvalidInput, QueryRefused, QueryTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from hstore.engine.connection import Connection, Value
    from hstore.models import Rows

_ALLOWED = frozenset({apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_RECURSIVE})
_COMMENTS = re.compile(r"\s+|;|--[^\n]*|/\*.*?(?:\*/|$)", re.DOTALL)
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})
_DESCRIPTIONS = frozenset(
    {"foreign_key_list", "index_info", "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo"}
)
"""Pragmas that only describe the schema; the table-valued functions of the same names run them."""
_LARGEST_VALUE = 64 * 1024 * 1024  # bytes; one function call on a larger one could outlast any time limit
_MOST_ROWS, _MOST_BYTES = 1_000_000, 256 * 1024 * 1024
_STEPS = 10_000  # virtual machine instructions between two looks at the clock, well under a millisecond


_WRONG = (
    *(apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError, apsw.TooBigError),
    *(TypeError, ValueError, OverflowError, KeyError),
)


def query(
    connection: Connection,
    sql: str,
    params: Sequence[Value] | Mapping[str, Value],
    timeout: float,
    mask: Callable[[str], str],
) -> Rows:
    """Run one reading statement; see `Store.query`. `mask` is for SQLite's message, which may quote the statement."""
    from hstore.models import Rows

    if not isinstance(sql, str) or not sql.strip():
        raise InvalidInput("sql: a SELECT statement")
    if not isinstance(timeout, (int, float)) or not timeout > 0:
        raise InvalidInput("timeout: seconds, more than 0")
    found: list[Rows] = []

    def run(raw: apsw.Connection) -> None:
        try:
            rows, columns = _guarded(raw, sql, params, timeout)
        except HstoreError:
            raise
        except (apsw.AuthError, apsw.ReadOnlyError):
            raise QueryRefused("query: only one reading statement is allowed; nothing was changed") from None
        except apsw.InterruptError:
            raise QueryTimeout(f"query: it took longer than {timeout:g} s; narrow it, or give it more time") from None
        except UnicodeDecodeError:
            raise InvalidInput("sql: a text in the result is not UTF-8; cast it AS BLOB") from None
        except apsw.BindingsError:
            raise InvalidInput("sql: the statement's parameters and the values given do not fit") from None
        except _WRONG as failure:
            raise InvalidInput(f"sql: {mask(str(failure))}") from None
        found.append(Rows(rows, columns))

    connection.using(run)
    return found[0]


def _guarded(
    raw: apsw.Connection, sql: str, params: Any, timeout: float
) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
    columns: list[tuple[str, ...]] = []

    def note(cursor: apsw.Cursor, statement: str, _bindings: object) -> bool:
        if not _COMMENTS.sub("", statement):
            return True
        if columns:
            raise QueryRefused("query: one statement at a time")
        columns.append(tuple(column[0] for column in cursor.get_description()))
        return True

    deadline = time.monotonic() + timeout
    cursor = raw.cursor()
    cursor.exec_trace = note
    raw.limit(apsw.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    raw.set_authorizer(_authorise)
    raw.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        rows = _fetch(cursor.execute(sql, params))
    finally:
        raw.set_progress_handler(None)
        raw.set_authorizer(None)
    if not columns:
        raise InvalidInput("sql: a SELECT statement")
    return rows, columns[0]


def _fetch(cursor: apsw.Cursor) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in cursor:
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if len(rows) > _MOST_ROWS or size > _MOST_BYTES:
            raise QueryRefused(
                f"query: more than {_MOST_ROWS:,} rows or {_MOST_BYTES >> 20} MiB; narrow it, or add a LIMIT"
            )
    return rows


def _authorise(action: int, first: str | None, second: str | None, _database: str | None, _by: str | None) -> int:
    allowed = (
        action in _ALLOWED
        or (action == apsw.SQLITE_FUNCTION and (second or "").lower() not in _FORBIDDEN_FUNCTIONS)
        or (action == apsw.SQLITE_PRAGMA and (first or "").lower() in _DESCRIPTIONS)
    )
    return apsw.SQLITE_OK if allowed else apsw.SQLITE_DENY
