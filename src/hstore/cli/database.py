"""`hstore db`: the database's schema: which migrations it has, and bringing it up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.escapes import visible
from hstore.cli.formats import plain, time_text
from hstore.cli.grammar import JSON, Command, Group
from hstore.cli.opening import readable, writable

if TYPE_CHECKING:
    from hstore.cli.output import Output


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
    "the database's schema: its migrations",
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
    ),
)
