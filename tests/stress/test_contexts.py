"""One session's context, changed by many processes at once."""

from __future__ import annotations

from hstore import Store

CHANGE = """
import sys
from hstore import Store
name = sys.argv[2]
with Store.open(sys.argv[1], busy_timeout=60) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(100):
        if number % 2:
            store.sessions.set_context("s", f"{name}/{number}", [number, name])
        else:
            store.sessions.update_context("s", {f"{name}/{number}": [number, name], f"{name}/last": number})
    store.sessions.count_message("s", 100)
"""


def test_context_changed_by_eight_processes_has_every_key(store: Store, program) -> None:
    """Eight processes set 101 keys each, let go at the same moment: every one is there with its own value."""
    store.session("s", context={"before": True})
    names = [f"process{number}" for number in range(8)]
    changing = [program(CHANGE, store.path, name) for name in names]
    for process in changing:
        assert process.stdout.readline() == "ready\n"
    for process in changing:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120)[1] for process in changing] == [""] * 8
    expected: dict[str, object] = {f"{name}/{number}": [number, name] for name in names for number in range(100)}
    expected |= {f"{name}/last": 98 for name in names} | {"before": True}
    assert store.sessions.context("s") == expected
    assert store.sessions.get("s").message_count == 800
