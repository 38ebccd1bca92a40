"""`store.nonces`: claimed once, until they expire."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store, clock
from hstore.domains import nonces
from hstore.errors import InvalidInput


class Clock:
    """A clock that stands where it is put, in microseconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = clock.now()
        monkeypatch.setattr(nonces, "now", lambda: self.at)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of nonces, standing."""
    return Clock(monkeypatch)


def test_nonce_is_claimed_once_whoever_sends_it(store: Store) -> None:
    """The first claim is True, every other False: of the same device, of another, and in another store."""
    assert store.nonces.claim("n", device="phone")
    assert not store.nonces.claim("n", device="phone")
    assert not store.nonces.claim("n")
    assert store.nonces.claim("N")
    with Store.open(store.path) as other:
        assert not other.nonces.claim(b"n")


def test_any_text_or_bytes_is_a_nonce_of_its_own(store: Store) -> None:
    """Any Unicode, lone surrogates and NUL are told apart; text is the bytes of its UTF-8."""
    for nonce in ("é", "e\u0301", "\0", "\0\0", "\ud800", "\udcff", "😀", " n", "n ", b"\xff", "x" * 60_000):
        assert store.nonces.claim(nonce)
        assert not store.nonces.claim(nonce)
    assert not store.nonces.claim("é".encode())


@given(steps=st.lists(st.tuples(st.integers(-50, 100), st.integers(1, 100), st.sampled_from("ab")), max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_claim_holds_until_it_expires(store: Store, standing: Clock, steps: list[tuple[int, int, str]]) -> None:
    """Whatever the clock does, a nonce is claimed if and only if no claim of it holds; `seen` says the same before."""
    example = os.urandom(8).hex()
    held: dict[str, int] = {}
    for step, ttl, letter in steps:
        standing.at += step * 1_000_000
        nonce = letter + example
        free = held.get(nonce, 0) <= standing.at
        assert store.nonces.seen(nonce) is not free
        assert store.nonces.claim(nonce, ttl=ttl) is free
        if free:
            held[nonce] = standing.at + ttl * 1_000_000


def test_claim_that_was_undone_was_not_made(store: Store) -> None:
    """A batch that fails gives its nonces back; one that succeeds keeps them."""
    with pytest.raises(ValueError, match="no"), store.batch():
        assert store.nonces.claim("n")
        assert not store.nonces.claim("n")
        raise ValueError("no")
    with store.batch():
        assert store.nonces.claim("n")
    assert not store.nonces.claim("n")


def test_nonce_itself_is_not_stored(path: Path, secret: str) -> None:
    """Neither its text nor its digest in hexadecimal stands in the file; the device does."""
    with Store.open(path) as store:
        store.nonces.claim(secret, device="a-certain-phone")
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert secret.encode() not in content
    assert b"a-certain-phone" in content


def test_digest_is_what_the_format_says(store: Store) -> None:
    """Another program can compute it: SHA-256 of the nonce's UTF-8."""
    store.nonces.claim("naïve")
    assert store.query("SELECT digest FROM nonces") == ((hashlib.sha256("naïve".encode()).digest(),),)


def test_listing_by_device_expiry_and_time(store: Store, standing: Clock) -> None:
    """Filters narrow, those claimed last come first, pages are the whole."""
    for number in range(6):
        standing.at += 1_000_000
        assert store.nonces.claim(f"n{number}", device=(None, "phone", "watch")[number % 3], ttl=4 + number % 2 * 100)
    standing.at += 2_000_000

    def ids(**filters: object) -> list[int]:
        return [found.id for found in store.nonces.list(**filters)]

    assert ids() == [6, 5, 4, 3, 2, 1]
    assert (ids(expired=True), ids(expired=False)) == ([3, 1], [6, 5, 4, 2])
    assert (ids(device="phone"), ids(device="phone", expired=False)) == ([5, 2], [5, 2])
    assert ids(limit=4) + ids(after=3) == ids()
    newest = store.nonces.list()[0]
    assert (newest.device, newest.created_at) == ("watch", clock.to_datetime(standing.at - 2_000_000))
    assert (newest.expires_at - newest.created_at).total_seconds() == 104
    assert ids(since=newest.created_at) == [6]
    assert ids(until=newest.created_at) == [5, 4, 3, 2, 1]
    assert store.nonces.list(after=2)[0].device is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nonce": ""}, "nonce"),
        ({"nonce": b""}, "nonce"),
        ({"nonce": 5}, "nonce"),
        ({"nonce": "x" * 70_000}, "nonce"),
        ({"device": 5}, "device"),
        ({"device": "x" * 1025}, "device"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": 1e-9}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": True}, "ttl"),
        ({"ttl": float("nan")}, "ttl"),
        ({"ttl": 1e12}, "ttl"),
    ],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument and does not show the nonce; no row."""
    with pytest.raises(InvalidInput, match=f"^{said}: "):
        store.nonces.claim(**{"nonce": "n", **wrong})
    with pytest.raises(InvalidInput, match=r"^expired: "):
        store.nonces.list(expired="yes")
    assert store.nonces.list() == []


def test_of_many_threads_one_claims(store: Store) -> None:
    """Eight threads of one store claim the same nonces: each goes to exactly one."""
    start = threading.Barrier(8)
    won: list[int] = []

    def claim() -> None:
        start.wait()
        won.extend(number for number in range(50) if store.nonces.claim(f"n{number}"))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(50))


@pytest.mark.parametrize("ttl", [-5, -(10**5000), float("nan"), -0.5], ids=["whole", "huge", "nan", "fraction"])
def test_negative_time_to_live_is_refused_without_its_value(store: Store, ttl: float) -> None:
    """Also one that is too long a number to be written."""
    with pytest.raises(InvalidInput, match=r"^ttl: a duration is zero or more$"):
        store.nonces.claim("n", ttl=ttl)
