"""Write the fixture of the present schema, once it is released: `python tests/migrations/make_past.py`.

It makes `past/NNNN.db`, which every later version must open, and `schema.sql`. Neither is made anew for a schema
that has been released.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hstore import Store

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def write_what_hosts_keep(store: Store) -> None:
    """Rows of the nouns that came with the fifth schema."""
    store.devices.register("past", role="node", capabilities={"voice": False})
    store.devices.heartbeat("past")
    store.agents.create("past", name="Past")
    store.remember("past", {"schema": 5})
    store.remember("past", {"schema": 1})
    store.tool_executions.record("open", {"path": "/past"}, success=True, session="past", device="past", duration=0.25)
    store.events.add("low_disk_space", "warning", {"free": 1}, device="past")
    first = store.conversations.add("Why?", "Because.", session="past")
    store.conversations.add("And then?", "Nothing.", parent=first)
    one, other = (store.knowledge.add(title, "content", type="pattern", key=title) for title in ("one", "other"))
    store.knowledge.relate(one, other, "extends", strength=0.75)
    store.retention.set("metrics", max_age=90 * 86_400)


def main() -> None:
    """Write both files."""
    from test_schema import schema_of

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "project.db")
        with Store.open(path) as store:
            version = store.schema_version
            store.session("past", context={"key": "value"})
            run = store.record_run("pytest", ["pytest", "-q"], session="past", exit_code=0, duration=1.5)
            store.attach_artifact(run, "log", b"a line of the past\n" * 500, name="stdout")
            store.runs.step_finish(store.runs.step_start(run, "build"))
            store.remember("past", {"schema": 1})
            store.audit.write("info", "past.written", run=run)
            store.wiki.add("Past", "a passage", session="past", run=run)
            write_what_hosts_keep(store)
        (HERE / "past").mkdir(exist_ok=True)
        (HERE / "past" / f"{version:04}.db").write_bytes(path.read_bytes())
        (HERE / "schema.sql").write_text(schema_of(path))


if __name__ == "__main__":
    main()
