"""`hstore mask`: the masker as a filter, for whatever must not keep its secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli import mask_apply
from hstore.cli.grammar import Command, Group
from hstore.cli.named_values import VALUE_ENV, named_values
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

    stream = Masker(values=named_values(options.value_names)).stream()
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
    (VALUE_ENV,),
    "Works as a stream: memory stays small whatever the length, and a line is passed on once it can hold no\n"
    "beginning of a secret. Other bytes are left exactly as they are.",
    (
        ("hstore mask < server.log > safe.log", "a file"),
        ("make 2>&1 | hstore mask --value-env DEPLOY_KEY", "with a secret of your own"),
    ),
)

GROUP = Group("mask", FILTER.summary, (mask_apply.COMMAND,), alone=FILTER)
