"""`hstore mask apply`: masks what is stored already by the present rules and values, and shows that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.formats import plain, size_text
from hstore.cli.grammar import JSON, Command, argument
from hstore.cli.messages import complain
from hstore.cli.named_values import VALUE_ENV, named_values
from hstore.cli.opening import existing, readable
from hstore.cli.progress import ProgressLine
from hstore.cli.quantities import span

if TYPE_CHECKING:
    from hstore.cli.output import Output
    from hstore.models import RemaskedTable, RemaskReport

_STEPS = {
    "content": "content of artifacts",
    "unused": "removing what nobody needs any more",
    "dictionaries": "making dictionaries anew",
    "rebuild": "building the file anew",
    "wal": "waiting for readers of the old state",
    "search": "searching the file's bytes",
}


class ApplyOptions(NamedTuple):
    """`mask apply`."""

    db: str | None
    value_names: list[str]
    dry_run: bool
    everything: bool
    wait: float
    json: bool


def apply(options: ApplyOptions, output: Output) -> int:
    """Mask anew, report, and say by the exit code whether all of it is gone."""
    values = named_values(options.value_names)
    open_store = readable if options.dry_run else existing
    with open_store(options.db, values) as store, ProgressLine(_STEPS, options.dry_run) as show:
        report = store.masking.apply(
            dry_run=options.dry_run, everything=options.everything, patience=options.wait, progress=show
        )
    if options.json:
        output.json({**plain(report), "changed": report.changed, "left": report.left})
    else:
        _show(report, output)
    output.flush()
    for message in _what_remains(report):
        complain(message)
    return 0 if report.clean or report.dry_run else 1


def _show(report: RemaskReport, output: Output) -> None:
    rows = [
        [table.name, str(table.looked), str(table.changed), str(table.left), _kinds(table)]
        for table in report.tables
        if table.looked
    ]
    output.table(("TABLE", "LOOKED AT", "WOULD CHANGE" if report.dry_run else "CHANGED", "LEFT", "FOUND"), rows)
    if report.dry_run:
        return
    if report.resumed:
        output.line(f"went on where it was interrupted; {report.changed_before} rows had been changed before")
    if report.rebuilt:
        output.line("the file was built anew from what lives in it")
    elif report.scrubbed:
        output.line("nothing was changed or deleted since the last time, so the file was not built anew")
    searched = f"searched for {report.searched} secrets and forms of values: {report.still_standing} found"
    output.line(searched + (f"; {report.unsearched} too short or common" if report.unsearched else ""))


def _kinds(table: RemaskedTable) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in table.found.items())


def _what_remains(report: RemaskReport) -> list[str]:
    """Why it is not clean, and what to do."""
    if report.dry_run:
        return []
    found = []
    for table in report.tables:
        if table.left and table.name == "audit_log":
            found.append(f"audit log: {table.left} lines hold secrets (ids {_listed(table)}); it cannot be changed")
        elif table.left:
            found.append(
                f"artifacts {_listed(table)} are still being written, or damaged, and were left; run this again later"
            )
    if report.wal_bytes:
        found.append(
            f"up to {size_text(report.wal_bytes)} of old content remain in the WAL, because another process reads an"
            " older state of the database; end it, and run this again"
        )
    elif not report.scrubbed:
        found.append(
            "the file could not be built anew, which takes as much memory as it is large; old bytes may remain"
        )
    if report.still_standing:
        found.append(
            f"{report.still_standing} of the secrets searched for still stand in the file: in what was left, or where"
            " the rules see no secret in them; name them with --value-env to mask them wherever they stand"
        )
    return found


def _listed(table: RemaskedTable) -> str:
    shown = ", ".join(map(str, table.left_ids[:10]))
    return shown + (" …" if table.left > 10 else "")


COMMAND = Command(
    "apply",
    "mask what is stored already, by the present rules and values",
    ApplyOptions,
    apply,
    (
        VALUE_ENV,
        argument("--dry-run", action="store_true", help="only count what would be masked; nothing is changed"),
        argument(
            "--all",
            action="store_true",
            dest="everything",
            help="look at all content again, also at what the same rules and values have been over",
        ),
        argument(
            "--wait",
            type=span,
            default=30.0,
            metavar="SPAN",
            help="wait so long for processes that read an older state (default: 30s)",
        ),
        JSON,
    ),
    "Goes over all that is stored, in batches beside other processes; interrupted, the same command goes on. Then the\n"
    "file is built anew, so that no old bytes remain in it, and searched for what was replaced.\n\n"
    "Exit code 0: nothing is left. Exit code 1: something is, and a message says what.",
    (
        ("hstore mask apply --dry-run", "what would be masked"),
        ("hstore mask apply", "by the rules, and the values of variables such as GITHUB_TOKEN"),
        ("LEAKED=… hstore mask apply --value-env LEAKED", "a value of your own, wherever it stands"),
    ),
)
