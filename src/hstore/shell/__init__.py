"""Records the commands that are typed into an interactive shell: what `eval "$(hstore init bash)"` sets up.

::

    hook.bash, hook.zsh, hook.fish     in the shell: one message for each command, written by builtins
          │  a pipe, opened for each message (`channel`, `messages`)
    resident                           one process for each shell: drains the pipe, ends with the shell (`watch`)
          │
    ledger                             finds each command's store, masks, commits

No process is started for a command, nothing is written anywhere but through the masker, and the shell never waits for
a store: what cannot be written yet is kept in the resident process, up to a bound.
"""

from __future__ import annotations

from hstore.shell.resident import offer
from hstore.shell.script import SHELLS, script

__all__ = ["SHELLS", "offer", "script"]
