"""Real interactive shells on pseudo-terminals, with somebody typing, and what a recorder has made of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import NotInitialised

PATIENCE = 30.0  # for what must happen; never a measure of speed

LOAD = {
    "bash": 'eval "$({} init bash)"\n',
    "zsh": 'eval "$({} init zsh)"\n',
    "fish": "{} init fish | source\n",
}
# Each prompt leaves a byte in a file, by the shell's own means: so it is known when the next line can be typed.
COUNT = {
    "bash": "PS1='$ '; PROMPT_COMMAND='printf x >>\"$PROMPTS\"'\n",
    "zsh": "PS1='$ '; count_prompts() { printf x >>\"$PROMPTS\" }; precmd_functions+=(count_prompts)\n",
    "fish": "function fish_prompt\n    echo '$ '\nend\n"
    "function count_prompts --on-event fish_prompt\n    printf x >>$PROMPTS\nend\n",
}
NOTE = {
    "bash": 'printf %s "${HSTORE_SHELL_RECORDER-}" >"$RECORDER"\n',
    "zsh": 'printf %s "${HSTORE_SHELL_RECORDER-}" >"$RECORDER"\n',
    "fish": 'printf %s "$HSTORE_SHELL_RECORDER" >$RECORDER\n',
}
SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"), id=name)
    for name in LOAD
]


class Typist:
    """An interactive shell with `hstore init` in its start-up file, and somebody typing.

    Args:
        start_terminal: starts a program on a pseudo-terminal.
        before, after: what else the start-up file says, before and behind the line that loads the recorder.
    """

    def __init__(self, start_terminal, environment, folder, shell, before="", after="", load=True):
        self.shell = shell
        self.home = Path(environment["HOME"])
        self.prompts = folder / "prompts"
        self._note = folder / "recorder"
        environment.update(PROMPTS=str(self.prompts), RECORDER=str(self._note), TERM="dumb", HISTFILE="/dev/null")
        environment["fish_history"] = ""  # none in a file
        environment.update(ZDOTDIR=str(folder), XDG_CONFIG_HOME=str(folder / "config"))
        program = f"'{sys.executable}' -m hstore"
        text = COUNT[shell] + before + (LOAD[shell].format(program) if load else "") + after + NOTE[shell]
        if shell == "fish":
            (folder / "config" / "fish").mkdir(parents=True)
            (folder / "config" / "fish" / "config.fish").write_text(text)
            argv = ["fish", "-i"]
        else:
            (folder / f".{shell}rc").write_text(text)
            argv = ["bash", "--rcfile", str(folder / ".bashrc"), "-i"] if shell == "bash" else ["zsh", "-d", "-i"]
        self.prompts.write_bytes(b"")
        self.terminal = start_terminal(*argv)
        self.wait_for_prompt(0)

    @property
    def shown(self):
        """Prompts so far."""
        return self.prompts.stat().st_size

    def wait_for_prompt(self, before):
        """Wait until another prompt than the first `before` has been shown."""
        self.wait(lambda: self.shown > before, "a prompt")

    def wait(self, condition, what):
        """Read what is printed until something holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            self.terminal._read(0.02)
            assert time.monotonic() < end, f"waited for {what}; seen: {self.terminal.seen!r}"

    def enter(self, *lines):
        """Type the lines of one command and wait for the next prompt."""
        before = self.shown
        for line in lines:
            self.terminal.type(line.encode("utf-8", "surrogateescape") + b"\r")
            time.sleep(0.05 if len(lines) > 1 else 0)
        self.wait_for_prompt(before)

    def keys(self, keys):
        """Press keys, without waiting for anything."""
        self.terminal.type(keys)

    def settle(self):
        """Let the line editor get ready: an interrupt between the prompt's hooks and that waits for the next key."""
        time.sleep(0.3)

    @property
    def recorder(self):
        """The process id of this shell's recorder."""
        return int(self._note.read_text().split("/")[2])

    def has_recorder(self):
        """Say whether the recorder's process is there (and not only waiting to be buried)."""
        return alive(self.recorder)

    def leave(self, recorder=None):
        """Type `exit`, and wait for the shell and its recorder to end; return all that was printed."""
        self.terminal.type(b"exit\r")
        return self.wait_for_end(recorder)

    def wait_for_end(self, recorder=None):
        """Wait for the end of the shell and its recorder; return what was printed."""
        _, seen = self.terminal.finish()
        wait_until(lambda: not alive(recorder or self.recorder), "the recorder's end")
        return seen.decode(errors="replace").replace("\r\n", "\n")

    def kill(self):
        """`kill -9` the shell."""
        os.kill(self.terminal.pid, signal.SIGKILL)


def alive(pid):
    """Say whether a process runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(condition, what):
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.02)


def recorded(path):
    """The runs in a store, oldest first; none where there is no store."""
    try:
        with Store.open(path, readonly=True) as store:
            return store.runs.list(limit=None)[::-1]
    except NotInitialised:
        return []


def lines(path):
    """The command lines in a store, oldest first."""
    return [run.cmdline for run in recorded(path)]
