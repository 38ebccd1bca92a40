"""`hstore audit`: the log of what was done with the store, which nobody can change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.formats import plain, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.opening import readable
from hstore.cli.quantities import moment, resolved

if TYPE_CHECKING:
    from datetime import datetime

    from hstore.cli.output import Output

_COLOURS = {"warning": "yellow", "error": "red"}


class ListOptions(NamedTuple):
    """`audit list`."""

    db: str | None
    since: datetime | float | None
    until: datetime | float | None
    level: str | None
    event: str | None
    run: int | None
    scope: str | None
    limit: int
    after: int | None
    json: bool


def list_entries(options: ListOptions, output: Output) -> int:
    """List lines of the audit log, newest first."""
    with readable(options.db) as store:
        found = store.audit.list(
            since=resolved(options.since),
            until=resolved(options.until),
            level=options.level,
            event=options.event,
            run=options.run,
            scope=options.scope,
            limit=options.limit,
            after=options.after,
        )
    if options.json:
        output.json(plain(found))
        return 0
    rows = [
        [
            str(each.id),
            time_text(each.at),
            each.level,
            "" if each.run is None else str(each.run),
            each.scope or "",
            each.event,
            each.message,
        ]
        for each in found
    ]
    output.table(("ID", "TIME", "LEVEL", "RUN", "SCOPE", "EVENT", "MESSAGE"), rows, _COLOURS)
    return 0


GROUP = Group(
    "audit",
    "the append-only log",
    (
        Command(
            "list",
            "list the audit log, newest first",
            ListOptions,
            list_entries,
            (
                argument("--since", type=moment, metavar="TIME", help="written then or later: 2026-11-20, or 2h ago"),
                argument("--until", type=moment, metavar="TIME", help="written before then"),
                argument("--level", choices=("debug", "info", "warning", "error"), help="only this level"),
                argument("--event", help="only this event"),
                argument("--run", type=int, metavar="ID", help="only lines about this run"),
                argument("--scope", help="only lines of this part of a host"),
                limit(50),
                AFTER,
                JSON,
            ),
            examples=(
                ("hstore audit list", "the last 50 lines"),
                ("hstore audit list --level error --since 7d --json", "a week's errors, with their data"),
            ),
        ),
    ),
)
