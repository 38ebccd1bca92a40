"""What every test gets: an environment without the developer's own settings, and stores in a temporary place."""

from __future__ import annotations

import os
import secrets
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hstore import Store


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the developer or of CI reaches a test; home is an empty directory."""
    for name in list(os.environ):
        if name.startswith(("HSTORE_", "HEIMDAL_")) and name != "HSTORE_TEST_SANITIZED":
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's database will be; nothing is there yet."""
    return tmp_path / "project.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """An open store, new."""
    with Store.open(path) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> int:
    """A finished run in the store."""
    return store.record_run("true", ["true"], exit_code=0)


Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def program() -> Iterator[Program]:
    """Start Python programs as processes of their own; they are killed at the end of the test if they still run."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", source, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]  # passed through as given
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def secret() -> str:
    """A value made for this test alone."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))
