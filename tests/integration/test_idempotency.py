"""`store.idempotency`: the right to execute a request, and the result for all who ask again."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store, clock
from hstore.domains import idempotency
from hstore.errors import Busy, ClaimLost, InvalidInput
from hstore.models.claims import Begun, Held, Replay


class Clock:
    """A clock that stands where it is put, in microseconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = clock.now()
        monkeypatch.setattr(idempotency, "now", lambda: self.at)

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.at += round(seconds * 1_000_000)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of idempotency keys, standing."""
    return Clock(monkeypatch)


def begun(store: Store, key: str = "k", method: str = "POST /orders", **options: float) -> Begun:
    """Begin a request that must be free."""
    found = store.idempotency.begin(key, method, **options)
    assert isinstance(found, Begun)
    return found


class Request:
    """What the law says of one key: who holds it, since and until when, and what came of it."""

    def __init__(self, held: Begun, method: str, until: int, expiry: int) -> None:
        self.held, self.method, self.until, self.expiry = held, method, until, expiry
        self.result: int | None = None


steps = st.one_of(
    st.tuples(st.just("begin"), st.sampled_from("ab"), st.sampled_from("xxxy"), st.integers(1, 9), st.integers(1, 30)),
    st.tuples(st.sampled_from(["finish", "extend", "release"]), st.integers(0, 9), st.integers(1, 9)),
    st.tuples(st.just("pass"), st.integers(-3, 12)),
)


@given(script=st.lists(steps, max_size=30))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_request_has_one_holder_and_one_result(store: Store, standing: Clock, script: list[Any]) -> None:
    """Whatever is begun, finished, extended and released in any order, and whatever the clock does: as the law says."""
    requests: dict[str, Request] = {}
    ever: list[tuple[str, Begun]] = []
    example = os.urandom(8).hex()
    for step, *given_values in script:
        if step == "pass":
            standing.go_on(given_values[0])
        elif step == "begin":
            key, method, hold, ttl = given_values
            key += example
            there = requests.get(key)
            if there is not None and there.expiry <= standing.at:
                there = None
            if there is not None and there.method != method:
                with pytest.raises(InvalidInput, match=r"^key: "):
                    store.idempotency.begin(key, method, hold=hold, ttl=ttl)
                continue
            found = store.idempotency.begin(key, method, hold=hold, ttl=ttl)
            if there is not None and there.result is not None:
                assert isinstance(found, Replay)
                assert found.result == there.result
            elif there is not None and there.until > standing.at:
                assert found == Held(there.held.id, clock.to_datetime(there.until))
            else:
                assert isinstance(found, Begun)
                until = standing.at + hold * 1_000_000
                requests[key] = Request(found, method, until, max(until, standing.at + ttl * 1_000_000))
                ever.append((key, found))
        elif ever:
            key, mine = ever[given_values[0] % len(ever)]
            there = requests.get(key)
            holds = there is not None and there.held == mine and there.result is None
            if step == "release":
                assert store.idempotency.release(mine) is holds
                if holds:
                    del requests[key]
            elif not holds:
                with pytest.raises(ClaimLost):
                    getattr(store.idempotency, step)(mine, given_values[1])
            elif step == "extend":
                assert there is not None
                store.idempotency.extend(mine, given_values[1])
                there.until = standing.at + given_values[1] * 1_000_000
                there.expiry = max(there.expiry, there.until)
            else:
                assert there is not None
                there.result = given_values[1]
                store.idempotency.finish(mine, there.result)


RESULTS = [None, True, 0, 1.5, "text", [], {"id": 7, "lines": [1, None]}, "naïve 😀"]


@pytest.mark.parametrize("result", RESULTS, ids=repr)
def test_request_that_comes_again_gets_the_first_result(store: Store, result: object) -> None:
    """The first has the right to go on; when it has finished, every other gets its result, whatever that is."""
    mine = begun(store)
    stored = store.idempotency.finish(mine, result)
    assert (stored.result, type(stored.result)) == (result, type(result))
    for _ in range(2):
        assert store.idempotency.begin("k", "POST /orders") == stored
    with Store.open(store.path) as other:
        assert other.idempotency.begin(b"k", "POST /orders") == stored


def test_request_at_work_is_held(store: Store, standing: Clock) -> None:
    """Who asks meanwhile is told until when; nothing is executed twice."""
    mine = begun(store, hold=5)
    assert store.idempotency.begin("k", "POST /orders") == Held(mine.id, mine.held_until)
    standing.go_on(4.999999)
    assert isinstance(store.idempotency.begin("k", "POST /orders"), Held)
    assert isinstance(begun(store, key="other"), Begun)


def test_crashed_holder_loses_its_place_after_the_bound(store: Store, standing: Clock) -> None:
    """From then on one other may begin, and the first can neither finish, extend nor release what is the other's."""
    first = begun(store, hold=5)
    standing.go_on(5)
    second = begun(store)
    assert (second.id, second.holder) == (first.id, first.holder + 1)
    for call in (store.idempotency.finish, store.idempotency.extend):
        with pytest.raises(ClaimLost, match="another has its place"):
            call(first)
    assert not store.idempotency.release(first)
    store.idempotency.finish(second, 2)
    found = store.idempotency.begin("k", "POST /orders")
    assert isinstance(found, Replay)
    assert found.result == 2


