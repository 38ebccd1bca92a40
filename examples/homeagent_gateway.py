"""homeagent: a gateway that pairs devices, refuses replayed messages, and never does the same request twice.

Run it as `python examples/homeagent_gateway.py [DATABASE]`, a file that is not there yet;
without one it works in a temporary one.
"""

from __future__ import annotations

import secrets
import stat
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hstore import HstoreError, Store

DEVICE = "kitchen-tablet"


def main(database: Path) -> None:
    """Show a gateway's life with one device."""
    with Store.open(database) as store:
        # Readable by nobody else from the first moment, the write-ahead log beside it too.
        print(f"opened {store.path}, mode {stat.S_IMODE(database.stat().st_mode):04o}")
        secret = pair(store)
        authenticate(store, secret)
        refuse_a_replay(store)
        answer_once(store)
        talk(store)
        undo_what_fails(store)
        clean_up(store)


def pair(store: Store) -> str:
    """The device makes itself known with a secret of its own; a person approves it afterwards."""
    secret = secrets.token_urlsafe(32)
    # Kept as a salted, slow hash only. Neither the file nor any message of an error has the secret.
    device = store.devices.register(DEVICE, role="client", metadata={"room": "kitchen"}, secret=secret)
    print(f"paired {device.key}, approved: {device.approved}")
    return secret


def authenticate(store: Store, secret: str) -> None:
    """The right secret is not enough: the device must be approved, and may be revoked at any time."""
    print(f"a wrong secret is right: {store.devices.verify_secret(DEVICE, secrets.token_urlsafe(32))}")
    print(f"the secret is right: {store.devices.verify_secret(DEVICE, secret)}")
    attempt(store, secret)
    store.devices.approve(DEVICE)
    attempt(store, secret)
    store.devices.heartbeat(DEVICE)
    print(f"it is {store.devices.get(DEVICE).status}")


def attempt(store: Store, secret: str) -> None:
    """Let the device in, or say why not."""
    try:
        device = store.devices.authenticate(DEVICE, secret)
        print(f"  {device.key} may come in as {device.role}")
    except HstoreError as refusal:
        print(f"  refused: {refusal}")


def refuse_a_replay(store: Store) -> None:
    """A message carries a number used once; whoever recorded the message and sends it again is too late."""
    nonce = secrets.token_hex(16)
    for which in ("the message", "its replay"):
        taken = store.nonces.claim(nonce, device=DEVICE, ttl=300.0)
        print(f"{which} is {'accepted' if taken else 'refused'}")


def answer_once(store: Store) -> None:
    """A request that is sent again, because its answer was lost, gets the first answer and is not done again."""
    key = secrets.token_hex(16)

    def switch_light() -> dict[str, object]:
        print("  the light is switched")
        return {"light": "ceiling", "on": True}

    for _ in range(2):
        # Of all processes that ask under one key a single one acts; should it die, another may after a minute.
        print(f"answer: {store.idempotency.once(key, 'light.switch', switch_light, device=DEVICE)}")


def talk(store: Store) -> None:
    """An agent with its configuration, and the index of its sessions by agent, sender and channel."""
    store.agents.create("cook", name="Cook", workspace_path="agents/cook", config={"model": "small"})
    store.agents.update_config("cook", {"language": "da"})
    store.session("thread-1", agent="cook", sender="anna", channel="kitchen", device=DEVICE)
    store.session("thread-2", agent="cook", sender="bo", channel="kitchen", device=DEVICE)
    print(f"agents: {[(agent.key, agent.config) for agent in store.agents.list()]}")
    print(f"sessions of anna: {[session.key for session in store.sessions.list(agent='cook', sender='anna')]}")


def undo_what_fails(store: Store) -> None:
    """What belongs together is one transaction: all of it is there afterwards, or nothing."""
    try:
        with store.batch():
            store.agents.create("gardener", name="Gardener")
            store.devices.approve("a device that nobody registered")
    except HstoreError as failure:
        print(f"rolled back: {failure}")
    print(f"the gardener is there: {store.agents.find('gardener') is not None}")


def clean_up(store: Store) -> None:
    """Expired numbers and keys go by themselves when a store is closed; a host that is idle may do it at once."""
    store.nonces.claim(secrets.token_hex(16), device=DEVICE, ttl=0.001)
    time.sleep(0.01)
    print(f"expired and gone: {store.retention.clean().rows}, still held: {len(store.nonces.list())}")
    store.devices.revoke(DEVICE)
    print(f"revoked, and may come in: {store.devices.get(DEVICE).approved}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if Path(sys.argv[1]).exists():
            sys.exit(f"{sys.argv[1]}: is there already, and this begins with a new database")
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as folder:
            main(Path(folder) / "homeagent.db")
