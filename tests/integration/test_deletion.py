"""Deleting what somebody names: all that belongs to it goes, what others need stays, and the audit log says so."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hstore import Store
from hstore.doctor import examine
from hstore.engine.pacing import Pace
from hstore.errors import InvalidInput, NotFound
from hstore.models import Session
from hstore.retention.families import CHILDREN, Families

# Rows of these belong to what is deleted, and are deleted with it otherwise than as rows of `CHILDREN`.
OTHERWISE = {
    ("artifacts", "run_id"),  # with their chunks
    ("artifact_pieces", "artifact_id"),  # with their chunks
    ("runs", "session_id"),  # with what they left
    ("wiki_refs", "run_id"),  # stay, without the run
    ("conversations", "parent_id"),  # stay, as the first of what follows
    ("device_secrets", "device_id"),  # one row each
    ("device_presence", "device_id"),
}


def test_every_reference_is_thought_of(store: Store) -> None:
    """Each foreign key to a run, session, device or artifact is in the plan, so that none cascades at one stroke."""
    parents = {"runs", "sessions", "devices", "artifacts", "conversations"}
    found = set()
    for (table,) in store._connection.rows("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        for row in store._connection.rows(f"PRAGMA foreign_key_list({table})"):
            if row[2] in parents:
                found.add((table, row[3]))
    planned = {child for children in CHILDREN.values() for child in children}
    assert found == planned | OTHERWISE


def busy_store(store: Store, key: str) -> tuple[int, list[int]]:
    """A session in which everything was done, of the device `key`: its id and its runs."""
    device = store.devices.register(key, secret="plain")
    session = store.session(f"{key} session", device=key)
    runs = [store.record_run("a", "a", session=session, exit_code=0) for _ in range(3)]
    for run in runs:
        store.attach_artifact(run, "log", b"shared by all " * 500)
        store.attach_artifact(run, "log", random.Random(f"{key} {run}").randbytes(300_000))
        store.runs.step_start(run, "step")
        store.wiki.add("page", run=run, session=session)
    store.wiki.add("page", session=session)
    for _ in range(100):
        store.tool_executions.record("tool", {}, success=True, session=session.key, device=key)
        store.events.add("event", device=key)
    store.conversations.add("question", "answer", session=session.key)
    store.usage.start("feature", "core", session=session.key)
    store.productivity.record("type", estimate=2.0, actual=1.0, session=session.key)
    store.remember("k", 1, scope="session", session=session)
    store.remember("k", 1, scope="device", device=key)
    store.devices.heartbeat(key)
    return device.id, runs


def counts(store: Store) -> dict[str, int]:
    return {table: count for table, count in store.info().counts.items() if count}


def assert_whole(store: Store) -> None:
    assert examine(store.path).ok
    assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)") == ((0,),)
    for artifact in store.artifacts.list(limit=None):
        assert len(store.read_artifact(artifact.id)) == artifact.size


def test_a_device_goes_with_all_that_it_did(store: Store) -> None:
    """What another device did stays, to the last row; nonces stay until they expire."""
    busy_store(store, "stays")
    before = counts(store)
    device, _ = busy_store(store, "goes")
    store.nonces.claim("once", ttl=1000, device="goes")
    store.devices.delete("goes")
    after = counts(store)
    assert after.pop("nonces") == 1
    assert after.pop("audit_log") == 1
    assert {**after, "audit_log": 1} == {**before, "audit_log": 1}
    line = store.audit.list()[0]
    assert (line.event, line.run) == ("device.deleted", None)
    assert str(device) in line.message
    with pytest.raises(NotFound):
        store.devices.delete(device)
    assert_whole(store)


def test_a_session_goes_with_all_that_was_done_in_it(store: Store) -> None:
    """Its device stays, with what it said and what was remembered for it."""
    busy_store(store, "one")
    session = store.session("one session")
    store.sessions.delete(session)
    assert counts(store).keys() == {
        *("meta", "projects", "schema_migrations", "audit_log"),
        *("devices", "device_secrets", "device_presence", "events", "memory"),
    }
    assert store.recall("k", scope="device", device="one") == 1
    assert store.audit.list()[0].event == "session.deleted"
    with pytest.raises(NotFound):
        store.sessions.delete(session)
    assert store.session("one session").id > session.id
    assert_whole(store)


def test_a_run_goes_with_all_that_it_left(store: Store) -> None:
    """Its references to wiki pages stay in the session; the line of the audit log still names it."""
    _, runs = busy_store(store, "one")
    store.runs.delete(runs[0])
    with pytest.raises(NotFound):
        store.runs.get(runs[0])
    assert sorted(ref.run or 0 for ref in store.wiki.list()) == [0, 0, *runs[1:]]
    assert [line.run for line in store.audit.list(event="run.deleted")] == [runs[0]]
    assert len(store.artifacts.list()) == 4
    assert_whole(store)
    for wrong in (0, -1, True, "1", None, 1.0):
        with pytest.raises(InvalidInput):
            store.runs.delete(wrong)  # type: ignore[arg-type] # that is what is tried
    with pytest.raises(InvalidInput, match="force"):
        store.runs.delete(runs[1], force="yes")  # type: ignore[arg-type] # that is what is tried
    assert len(store.runs.list()) == 2


def test_an_artifact_goes_and_what_others_need_stays(store: Store) -> None:
    """Of many pieces, shared, empty: the content that nobody else has goes, the rest reads back."""
    run = store.record_run("a", "a", exit_code=0)
    with store.batch():
        packed = [store.attach_artifact(run, "log", b"number %d " % number * 100) for number in range(50)]
    noise = random.Random(1).randbytes(3_000_000)
    twins = [store.attach_artifact(run, "file", noise) for _ in range(2)]
    empty = store.attach_artifact(run, "file", b"")
    with store.artifacts.writer(run, name="slow") as slow:
        for number in range(500):
            slow.write(b"line %d\n" % number, at=1_000_000 * number)
            slow.step()
    for number in (packed[7], empty, slow.id, twins[0]):
        store.artifacts.delete(number)
        with pytest.raises(NotFound):
            store.artifacts.delete(number)
    assert store.read_artifact(twins[1]) == noise
    for position, number in enumerate(packed):
        if position != 7:
            assert store.read_artifact(number) == b"number %d " % position * 100
    needed = "SELECT sum(size) FROM (SELECT DISTINCT chunk_id, chunk_start, size FROM pieces)"
    assert store.query("SELECT sum(size) FROM chunks") == store.query(needed)
    assert store.runs.get(run).id == run
    assert_whole(store)


def test_what_is_running_is_refused(store: Store) -> None:
    """A run that goes on, its session, its device and what it is still writing; with `force` it goes."""
    store.devices.register("device")
    store.session("session", device="device")
    run = store.record_run("a", "a", session="session")
    writer = store.artifacts.writer(run)
    writer.write(b"x" * 100)
    writer.step()
    before = counts(store)
    for delete in (
        lambda: store.runs.delete(run),
        lambda: store.sessions.delete("session"),
        lambda: store.devices.delete("device"),
        lambda: store.artifacts.delete(writer.id),
    ):
        with pytest.raises(InvalidInput, match=f"run {run} is still running"):
            delete()
    assert counts(store) == before
    store.sessions.delete("session", force=True)
    assert store.runs.list() == []
    with pytest.raises((InvalidInput, NotFound)):
        writer.close()


def test_in_a_batch_it_is_part_of_the_batch(store: Store) -> None:
    """Undone with it, whole; kept with it, whole; and the same session can be made again in it."""
    busy_store(store, "one")
    before = counts(store)
    with pytest.raises(KeyError), store.batch():
        store.record_run("a", "a", session="one session", exit_code=0)
        store.devices.delete("one")
        assert store.runs.list() == []
        raise KeyError
    assert counts(store) == before
    assert_whole(store)
    with store.batch():
        store.record_run("a", "a", session="one session", exit_code=0)
        store.sessions.delete("one session")
        store.session("one session")
        store.record_run("b", "b", session="one session", exit_code=0)
    assert [run.app for run in store.runs.list()] == ["b"]
    assert_whole(store)


def test_the_session_of_the_environment_is_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever records goes on in a new session of that name, whether this store or another process has deleted it."""
    monkeypatch.setenv("HEIMDAL_SESSION", "ambient")
    with Store.open(path) as store, Store.open(path) as other:
        store.record_run("a", "a", exit_code=0)
        store.sessions.delete("ambient")
        store.record_run("b", "b", exit_code=0)
        other.sessions.delete("ambient")
        store.record_run("c", "c", exit_code=0)
        assert [run.app for run in store.runs.list(session="ambient")] == ["c"]
        other.sessions.delete("ambient")
        with store.batch():
            store.record_run("d", "d", exit_code=0)
            store.record_run("e", "e", exit_code=0)
        other.sessions.delete("ambient")
        store.record_runs([{"app": "f", "cmdline": "f", "exit_code": 0}])
        assert [run.app for run in store.runs.list(session="ambient")] == ["f"]
        store.remember("key", 1, scope="session")
        other.sessions.delete("ambient")
        store.remember("key", 2, scope="session")
        assert [each.value for each in other.memory.list(session="ambient")] == [2]


