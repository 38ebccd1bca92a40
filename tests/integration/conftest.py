"""Real processes on real pseudo-terminals: what the recorder's tests are made of."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

PATIENCE = 30.0  # for what must happen; never a measure of speed


@pytest.fixture
def environment(tmp_path):
    """The environment of a program under test: its own database, home and locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HSTORE", "HEIMDAL"))}
    home = tmp_path / "home"
    home.mkdir()
    return {**kept, "HSTORE_DB": str(tmp_path / "project.db"), "HOME": str(home), "TERM": "xterm-256color"}


class Hstore:
    """Runs the program and waits for its end."""

    def __init__(self, environment, folder):
        self.environment = environment
        self.folder = folder
        self.program = (sys.executable, "-m", "hstore")
        self.started = []

    def __call__(self, *words, **options):
        """Run `hstore WORDS`, with its outputs captured unless `options` say otherwise."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            [*self.program, *words], env=self.environment, cwd=self.folder, timeout=PATIENCE * 2, **options
        )

    def run(self, *command, **options):
        """Run `hstore run -- COMMAND`."""
        return self("run", "--", *command, **options)

    def python(self, code, *words, **options):
        """Record a Python program given as text."""
        return self.run(sys.executable, "-c", code, *words, **options)

    def start(self, *words, **options):
        """Start `hstore WORDS` and leave it running."""
        return self.popen([*self.program, *words], cwd=self.folder, **options)

    def popen(self, argv, **options):
        """Start any program in the same environment; what still runs at the end of the test is killed."""
        self.started.append(subprocess.Popen(argv, env=self.environment, **options))
        return self.started[-1]

    def json(self, *words):
        """What `hstore WORDS --json` prints, read."""
        import json

        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def show(self, run="latest", *words):
        """The recorded output of a run, as bytes."""
        done = self("log", "show", run, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def hstore(environment, tmp_path):
    """The program `hstore` with a database of its own."""
    program = Hstore(environment, tmp_path)
    yield program
    for each in program.started:
        each.kill()
        with contextlib.suppress(ValueError):  # its pipes are closed already
            each.communicate()


class Terminal:
    """A program that is alone on a pseudo-terminal, as a session leader, and somebody typing."""

    def __init__(self, argv, environment, folder, rows=24, columns=80):
        self.master, slave = os.openpty()
        self.resize(rows, columns)
        self.path = os.ttyname(slave)
        self.settings = termios.tcgetattr(slave)
        self._slave = slave  # kept open, so that the settings can be looked at after the program's end
        self.seen = b""
        self._status = None
        here = os.getcwd()
        os.chdir(folder)
        try:
            self.pid = os.posix_spawnp(
                argv[0],
                list(argv),
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, self.path, os.O_RDWR, 0),
                    (os.POSIX_SPAWN_DUP2, 0, 1),
                    (os.POSIX_SPAWN_DUP2, 0, 2),
                ],
                setsid=True,
                setsigdef=[signal.SIGPIPE],
            )
        finally:
            os.chdir(here)

    def resize(self, rows, columns):
        """Change the window's size, as a window manager does."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        """Type, as a person does: the program sees it when it gets to it."""
        os.write(self.master, keys)

    def wait_for(self, text):
        """Read until `text` has been printed."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert self._read(end - time.monotonic()), f"{text!r} was not printed but {self.seen!r}"

    def finish(self):
        """Wait for the end; return the exit code and everything printed."""
        end = time.monotonic() + PATIENCE
        while self._status is None:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, f"still running after {self.seen!r}"
        while self._read(0):
            pass
        return self._status, self.seen

    def settings_now(self):
        """How the terminal is set at this moment."""
        return termios.tcgetattr(self._slave)

    def close(self):
        """End what still runs and let go of the terminal."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self._slave)

    def _read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], max(0, seconds))
        if ready:
            self.seen += os.read(self.master, 65536)
        return bool(ready)


@pytest.fixture
def terminal(environment, tmp_path):
    """Starts programs on terminals: `terminal(*argv, rows=…, columns=…)`."""
    opened = []

    def start(*argv, **size):
        opened.append(Terminal(argv, environment, tmp_path, **size))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def on_terminal(terminal):
    """Starts `hstore run -- COMMAND` on a terminal."""

    def start(*command, **size):
        return terminal(sys.executable, "-m", "hstore", "run", "--", *command, **size)

    return start
