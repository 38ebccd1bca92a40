"""`hstore mask apply`: what is stored already is masked, reported, and shown by the exit code."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys

import pytest

from planted import Secrets, look, look_at_content, look_at_files
from unmasked import unmasked

TABLES = [
    "projects",
    "sessions",
    "runs",
    "run_steps",
    "artifacts",
    "wiki_refs",
    "memory",
    "memory_history",
    "devices",
    "agents",
    "nonces",
    "idempotency_keys",
    "tool_executions",
    "events",
    "conversations",
    "tracked_files",
    "knowledge_items",
    "database_connections",
    "database_schemas",
    "preferences",
    "config",
    "response_cache",
    "file_cache",
    "feature_usage",
    "performance_metrics",
    "productivity_events",
    "audit_log",
    "content",
]


@pytest.fixture
def path(tmp_path):
    """The database that the program uses."""
    return tmp_path / "project.db"


@pytest.fixture
def hidden(path, hstore):
    """Secrets that stand in the store in plain text, one of them known by the name LEAKED."""
    hidden = Secrets()
    with unmasked(path) as store:
        run = store.record_run("curl", ["curl", hidden.text()], exit_code=0)
        store.attach_artifact(run, "log", hidden.text().encode() * 100, name="stdout")
        store.remember("k", hidden.text())
    hstore.environment["LEAKED"] = hidden.registered
    return hidden


def test_apply_masks_and_says_so(hstore, hidden, path, tmp_path):
    """A table of what was changed, exit code 0, nothing on standard error where it is no terminal, and it is gone."""
    done = hstore("mask", "apply", "--value-env", "LEAKED")
    assert (done.returncode, done.stderr) == (0, b"")
    look("the output", done.stdout, hidden)
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["TABLE", "LOOKED", "AT", "CHANGED", "LEFT", "FOUND"]
    assert "content    1          1        0     100 github-pat, 100 password, 100 value" in lines
    assert lines[-2] == "the file was built anew from what lives in it"
    assert lines[-1].endswith(": 0 found")
    look_at_files(tmp_path, hidden, tmp_path)
    look_at_content(path, hidden)
    again = hstore("mask", "apply", "--value-env", "LEAKED").stdout.decode()
    assert "not built anew" in again
    assert hstore("doctor").returncode == 0


def test_dry_run_changes_nothing(hstore, hidden, path):
    """What would be changed is counted, with exit code 0, and the file stays as it was."""
    before = path.read_bytes()
    done = hstore("mask", "apply", "--dry-run", "--value-env", "LEAKED")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"WOULD CHANGE" in done.stdout
    assert b"built anew" not in done.stdout
    assert path.read_bytes() == before


def test_json(hstore, hidden):
    """The documented names, with the counts of each table."""
    found = hstore.json("mask", "apply", "--value-env", "LEAKED")
    assert [table["name"] for table in found["tables"]] == TABLES
    assert found["tables"][-1] == {
        "name": "content",
        "looked": 1,
        "changed": 1,
        "left": 0,
        "left_ids": [],
        "found": {"github-pat": 100, "password": 100, "value": 100},
    }
    del found["tables"]
    assert found.pop("searched") > 0
    assert found == {
        "dry_run": False,
        "clean": True,
        "resumed": False,
        "changed_before": 0,
        "unused_chunks": 0,
        "scrubbed": True,
        "rebuilt": True,
        "free_pages": 0,
        "wal_bytes": 0,
        "unsearched": 0,
        "still_standing": 0,
        "changed": 3,
        "left": 0,
    }


def test_what_remains_fails_and_is_named(hstore, hidden, path):
    """A line of the audit log cannot be changed: exit code 1, the line's id, and that the value still stands."""
    with unmasked(path) as store:
        store.audit.write("info", "e", hidden.registered)
    done = hstore("mask", "apply", "--value-env", "LEAKED")
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "audit log: 1 lines hold secrets (ids 1); it cannot be changed" in said
    assert "1 of the secrets searched for still stand" in said
    look("the messages", done.stderr, hidden)


@pytest.mark.skipif(sys.platform == "win32", reason="a reader is a process with POSIX pipes")
def test_reader_of_an_older_state_fails_and_is_named(hstore, hidden, path):
    """The bytes that may remain are given, and the exit code says that something does; later it succeeds."""
    code = "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN'); c.execute('SELECT * FROM memory')"
    reader = subprocess.Popen(
        [sys.executable, "-c", code + ".fetchall(); print(1, flush=True); sys.stdin.read()", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    reader.stdout.readline()
    done = hstore("mask", "apply", "--value-env", "LEAKED", "--wait", "0.2s")
    reader.communicate()
    assert done.returncode == 1
    assert b"remain in the WAL, because another process reads an older state" in done.stderr
    done = hstore("mask", "apply", "--value-env", "LEAKED")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"went on where it was interrupted; 3 rows" in done.stdout


def test_wrong_words_and_no_database(hstore, path, tmp_path):
    """A variable that is missing, a value too short, no database: each refused before anything is touched."""
    hstore.environment["SHORT_ONE"] = "abc"
    assert hstore("mask", "apply").returncode == 4
    assert hstore("mask", "apply", "--value-env", "NO_SUCH").returncode == 2
    assert not path.exists()
    hstore("project", "init")
    done = hstore("mask", "apply", "--value-env", "SHORT_ONE")
    assert (done.returncode, done.stdout) == (2, b"")
    assert hstore("mask", "apply", "--wait", "soon").returncode == 2


def read(terminal: int) -> bytes:
    """What was printed since; it must come within 30 seconds."""
    assert select.select([terminal], [], [], 30)[0], "nothing was printed"
    return os.read(terminal, 65536)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals and Ctrl-C are POSIX")
def test_progress_on_a_terminal_and_ctrl_c(hstore, hidden, path):
    """On a terminal one line tells how far it is; Ctrl-C ends it with 130, and the same command goes on."""
    with unmasked(path) as store:
        for number in range(3000):
            store.attach_artifact(1, "log", f"{number} {hidden.text()}".encode())
    master, slave = os.openpty()
    words = [sys.executable, "-m", "hstore", "mask", "apply", "--value-env", "LEAKED", "--json"]
    masking = subprocess.Popen(words, env=hstore.environment, stdout=subprocess.PIPE, stderr=slave)
    seen = b""
    while b"content of artifacts" not in seen:
        seen += read(master)
    masking.send_signal(signal.SIGINT)
    printed, _ = masking.communicate(timeout=30)
    seen += read(master)
    os.close(slave)
    os.close(master)
    assert (masking.returncode, printed) == (130, b"")
    assert b" of 3001" in seen
    assert seen.endswith(b"\r\x1b[Khstore: interrupted; the same command goes on from here\r\n")
    done = json.loads(hstore("mask", "apply", "--value-env", "LEAKED", "--json").stdout)
    assert done["resumed"]
    assert done["changed_before"] >= 2
    assert done["clean"]
