"""The program `hstore`, run as a process with a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


class Hstore:
    """Runs the program and waits for its end."""

    def __init__(self, environment, folder):
        self.environment = environment
        self.folder = folder

    def __call__(self, *words, **options):
        """Run `hstore WORDS`, with its outputs captured unless `options` say otherwise."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            [sys.executable, "-m", "hstore", *words], env=self.environment, cwd=self.folder, timeout=60, **options
        )

    def json(self, *words):
        """What `hstore WORDS --json` prints, read."""
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def hstore(tmp_path):
    """The program with a database of its own, and none of the developer's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HSTORE", "HEIMDAL"))}
    kept.pop("NO_COLOR", None)
    return Hstore({**kept, "HSTORE_DB": str(tmp_path / "project.db"), "COLUMNS": "100"}, tmp_path)
