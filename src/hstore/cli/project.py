"""`hstore project`: the project's database itself: make it, look at it, ask it, bring it up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli.database import MIGRATE
from hstore.cli.escapes import visible
from hstore.cli.formats import plain, size_text, time_text
from hstore.cli.grammar import JSON, Command, Group, argument
from hstore.cli.opening import readable, writable
from hstore.cli.quantities import span
from hstore.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hstore.cli.output import Output
    from hstore.models import Info, Rows


class InitOptions(NamedTuple):
    """`project init`."""

    db: str | None
    json: bool


class InfoOptions(NamedTuple):
    """`project info`."""

    db: str | None
    json: bool


class QueryOptions(NamedTuple):
    """`project query`."""

    db: str | None
    sql: str
    json: bool
    csv: bool
    timeout: float


def init(options: InitOptions, output: Output) -> int:
    """Make the database, or bring it up to date."""
    with writable(options.db) as store:
        result = {
            "path": store.path,
            "created": store.created,
            "store_id": store.store_id,
            "schema_version": store.schema_version,
        }
    if options.json:
        output.json(result)
    else:
        output.line(f"{'created' if result['created'] else 'already there'}: {visible(str(result['path']))}")
    return 0


def info(options: InfoOptions, output: Output) -> int:
    """Show path, sizes, schema version and counts."""
    with readable(options.db) as store:
        found = store.info()
    if options.json:
        output.json(plain(found))
    else:
        lines = list(_info_lines(found))
        width = max(len(name) for name, _ in lines) + 2
        for name, value in lines:
            output.line(f"{name + ':':<{width}}{visible(value)}")
    return 0


def _info_lines(found: Info) -> Iterable[tuple[str, str]]:
    yield "path", found.path
    yield "project", found.root
    yield "store id", found.store_id
    yield "schema version", str(found.schema_version)
    yield "written by", f"hstore {found.app_version}"
    yield "created", time_text(found.created_at)
    yield "journal", found.journal_mode
    yield "file", f"{size_text(found.file_bytes)} and {size_text(found.wal_bytes)} of WAL"
    yield "content", f"{size_text(found.logical_bytes)}, stored as {size_text(found.stored_bytes)}"
    for table, number in found.counts.items():
        yield table, str(number)


def query(options: QueryOptions, output: Output) -> int:
    """Ask the database in SQL; it can only be read."""
    if options.json and options.csv:
        raise InvalidInput("query: --json or --csv, not both")
    with readable(options.db) as store:
        rows = store.query(options.sql, timeout=options.timeout)
    names = _distinct(rows.columns)
    if options.json:
        output.json([dict(zip(names, map(plain, row), strict=True)) for row in rows])
    elif options.csv:
        _write_csv(names, rows, output)
    elif names:
        output.table([visible(name) for name in names], [[_cell(value) for value in row] for row in rows])
    return 0


def _distinct(columns: tuple[str, ...]) -> list[str]:
    """Column names, where a repeated one gets `:1`, `:2` … so that no value of an object is lost."""
    names: list[str] = []
    for column in columns:
        name, number = column, 0
        while name in names:
            number += 1
            name = f"{column}:{number}"
        names.append(name)
    return names


def _write_csv(names: list[str], rows: Rows, output: Output) -> None:
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_csv_value(value) for value in row])
        if text.tell() > 1 << 20:
            output.write(text.getvalue().encode("utf-8", "backslashreplace"))
            text.seek(0)
            text.truncate()
    output.write(text.getvalue().encode("utf-8", "backslashreplace"))


def _csv_value(value: Any) -> Any:
    return f"base64:{plain(value)['base64']}" if isinstance(value, bytes) else value


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value[:16].hex()}{'…' if len(value) > 16 else ''}'"
    return str(value)


GROUP = Group(
    "project",
    "the project's database: make it, look at it, ask it",
    (
        Command(
            "init",
            "make the project's database, or say that it is there",
            InitOptions,
            init,
            (JSON,),
            "Every command that writes makes it when needed; this one only makes it.",
            (("hstore project init", "make .heimdall/project.db here"),),
        ),
        Command(
            "info",
            "show where the database is, its size and what it holds",
            InfoOptions,
            info,
            (JSON,),
            examples=(("hstore project info", "for people"), ("hstore project info --json", "for programs")),
        ),
        Command(
            "query",
            "ask the database in SQL, reading only",
            QueryOptions,
            query,
            (
                argument("sql", metavar="SQL", help="one SELECT statement"),
                JSON,
                argument("--csv", action="store_true", help="print CSV with a line of column names"),
                argument(
                    "--timeout",
                    type=span,
                    default=5.0,
                    metavar="SPAN",
                    help="stop it after this time (default: 5s)",
                ),
            ),
            "The tables are described in docs/file-format.md. Writing is refused by SQLite itself.",
            (
                ("hstore project query 'SELECT app, count(*) FROM runs GROUP BY app'", "a table"),
                ("hstore project query --csv 'SELECT * FROM runs' > runs.csv", "for a spreadsheet"),
            ),
        ),
        MIGRATE,
    ),
)
