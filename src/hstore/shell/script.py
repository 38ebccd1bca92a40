"""The text that a shell evaluates: where a recorder can be reached, how to start another, and the shell's hook."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = ("bash", "fish", "zsh")


def script(shell: str, program: Sequence[str], addresses: Sequence[str], database: str = "") -> str:
    """The script for one of `SHELLS`.

    Args:
        shell: which.
        program: the words that start hstore.
        addresses: where a waiting recorder's pipe, memory and notice are; empty where none waits, and the hook will
            start one when the first command has run.
        database: where commands go unless `HSTORE_DB` is set in the shell; empty for the store of their directory.
    """
    with open(os.path.join(os.path.dirname(__file__), f"hook.{shell}"), encoding="utf-8") as file:
        hook = file.read()
    if shell == "fish":
        given = f"set -g __hstore_program {_fish_words(program)}\nset -g __hstore_offer {_fish_words(addresses)}\n"
        given += f"set -g __hstore_database {_fish_words((database,))}\n"
    else:
        given = f"__hstore_program=({_words(program)})\n__hstore_offer=({_words(addresses)})\n"
        given += f"__hstore_database={_words((database,))}\n"
    return given + hook


def _words(words: Sequence[str]) -> str:
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def _fish_words(words: Sequence[str]) -> str:
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'" for word in words)
