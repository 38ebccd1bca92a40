"""`hstore db compact`: what it says to people and programs, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.outputs import Project

from hstore import Store

PROGRAM = [sys.executable, "-m", "hstore"]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with small contents, one by one."""
    path = tmp_path / "project.db"
    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        for content in Project(1).outputs(300):
            store.attach_artifact(run, "log", content)
    return path


def hstore(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, "--db", str(path), *words], capture_output=True, text=True, timeout=60)


def test_says_what_it_came_to(filled: Path) -> None:
    """For people two lines, and what it would come to before anything is written."""
    foretold = hstore(filled, "db", "compact", "--dry-run")
    assert "would be kept in" in foretold.stdout
    assert "300 chunks would be" in foretold.stdout
    done = hstore(filled, "db", "compact")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == foretold.stdout.replace("would be", "are")


def test_json_has_every_figure(filled: Path) -> None:
    """The documented names, all numbers."""
    found = json.loads(hstore(filled, "db", "compact", "--json").stdout)
    assert list(found) == [
        *("dry_run", "chunks_before", "chunks_after", "plain_bytes", "stored_before", "stored_after"),
        *("unused_chunks", "damaged_chunks", "free_pages"),
    ]
    assert found["chunks_after"] < found["chunks_before"]
    again = json.loads(hstore(filled, "db", "compact", "--json").stdout)
    assert again["stored_before"] == again["stored_after"] == found["stored_after"]


def test_nothing_to_do_and_no_database(tmp_path: Path) -> None:
    """An empty store is no failure; a missing one is named, and not made."""
    missing = tmp_path / "none.db"
    assert hstore(missing, "db", "compact").returncode == 4
    assert not missing.exists()
    Store.open(tmp_path / "empty.db").close()
    assert hstore(tmp_path / "empty.db", "db", "compact").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal is POSIX")
def test_progress_on_a_terminal_and_interruption(filled: Path) -> None:
    """On a terminal one line says how far it is; Ctrl-C ends it with what to do, and nothing is lost."""
    import pty

    primary, secondary = pty.openpty()
    slow = (
        "import os, signal, sys\n"
        "from hstore.domains.artifacts.compaction import Compaction\n"
        "from hstore.__main__ import main\n"
        "tell = Compaction._tell\n"
        "def interrupted(self, step, done, total):\n"
        "    tell(self, step, done, total)\n"
        "    if done > 100: os.kill(os.getpid(), signal.SIGINT)\n"
        "Compaction._tell = interrupted\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", slow, "--db", str(filled), "db", "compact"], stderr=secondary, stdout=subprocess.DEVNULL
    ) as process:
        code = process.wait(timeout=60)
    os.close(secondary)
    said = os.read(primary, 65536).decode()
    os.close(primary)
    assert code in (-signal.SIGINT, 130)
    assert "compacting content" in said
    assert "the same command goes on from here" in said
    with Store.open(filled) as store:
        found = {store.read_artifact(artifact.id) for artifact in store.artifacts.list(limit=None)}
    assert found == set(Project(1).outputs(300))
