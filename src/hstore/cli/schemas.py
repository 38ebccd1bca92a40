"""`hstore schemas`: what tables, views and procedures the databases of saved connections have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.formats import plain, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.opening import existing, readable

if TYPE_CHECKING:
    from hstore.cli.output import Output

KINDS = ("table", "view", "stored_procedure")


class RefreshOptions(NamedTuple):
    """`schemas refresh`."""

    db: str | None
    name: str
    json: bool


class ListOptions(NamedTuple):
    """`schemas list`."""

    db: str | None
    name: str | None
    kind: str | None
    schema: str | None
    limit: int
    after: int | None
    json: bool


def refresh(options: RefreshOptions, output: Output) -> int:
    """Read a schema from its database."""
    with existing(options.db) as store:
        count = store.schemas.refresh(options.name)
    if options.json:
        output.json({"objects": count})
    else:
        output.line(f"{count} tables, views and procedures")
    return 0


def list_schemas(options: ListOptions, output: Output) -> int:
    """List what is cached."""
    with readable(options.db) as store:
        found = store.schemas.list(
            options.name, kind=options.kind, schema=options.schema, limit=options.limit, after=options.after
        )
    if options.json:
        output.json(plain(found))
        return 0
    rows = [
        [
            str(each.id),
            each.schema,
            each.name,
            each.kind,
            "" if each.row_count is None else str(each.row_count),
            time_text(each.updated_at),
            ", ".join(str(column.get("name", "")) for column in each.columns),
        ]
        for each in found
    ]
    output.table(("ID", "SCHEMA", "NAME", "KIND", "ROWS", "SEEN", "COLUMNS"), rows)
    return 0


GROUP = Group(
    "schemas",
    "what the databases of saved connections hold",
    (
        Command(
            "refresh",
            "read a schema from its database, and cache it",
            RefreshOptions,
            refresh,
            (argument("name", metavar="NAME", help="a saved connection"), JSON),
            "Of SQLite and PostgreSQL databases, in place of all that was cached before; nothing is changed in them."
            " Exit code 10: the database cannot be reached or read, and what was cached stays.",
            (("hstore schemas refresh shop", "tables, views, procedures"),),
        ),
        Command(
            "list",
            "list what is cached of a database",
            ListOptions,
            list_schemas,
            (
                argument("name", metavar="NAME", nargs="?", help="a saved connection (default: all)"),
                argument("--kind", choices=KINDS, help="only these"),
                argument("--schema", help="only of this schema"),
                limit(1000),
                AFTER,
                JSON,
            ),
            examples=(("hstore schemas list shop --kind view --json", "views with their columns"),),
        ),
    ),
)
