"""`hstore mask`: the masker as a filter, for whatever must not keep its secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.grammar import Command, Group, argument
from hstore.config import environment
from hstore.errors import InvalidInput

if TYPE_CHECKING:
    from hstore.cli.output import Output

_READ_BYTES = 256 << 10


class MaskOptions(NamedTuple):
    """`mask`."""

    value_names: list[str]


def mask(options: MaskOptions, output: Output) -> int:
    """Pass standard input on to standard output, masked, as it comes."""
    from hstore.masking import Masker

    stream = Masker(values=_values(options.value_names)).stream()
    while True:
        try:
            data = os.read(0, _READ_BYTES)
        except OSError as error:
            raise InvalidInput(f"mask: cannot read standard input: {error.strerror}") from None
        output.write(stream.feed(data) if data else stream.finish())
        output.flush()
        if not data:
            return 0


def _values(names: list[str]) -> list[str]:
    """The values to mask wherever they stand; they come by the environment, since arguments are seen by everyone."""
    given = environment()
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise InvalidInput(f"mask: --value-env {missing[0]}: that variable is not set, or empty")
    return [given[name] for name in names]


FILTER = Command(
    "mask",
    "mask the secrets in a text: standard input to standard output",
    MaskOptions,
    mask,
    (
        argument(
            "--value-env",
            action="append",
            default=[],
            dest="value_names",
            metavar="NAME",
            help="also mask the value of this environment variable wherever it stands; may be given repeatedly",
        ),
    ),
    "Works as a stream: memory stays small whatever the length, and a line is passed on once it can hold no\n"
    "beginning of a secret. Other bytes are left exactly as they are.",
    (
        ("hstore mask < server.log > safe.log", "a file"),
        ("make 2>&1 | hstore mask --value-env DEPLOY_KEY", "with a secret of your own"),
    ),
)

GROUP = Group("mask", FILTER.summary, (), alone=FILTER)
