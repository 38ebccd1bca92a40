"""`hstore doctor` and `hstore audit`."""

from __future__ import annotations

import json

import apsw
import pytest

from hstore import Store


def test_doctor_before_there_is_a_database(hstore, tmp_path):
    """Not initialised yet is a finding, not a failure, and makes nothing."""
    done = hstore("doctor")
    assert done.returncode == 0
    assert b"not initialised yet" in done.stdout
    assert hstore.json("doctor")["initialised"] is False
    assert list(tmp_path.iterdir()) == []


def test_doctor_of_a_sound_store(hstore):
    """Everything in order: exit code 0 and the documented shape."""
    hstore("project", "init")
    found = hstore.json("doctor")
    assert found["ok"] is True
    assert {"ok", "path", "initialised", "checks"} <= set(found)
    for check in found["checks"]:
        assert set(check) == {"name", "status", "message", "data"}
        assert check["status"] in ("ok", "info", "warn")
    text = hstore("doctor").stdout.decode()
    assert all(check["name"] in text for check in found["checks"])


@pytest.mark.parametrize("content", [b"my diary\n" * 100, None], ids=["other file", "directory"])
def test_doctor_of_something_else(hstore, tmp_path, content):
    """What is no database fails the check: exit code 1, no traceback, nothing changed."""
    path = tmp_path / "project.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    done = hstore("doctor")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"fail" in done.stdout
    assert content is None or path.read_bytes() == content


def test_audit_list(hstore, tmp_path):
    """Lines, newest first, filtered, in the documented shape."""
    with Store.open(tmp_path / "project.db") as store:
        store.audit.write("info", "deploy.started", "went out", scope="ci", data={"host": "web3"})
        store.audit.write("error", "deploy.failed", "came back \x1b[2J")
    found = hstore.json("audit", "list")
    assert [each["event"] for each in found] == ["deploy.failed", "deploy.started"]
    assert set(found[0]) == {"id", "at", "level", "run", "scope", "event", "message", "data"}
    assert found[1]["data"] == {"host": "web3"}
    assert [each["id"] for each in hstore.json("audit", "list", "--level", "error")] == [2]
    assert [each["id"] for each in hstore.json("audit", "list", "--scope", "ci", "--since", "1h")] == [1]
    text = hstore("audit", "list").stdout.decode()
    assert "\x1b" not in text
    assert "came back \\e[2J" in text


def test_audit_chain_is_begun_shown_and_verified(hstore, tmp_path):
    """Exit code 1 when it is broken, 3 for the head of none; the head that was kept is looked for."""
    hstore("project", "init")
    assert hstore("audit", "head").returncode == 3
    assert b"no chain" in hstore("audit", "verify").stdout
    assert hstore.json("audit", "chain")["began"] is True
    assert hstore.json("audit", "chain")["began"] is False
    head = hstore("audit", "head").stdout.decode().strip()
    assert hstore.json("audit", "head") == {"line": 1, "hash": head}
    done = hstore("audit", "verify", "--head", head)
    assert done.returncode == 0
    assert b"as they were written" in done.stdout
    assert b"that of line 1" in done.stdout
    assert hstore("audit", "verify", "--head", "0" * 64).returncode == 1
    assert hstore("audit", "verify", "--head", "short").returncode == 2
    assert hstore("doctor").returncode == 0


def test_audit_verify_names_what_was_changed(hstore, tmp_path):
    """In text and in the documented shape; the doctor fails."""
    with Store.open(tmp_path / "project.db") as store:
        store.audit.chain()
        store.audit.write("info", "deploy.started")
    raw = apsw.Connection(str(tmp_path / "project.db"))
    raw.execute("DROP TRIGGER audit_log_no_update; UPDATE audit_log SET event = 'deploy.failed' WHERE id = 2")
    raw.close()
    done = hstore("audit", "verify")
    assert done.returncode == 1
    assert b"line 2" in done.stdout
    report = json.loads(hstore("audit", "verify", "--json").stdout)
    assert set(report) == {
        "ok", "chained", "first", "last", "head", "lines", "known_line", "problems", "problem_count",
    }  # fmt: skip
    assert [set(each) for each in report["problems"]] == [{"kind", "first", "last", "message"}]
    done = hstore("doctor")
    assert done.returncode == 1
    assert b"audit_chain: the audit log is not as it was written: line 2" in done.stdout
