"""`hstore log`: what was run, what it printed, and following what runs now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.escapes import visible
from hstore.cli.formats import duration_text, plain, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, count, limit
from hstore.cli.messages import complain
from hstore.cli.opening import existing, readable
from hstore.cli.quantities import moment, resolved
from hstore.errors import Busy, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from hstore.cli.output import Output
    from hstore.models import Part, Run
    from hstore.store import Store

_POLL_SECONDS = 0.1
_COLOURS = {"ok": "green", "failed": "red", "killed": "red", "lost": "red", "running": "yellow"}


class ListOptions(NamedTuple):
    """`log list`."""

    db: str | None
    app: str | None
    status: str | None
    session: str | None
    since: datetime | float | None
    until: datetime | float | None
    limit: int
    after: int | None
    json: bool


class ShowOptions(NamedTuple):
    """`log show`."""

    db: str | None
    run: str
    json: bool
    only: str | None


class TailOptions(NamedTuple):
    """`log tail`."""

    db: str | None
    run: str
    lines: int
    follow: bool


class AdoptOptions(NamedTuple):
    """`log adopt`."""

    db: str | None
    json: bool


class DeleteOptions(NamedTuple):
    """`log delete`."""

    db: str | None
    run: str
    force: bool


def delete(options: DeleteOptions, output: Output) -> int:
    """Delete a run with all that it left."""
    with existing(options.db) as store:
        run = store.runs.resolve(options.run)
        store.runs.delete(run.id, force=options.force)
    output.line(f"deleted run {run.id} ({visible(run.name or run.app)})")
    return 0


def list_runs(options: ListOptions, output: Output) -> int:
    """List runs, newest first."""
    with readable(options.db) as store:
        runs = store.runs.list(
            app=options.app,
            status=options.status,
            session=options.session,
            since=resolved(options.since),
            until=resolved(options.until),
            limit=options.limit,
            after=options.after,
        )
    if options.json:
        output.json(plain(runs))
    else:
        columns = ("ID", "STARTED", "STATUS", "EXIT", "TOOK", "NAME", "COMMAND")
        output.table(columns, [_row(run) for run in runs], _COLOURS)
    return 0


def _row(run: Run) -> list[str]:
    code = "" if run.exit_code is None else str(run.exit_code)
    took = duration_text(run.duration)
    return [str(run.id), time_text(run.started_at), run.status, code, took, run.name or "", run.cmdline]


def show(options: ShowOptions, output: Output) -> int:
    """Print what a run printed, byte for byte."""
    with readable(options.db) as store:
        run = store.runs.resolve(options.run)
        if options.json:
            artifacts = store.artifacts.list(run=run.id)
            output.json({**plain(run), "artifacts": plain(artifacts)})
            return 0
        _print(store.artifacts.replay(run.id), options.only, output)
    return 0


def _print(parts: Iterable[Part], only: str | None, output: Output) -> None:
    """Write parts where they once went; with `only`, one stream or both to standard output."""
    for part in parts:
        if only in ("stdout", "stderr") and (part.name == "stderr") != (only == "stderr"):
            continue
        if part.name == "stderr" and only is None:
            output.write_error(part.data)
        else:
            output.write(part.data)


def tail(options: TailOptions, output: Output) -> int:
    """Print the last lines of a run, and follow it to its end where that is wanted."""
    try:
        store, run = _found(options)
    except (StoreError, Busy) as error:
        from hstore.cli.log_waiting import tail_waiting

        if tail_waiting(options, output, error):
            return 0
        raise
    with store:
        offsets = _last_lines(store, run, options.lines, output)
        output.flush()
        if options.follow:
            _follow(store, run, offsets, output)
    return 0


def _found(options: TailOptions) -> tuple[Store, Run]:
    """The store, open, and the run in it."""
    store = readable(options.db)
    try:
        return store, store.runs.resolve(options.run)
    except BaseException:
        store.close()
        raise


def adopt(options: AdoptOptions, output: Output) -> int:
    """Record what could not be recorded when it ran."""
    from hstore.fallback.adopting import adopt as adopt_waiting

    found = adopt_waiting(None if options.db is None else os.path.expanduser(options.db))
    if options.json:
        output.json(
            {"runs": list(found.runs), "left": [{"path": path, "why": why} for path, why in found.left.items()]}
        )
    else:
        for run in found.runs:
            output.line(f"run {run} is recorded")
        for path, why in found.left.items():
            complain(f"{path} stays: {why}")
        if not found.runs and not found.left:
            output.line("nothing waits to be recorded")
    return 0


def _last_lines(store: Store, run: Run, lines: int, output: Output) -> dict[int, int]:
    """Print the last lines of all of a run's output together; return how far each artifact has been seen.

    Two passes over what could be among them, so that one part is in memory however long the lines are.
    """
    begin = store.artifacts.tail_offsets(run.id, lines)
    offsets = store.artifacts.tail_offsets(run.id, 0)
    if lines:
        skipped = max(0, sum(len(starts) for _, starts in _line_starts(store, run, begin)) - lines)
        for part, starts in _line_starts(store, run, begin):
            if skipped >= len(starts) > 0 or (skipped and not starts):
                skipped -= len(starts)
                continue
            data, skipped = part.data[starts[skipped] if skipped else 0 :], 0
            (output.write_error if part.name == "stderr" else output.write)(data)
            offsets[part.artifact] = part.offset + len(part.data)
    return offsets


def _line_starts(store: Store, run: Run, begin: dict[int, int]) -> Iterator[tuple[Part, list[int]]]:
    """Yield the parts from these offsets on, each with the places in it where a line begins."""
    seen: set[int] = set()
    fresh = True
    for part in store.artifacts.replay(run.id, begin):
        # Where the beginning of a stream was left out, what stands before it is not its neighbour.
        fresh = fresh or (part.artifact not in seen and begin.get(part.artifact, 0) > 0)
        seen.add(part.artifact)
        starts = [0] if fresh else []
        place = part.data.find(b"\n") + 1
        while 0 < place < len(part.data):
            starts.append(place)
            place = part.data.find(b"\n", place) + 1
        fresh = part.data.endswith(b"\n")
        yield part, starts


def _follow(store: Store, run: Run, offsets: dict[int, int], output: Output) -> None:
    """Print what comes, until the run is over and everything it left has been printed."""
    while True:
        status = store.runs.get(run.id).status  # before reading: what was committed before the end is then seen
        for part in store.artifacts.replay(run.id, offsets):
            if part.offset > offsets.get(part.artifact, 0):
                complain(f"{part.offset - offsets.get(part.artifact, 0)} bytes that came too fast are left out here")
            (output.write_error if part.name == "stderr" else output.write)(part.data)
            offsets[part.artifact] = part.offset + len(part.data)
        output.flush()
        if status != "running":
            if status == "lost":
                complain(f"run {run.id} ({visible(run.app)}) was lost: its recorder died; this is all there is")
            return
        time.sleep(_POLL_SECONDS)


_RUN = argument(
    "run",
    metavar="RUN",
    nargs="?",
    default="latest",
    help="`latest` (the default), an id, or the beginning of one run's key, name or app",
)
_FROM_DB = argument("--from-db", action="store_true", help="accepted; the database is where it comes from")

GROUP = Group(
    "log",
    "what was run and what it printed",
    (
        Command(
            "list",
            "list runs, newest first",
            ListOptions,
            list_runs,
            (
                argument("--app", help="only runs of this program"),
                argument("--status", choices=("running", "ok", "failed", "killed", "lost"), help="only these"),
                argument("--session", metavar="KEY", help="only runs of this session"),
                argument("--since", type=moment, metavar="TIME", help="started then or later: 2026-11-20, or 2h ago"),
                argument("--until", type=moment, metavar="TIME", help="started before then"),
                limit(20),
                AFTER,
                JSON,
                _FROM_DB,
            ),
            examples=(
                ("hstore log list", "the last 20 runs"),
                ("hstore log list --status failed --since 1d", "what failed since yesterday"),
                ("hstore log list --app pytest --json", "for programs"),
            ),
        ),
        Command(
            "show",
            "print what a run printed, byte for byte (masks aside)",
            ShowOptions,
            show,
            (
                _RUN,
                argument("--stdout", dest="only", action="store_const", const="stdout", help="only standard output"),
                argument(
                    "--stderr",
                    dest="only",
                    action="store_const",
                    const="stderr",
                    help="only standard error, printed to standard output",
                ),
                argument(
                    "--merged", dest="only", action="store_const", const="merged", help="both, to standard output"
                ),
                JSON,
                _FROM_DB,
            ),
            "What the command wrote to standard error goes to standard error here too, in the order in which it\n"
            "came. What it wrote to a terminal, by either stream, goes to standard output.",
            (
                ("hstore log show", "the newest run"),
                ("hstore log show pytest --merged > log", "the only run of pytest, both streams in order"),
                ("hstore log show 17 --json", "what is known of run 17, without its output"),
            ),
        ),
        Command(
            "delete",
            "delete a run with its output and its steps",
            DeleteOptions,
            delete,
            (
                argument("run", help="an id, key, name or program"),
                argument("--force", action="store_true", help="also if it is still running"),
            ),
            examples=(("hstore log delete 17", "run 17, and content that no other run has"),),
        ),
        Command(
            "tail",
            "print the last lines of a run, and follow it with -f",
            TailOptions,
            tail,
            (
                _RUN,
                argument("-n", "--lines", type=count, default=10, metavar="N", help="how many lines (default: 10)"),
                argument("-f", "--follow", action="store_true", help="go on until the run ends"),
                _FROM_DB,
            ),
            "Where the database cannot be opened, the newest output that waits to be recorded is shown instead.",
            (
                ("hstore log tail", "the last 10 lines of the newest run"),
                ("hstore log tail -n 100 -f nightly", "100 lines of the run named nightly, then what comes"),
            ),
        ),
        Command(
            "adopt",
            "record output that could not be recorded when it came",
            AdoptOptions,
            adopt,
            (JSON,),
            "Where `hstore run` cannot use the database, it keeps what the command prints, masked, in a private\n"
            "file in `fallback/` beside it, or in `~/.heimdall/fallback/`. The next run that is recorded takes it\n"
            "in; so does this.",
            (("hstore log adopt", "what waits becomes runs, and its files go"),),
        ),
    ),
)
