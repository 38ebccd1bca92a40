"""A hundred processes that all want the same thing at the same moment, and holders that are killed."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from hstore import Store
from hstore.models.claims import Begun, Held, Replay

PROCESSES = 100
ROUNDS = 10

HOLD = """
import sys, time
from hstore import Store
store = Store.open(sys.argv[1])
begun = store.idempotency.begin("k", "m", hold=float(sys.argv[2]))
print(type(begun).__name__, flush=True)
time.sleep(60)
store.idempotency.finish(begun, "too late")
"""


def answers(path: Path, ask: Callable[[Store], str]) -> list[str]:
    """What each of the processes answers; all have opened the store before the first of them asks."""
    ready, readied = os.pipe()
    barrier, opened = os.pipe()
    told, telling = os.pipe()
    children = []
    for _ in range(PROCESSES):
        child = os.fork()  # before any store of this process is open
        if child == 0:
            os.close(opened)  # else the barrier would stay closed
            _answer(path, ask, readied, barrier, telling)
        children.append(child)
    os.close(readied)
    os.close(telling)
    waited = b""
    while len(waited) < PROCESSES and (more := os.read(ready, PROCESSES)):
        waited += more
    os.close(opened)  # all of them at once
    with open(told) as lines:
        found = lines.read().split()
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    for end in (ready, barrier):
        os.close(end)
    assert ended == [0] * PROCESSES
    return found


def _answer(path: Path, ask: Callable[[Store], str], readied: int, barrier: int, telling: int) -> None:
    try:
        with Store.open(path, busy_timeout=60) as store:
            os.write(readied, b".")
            os.read(barrier, 1)
            os.write(telling, f"{ask(store)}\n".encode())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(1)


def test_of_a_hundred_processes_one_claims_the_nonce(path: Path) -> None:
    """Ten times over: exactly one claim is True."""
    Store.open(path).close()
    for number in range(ROUNDS):
        found = answers(path, lambda store, number=number: str(store.nonces.claim(f"nonce {number}")))
        assert sorted(found) == ["False"] * (PROCESSES - 1) + ["True"]
    with Store.open(path) as store:
        assert len(store.nonces.list()) == ROUNDS


def test_of_a_hundred_processes_one_executes_the_request(path: Path, tmp_path: Path) -> None:
    """Ten times over: exactly one begins and executes, and all that ask after it get its result."""
    Store.open(path).close()
    for number in range(ROUNDS):
        executed = tmp_path / f"executed{number}"

        def ask(store: Store, number: int = number, executed: Path = executed) -> str:
            found = store.idempotency.begin(f"key {number}", "POST", wait=60)
            if isinstance(found, Begun):
                with executed.open("a") as log:
                    log.write(f"{os.getpid()}\n")
                found = store.idempotency.finish(found, os.getpid())
            assert isinstance(found, Replay)
            return str(found.result)

        found = answers(path, ask)
        (executor,) = executed.read_text().split()
        assert found == [executor] * PROCESSES


def test_killed_holder_is_released_after_its_bound(path: Path, program) -> None:
    """kill -9 in the middle of a request: it stays held until the bound, then exactly one other begins."""
    holder = program(HOLD, path, 3)
    assert holder.stdout.readline() == "Begun\n"
    with Store.open(path) as store:
        held = store.idempotency.begin("k", "m")
        assert isinstance(held, Held)
        holder.kill()
        holder.wait()
        second = store.idempotency.begin("k", "m", wait=60)
        assert isinstance(second, Begun)
        assert second.holder == 2
        assert time.time() >= held.until.timestamp()
        assert isinstance(store.idempotency.begin("k", "m"), Held)
        store.idempotency.finish(second, "done")
        assert store.idempotency.once("k", "m", lambda: pytest.fail("it was done")) == "done"


def test_holder_killed_in_the_act_of_claiming_leaves_all_or_nothing(path: Path, program) -> None:
    """kill -9 at any moment of many claims: each was made or not, and those told of were."""
    claim = (
        "import sys, itertools; from hstore import Store; store = Store.open(sys.argv[1])\n"
        "for n in itertools.count():\n"
        "    assert store.nonces.claim(f'{sys.argv[2]} {n}'); print(n, flush=True)"
    )
    for attempt in range(10):
        claiming = program(claim, path, attempt)
        claiming.stdout.readline()
        time.sleep(0.01 * attempt)
        claiming.kill()
        told = [line for line in claiming.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        with Store.open(path) as store:
            last = int(told[-1]) if told else 0
            assert all(store.nonces.seen(f"{attempt} {number}") for number in range(last + 1))
            assert not store.nonces.seen(f"{attempt} {last + 2}")
