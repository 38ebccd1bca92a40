"""`store.devices`: registration, approval, presence and shared secrets."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store, clock
from hstore.domains.devices import credentials, noun
from hstore.errors import AccessDenied, InvalidInput, NotFound, StoreError

PHONE = {
    "role": "node",
    "hostname": "phone",
    "os_type": "Android",
    "os_version": "16",
    "capabilities": {"voice": True},
    "allowed_tools": ["open_app"],
    "allowed_paths": ["/sdcard"],
    "allowed_apps": ["clock", "maps"],
    "cpu": "8 cores",
    "memory": 8 << 30,
    "disk": 128 << 30,
    "metadata": {"floor": 2},
}
UNICODE = "Ωmega 😀 \udcff \0 é"


class Clock:
    """A clock that stands where it is put, in microseconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = clock.now()
        monkeypatch.setattr(noun, "now", lambda: self.at)
        monkeypatch.setattr(credentials, "now", lambda: self.at)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of devices, standing."""
    return Clock(monkeypatch)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little, for tests that are not about their cost."""
    monkeypatch.setattr(credentials, "SCRYPT", "scrypt:16:8:1")


def test_device_comes_back_as_it_was_registered(store: Store) -> None:
    """Everything that was said is there, and nothing is approved or seen by itself."""
    found = store.devices.register("phone", **PHONE)
    assert {name: getattr(found, name) for name in PHONE} == {
        **PHONE,
        "allowed_tools": ("open_app",),
        "allowed_paths": ("/sdcard",),
        "allowed_apps": ("clock", "maps"),
    }
    assert (found.approved, found.approved_at, found.revoked_at, found.has_secret) == (False, None, None, False)
    assert (found.status, found.last_seen_at) == ("unseen", None)
    assert found.registered_at == found.updated_at
    assert found.registered_at.tzinfo is dt.timezone.utc
    plain = store.devices.register("bare")
    assert (plain.role, plain.capabilities, plain.allowed_tools, plain.metadata) == ("client", {}, (), {})
    assert (plain.hostname, plain.cpu, plain.memory, plain.disk) == (None,) * 4


def test_registering_again_updates_what_is_given_alone(store: Store, standing: Clock) -> None:
    """What is given is set, what is not stays; the device is the same one, and its first time stays."""
    first = store.devices.register("phone", **PHONE)
    standing.at += 5_000_000
    again = store.devices.register("phone", os_version="17", allowed_apps=[])
    assert again == first._replace(os_version="17", allowed_apps=(), updated_at=first.updated_at + dt.timedelta(0, 5))
    standing.at -= 60_000_000
    assert store.devices.update("phone", metadata={}) == again._replace(metadata={})  # not updated before it was


def test_update_needs_a_device_and_changes_what_is_given(store: Store) -> None:
    """An unknown device is NotFound and is not made; of a known one only what is given changes."""
    with pytest.raises(NotFound, match=r"device: .*register"):
        store.devices.update("phone", role="node")
    assert store.devices.list() == []
    made = store.devices.register("phone", **PHONE)
    changed = store.devices.update(made, role="admin", memory=0)
    assert changed == made._replace(role="admin", memory=0, updated_at=changed.updated_at)


def test_exclusive_registration_refuses_a_taken_key(store: Store) -> None:
    """A key that is taken is a clear error that shows no key, and changes nothing."""
    made = store.devices.register("phone", hostname="first", exclusive=True)
    with pytest.raises(InvalidInput, match="key: is taken") as refused:
        store.devices.register("phone", hostname="second", exclusive=True)
    assert "phone" not in str(refused.value)
    assert store.devices.get("phone") == made


