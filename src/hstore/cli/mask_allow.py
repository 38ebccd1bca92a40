"""`hstore mask allow`: false alarms, texts that look like secrets and are none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.escapes import visible
from hstore.cli.grammar import JSON, Command, argument
from hstore.cli.masking_rules import files_here, projects_file, users_file
from hstore.errors import InvalidInput, NotFound, NotInitialised

if TYPE_CHECKING:
    from hstore.cli.output import Output


class AllowOptions(NamedTuple):
    """`mask allow`."""

    db: str | None
    texts: list[str]
    rule: str | None
    reason: str
    user: bool
    remove: bool
    list: bool
    json: bool


def allow(options: AllowOptions, output: Output) -> int:
    """Add texts to the false alarms, take them out, or list them."""
    if options.list == bool(options.texts) or (options.list and options.remove):
        raise InvalidInput("mask allow: the texts that are no secrets, or --list")
    if options.list:
        return _list(options, output)
    from hstore.masking.allow_list import allow as add
    from hstore.masking.allow_list import disallow

    path = users_file() if options.user else projects_file(options.db)
    if not options.user and not os.path.isdir(os.path.dirname(path)):
        raise NotInitialised(
            "mask allow: no project here yet; `hstore project init` makes one, --user is for all of yours"
        )
    _check_rule(options)
    if options.remove:
        changed = disallow(path, options.texts, options.rule)
        if not changed:
            raise NotFound(f"mask allow: none of these texts is allowed in {path}")
    else:
        changed = add(path, options.texts, options.rule, options.reason)
    if options.json:
        output.json({"path": path, "texts": changed})
    else:
        done = "no longer allowed" if options.remove else "allowed"
        output.line(f"{done}: {len(changed)} of {len(options.texts)}, in {visible(path)}")
    return 0


def _check_rule(options: AllowOptions) -> None:
    """A misspelt rule is told before anything is written."""
    if options.rule is None or options.remove:
        return
    from hstore.masking.catalogue import catalogue
    from hstore.masking.rules import Rules

    known = {rule.id for rule in catalogue(Rules.read(files_here(options.db)))}
    if options.rule not in known - {"value"}:
        raise InvalidInput(f"mask allow: --rule {options.rule}: there is no such rule; `hstore mask --list` shows them")


def _list(options: AllowOptions, output: Output) -> int:
    from hstore.masking.rules import Rules

    rows = [
        {**{name: entry.fields[name] for name in ("text", "rule", "reason")}, "path": entry.path}
        for entry in Rules.read(files_here(options.db)).allowed
    ]
    if options.json:
        output.json(rows)
    else:
        cells = [[row["text"], row["rule"] or "any", row["path"], row["reason"]] for row in rows]
        output.table(["text", "rule", "from", "reason"], cells)
    return 0


COMMAND = Command(
    "allow",
    "say that a text is no secret, though a rule takes it for one",
    AllowOptions,
    allow,
    (
        argument("texts", nargs="*", metavar="TEXT", help="the whole text that was masked, and nothing around it"),
        argument("--rule", metavar="ID", help="only this rule may show it (default: all may)"),
        argument("--reason", default="", help="why, for whoever reads the file"),
        argument("--project", dest="user", action="store_false", default=False, help="in this project (the default)"),
        argument("--user", dest="user", action="store_true", help="in everything that this user stores"),
        argument("--remove", action="store_true", help="mask these texts again"),
        argument("--list", action="store_true", help="list what is allowed here"),
        JSON,
    ),
    "Writes [[allow]] tables into .heimdall/masking.toml, or ~/.heimdall/masking.toml with --user. Only the exact\n"
    "text is shown then: one character more or less is a secret again. Registered values are masked in any case.",
    (
        ("hstore mask allow hunter2-hunter2 --rule password", "the password of the tests"),
        ("hstore mask allow --list", "what is allowed here"),
        ("hstore mask allow --remove hunter2-hunter2", "mask it again"),
    ),
)
