"""`hstore files`: what has changed in a folder, and which files are tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.escapes import visible
from hstore.cli.formats import plain, size_text, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.messages import complain
from hstore.cli.opening import readable, writable
from hstore.cli.quantities import moment, resolved

if TYPE_CHECKING:
    from datetime import datetime

    from hstore.cli.output import Output
    from hstore.models.files import ScanReport

STATUSES = ("pending", "success", "failed")
_MARKS = {"added": ("+", "green"), "changed": ("~", "yellow"), "returned": ("^", "green"), "missing": ("-", "red")}
_COLOURS = {"pending": "yellow", "failed": "red", "missing": "red"}


class ScanOptions(NamedTuple):
    """`files scan`."""

    db: str | None
    folder: str
    patterns: list[str]
    verify: bool
    json: bool


class ListOptions(NamedTuple):
    """`files list`."""

    db: str | None
    type: str | None
    status: str | None
    missing: bool | None
    since: datetime | float | None
    until: datetime | float | None
    limit: int
    after: int | None
    json: bool


def scan(options: ScanOptions, output: Output) -> int:
    """Track what is in a folder, and say what has changed."""
    with writable(options.db) as store:
        report = store.files.scan(options.folder, patterns=options.patterns or None, verify=options.verify)
    if options.json:
        output.json(plain(report))
    else:
        _show(report, output)
    for failure in report.failures:
        complain(f"{visible(failure.path)}: {failure.reason}")
    return 1 if report.failed else 0


def _show(report: ScanReport, output: Output) -> None:
    for kind, (mark, colour) in _MARKS.items():
        for path in report.paths[kind]:
            output.line(f"{output.paint(colour, mark)} {visible(path)}")
        left = getattr(report, kind) - len(report.paths[kind])
        if left:
            output.line(f"{output.paint(colour, mark)} … and {left} more")
    counts = ", ".join(f"{getattr(report, kind)} {kind}" for kind in (*_MARKS, "unchanged"))
    output.line(f"{counts}; {report.read} read")


def list_files(options: ListOptions, output: Output) -> int:
    """List tracked files, those tracked last first."""
    with readable(options.db) as store:
        found = store.files.list(
            type=options.type,
            status=options.status,
            missing=options.missing,
            since=resolved(options.since),
            until=resolved(options.until),
            limit=options.limit,
            after=options.after,
        )
    if options.json:
        output.json(plain(found))
        return 0
    rows = [
        [
            str(each.id),
            each.status if each.missing_at is None else "missing",
            each.type,
            size_text(each.size),
            time_text(each.modified_at),
            each.sha256[:12],
            each.path,
        ]
        for each in found
    ]
    output.table(("ID", "STATUS", "TYPE", "SIZE", "MODIFIED", "SHA-256", "PATH"), rows, _COLOURS)
    return 0


GROUP = Group(
    "files",
    "tracked files, and what has changed in them",
    (
        Command(
            "scan",
            "find out what is new, changed or gone in a folder, and track it",
            ScanOptions,
            scan,
            (
                argument("folder", metavar="DIR", help="where to look, with all folders below"),
                argument(
                    "--pattern",
                    action="append",
                    default=[],
                    dest="patterns",
                    metavar="GLOB",
                    help="only such files: '*.py', or 'docs/*' for the path within DIR; may be given repeatedly",
                ),
                argument("--verify", action="store_true", help="read every file, also those that seem unchanged"),
                JSON,
            ),
            "A file is read if its size or times have changed since it was last read. Links are not followed, and\n"
            "`.heimdall` and the folders of version control not entered. Exit code 1: something could not be read.",
            (
                ("hstore files scan .", "what has changed since the last time"),
                ("hstore files scan docs --pattern '*.md' --verify", "by content, of some files"),
            ),
        ),
        Command(
            "list",
            "list tracked files, those tracked last first",
            ListOptions,
            list_files,
            (
                argument("--type", metavar="ENDING", help="only this ending of the name, such as py"),
                argument("--status", choices=STATUSES, help="only files in this state of parsing"),
                argument(
                    "--missing",
                    action="store_const",
                    const=True,
                    help="only files that a scan found gone",
                ),
                argument("--since", type=moment, metavar="TIME", help="updated then or later: 2026-11-20, or 2h ago"),
                argument("--until", type=moment, metavar="TIME", help="updated before then"),
                limit(100),
                AFTER,
                JSON,
            ),
            examples=(("hstore files list --status pending --json", "what is to be parsed"),),
        ),
    ),
)