def test_many_children_are_many_transactions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction deletes all rows of a session that has many: others get in between."""
    session = store.session("s")
    numbers = ",".join(f"({number})" for number in range(20_000))
    store._connection.write(
        "INSERT INTO tool_executions (session_id, tool, parameters, success, executed_at)"
        f" SELECT $1, 't', '{{}}', 1, column1 FROM (VALUES {numbers})",
        (session.id,),
    )
    begun = store._connection.begun
    store.sessions.delete("s")
    assert store._connection.begun - begun > 3
    assert store.query("SELECT count(*) FROM tool_executions") == ((0,),)


def with_many(store: Store) -> Session:
    """A session in which so much was done that it takes many transactions to delete it."""
    session = store.session("s")
    with store.batch():
        for _ in range(5000):
            store.tool_executions.record("tool", {}, success=True, session="s")
    return session


def test_a_run_that_begins_meanwhile_is_spared(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session is not deleted under a run that has begun in it since; it can be once that is over."""
    session = with_many(store)
    pace = Pace._pause

    def begin(self: Pace, taken: float) -> float:
        with Store.open(path) as other:
            if not other.runs.list():
                other.record_run("a", "a", session="s")
        return pace(self, taken)

    monkeypatch.setattr(Pace, "_pause", begin)
    with pytest.raises(InvalidInput, match="run 1 is still running"):
        store.sessions.delete(session)
    assert [run.session for run in store.runs.list()] == ["s"]
    monkeypatch.undo()
    store.runs.finish(1, exit_code=0)
    store.sessions.delete(session)
    assert store.runs.list() == []