def test_devices_are_found_by_key_id_and_result(store: Store) -> None:
    """All three name the same device; `find` gives None for one that is not there."""
    made = store.devices.register(UNICODE)
    assert store.devices.get(UNICODE) == store.devices.get(made.id) == store.devices.get(made) == made
    assert store.devices.id_of(made) == store.devices.id_of(UNICODE) == made.id
    for unknown in ("nope", 99, 0, -1, 1 << 70, made._replace(key="other")):
        with pytest.raises(NotFound, match="device"):
            store.devices.get(unknown)
        assert store.devices.find(unknown) is None
    for wrong in (None, 1.5, True, b"phone"):
        with pytest.raises(InvalidInput, match="device"):
            store.devices.get(wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": ""}, "key"),
        ({"key": 5}, "key"),
        ({"key": "x" * 1025}, "key"),
        ({"role": "root"}, "role"),
        ({"role": ["admin"]}, "role"),
        ({"hostname": b"x"}, "hostname"),
        ({"hostname": "x" * 70_000}, "hostname"),
        ({"cpu": 8}, "cpu"),
        ({"memory": -1}, "memory"),
        ({"memory": True}, "memory"),
        ({"disk": 1.5}, "disk"),
        ({"disk": 1 << 63}, "disk"),
        ({"capabilities": ["voice"]}, "capabilities"),
        ({"capabilities": {"a": float("nan")}}, "capabilities"),
        ({"metadata": {"a": {1}}}, "metadata"),
        ({"metadata": {"a": "x" * (17 << 20)}}, "metadata"),
        ({"allowed_tools": "all"}, "allowed_tools"),
        ({"allowed_paths": [5]}, "allowed_paths"),
        ({"allowed_apps": 5}, "allowed_apps"),
        ({"secret": ""}, "secret"),
        ({"secret": b""}, "secret"),
        ({"secret": 5}, "secret"),
        ({"secret": "x" * 5000}, "secret"),
        ({"secret": "\udcff"}, "secret"),
    ],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument; no row."""
    with pytest.raises(InvalidInput, match=f"^{said}: "):
        store.devices.register(**{"key": "k", **wrong})
    assert store.devices.list() == []


def test_approval_and_revocation_are_written_into_the_audit_log(store: Store) -> None:
    """Each decision is one line; a decision taken again changes nothing; registering does not undo a revocation."""
    store.devices.register("phone")
    assert store.devices.approve("phone").approved
    again = store.devices.approve("phone")
    assert store.devices.get("phone") == again
    revoked = store.devices.revoke(again)
    assert (revoked.approved, revoked.approved_at) == (False, again.approved_at)
    assert revoked.revoked_at is not None
    assert not store.devices.register("phone", role="admin").approved
    assert store.devices.revoke("phone").revoked_at == revoked.revoked_at
    assert store.devices.approve("phone").revoked_at is None
    log = [(line.event, line.scope, line.data) for line in store.audit.list()]
    assert log == [
        (event, "devices", {"device": "phone"}) for event in ("device.approved", "device.revoked", "device.approved")
    ]


def test_decision_and_its_audit_line_are_kept_or_undone_together(store: Store) -> None:
    """A batch that fails takes both with it."""
    store.devices.register("phone")
    with pytest.raises(ValueError, match="no"), store.batch():
        store.devices.approve("phone")
        raise ValueError("no")
    assert not store.devices.get("phone").approved
    assert store.audit.list() == []


def test_device_goes_offline_by_age(store: Store, standing: Clock) -> None:
    """Seen is online, until nothing was heard for as long as is asked for; who takes its leave is offline at once."""
    store.devices.register("phone")
    store.devices.heartbeat("phone")
    found = store.devices.get("phone")
    assert (found.status, found.last_seen_at) == ("online", clock.to_datetime(standing.at))
    standing.at += 89_999_999
    assert store.devices.get("phone").status == "online"
    assert store.devices.get("phone", offline_after=60).status == "offline"
    standing.at += 1
    assert store.devices.get("phone").status == "offline"
    store.devices.heartbeat("phone", "offline")
    assert store.devices.get("phone").status == "offline"
    store.devices.heartbeat("phone")
    assert store.devices.get("phone").status == "online"
    assert store.devices.statuses() == {"online": 1, "offline": 0, "unseen": 0}


@given(steps=st.lists(st.integers(-1000, 1000), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_last_seen_never_goes_back(store: Store, standing: Clock, steps: list[int]) -> None:
    """Whatever the clock does, `last_seen_at` is the latest moment of all heartbeats."""
    store.devices.register("phone")
    for step in steps:
        standing.at += step * 1_000_000
        before = store.devices.get("phone").last_seen_at
        store.devices.heartbeat("phone")
        seen = clock.to_datetime(standing.at)
        assert store.devices.get("phone").last_seen_at == (seen if before is None else max(before, seen))


def test_heartbeat_of_a_stranger_is_refused(store: Store) -> None:
    """An unknown device is NotFound and is not made; another status is InvalidInput."""
    for _ in range(2):
        with pytest.raises(NotFound, match="device"):
            store.devices.heartbeat("phone")
    store.devices.register("phone")
    with pytest.raises(InvalidInput, match="status: one of online, offline"):
        store.devices.heartbeat("phone", "asleep")
    with pytest.raises(InvalidInput, match="key"):
        store.devices.heartbeat(5)
    assert store.devices.get("phone").status == "unseen"


def test_heartbeat_knows_nothing_of_a_registration_that_was_undone(store: Store) -> None:
    """A device registered in a batch that failed is unknown after it, though another has got its id."""
    with pytest.raises(ValueError, match="no"), store.batch():
        store.devices.register("phone")
        store.devices.heartbeat("phone")
        raise ValueError("no")
    store.devices.register("other")
    with pytest.raises(NotFound):
        store.devices.heartbeat("phone")
    assert store.devices.get("other").status == "unseen"


def test_listing_by_role_status_approval_and_time(store: Store, standing: Clock) -> None:
    """Filters narrow and combine, those registered last come first, pages are the whole."""
    for number in range(9):
        standing.at += 1_000_000
        key = f"d{number}"
        store.devices.register(key, role=("client", "node", "admin")[number % 3])
        if number % 2:
            store.devices.approve(key)
    store.devices.revoke("d3")
    store.devices.heartbeat("d1", "offline")
    store.devices.heartbeat("d2")
    standing.at += 200_000_000
    for key in ("d3", "d4"):
        store.devices.heartbeat(key)

    def keys(**filters: object) -> str:
        return "".join(found.key[1:] for found in store.devices.list(**filters))

    assert keys() == "876543210"
    assert keys(role="node") == "741"
    assert (keys(approved=True), keys(approved=False)) == ("751", "864320")
    assert (keys(status="online"), keys(status="offline"), keys(status="unseen")) == ("43", "21", "87650")
    assert keys(status="online", offline_after=1000) == "432"
    assert keys(status="offline", approved=True, role="node") == "1"
    moment = store.devices.get("d4").registered_at
    assert (keys(since=moment), keys(until=moment)) == ("87654", "3210")
    assert keys(limit=3) + keys(limit=100, after=store.devices.get("d6").id) == "876543210"
    assert store.devices.statuses() == {"online": 2, "offline": 2, "unseen": 5}


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "root"},
        {"status": "asleep"},
        {"approved": "no"},
        {"approved": 1},
        {"since": dt.datetime(2026, 1, 1)},
        {"until": float("nan")},
        {"limit": 0},
        {"after": True},
        {"offline_after": -1},
        {"offline_after": float("inf")},
    ],
)
def test_wrong_filters_are_refused_by_name(store: Store, wrong: dict[str, object]) -> None:
    """A clear error that names the filter."""
    with pytest.raises(InvalidInput, match=f"^{next(iter(wrong))}: "):
        store.devices.list(**wrong)


def test_secret_is_verified_and_kept_nowhere(path: Path, secret: str) -> None:
    """The right one fits, all others do not; it stands in no file, and two devices' hashes of it differ."""
    with Store.open(path) as store:
        assert store.devices.register("phone", secret=secret).has_secret
        assert store.devices.verify_secret("phone", secret)
        assert store.devices.verify_secret("phone", secret.encode())
        for wrong in (secret[:-1], secret + " ", secret.swapcase()):
            assert not store.devices.verify_secret("phone", wrong)
        store.devices.register("watch", secret=secret)
        assert len(set(store.query("SELECT hash FROM device_secrets"))) == 2
        assert store.query("SELECT DISTINCT method, length(salt), length(hash) FROM device_secrets") == (
            ("scrypt:16384:8:5", 16, 32),
        )
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()