def test_late_holder_whose_place_nobody_took_may_finish(store: Store, standing: Clock) -> None:
    """The bound lets others in; it takes nothing from one who is alone."""
    mine = begun(store, hold=5)
    standing.go_on(50)
    assert store.idempotency.finish(mine, 1) == store.idempotency.begin("k", "POST /orders")


def test_holder_may_ask_for_more_time(store: Store, standing: Clock) -> None:
    """`extend` counts from now on, and the key does not expire before."""
    mine = begun(store, hold=5, ttl=5)
    standing.go_on(4)
    longer = store.idempotency.extend(mine, 10)
    assert (longer.held_until, longer.expires_at) == (clock.to_datetime(standing.at + 10_000_000),) * 2
    standing.go_on(9.9)
    assert isinstance(store.idempotency.begin("k", "POST /orders"), Held)
    standing.go_on(0.1)
    assert begun(store).holder == 2


def test_finished_request_is_finished(store: Store) -> None:
    """It cannot be finished with another result, extended, or released."""
    mine = begun(store)
    stored = store.idempotency.finish(mine, 1)
    with pytest.raises(ClaimLost, match="finished or released before"):
        store.idempotency.finish(mine, 2)
    with pytest.raises(ClaimLost):
        store.idempotency.extend(mine)
    assert not store.idempotency.release(mine)
    assert store.idempotency.begin("k", "POST /orders") == stored


def test_released_request_begins_anew_at_once(store: Store) -> None:
    """After a failure the next one gets the right; the one that gave it back has it no more."""
    mine = begun(store)
    assert store.idempotency.release(mine)
    assert not store.idempotency.release(mine)
    again = begun(store)
    assert again.id != mine.id
    with pytest.raises(ClaimLost):
        store.idempotency.finish(mine, 1)
    store.idempotency.finish(again, 2)


def test_expired_key_starts_anew(store: Store, standing: Clock) -> None:
    """After its time to live a key may stand for another request; one at work does not expire."""
    store.idempotency.finish(begun(store, ttl=60), 1)
    standing.go_on(59.999999)
    assert isinstance(store.idempotency.begin("k", "POST /orders"), Replay)
    assert store.idempotency.find("k") is not None
    standing.go_on(0.000001)
    assert store.idempotency.find("k") is None
    other = begun(store, method="DELETE /orders", ttl=1, hold=30)
    assert other.expires_at == other.held_until
    standing.go_on(29)
    assert isinstance(store.idempotency.begin("k", "DELETE /orders"), Held)


def test_key_that_starts_anew_has_nothing_of_the_request_before(store: Store, standing: Clock) -> None:
    """Neither its result nor when it was finished."""
    store.idempotency.finish(begun(store, ttl=60), 1)
    standing.go_on(61)
    other = begun(store)
    found = store.idempotency.find("k")
    assert found is not None
    assert (found.finished, found.result, found.finished_at, found.expires_at) == (False, None, None, other.expires_at)


def test_key_stands_for_one_method_and_device(store: Store, standing: Clock) -> None:
    """Another method or device with the same key is a clear error, at work, finished, or after the bound."""

    def refused() -> None:
        for method, device in (("GET", "phone"), ("POST", None), ("POST", "watch"), ("post", "phone")):
            with pytest.raises(InvalidInput, match="key: was used for another method or device"):
                store.idempotency.begin("k", method, device=device)

    first = store.idempotency.begin("k", "POST", device="phone", hold=5)
    refused()
    standing.go_on(6)
    refused()
    assert isinstance(first, Begun)
    store.idempotency.finish(first, 1)
    refused()


@pytest.mark.parametrize("fails", [False, True])
def test_waiting_ends_with_what_the_other_does(store: Store, fails: bool) -> None:
    """Who waits gets the result as soon as it is there, or the right to go on when the other gave it back."""
    mine = begun(store)
    found: list[object] = []
    with Store.open(store.path) as other:
        waiting = threading.Thread(target=lambda: found.append(other.idempotency.begin("k", "POST /orders", wait=30)))
        waiting.start()
        time.sleep(0.1)
        assert not found
        if fails:
            store.idempotency.release(mine)
        else:
            store.idempotency.finish(mine, 5)
        waiting.join()
    assert isinstance(found[0], Begun if fails else Replay)


def test_waiting_ends_at_its_bound(store: Store) -> None:
    """Who has waited long enough is told that it is held; in a batch nobody waits."""
    begun(store)
    assert isinstance(store.idempotency.begin("k", "POST /orders", wait=0.05), Held)
    with store.batch(), pytest.raises(InvalidInput, match=r"^wait: "):
        store.idempotency.begin("k", "POST /orders", wait=1)


