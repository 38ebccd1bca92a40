"""`hstore doctor`: says whether everything is in order, and what to do where it is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.escapes import visible
from hstore.cli.formats import plain
from hstore.cli.grammar import JSON, Command

if TYPE_CHECKING:
    from hstore.cli.output import Output

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "info": "dim"}


class DoctorOptions(NamedTuple):
    """`doctor`."""

    db: str | None
    json: bool


def doctor(options: DoctorOptions, output: Output) -> int:
    """Examine the database and its surroundings."""
    from hstore.doctor import examine

    report = examine(None if options.db is None else os.path.expanduser(options.db))
    if options.json:
        output.json(plain(report))
    else:
        for check in report.checks:
            status = output.paint(_COLOURS[check.status], f"{check.status:<4}")
            output.line(f"{status}  {visible(check.name)}: {visible(check.message)}")
    return 0 if report.ok else 1


COMMAND = Command(
    "doctor",
    "examine the database and its surroundings",
    DoctorOptions,
    doctor,
    (JSON,),
    "Exit code 0: all is in order, warnings aside, or there is no database yet. Exit code 1: something is wrong.\n"
    "Nothing is changed, except that runs whose recorder died are written down as lost.",
    (("hstore doctor", "for people"), ("hstore doctor --json", "for programs")),
)
