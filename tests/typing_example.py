"""A user's program: checked by mypy --strict as it stands, so that what users write is typed as they expect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from hstore import HstoreError, Masker, Store
from hstore.models import RemaskReport, Run
from hstore.models.claims import Begun, Held
from hstore.models.devices import Device


def measured(store: Store) -> Callable[[str], int]:
    """A decorated function has the type that it had."""

    @store.metrics.measure("parse")
    def parse(text: str) -> int:
        return int(text)

    return parse


def use(path: Path) -> Run | None:
    """Touch every kind of verb."""
    try:
        with Store.open(path, values=["a-long-value"]) as store, store.batch():
            session = store.session("k", profile="restricted", context={"a": 1})
            run: int = store.record_run("a", ["a", "b"], session=session, exit_code=0, duration=1.5)
            ids: list[int] = store.record_runs([{"app": "a", "cmdline": "a"}])
            artifact: int = store.attach_artifact(run, "log", b"x")
            content: bytes = store.read_artifact(artifact)
            store.remember("k", {"v": ids}, ttl=5, tags=["t"])
            found: dt.datetime = store.runs.get(run).started_at
            rows: tuple[tuple[object, ...], ...] = store.query("SELECT 1", (found.timestamp(), content))
            assert rows
            for part in store.artifacts.replay(run):
                assert part.data
            past: list[object] = [value.value for value in store.memory.history("k")]
            past.append(store.memory.at("k", found))
            with store.tool_executions.measure("tool", {"a": past}) as call:
                call.result = run
            spent: float | None = store.tool_executions.list(tool="tool", success=True)[0].duration
            most: str = store.tool_executions.most_used(days=1.5)[0].tool
            settled: bool = store.events.resolve(store.events.add(most, "error", spent))
            assert settled
            report: RemaskReport = store.masking.apply(dry_run=True, progress=lambda at: None)
            left: int = report.left + sum(table.found.get("value", 0) for table in report.tables)
            assert left == 0
            device: Device = store.devices.register(
                "d", capabilities={"voice": True}, allowed_tools=("t",), secret=b"s"
            )
            approved: bool = store.devices.approve(device).approved
            assert approved
            claimed: bool = store.nonces.claim("n", device=device.key)
            begun = store.idempotency.begin("k", "POST", device=device.key)
            if isinstance(begun, Begun):
                store.idempotency.finish(begun, {"claimed": claimed})
            elif isinstance(begun, Held):
                until: dt.datetime = begun.until
                assert until
            else:
                assert begun.result
            config: dict[str, object] = store.agents.create("a", config={"n": 1}).config
            assert config
            with store.runs.step(run, "build") as step, store.usage.track("search", "core"):
                step.stats["parsed"] = measured(store)("5")
            slow: float = store.metrics.summary(since=found)[0].p95
            saved: float = store.productivity.summary(days=7)[0].total_saved
            chained: bool = store.audit.verify(store.audit.chain().hash).ok
            assert slow + saved
            assert chained
            return store.runs.latest()
    except HstoreError as failure:
        raise SystemExit(failure.exit_code) from failure


def mask(data: bytes) -> bytes:
    """Touch the masker."""
    masker = Masker(values=["a-long-value", b"bytes-value"])
    stream = masker.stream()
    counts: dict[str, int] = masker.counts
    assert counts == {}
    return stream.feed(data) + stream.finish() + masker.mask(data)
