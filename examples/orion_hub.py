"""Orion: a hub that knows its devices, what they did and what happened to them, and remembers across sessions.

Run it as `python examples/orion_hub.py [DATABASE]`, a file that is not there yet;
without one it works in a temporary one.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from hstore import Store

GIB = 1 << 30
LAPTOP, SERVER = "laptop-123", "homelab-server"


def main(database: Path) -> None:
    """Show a day of the hub."""
    with Store.open(database) as store:
        register(store)
        work(store)
        watch(store)
        remember(store)
        look_back(store)
        clean_up(store)


def register(store: Store) -> None:
    """Make the devices known. Registering again updates what is given and leaves the rest."""
    store.devices.register(
        LAPTOP,
        hostname="NJSCH-LAPTOP",
        os_type="Windows",
        os_version="11",
        capabilities={"file_operations": True, "app_control": True, "voice": False},
        allowed_tools=["create_directory", "open_app"],
        allowed_paths=["C:/Users/njsch", "D:/Projects"],
        allowed_apps=["chrome", "code"],
        memory=32 * GIB,
        disk=1024 * GIB,
    )
    store.devices.register(SERVER, role="node", hostname="homelab", os_type="Linux")
    store.devices.heartbeat(LAPTOP)  # cheap enough for every second of every device
    for device in store.devices.list():
        print(f"device {device.key}: {device.status}, {device.os_type}, tools {list(device.allowed_tools)}")


def work(store: Store) -> None:
    """One session: its context is saved at each change, and what tools do is counted in it."""
    session = store.session("orion-1", device=LAPTOP, context={"user_name": "Nick"})
    store.sessions.set_context(session, "current_project", "orion-assistant-v2")
    store.sessions.update_context(session, {"preferences": {"model": "gpt-oss:120b", "streaming": True}})
    store.sessions.count_message(session)

    store.tool_executions.record(
        "create_directory",
        {"path": "C:/Users/njsch/Test"},
        success=True,
        result={"created_path": "C:/Users/njsch/Test"},
        duration=0.045,
        session=session,
        device=LAPTOP,
        user_query="Maak een folder Test",
    )
    for _ in range(4):
        open_app(store)
    with store.tool_executions.measure("list_files", {"path": "D:/Projects"}, session=session, device=LAPTOP) as call:
        call.result = {"files": 3}

    session = store.sessions.get("orion-1")
    print(f"session {session.key}: {session.message_count} message, {session.tool_execution_count} tool executions")
    print(f"its context: {session.context}")


def open_app(store: Store) -> None:
    """A tool that fails is recorded by the same few words: what it raises goes on to whoever handles it."""
    try:
        with store.tool_executions.measure("open_app", {"app": "figma"}, session="orion-1", device=LAPTOP):
            raise PermissionError("figma is not among the allowed apps")
    except PermissionError:
        pass


def watch(store: Store) -> None:
    """Events of the devices, until somebody has dealt with them."""
    full = store.events.add("low_disk_space", "warning", {"free_gb": 3}, device=SERVER)
    store.events.add("service_down", "critical", {"service": "grafana"}, device=SERVER)
    store.events.acknowledge(full)
    store.events.resolve(full)
    print(f"unresolved: {[(event.type, event.severity) for event in store.events.unresolved()]}")


def remember(store: Store) -> None:
    """Memory across sessions: for all, or for one device; for ever, or for a while."""
    store.remember("user_preference:default_model", {"model": "gpt-oss:20b"}, category="preferences")
    store.remember("user_preference:default_model", {"model": "gpt-oss:120b"}, category="preferences")
    place = {"device_id": LAPTOP, "path": "C:/Users/njsch/Downloads/project_alpha.zip", "size_bytes": 1048576}
    store.remember("file_location:project_alpha.zip", place, category="file_index", tags=["archive"])
    status = {"status": "online", "url": "http://192.168.1.100:3000"}
    store.remember("service_status:grafana", status, scope="device", device=SERVER, category="homelab", ttl=300)
    print(f"recalled: {store.recall('user_preference:default_model')}")
    print(f"before that: {[past.value for past in store.memory.history('user_preference:default_model')]}")
    print(f"files that are remembered: {[file.key for file in store.memory.list(category='file_index')]}")
    print(f"of the server: {store.recall('service_status:grafana', scope='device', device=SERVER)['status']}")
    print(f"of the laptop: {store.recall('service_status:grafana', scope='device', device=LAPTOP)}")


def look_back(store: Store) -> None:
    """The ready-made questions."""
    for tool in store.tool_executions.most_used(days=30):
        print(f"tool {tool.tool}: {tool.executions} times, success rate {tool.success_rate:.2f}")
    for device in store.tool_executions.device_activity(days=7):
        print(f"device {device.device}: {device.executions} executions")
    for failure in store.tool_executions.failed(more_than=3):
        print(f"failing: {failure.tool} on {failure.device}, {failure.failures} times: {failure.error}")


def clean_up(store: Store) -> None:
    """Policies say what stays how long; nothing else is ever removed."""
    store.retention.apply_defaults()  # among them 90 days of tool executions, 30 days of resolved events
    old = datetime.now(timezone.utc) - timedelta(days=100)
    store.tool_executions.record("create_directory", {"path": "D:/Old"}, success=True, executed_at=old)
    for subject in store.retention.clean(dry_run=True).subjects:
        if subject.rows:
            print(f"would go: {subject.rows} of {subject.subject}, {subject.why}")
    print(f"gone: {store.retention.clean().rows}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if Path(sys.argv[1]).exists():
            sys.exit(f"{sys.argv[1]}: is there already, and this begins with a new database")
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as folder:
            main(Path(folder) / "orion.db")
