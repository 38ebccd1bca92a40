"""`hstore doctor` and `hstore audit list`."""

from __future__ import annotations

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
