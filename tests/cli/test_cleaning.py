"""`hstore db clean`, `db policies` and `log delete`: what they say to people and programs, and what they leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hstore import Store
from hstore.clock import now

PROGRAM = [sys.executable, "-m", "hstore"]
DAY = 86_400


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with old and new runs, and with measurements."""
    path = tmp_path / "project.db"
    with Store.open(path) as store:
        for days in (100, 100, 1):
            run = store.record_run("a", "a", started_at=now() / 1e6 - days * DAY, duration=1, exit_code=0)
            store.attach_artifact(run, "log", b"output " * 1000)
        store._connection.write(
            "INSERT INTO performance_metrics (operation, started_at, duration, success)"
            " SELECT 'o', $1, 1, 1 FROM json_each($2)",
            (now() - 91 * DAY * 1_000_000, json.dumps(list(range(500)))),
        )
    return path


def hstore(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, "--db", str(path), *words], capture_output=True, text=True, timeout=60)


def test_policies_are_set_listed_and_removed(filled: Path) -> None:
    """The defaults name the documents; what is set is listed in the units of people, and in JSON in plain numbers."""
    assert "no policies" in hstore(filled, "db", "policies").stdout
    defaults = hstore(filled, "db", "policies", "defaults").stdout
    assert "metrics          90 d  set  Durandal" in defaults
    assert "has one already" in hstore(filled, "db", "policies", "defaults").stdout
    done = hstore(filled, "db", "policies", "set", "artifacts", "--max-size", "1.5G", "--max-count", "10")
    assert done.stdout.splitlines()[1].split() == ["artifacts", "10", "1.5", "GB"]
    listed = json.loads(hstore(filled, "db", "policies", "list", "--json").stdout)
    assert [each["subject"] for each in listed] == [
        *("artifacts", "events", "file_cache", "metrics", "response_cache", "tool_executions"),
    ]
    assert (listed[0]["max_age"], listed[0]["max_count"], listed[0]["max_bytes"]) == (None, 10, 1_500_000_000)
    assert hstore(filled, "db", "policies", "remove", "artifacts").stdout == "what it spoke of stays for ever\n"
    assert hstore(filled, "db", "policies", "remove", "artifacts").stdout == "there was none\n"
    assert "artifacts" not in hstore(filled, "db", "policies", "list").stdout


def test_what_makes_no_sense_is_refused(filled: Path) -> None:
    """Wrong words are usage errors, and none of them sets a policy."""
    for words in (
        ["set", "audit_log", "--max-age", "1d"],
        ["set", "nothing", "--max-age", "1d"],
        ["set", "metrics"],
        ["set", "metrics", "--max-age", "soon"],
        ["set", "metrics", "--max-size", "1G"],
        ["set", "artifacts", "--max-size", "much"],
        ["set", "artifacts", "--max-size", "-1"],
        ["set", "artifacts", "--max-size", "nan"],
        ["set", "artifacts", "--max-count", "-1"],
        ["remove", "memory"],
    ):
        done = hstore(filled, "db", "policies", *words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert done.stderr.startswith("hstore: ")
    assert json.loads(hstore(filled, "db", "policies", "--json").stdout) == []


def test_says_what_would_go_and_what_went(filled: Path) -> None:
    """A table with the reason for each; the dry run foretells it and changes nothing."""
    hstore(filled, "db", "policies", "set", "runs", "--max-age", "30d")
    hstore(filled, "db", "policies", "defaults")
    with Store.open(filled) as store:
        before = store.info().counts
    foretold = hstore(filled, "db", "clean", "--dry-run")
    with Store.open(filled) as store:
        assert store.info().counts == before
    done = hstore(filled, "db", "clean")
    assert done.returncode == 0
    tables = [
        [line.split()[:2] + line.split()[-2:] for line in each.stdout.splitlines()[1:-1]] for each in (foretold, done)
    ]
    assert tables[0] == tables[1] == [["metrics", "500", "90", "days"], ["runs", "2", "30", "days"]]
    assert "502 rows would go" in foretold.stdout
    assert "502 rows are gone" in done.stdout
    assert hstore(filled, "db", "clean").stdout == "nothing is due\n"


def test_json_has_every_figure(filled: Path) -> None:
    """The documented names, for each subject that is looked at."""
    hstore(filled, "db", "policies", "set", "runs", "--max-count", "1")
    found = json.loads(hstore(filled, "db", "clean", "--dry-run", "--json").stdout)
    assert list(found) == ["dry_run", "subjects", "unused_chunks", "free_pages", "file_bytes"]
    runs = found["subjects"][-1]
    assert list(runs) == ["subject", "rows", "bytes", "oldest", "why", "left"]
    assert (runs["subject"], runs["rows"], runs["left"], runs["why"]) == ("runs", 2, 1, "beyond the newest 1")


def test_nothing_to_do_and_no_database(tmp_path: Path) -> None:
    """A missing database is named, and not made."""
    missing = tmp_path / "none.db"
    for words in (["clean"], ["clean", "--dry-run"], ["policies"], ["policies", "defaults"]):
        assert hstore(missing, "db", *words).returncode == 4
    assert hstore(missing, "log", "delete", "1").returncode == 4
    assert not missing.exists()


def test_a_run_is_deleted_by_what_it_is_called(filled: Path) -> None:
    """With its output; what is running only with --force; what is not there is not found."""
    assert hstore(filled, "log", "delete", "2").stdout == "deleted run 2 (a)\n"
    assert hstore(filled, "log", "delete", "2").returncode == 3
    with Store.open(filled) as store:
        store.record_run("b", "b")
        assert len(store.artifacts.list()) == 2
        refused = hstore(filled, "log", "delete", "latest")
        assert refused.returncode == 2
        assert "force" in refused.stderr
        assert hstore(filled, "log", "delete", "latest", "--force").stdout == "deleted run 4 (b)\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal is POSIX")
def test_progress_on_a_terminal_and_interruption(filled: Path) -> None:
    """On a terminal one line says how far it is; Ctrl-C ends it with what to do, and the same command goes on."""
    import pty

    hstore(filled, "db", "policies", "set", "runs", "--max-age", "30d")
    primary, secondary = pty.openpty()
    slow = (
        "import os, signal, sys\n"
        "from hstore.retention.noun import Retention\n"
        "from hstore.__main__ import main\n"
        "tell = Retention._tell\n"
        "def interrupted(tell_them, step, done, total):\n"
        "    tell(tell_them, step, done, total)\n"
        "    if step == 'unused':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "Retention._tell = staticmethod(interrupted)\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", slow, "--db", str(filled), "db", "clean"], stderr=secondary, stdout=subprocess.DEVNULL
    ) as process:
        os.close(secondary)
        said = b""
        try:
            while block := os.read(primary, 4096):
                said += block
        except OSError:
            pass
        finally:
            os.close(primary)
    assert process.returncode in (130, -signal.SIGINT)
    assert b"removing content that nobody needs any more" in said
    assert b"the same command goes on from here" in said
    assert hstore(filled, "db", "clean").stdout == "nothing is due\n"