def test_secret_of_a_registered_device_is_not_changed_by_registering(store: Store, cheap: None) -> None:
    """Registering with the same secret is fine, with another one it is denied and nothing changes."""
    made = store.devices.register("phone", secret="one", hostname="mine")
    assert store.devices.register("phone", secret="one")._replace(updated_at=made.updated_at) == made
    with pytest.raises(AccessDenied, match="set_secret"):
        store.devices.register("phone", secret="two", hostname="theirs")
    assert store.devices.get("phone").hostname == "mine"
    store.devices.set_secret("phone", "two")
    assert (store.devices.verify_secret("phone", "one"), store.devices.verify_secret("phone", "two")) == (False, True)
    assert [line.event for line in store.audit.list()] == ["device.secret_set"]
    with pytest.raises(NotFound):
        store.devices.set_secret("nope", "two")


def test_device_with_a_secret_is_not_changed_by_registering_it_without(store: Store, cheap: None) -> None:
    """Whoever leaves the secret out does not get around it; the host's own `update` needs none."""
    store.devices.register("phone", secret="one", hostname="mine")
    with pytest.raises(AccessDenied, match="update"):
        store.devices.register("phone", role="admin", hostname="theirs")
    assert (store.devices.get("phone").role, store.devices.get("phone").hostname) == ("client", "mine")
    assert store.devices.update("phone", hostname="mine too").hostname == "mine too"
    with pytest.raises(InvalidInput, match="taken"):
        store.devices.register("phone", exclusive=True)