def test_a_session_that_goes_on_with_another_device_stays(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is being deleted takes along the sessions that are its own when their turn comes."""
    for key in ("old", "new"):
        store.devices.register(key)
    with_many(store)
    store.session("s", device="old")
    store.session("kept", device="old")
    store.usage.record("f", "core", session="kept")
    pace = Pace._pause

    def move(self: Pace, taken: float) -> float:
        with Store.open(path) as other:
            other.session("kept", device="new")
        return pace(self, taken)

    monkeypatch.setattr(Pace, "_pause", move)
    store.devices.delete("old")
    assert [(each.key, each.device) for each in store.sessions.list()] == [("kept", "new")]
    assert [use.session for use in store.usage.list()] == ["kept"]
    assert_whole(store)


def test_two_who_delete_the_same_say_so_once(store: Store, path: Path) -> None:
    """Whoever comes second is done when it is gone; the audit log has one line."""
    session = with_many(store)
    with Store.open(path) as other, ThreadPoolExecutor() as threads:
        done = [threads.submit(each.sessions.delete, session.id) for each in (store, other)]
        raised = [each.exception() for each in done]
    assert [error for error in raised if not isinstance(error, NotFound)] in ([None], [None, None])
    assert len(store.audit.list(event="session.deleted")) == 1
    assert store.sessions.list() == []
    assert_whole(store)


def test_more_than_are_looked_at_together(store: Store) -> None:
    """A device with hundreds of sessions, a session with hundreds of runs, a run with hundreds of artifacts."""
    store.devices.register("device")
    with store.batch():
        for number in range(200):
            store.session(f"session {number}", device="device")
            run = store.record_run("a", "a", session="session 0", exit_code=0)
        for number in range(200):
            store.attach_artifact(run, "log", b"content %d" % number)
    store.devices.delete("device")
    left = counts(store)
    assert left.keys() & {"devices", "sessions", "runs", "artifacts", "chunks"} == set()


def test_large_artifacts_become_shorter_and_can_be_read(store: Store) -> None:
    """Between two steps an artifact is a whole one, shorter and marked as incomplete."""
    run = store.record_run("a", "a", exit_code=0)
    content = random.Random(1).randbytes(5_000_000)
    number = store.attach_artifact(run, "file", content)
    seen = []
    for _ in Families(store._connection).of_artifact(number):
        artifact = store.artifacts.get(number)
        assert not artifact.complete
        assert store.read_artifact(number) == content[: artifact.size]
        seen.append(artifact.size)
        assert_whole(store)
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) > 3
    assert store.artifacts.list() == []


def test_an_artifact_without_its_middle_becomes_shorter_too(store: Store) -> None:
    """Where a budget has left something out, each step leaves what was before, up to and through the gap."""
    run = store.record_run("a", "a", exit_code=0)
    line = b"%07d " + b"x" * 55 + b"\n"
    with store.artifacts.writer(run, limit=1_500_000) as writer:
        for number in range(100_000):
            writer.write(line % number)
            if number % 4000 == 0:
                writer.step()
    content = store.read_artifact(writer.id)
    assert store.artifacts.get(writer.id).left_out > 4_000_000
    seen = []
    for _ in Families(store._connection).of_artifact(writer.id):
        artifact = store.artifacts.get(writer.id)
        assert store.read_artifact(writer.id) == content[: artifact.size]
        seen.append(artifact.size)
        assert_whole(store)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 750_000 > seen[-1]
    assert store.artifacts.list() == []
