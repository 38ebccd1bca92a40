"""`hstore devices`: list, show, approve, revoke."""

from __future__ import annotations

import pytest

from hstore import Store
from hstore.models.devices import Device


@pytest.fixture
def devices(hstore):
    """The program on a database with three devices, one of which has been seen."""
    with Store.open(hstore.environment["HSTORE_DB"]) as store:
        store.devices.register("laptop", hostname="lap\x1b[31m", memory=8 << 30, allowed_tools=["open_app", "stat"])
        store.devices.register("phone", role="node", metadata={"floor": 2})
        store.devices.register("watch", role="admin")
        store.devices.heartbeat("phone")
    return hstore


def keys(hstore, *words):
    """The keys that `devices list` prints."""
    return [each["key"] for each in hstore.json("devices", "list", *words)]


def test_list_has_the_documented_shape(devices):
    """Those registered last come first, filters narrow, pages go on; a table for people."""
    found = devices.json("devices", "list")
    assert [each["key"] for each in found] == ["watch", "phone", "laptop"]
    assert set(found[0]) == set(Device._fields)
    assert keys(devices, "--role", "node") == ["phone"]
    assert keys(devices, "--status", "unseen") == ["watch", "laptop"]
    assert keys(devices, "--status", "offline", "--offline-after", "1w") == []
    assert keys(devices, "--limit", "1", "--after", str(found[0]["id"])) == ["phone"]
    lines = devices("devices", "list").stdout.decode().splitlines()
    assert lines[0].split() == ["ID", "ROLE", "STATUS", "LAST", "SEEN", "PERMISSION", "KEY", "HOSTNAME"]
    assert lines[2].split()[1:3] == ["node", "online"]
    assert "\x1b" not in lines[3]


def test_approve_and_revoke(devices):
    """A decision shows in the listing, in the device, and in the audit log; it prints nothing."""
    assert keys(devices, "--not-approved") == ["watch", "phone", "laptop"]
    for word in ("approve", "revoke"):
        done = devices("devices", word, "phone")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert keys(devices, "--approved") == (["phone"] if word == "approve" else [])
    assert devices.json("devices", "show", "phone")["revoked_at"] is not None
    events = [(each["event"], each["data"]) for each in devices.json("audit", "list", "--scope", "devices")]
    assert events == [("device.revoked", {"device": "phone"}), ("device.approved", {"device": "phone"})]


def test_show_tells_all_and_no_secret(devices):
    """Each fact on a line; of a secret only that there is one."""
    with Store.open(devices.environment["HSTORE_DB"]) as store:
        store.devices.set_secret("laptop", "a plain secret")
    text = devices("devices", "show", "laptop").stdout.decode()
    for line in (
        "key:           laptop",
        "memory:        8.6 GB",
        "allowed tools: open_app, stat",
        "secret:        set",
    ):
        assert line in text.splitlines()
    assert "permission:    waiting" in text
    assert "a plain secret" not in text
    found = devices.json("devices", "show", "phone")
    assert (found["metadata"], found["status"], found["has_secret"]) == ({"floor": 2}, "online", False)


@pytest.mark.parametrize("word", ["show", "approve", "revoke"])
def test_unknown_device(devices, word):
    """3, and a message that does not repeat the key."""
    done = devices("devices", word, "some-key")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"hstore: device: ")
    assert b"some-key" not in done.stderr


def test_without_a_database(hstore):
    """Nothing is made to answer a question."""
    done = hstore("devices", "list")
    assert done.returncode == 4