def test_device_approved_without_a_secret_gets_none_by_registering(store: Store, cheap: None) -> None:
    """Or a stranger could give it one, and work as that device; one that still waits may."""
    store.devices.register("server")
    store.devices.register("server", secret="before anybody approved it")
    store.devices.register("node")
    store.devices.approve("node")
    for revoke in (False, True):
        if revoke:
            store.devices.revoke("node")
        with pytest.raises(AccessDenied, match="set_secret"):
            store.devices.register("node", secret="theirs")
    assert store.devices.register("node", hostname="h").hostname == "h"
    store.devices.set_secret("node", "mine")
    store.devices.approve("node")
    assert store.devices.authenticate("node", "mine").key == "node"


def test_approval_while_a_secret_was_hashed_counts(store: Store, cheap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret of a stranger that was still being hashed when the device was approved is not set."""
    store.devices.register("node")
    make = credentials.hashed

    def interfering(secret: bytes) -> object:
        monkeypatch.undo()
        with Store.open(store.path) as other:
            other.devices.approve("node")
        return make(secret)

    monkeypatch.setattr(credentials, "hashed", interfering)
    with pytest.raises(AccessDenied, match="approved"):
        store.devices.register("node", secret="theirs")
    assert not store.devices.get("node").has_secret


def test_secret_set_by_another_while_ours_was_hashed_is_not_overwritten(
    store: Store, cheap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that register a device at once the first sets the secret; the second is denied unless it has the same."""
    store.devices.register("phone")
    make = credentials.hashed

    def interfering(secret: bytes) -> object:
        monkeypatch.undo()
        with Store.open(store.path) as other:
            other.devices.set_secret("phone", "theirs")
        return make(secret)

    monkeypatch.setattr(credentials, "hashed", interfering)
    with pytest.raises(AccessDenied):
        store.devices.register("phone", secret="mine", hostname="mine")
    assert store.devices.get("phone").hostname is None
    assert store.devices.verify_secret("phone", "theirs")


def test_unknown_device_costs_as_much_as_a_wrong_secret(
    store: Store, cheap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash of the same cost is computed for a known device, an unknown one, and one without a secret."""
    store.devices.register("phone", secret="right")
    store.devices.register("bare")
    methods = []
    compute = credentials._hash
    monkeypatch.setattr(credentials, "_hash", lambda method, *rest: (methods.append(method), compute(method, *rest))[1])
    for key in ("phone", "unknown", "bare"):
        assert not store.devices.verify_secret(key, "wrong")
    assert len(methods) == 3
    assert len(set(methods)) == 1


def test_older_methods_still_fit_after_the_cost_is_raised(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash is compared by the method that it was made by, scrypt or PBKDF2; one that is unknown here says so."""
    for number, method in enumerate(("scrypt:16:8:1", "scrypt:32:8:2", "pbkdf2-sha256:10")):
        monkeypatch.setattr(credentials, "SCRYPT", method)
        store.devices.register(f"d{number}", secret="right")
    for number in range(3):
        assert store.devices.verify_secret(f"d{number}", "right")
        assert not store.devices.verify_secret(f"d{number}", "wrong")
    for unknown in ("argon2id:3", "scrypt:x", "scrypt:15:8:1", "scrypt:1073741824:8:1", "scrypt", "pbkdf2-sha256:0"):
        store._connection.write("UPDATE device_secrets SET method = $1", (unknown,))
        with pytest.raises(StoreError, match="set_secret"):
            store.devices.verify_secret("d0", "right")


def test_hash_is_what_the_format_says(store: Store) -> None:
    """Another program can compute it: scrypt of the secret's UTF-8 by the figures in the method."""
    store.devices.register("phone", secret="naïve")
    ((method, salt, stored),) = store.query("SELECT method, salt, hash FROM device_secrets")
    name, n, r, p = method.split(":")
    assert name == "scrypt"
    assert stored == hashlib.scrypt("naïve".encode(), salt=salt, n=int(n), r=int(r), p=int(p), maxmem=1 << 26, dklen=32)


def test_without_scrypt_there_is_another_method(store: Store, cheap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenSSL lacks scrypt, PBKDF2 takes its place; a hash made elsewhere by scrypt is a clear error."""
    store.devices.register("before", secret="right")
    monkeypatch.delattr(hashlib, "scrypt")
    monkeypatch.setattr(credentials, "PBKDF2", "pbkdf2-sha256:10")
    store.devices.register("phone", secret="right")
    assert store.devices.verify_secret("phone", "right")
    assert not store.devices.verify_secret("phone", "wrong")
    assert store.query("SELECT method FROM device_secrets ORDER BY device_id")[1] == ("pbkdf2-sha256:10",)
    with pytest.raises(StoreError, match="set_secret"):
        store.devices.verify_secret("before", "right")
    store.devices.set_secret("before", "right")
    assert store.devices.verify_secret("before", "right")


def test_authentication_needs_secret_and_approval(store: Store, cheap: None) -> None:
    """Each way to fail is AccessDenied; unknown, without a secret, and wrong are not told apart."""
    store.devices.register("phone", secret="right")
    store.devices.register("bare")

    def said(key: str, secret: str) -> str:
        with pytest.raises(AccessDenied) as denied:
            store.devices.authenticate(key, secret)
        return str(denied.value)

    assert said("phone", "wrong") == said("unknown", "right") == said("bare", "right")
    assert "not approved" in said("phone", "right")
    store.devices.approve("phone")
    assert store.devices.authenticate("phone", "right") == store.devices.get("phone")
    assert said("phone", "wrong") == said("unknown", "right")
    store.devices.revoke("phone")
    assert "revoked" in said("phone", "right")
    assert store.devices.verify_secret("phone", "right")


def test_another_process_sees_what_one_decides(store: Store, program, cheap: None) -> None:
    """A device revoked by one process is denied by the next call of another."""
    store.devices.register("phone", secret="right")
    store.devices.approve("phone")
    store.devices.authenticate("phone", "right")
    revoking = program(
        "import sys; from hstore import Store; s = Store.open(sys.argv[1]); s.devices.revoke('phone')", store.path
    )
    assert revoking.communicate(timeout=60)[1] == ""
    with pytest.raises(AccessDenied, match="revoked"):
        store.devices.authenticate("phone", "right")


def test_decision_while_the_clock_goes_back_is_no_older_than_the_device(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved, revoked, changed, registered again: `updated_at` stays where it was."""
    made = store.devices.register("phone")
    monkeypatch.setattr(noun, "now", lambda: 1)
    for change in (store.devices.approve, store.devices.revoke, store.devices.update, store.devices.register):
        assert change("phone").updated_at == made.updated_at
