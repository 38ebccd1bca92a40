"""`hstore audit`: the log of what was done with the store, which nobody can change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.formats import plain, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.opening import existing, readable
from hstore.cli.quantities import moment, resolved
from hstore.errors import NotFound

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


class ChainOptions(NamedTuple):
    """`audit chain`."""

    db: str | None
    json: bool


def chain(options: ChainOptions, output: Output) -> int:
    """Begin the chain, if there is none."""
    with existing(options.db) as store:
        before, head = store.audit.head(), store.audit.chain()
    if options.json:
        output.json({**plain(head), "began": before is None})
    elif before is None:
        output.line(f"from line {head.line} on each line's hash covers the line before it")
        output.line(f"head: {head.hash}")
    else:
        output.line(f"there is a chain already; its last line is {head.line}")
    return 0


class HeadOptions(NamedTuple):
    """`audit head`."""

    db: str | None
    json: bool


def head(options: HeadOptions, output: Output) -> int:
    """Show the hash of the chain's last line."""
    with readable(options.db) as store:
        found = store.audit.head()
    if found is None:
        raise NotFound("head: the audit log has no chain; `hstore audit chain` begins one")
    if options.json:
        output.json(plain(found))
    else:
        output.line(found.hash)
    return 0


class VerifyOptions(NamedTuple):
    """`audit verify`."""

    db: str | None
    head: str | None
    json: bool


def verify(options: VerifyOptions, output: Output) -> int:
    """Look at the whole chain; exit code 1 when it is broken."""
    with readable(options.db) as store:
        report = store.audit.verify(options.head)
    if options.json:
        output.json(plain(report))
        return 0 if report.ok else 1
    for each in report.problems:
        output.line(f"{output.paint('red', each.kind)}  {each.message}")
    if report.problem_count > len(report.problems):
        output.line(f"… and {report.problem_count - len(report.problems)} more")
    if not report.chained:
        output.line("the audit log has no chain; `hstore audit chain` begins one")
    elif report.ok:
        output.line(f"ok: lines {report.first} to {report.last} are as they were written; head: {report.head}")
        if report.known_line is not None:
            output.line(f"the head that was kept is that of line {report.known_line}")
    return 0 if report.ok else 1


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
        Command(
            "chain",
            "have each line's hash cover the line before it, from now on",
            ChainOptions,
            chain,
            (JSON,),
            "Then `hstore audit verify` and `hstore doctor` name each line that was changed, removed, put in or moved\n"
            "by something else than hstore. It cannot be switched off. Who can write the file could make a whole new\n"
            "chain: a head that is kept elsewhere shows that.",
            (("hstore audit chain", "begin it; once"),),
        ),
        Command(
            "head",
            "show the hash of the chain's last line, to be kept elsewhere",
            HeadOptions,
            head,
            (JSON,),
            examples=(("hstore audit head >> /mnt/elsewhere/heads", "once a day, from cron"),),
        ),
        Command(
            "verify",
            "look whether all lines of the chain are as they were written",
            VerifyOptions,
            verify,
            (
                argument("--head", metavar="HASH", help="a head that was kept: prove that this still is its log"),
                JSON,
            ),
            "Exit code 0: nothing is wrong, or there is no chain. Exit code 1: something is, and each line is named.",
            (
                ("hstore audit verify", "the chain by itself"),
                ("hstore audit verify --head $(tail -1 /mnt/elsewhere/heads)", "against a head that was kept"),
            ),
        ),
    ),
)
