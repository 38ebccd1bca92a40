"""`hstore mask`: the masker as a filter, for whatever must not keep its secrets; and what its rules are and find."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli import mask_allow, mask_apply
from hstore.cli.grammar import JSON, Command, Group, argument
from hstore.cli.masking_rules import files_here
from hstore.cli.named_values import VALUE_ENV, named_values
from hstore.config import environment
from hstore.errors import InvalidInput

if TYPE_CHECKING:
    from hstore.cli.output import Output

_READ_BYTES = 256 << 10


class MaskOptions(NamedTuple):
    """`mask`."""

    db: str | None
    value_names: list[str]
    rules: list[str]
    list: bool
    explain: str | None
    json: bool


def mask(options: MaskOptions, output: Output) -> int:
    """Pass standard input on to standard output, masked, as it comes; or say what the rules are, or find."""
    if options.list and options.explain is not None:
        raise InvalidInput("mask: --list or --explain, not both")
    if options.json and not options.list and options.explain is None:
        raise InvalidInput("mask: --json goes with --list or --explain; masked text is printed as it is")
    if options.list:
        from hstore.cli.mask_reports import list_rules

        return list_rules(files_here(options.db, options.rules), output, as_json=options.json)
    if options.explain is not None:
        from hstore.cli.mask_reports import explain

        files, values = files_here(options.db, options.rules), named_values(options.value_names)
        return explain(options.explain, files, values, output, as_json=options.json)
    return _filter(options, output)


def _filter(options: MaskOptions, output: Output) -> int:
    from hstore.masking.surroundings import masker_for

    values = named_values(options.value_names)
    masker, _ = masker_for(files_here(options.db, options.rules), values, environment())
    stream = masker.stream()
    while True:
        try:
            data = os.read(0, _READ_BYTES)
        except OSError as error:
            raise InvalidInput(f"mask: cannot read standard input: {error.strerror}") from None
        output.write(stream.feed(data) if data else stream.finish())
        output.flush()
        if not data:
            return 0


FILTER = Command(
    "mask",
    "mask the secrets in a text: standard input to standard output",
    MaskOptions,
    mask,
    (
        VALUE_ENV,
        argument(
            "--rules",
            action="append",
            default=[],
            metavar="FILE",
            help="also use the rules of this file; may be given repeatedly",
        ),
        argument(
            "--list", action="store_true", help="list all rules instead: where they come from, what is switched off"
        ),
        argument(
            "--explain",
            nargs="?",
            const="-",
            metavar="FILE",
            help="say of FILE (default: standard input) what would be masked, by which rule, and why",
        ),
        JSON,
    ),
    "Works as a stream: memory stays small whatever the length, and a line is passed on once it can hold no\n"
    "beginning of a secret. Other bytes are left exactly as they are. The rules are those that hold for everything\n"
    "that is stored here: the built-in ones, ~/.heimdall/masking.toml, .heimdall/masking.toml of the project, and the\n"
    "files in HSTORE_MASK_RULES. docs/masking.md says how to write one.",
    (
        ("hstore mask < server.log > safe.log", "a file"),
        ("make 2>&1 | hstore mask --value-env DEPLOY_KEY", "with a secret of your own"),
        ("hstore mask --explain server.log", "what would be masked, and why"),
        ("hstore mask --list", "the rules"),
    ),
)

GROUP = Group("mask", FILTER.summary, (mask_allow.COMMAND, mask_apply.COMMAND), alone=FILTER)