def test_beginning_in_a_batch_is_undone_with_it(store: Store) -> None:
    """A request that began, or was finished, in a batch that failed begins anew."""
    with pytest.raises(ValueError, match="no"), store.batch():
        store.idempotency.finish(begun(store), 1)
        raise ValueError("no")
    assert store.idempotency.list() == []
    with store.batch():
        store.idempotency.finish(begun(store), 1)
    assert isinstance(store.idempotency.begin("k", "POST /orders"), Replay)


def test_once_executes_once(store: Store) -> None:
    """The action runs for the first; all get its result; one that raises has not happened."""
    calls = []

    def action() -> list[int]:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("failed")
        assert isinstance(store.idempotency.begin("k", "m"), Held)
        with pytest.raises(Busy):
            store.idempotency.once("k", "m", action)
        return [len(calls)]

    with pytest.raises(RuntimeError, match="failed"):
        store.idempotency.once("k", "m", action)
    assert [store.idempotency.once("k", "m", action) for _ in range(3)] == [[2]] * 3
    assert len(calls) == 2


def test_action_whose_result_is_no_json_is_not_executed_again(store: Store) -> None:
    """It was done, so its key stays held until the bound; the error names the result."""
    with pytest.raises(InvalidInput, match=r"^result: "):
        store.idempotency.once("k", "m", lambda: {1, 2})
    assert isinstance(store.idempotency.begin("k", "m"), Held)


def test_result_is_masked_and_the_key_is_not_stored(path: Path, secret: str) -> None:
    """The result that is replayed is the one in the file, masked; of the key only a digest is there."""
    with Store.open(path, values=[secret]) as store:
        assert store.idempotency.once("k", "m", lambda: {"answer": f"<{secret}>"}) == {"answer": "<[masked:value]>"}
        begun(store, key=f"key-of-{secret[::-1]}")
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()
        assert b"key-of-" not in file.read_bytes()


def test_listing_and_finding(store: Store, standing: Clock) -> None:
    """By method, device, whether they are finished, and time; those that came last first; pages are the whole."""
    for number in range(6):
        standing.go_on(1)
        found = store.idempotency.begin(f"k{number}", f"m{number % 2}", device=(None, "phone", "watch")[number % 3])
        if number % 2:
            assert isinstance(found, Begun)
            store.idempotency.finish(found, number)

    def ids(**filters: object) -> list[int]:
        return [found.id for found in store.idempotency.list(**filters)]

    assert ids() == [6, 5, 4, 3, 2, 1]
    assert (ids(method="m1"), ids(device="phone")) == ([6, 4, 2], [5, 2])
    assert (ids(finished=True), ids(finished=False, device="watch")) == ([6, 4, 2], [3])
    assert ids(limit=4) + ids(after=3) == ids()
    newest = store.idempotency.list()[0]
    assert newest == store.idempotency.find("k5")
    assert (newest.method, newest.device, newest.finished, newest.result) == ("m1", "watch", True, 5)
    assert newest.finished_at == newest.created_at == clock.to_datetime(standing.at)
    assert (newest.expires_at - newest.created_at).total_seconds() == 86400
    assert ids(since=newest.created_at) == [6]
    assert ids(until=newest.created_at) == [5, 4, 3, 2, 1]
    assert store.idempotency.find("nope") is None
    at_work = store.idempotency.find("k0")
    assert at_work is not None
    assert (at_work.finished, at_work.result, at_work.finished_at, at_work.device) == (False, None, None, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": ""}, "key"),
        ({"key": None}, "key"),
        ({"key": "x" * 70_000}, "key"),
        ({"method": ""}, "method"),
        ({"method": 5}, "method"),
        ({"method": "x" * 1025}, "method"),
        ({"device": 5}, "device"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": 1e12}, "ttl"),
        ({"hold": 0}, "hold"),
        ({"hold": float("nan")}, "hold"),
        ({"hold": True}, "hold"),
        ({"wait": -1}, "wait"),
        ({"wait": "long"}, "wait"),
    ],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument; no row."""
    with pytest.raises(InvalidInput, match=f"^{said}: "):
        store.idempotency.begin(**{"key": "k", "method": "m", **wrong})
    assert store.idempotency.list() == []


def test_only_what_begin_gave_can_be_finished(store: Store) -> None:
    """Anything else is a clear error; a result past the limit leaves the request held."""
    mine = begun(store)
    for wrong in (None, mine.id, Held(mine.id, mine.held_until), "k"):
        for call in (store.idempotency.finish, store.idempotency.extend, store.idempotency.release):
            with pytest.raises(InvalidInput, match=r"^begun: "):
                call(wrong)
    with pytest.raises(InvalidInput, match=r"^result: larger"):
        store.idempotency.finish(mine, "x" * (17 << 20))
    with pytest.raises(InvalidInput, match=r"^hold: "):
        store.idempotency.extend(mine, 0)
    store.idempotency.finish(mine, "x" * 10_000_000)


def test_action_must_be_callable(store: Store) -> None:
    """That is said before anything is held."""
    with pytest.raises(InvalidInput, match="^action: "):
        store.idempotency.once("k", "m", "echo")
    assert store.idempotency.find("k") is None
