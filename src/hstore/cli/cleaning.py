"""`hstore db clean` and `hstore db policies`: taking away what is due, and saying how long things stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.formats import plain, size_text, span_text, time_text
from hstore.cli.grammar import JSON, Command, Group, argument, count
from hstore.cli.opening import existing, readable, untouched
from hstore.cli.progress import ProgressLine
from hstore.cli.quantities import size, span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hstore.cli.output import Output
    from hstore.models.retention import Cleaned, Policy

_STEPS = {
    "unused": "removing content that nobody needs any more",
    "space": "giving back what is free",
}
_SUBJECT = argument("subject", help="what it is about, such as metrics or runs; see docs/retention.md")


class CleanOptions(NamedTuple):
    """`db clean`."""

    db: str | None
    dry_run: bool
    json: bool


def clean(options: CleanOptions, output: Output) -> int:
    """Take away what is due, and report what went and why."""
    open_store = untouched if options.dry_run else existing
    with open_store(options.db) as store, ProgressLine(_STEPS, options.dry_run) as show:
        report = store.retention.clean(dry_run=options.dry_run, progress=show)
    if options.json:
        output.json(plain(report))
        return 0
    found = [each for each in report.subjects if each.rows]
    if not found:
        output.line("nothing is due")
        return 0
    output.table(("SUBJECT", "ROWS", "BYTES", "OLDEST", "LEFT", "WHY"), [_cells(each) for each in found])
    rows, gone = (f"{report.rows} rows", "are gone") if report.rows > 1 else ("1 row", "is gone")
    output.line(f"{rows} {'would go' if options.dry_run else gone}; the database has {size_text(report.file_bytes)}")
    return 0


def _cells(cleaned: Cleaned) -> list[str]:
    taken = "" if cleaned.bytes is None else size_text(cleaned.bytes)
    return [cleaned.subject, str(cleaned.rows), taken, time_text(cleaned.oldest), str(cleaned.left), cleaned.why]


class PoliciesOptions(NamedTuple):
    """`db policies` and `db policies list`."""

    db: str | None
    json: bool


def policies(options: PoliciesOptions, output: Output) -> int:
    """List what stays how long."""
    with readable(options.db) as store:
        found = store.retention.list()
    if options.json:
        output.json(plain(found))
    elif found:
        _table(found, output)
    else:
        output.line("no policies: only what says itself when it expires is cleaned; see `hstore db policies -h`")
    return 0


def _table(found: Iterable[Policy], output: Output) -> None:
    rows = [
        [
            each.subject,
            "" if each.max_age is None else span_text(each.max_age),
            "" if each.max_count is None else str(each.max_count),
            "" if each.max_bytes is None else size_text(each.max_bytes),
        ]
        for each in found
    ]
    output.table(("SUBJECT", "AGE", "NUMBER", "SIZE"), rows)


class SetOptions(NamedTuple):
    """`db policies set`."""

    db: str | None
    subject: str
    max_age: float | None
    max_count: int | None
    max_bytes: int | None


def set_policy(options: SetOptions, output: Output) -> int:
    """Set a policy."""
    with existing(options.db) as store:
        policy = store.retention.set(
            options.subject, max_age=options.max_age, max_count=options.max_count, max_bytes=options.max_bytes
        )
    _table([policy], output)
    return 0


class RemoveOptions(NamedTuple):
    """`db policies remove`."""

    db: str | None
    subject: str


def remove(options: RemoveOptions, output: Output) -> int:
    """Take a policy away."""
    with existing(options.db) as store:
        removed = store.retention.remove(options.subject)
    output.line("what it spoke of stays for ever" if removed else "there was none")
    return 0


class DefaultsOptions(NamedTuple):
    """`db policies defaults`."""

    db: str | None
    json: bool


def defaults(options: DefaultsOptions, output: Output) -> int:
    """Set the policies of the hosts' own designs, where there are none."""
    with existing(options.db) as store:
        applied, known = store.retention.apply_defaults(), store.retention.defaults()
    if options.json:
        output.json(plain(applied))
        return 0
    new = {each.subject for each in applied}
    rows = [
        [each.subject, span_text(each.max_age), "set" if each.subject in new else "has one already", each.source]
        for each in known
    ]
    output.table(("SUBJECT", "AGE", "NOW", "WHERE IT SAYS SO"), rows)
    return 0


CLEAN = Command(
    "clean",
    "take away what has expired, and what the policies do not keep",
    CleanOptions,
    clean,
    (
        argument("--dry-run", action="store_true", help="only say what would go, and why; nothing is changed"),
        JSON,
    ),
    "Works in steps of some milliseconds beside other work, and gives the space back to the file system;\n"
    "interrupted, the same command goes on. What stays how long is said by `hstore db policies`.",
    (
        ("hstore db clean --dry-run", "what would go, and why"),
        ("nice hstore db clean", "at night, from cron"),
    ),
)
_LISTING = ("list what stays how long", PoliciesOptions, policies, (JSON,))
POLICIES = Group(
    "policies",
    "how long things stay",
    (
        Command("list", *_LISTING, examples=(("hstore db policies list --json", "for programs"),)),
        Command(
            "set",
            "say how long, how many, or how much of a subject stays",
            SetOptions,
            set_policy,
            (
                _SUBJECT,
                argument("--max-age", type=span, metavar="TIME", help="how old they may be: 90d, 12h"),
                argument("--max-count", type=count, metavar="N", help="how many of the newest stay"),
                argument(
                    "--max-size", dest="max_bytes", type=size, metavar="SIZE", help="how many bytes stay: 500M, 1G"
                ),
            ),
            "In place of what was said before. What is beyond any of the bounds goes.",
            (
                ("hstore db policies set metrics --max-age 90d", "measurements of the last 90 days"),
                ("hstore db policies set artifacts --max-size 1G", "the newest gigabyte of output, as stored"),
            ),
        ),
        Command(
            "remove",
            "have a subject stay for ever again",
            RemoveOptions,
            remove,
            (_SUBJECT,),
            examples=(("hstore db policies remove metrics", "all measurements stay"),),
        ),
        Command(
            "defaults",
            "set what the hosts' own designs ask for, where nothing is set",
            DefaultsOptions,
            defaults,
            (JSON,),
            examples=(("hstore db policies defaults", "90 days of tool executions, 30 of caches, …"),),
        ),
    ),
    alone=Command("policies", *_LISTING, examples=(("hstore db policies", "what stays how long"),)),
)
