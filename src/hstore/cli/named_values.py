"""Values to mask that a person names: by their variables, since arguments are seen by everyone."""

from __future__ import annotations

from hstore.cli.grammar import argument
from hstore.config import environment
from hstore.errors import InvalidInput

VALUE_ENV = argument(
    "--value-env",
    action="append",
    default=[],
    dest="value_names",
    metavar="NAME",
    help="also mask the value of this environment variable wherever it stands; may be given repeatedly",
)


def named_values(names: list[str]) -> list[str]:
    """The values of environment variables.

    Raises:
        InvalidInput: one is not set, or empty: what it should have masked would go through.
    """
    given = environment()
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise InvalidInput(f"mask: --value-env {missing[0]}: that variable is not set, or empty")
    return [given[name] for name in names]
