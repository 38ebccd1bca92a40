"""The masker of a place: built-in rules, the files that hold there, and the secrets of the environment."""

from __future__ import annotations

from hstore.config import sealing_keys
from hstore.masking import Masker, telling_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hstore.masking.rules import Rules


def masker_for(
    files: Sequence[str], values: Iterable[str | bytes], environ: Mapping[str, str]
) -> tuple[Masker, list[str | bytes]]:
    """The masker, and all the values that it knows.

    TOML is read, and its reader imported, only where there is a file.

    Raises:
        InvalidInput: a value that cannot be registered, or rules that cannot be expressed.
    """
    rules = None
    if files:
        from hstore.masking.rules import Rules

        rules = Rules.read(files)
    # Keys stand in their variable side by side, so the value of that is none of them.
    keys = [key for key in sealing_keys(environ) if Masker.refusal(key) is None]
    known = [*values, *keys, *secrets_of(environ, rules)]
    return Masker(known, rules), known


def secrets_of(environ: Mapping[str, str], rules: Rules | None = None) -> list[str]:
    """Values of variables whose names tell that they are secret, or that rules name, as far as they can be masked."""
    if rules is not None:
        return rules.values_of(environ)
    return [value for name, value in environ.items() if value and telling_name(name) and Masker.refusal(value) is None]
