"""`hstore db`: the database file: which migrations it has, bringing it up to date, making it smaller; cleaning it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.cleaning import CLEAN, POLICIES
from hstore.cli.escapes import visible
from hstore.cli.formats import plain, size_text, time_text
from hstore.cli.grammar import JSON, Command, Group, argument
from hstore.cli.messages import complain
from hstore.cli.opening import existing, readable, writable
from hstore.cli.progress import ProgressLine

if TYPE_CHECKING:
    from hstore.cli.output import Output

_STEPS = {
    "unused": "removing what nobody needs any more",
    "chunks": "compacting content",
    "space": "giving back what is free",
}


class MigrateOptions(NamedTuple):
    """`db migrate` and `project migrate`."""

    db: str | None
    json: bool


class StatusOptions(NamedTuple):
    """`db status`."""

    db: str | None
    json: bool


def migrate(options: MigrateOptions, output: Output) -> int:
    """Bring the database up to date; opening it does that."""
    with writable(options.db) as store:
        path, version, applied = store.path, store.schema_version, store.migrated
    if options.json:
        names = [{"version": each.version, "name": each.name} for each in applied]
        output.json({"path": path, "schema_version": version, "applied": names})
        return 0
    for each in applied:
        output.line(f"applied {each.version:04} {visible(each.name)}")
    if not applied:
        output.line(f"nothing to do: schema version {version} is the newest")
    return 0


def status(options: StatusOptions, output: Output) -> int:
    """Show each migration, and when it was applied."""
    with readable(options.db) as store:
        path, version, found = store.path, store.schema_version, store.migrations()
    if options.json:
        output.json({"path": path, "schema_version": version, "migrations": plain(found)})
        return 0
    rows = [[f"{each.version:04}", each.name, time_text(each.applied_at) or "due", each.sha256[:12]] for each in found]
    output.table(("VERSION", "NAME", "APPLIED", "SHA-256"), rows, {"due": "yellow"})
    return 0


class CompactOptions(NamedTuple):
    """`db compact`."""

    db: str | None
    dry_run: bool
    json: bool


def compact(options: CompactOptions, output: Output) -> int:
    """Make old content smaller, and report."""
    open_store = readable if options.dry_run else existing
    with open_store(options.db) as store, ProgressLine(_STEPS, options.dry_run) as show:
        report = store.artifacts.compact(dry_run=options.dry_run, progress=show)
    if options.json:
        output.json(plain(report))
        return 0
    would = "would be" if options.dry_run else "are"
    output.line(
        f"{size_text(report.plain_bytes)} of content, kept in {size_text(report.stored_before)},"
        f" {would} kept in {size_text(report.stored_after)}"
    )
    if report.chunks_before > 1:
        output.line(f"{report.chunks_before} chunks {would} {report.chunks_after}")
    if report.damaged_chunks:
        complain(f"{report.damaged_chunks} chunks are damaged and were left as they are; see `hstore doctor`")
    return 0


MIGRATE = Command(
    "migrate",
    "bring the database's schema up to date",
    MigrateOptions,
    migrate,
    (JSON,),
    "Every opening does this by itself; the command shows what was applied. A missing database is made.",
    (("hstore db migrate", "apply what is due"),),
)

GROUP = Group(
    "db",
    "the database file: its migrations, its size, how long things stay",
    (
        MIGRATE,
        Command(
            "status",
            "show the migrations and when each was applied",
            StatusOptions,
            status,
            (JSON,),
            examples=(("hstore db status", "for people"),),
        ),
        Command(
            "compact",
            "make old content smaller, beside other work",
            CompactOptions,
            compact,
            (
                argument("--dry-run", action="store_true", help="only say what it would come to; nothing is changed"),
                JSON,
            ),
            "Puts small contents together, compresses large ones at a higher level, and gives back to the file system\n"
            "what becomes free. It works in steps of some milliseconds; interrupted, the same command goes on.",
            (
                ("hstore db compact --dry-run", "what it would save"),
                ("nice hstore db compact", "at night, from cron"),
            ),
        ),
        CLEAN,
        POLICIES,
    ),
)
