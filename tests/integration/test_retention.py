"""Policies and cleaning: what is due goes with all that belongs to it, and nothing else does."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hstore import Store
from hstore.clock import now
from hstore.doctor import examine
from hstore.engine.connection import Connection
from hstore.errors import HstoreError, InvalidInput, ReadOnly
from hstore.liveness import this_process
from hstore.models import Progress
from hstore.models.retention import CleanReport
from hstore.nouns import CLEANING_IS_DUE
from hstore.retention.policies import LOOK_AGAIN, REST, TURN_LENGTH
from hstore.retention.rules import Rule, lapsed, rules_of, survey
from hstore.retention.subjects import BY_NAME, DEFAULTS, SUBJECTS
from hstore.shell.book import Book

DAY = 86_400.0
MICRO = 1_000_000

# One row of each flat subject, in the order: id, moment.
ADD = {
    "nonces": "INSERT INTO nonces (id, digest, created_at, expires_at) VALUES ($1, randomblob(32), 0, $2)",
    "idempotency_keys": """
        INSERT INTO idempotency_keys (id, digest, method, held_until, result, created_at, expires_at)
        VALUES ($1, randomblob(32), 'm', 0, '1', 0, $2)""",
    "memory": """
        INSERT INTO memory (id, scope, key, value, created_at, updated_at, expires_at)
        VALUES ($1, 'global', 'k' || $1, '1', 0, 0, $2)""",
    "tool_executions": """
        INSERT INTO tool_executions (id, tool, parameters, success, executed_at) VALUES ($1, 't', '{}', 1, $2)""",
    "events": """
        INSERT INTO events (id, type, severity, created_at, resolved_at) VALUES ($1, 't', 'info', 0, $2)""",
    "metrics": """
        INSERT INTO performance_metrics (id, operation, started_at, duration, success) VALUES ($1, 'o', $2, 1, 1)""",
    "usage": "INSERT INTO feature_usage (id, feature, category, started_at) VALUES ($1, 'f', 'core', $2)",
    "productivity": """
        INSERT INTO productivity_events (id, type, estimate, actual, saved, improvement, created_at)
        VALUES ($1, 't', 2, 1, 1, 50.0, $2)""",
    "response_cache": """
        INSERT INTO response_cache (id, digest, preview, response, model, size, created_at, accessed_at)
        VALUES ($1, randomblob(32), 'p', 'r', 'm', 100, $2, $2)""",
    "file_cache": """
        INSERT INTO file_cache (id, path, path_digest, sha256, kind, options_digest, result, size, created_at,
                                accessed_at)
        VALUES ($1, 'p', randomblob(32), randomblob(32), 'parse', randomblob(32), '1', 100, $2, $2)""",
    "memory_history": """
        INSERT INTO memory_history (id, memory_id, version, value, tags, held_from, held_until)
        SELECT $1, min(id), $1, '1', '[]', 0, $2 FROM memory""",
    "conversations": """
        INSERT INTO conversations (id, question, response, created_at) VALUES ($1, 'q', 'r', $2)""",
    "wiki_refs": "INSERT INTO wiki_refs (id, title, created_at) VALUES ($1, 't', $2)",
}
LAPSING = [subject.name for subject in SUBJECTS if subject.lapses]
FLAT = [subject.name for subject in SUBJECTS if not subject.is_family]
KEPT = [name for name in FLAT if name not in LAPSING]


def fill(store: Store, subject: str, days: list[float], first: int = 1) -> None:
    """Rows of a subject, each so many days old (or lapsed since)."""
    if subject == "memory_history":
        store.remember("holder", 1)
    for number, age in enumerate(days, first):
        store._connection.write(ADD[subject], (number, now() - round(age * DAY * MICRO)))


def ids(store: Store, subject: str) -> list[int]:
    return [row[0] for row in store._connection.rows(f"SELECT id FROM {BY_NAME[subject].table} ORDER BY id")]


def old_run(store: Store, days: float, **given: object) -> int:
    """A run that ended so many days ago."""
    return store.record_run("old", "old", started_at=now() / MICRO - days * DAY, duration=1, exit_code=0, **given)  # type: ignore[arg-type] # passed through as given


def rows_of(report: CleanReport) -> dict[str, int]:
    return {each.subject: each.rows for each in report.subjects if each.rows}


# --- policies ---------------------------------------------------------------------------------------------------------


def test_a_policy_is_set_changed_and_taken_away(store: Store) -> None:
    """What is said last holds, whole; the listing has it; each change is in the audit log."""
    made = store.retention.set("metrics", max_age=90 * DAY, max_count=1000)
    assert (made.subject, made.max_age, made.max_count, made.max_bytes) == ("metrics", 90 * DAY, 1000, None)
    changed = store.retention.set("metrics", max_age=1.5)
    assert (changed.max_age, changed.max_count) == (1.5, None)
    assert changed.created_at == made.created_at <= changed.updated_at
    assert store.retention.get("metrics") == changed
    assert store.retention.list() == [changed]
    assert store.retention.remove("metrics")
    assert not store.retention.remove("metrics")
    assert store.retention.get("metrics") is None
    assert [line.event for line in store.audit.list()] == ["retention.removed", "retention.set", "retention.set"]


def test_what_a_policy_cannot_say_is_refused(store: Store) -> None:
    """The error names the field, and nothing is written."""
    refused: list[tuple[str, str, dict[str, object]]] = [
        ("nothing", "subject: one of", {"max_age": 1}),
        ("audit_log", "append-only", {"max_age": 1}),
        ("nonces", "expires", {"max_age": 1}),
        ("memory", "expires", {"max_count": 1}),
        ("metrics", "give one", {}),
        ("metrics", "max_age", {"max_age": 0}),
        ("metrics", "max_age", {"max_age": -1}),
        ("metrics", "max_age", {"max_age": float("nan")}),
        ("metrics", "max_age", {"max_age": float("inf")}),
        ("metrics", "max_age", {"max_age": True}),
        ("metrics", "max_age", {"max_age": 1e300}),
        ("metrics", "max_count", {"max_count": -1}),
        ("metrics", "max_count", {"max_count": 1.0}),
        ("metrics", "max_count", {"max_count": True}),
        ("metrics", "max_count", {"max_count": 1 << 63}),
        ("metrics", "max_bytes", {"max_bytes": 10}),
        ("runs", "max_bytes", {"max_bytes": 10}),
        ("artifacts", "max_bytes", {"max_bytes": -1}),
    ]
    for subject, said, given in refused:
        with pytest.raises(InvalidInput, match=said):
            store.retention.set(subject, **given)  # type: ignore[arg-type] # that is what is tried
    for name in (None, 1, ["metrics"], "audit_log", "memory"):
        with pytest.raises(InvalidInput, match="subject"):
            store.retention.get(name)  # type: ignore[arg-type] # that is what is tried
    assert store.retention.list() == []
    with pytest.raises(InvalidInput) as caught:
        store.retention.get("nothing")
    named = str(caught.value).removeprefix("subject: one of ").split(", ")
    assert named == [subject.name for subject in SUBJECTS if not subject.lapses]


def test_defaults_are_those_of_the_documents(store: Store) -> None:
    """Tool executions and metrics 90 days, resolved events and caches 30; what was said before stays."""
    store.retention.set("metrics", max_count=7)
    applied = {policy.subject: policy.max_age for policy in store.retention.apply_defaults()}
    assert applied == {
        "tool_executions": 90 * DAY,
        "events": 30 * DAY,
        "response_cache": 30 * DAY,
        "file_cache": 30 * DAY,
    }
    assert store.retention.get("metrics").max_count == 7  # type: ignore[union-attr] # it is there
    assert [(each.subject, each.max_age) for each in store.retention.defaults()] == [
        (name, age / MICRO) for name, age, _ in DEFAULTS
    ]
    assert all(source for _, _, source in DEFAULTS)
    assert store.retention.apply_defaults() == ()


# --- what goes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", LAPSING)
def test_what_has_expired_goes_without_a_policy(store: Store, subject: str) -> None:
    """Rows past their own expiry go, the others stay; nothing else is cleaned without a policy."""
    fill(store, subject, [1, -1, 0.001, -0.001])
    fill(store, "metrics", [10_000])
    old_run(store, 10_000)
    report = store.retention.clean()
    assert ids(store, subject) == [2, 4]
    assert rows_of(report) == {subject: 2}
    assert report.rows == 2
    assert len(ids(store, "metrics")) == len(store.runs.list()) == 1


@pytest.mark.parametrize("subject", KEPT)
def test_rows_go_by_age(store: Store, subject: str) -> None:
    """What is older than the policy says goes, and says why; what is younger, or in the future, stays."""
    fill(store, subject, [91, 89, 90.001, 89.999, -5, 2])
    store.retention.set(subject, max_age=90 * DAY)
    foretold = store.retention.clean(dry_run=True)
    assert len(ids(store, subject)) == 6
    report = store.retention.clean()
    assert ids(store, subject) == [2, 4, 5, 6]
    (cleaned,) = (each for each in report.subjects if each.subject == subject)
    assert (cleaned.rows, cleaned.why, cleaned.left) == (2, "older than 90 days", 4)
    assert cleaned.oldest is not None
    assert [each for each in foretold.subjects if each.subject == subject] == [cleaned]
    assert rows_of(store.retention.clean()) == {}


@pytest.mark.parametrize("subject", KEPT)
@pytest.mark.parametrize("count", [0, 1, 3, 5, 6])
def test_the_newest_stay_by_number(store: Store, subject: str, count: int) -> None:
    """As many as the policy says stay: those that came last, or of caches were used last."""
    fill(store, subject, [5, 4, 3, 2, 1])
    store.retention.set(subject, max_count=count)
    store.retention.clean()
    assert ids(store, subject) == [1, 2, 3, 4, 5][max(5 - count, 0) :]


def test_a_clock_that_was_set_back_does_not_make_the_newest_the_oldest(store: Store) -> None:
    """Where a number stays, it is the rows that came last, whatever their times say."""
    fill(store, "metrics", [-100, -100, 50, 50])
    store.retention.set("metrics", max_count=2)
    store.retention.clean()
    assert ids(store, "metrics") == [3, 4]


def test_a_clock_that_goes_back_while_cleaning_spares_what_is_not_due_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each deletion asks the time anew."""
    fill(store, "metrics", [91] * 300)
    store.retention.set("metrics", max_age=90 * DAY)
    asked = 0

    def going_back() -> int:
        nonlocal asked
        asked += 1
        return now() - (round(30 * DAY * MICRO) if asked > 4 else 0)

    monkeypatch.setattr("hstore.retention.rules.now", going_back)
    store.retention.clean(subjects=["metrics"])
    left = len(ids(store, "metrics"))
    assert 0 < left < 300
    monkeypatch.undo()
    store.retention.clean()
    assert ids(store, "metrics") == []


@pytest.mark.parametrize("subject", ["response_cache", "file_cache"])
def test_caches_keep_what_was_used_last_by_size(store: Store, subject: str) -> None:
    """The sum of sizes is bounded; what was used least recently goes, however old it is."""
    fill(store, subject, [5, 4, 3, 2, 1])
    store._connection.write(f"UPDATE {subject} SET accessed_at = $1 WHERE id = 1", (now(),))
    store.retention.set(subject, max_bytes=250)
    report = store.retention.clean()
    assert ids(store, subject) == [1, 5]
    assert [each.bytes for each in report.subjects if each.subject == subject] == [300]
    store.retention.set(subject, max_bytes=99)
    store.retention.clean()
    assert ids(store, subject) == []


def test_only_resolved_events_go(store: Store) -> None:
    """An event that nobody has resolved stays, however old."""
    store._connection.write("INSERT INTO events (type, severity, created_at) VALUES ('t', 'error', 0)")
    fill(store, "events", [31, 29], first=2)
    store.retention.apply_defaults()
    store.retention.clean()
    assert ids(store, "events") == [1, 3]


def test_a_key_whose_holder_is_at_work_stays(store: Store) -> None:
    """An expired idempotency key goes only when its holder is done, or its time is up."""
    fill(store, "idempotency_keys", [1, 1, 1])
    connection = store._connection
    connection.write("UPDATE idempotency_keys SET result = NULL, held_until = $1 WHERE id = 1", (now() + 60 * MICRO,))
    connection.write("UPDATE idempotency_keys SET result = NULL, held_until = $1 WHERE id = 2", (now() - 60 * MICRO,))
    store.retention.clean()
    assert ids(store, "idempotency_keys") == [1]


def test_expired_memory_takes_its_history_along(store: Store) -> None:
    """The values that an expired key held before go with it, those of others stay."""
    for key in ("goes", "stays"):
        for value in range(5):
            store.remember(key, value, ttl=0.01 if key == "goes" and value == 4 else None)
    while store.recall("goes") is not None:
        pass
    store.retention.clean()
    assert [each.key for each in store.memory.list()] == ["stays"]
    assert store.query("SELECT count(*) FROM memory_history") == ((4,),)


# --- runs, artifacts, sessions ----------------------------------------------------------------------------------------


def test_a_run_goes_with_all_that_it_left(store: Store) -> None:
    """Steps, artifacts, pieces and content go; wiki references stay without it; other runs keep theirs."""
    shared, noise = b"shared content " * 100, random.Random(1)
    runs = [old_run(store, 100), old_run(store, 1)]
    for run in runs:
        store.attach_artifact(run, "log", shared)
        store.attach_artifact(run, "log", noise.randbytes(700_000))
        with store.artifacts.writer(run, name="slow") as writer:
            for number in range(300):
                writer.write(b"%d: line %d\n" % (run, number), at=MICRO * number)
                writer.step()
        store.wiki.add("page", run=run)
        store.runs.step_start(run, "step")
    kept = {each.id: store.read_artifact(each.id) for each in store.artifacts.list(run=runs[1])}
    store.retention.set("runs", max_age=30 * DAY)
    assert rows_of(store.retention.clean()) == {"runs": 1}
    assert [run.id for run in store.runs.list()] == [runs[1]]
    assert {number: store.read_artifact(number) for number in kept} == kept
    assert len(store.artifacts.list()) == 3
    assert [ref.run for ref in store.wiki.list()] == [runs[1], None]
    assert store.query("SELECT count(*) FROM run_steps") == ((1,),)
    assert_nothing_unused(store)


def assert_nothing_unused(store: Store) -> None:
    assert examine(store.path).ok
    assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)") == ((0,),)
    needed = store.query("SELECT coalesce(sum(size), 0) FROM (SELECT DISTINCT chunk_id, chunk_start, size FROM pieces)")
    assert store.query("SELECT coalesce(sum(size), 0) FROM chunks") == needed


def test_runs_that_go_on_stay(store: Store) -> None:
    """A running run is not cleaned, nor one that began long ago and ended lately; one whose recorder died is."""
    long_ago = now() / MICRO - 100 * DAY
    running = store.record_run("a", "a", started_at=long_ago)
    ended = store.record_run("b", "b", started_at=long_ago)
    store.runs.finish(ended, exit_code=0)
    lost = store.record_run("c", "c", started_at=long_ago)
    host, boot, _, start = this_process().rsplit("/", 3)
    store._connection.write("UPDATE runs SET owner = $1 WHERE id = $2", (f"{host}/{boot}/1/{start}9", lost))
    store.retention.set("runs", max_age=30 * DAY)
    store.retention.set("artifacts", max_age=30 * DAY)
    store.retention.clean()
    assert sorted(run.id for run in store.runs.list()) == [running, ended]


def test_artifacts_go_and_their_run_stays(store: Store) -> None:
    """By age and number the oldest go; by size, content that several share counts once."""
    run = old_run(store, 0)
    same = b"the same " * 1000
    numbers = [store.attach_artifact(run, "log", same) for _ in range(50)]
    noise = random.Random(2).randbytes
    large = [store.attach_artifact(run, "file", noise(50_000)) for _ in range(4)]
    stored = store.info().stored_bytes
    store.retention.set("artifacts", max_bytes=stored)
    assert rows_of(store.retention.clean()) == {}
    store.retention.set("artifacts", max_bytes=stored - 1)  # the content of the first ones is the oldest
    assert rows_of(store.retention.clean()) == {"artifacts": len(numbers)}
    assert [each.id for each in store.artifacts.list()] == large[::-1]
    store.retention.set("artifacts", max_bytes=120_000)
    store.retention.clean()
    assert [each.id for each in store.artifacts.list()] == large[:1:-1]
    store.retention.set("artifacts", max_count=1)
    store.retention.clean()
    assert [each.id for each in store.artifacts.list()] == large[3:]
    store._connection.write("UPDATE artifacts SET created_at = created_at - $1", (round(2 * DAY * MICRO),))
    store.retention.set("artifacts", max_age=DAY)
    store.retention.clean()
    assert store.artifacts.list() == []
    assert store.runs.get(run).id == run
    assert_nothing_unused(store)


def test_part_of_a_packed_chunk_goes(store: Store) -> None:
    """Of many contents in one chunk some go: the chunk is made anew without them, the others read back."""
    run = old_run(store, 0)
    with store.batch():
        numbers = [store.attach_artifact(run, "log", b"content number %d " % number * 50) for number in range(200)]
    store.retention.set("artifacts", max_count=80)
    report = store.retention.clean()
    assert rows_of(report) == {"artifacts": 120}
    assert report.unused_chunks > 0
    for position, number in list(enumerate(numbers))[120:]:
        assert store.read_artifact(number) == b"content number %d " % position * 50
    assert_nothing_unused(store)


def test_sessions_go_when_they_are_over_and_unused(store: Store) -> None:
    """By age: ended, not active since, no run since, none running; all that was done in them goes."""
    began = {}
    for key in ("goes", "open", "lately", "active", "running", "ended"):
        store.session(key)
        began[key] = store.record_run("a", "a", session=key, started_at=now() / MICRO - 200 * DAY)
        if key != "ended":
            store.runs.finish(began[key], finished_at=now() / MICRO - 150 * DAY)
        store.record_run("a", "a", session=key, started_at=now() / MICRO - 100 * DAY, duration=1, exit_code=0)
        store.remember("k", 1, scope="session", session=key)
    store.record_run("a", "a", session="lately", exit_code=0)
    store.record_run("a", "a", session="running", started_at=now() / MICRO - 100 * DAY)
    long_ago = now() - round(100 * DAY * MICRO)
    connection = store._connection
    connection.write("UPDATE sessions SET ended_at = $1, last_active_at = $1", (long_ago,))
    connection.write("UPDATE sessions SET ended_at = NULL WHERE key = 'open'")
    connection.write("UPDATE sessions SET last_active_at = $1 WHERE key = 'active'", (now(),))
    store.runs.finish(began["ended"], exit_code=0)  # a newer run of that session ended long ago
    store.retention.set("sessions", max_age=30 * DAY)
    assert rows_of(store.retention.clean()) == {"sessions": 1}
    stay = ["active", "ended", "lately", "open", "running"]
    assert sorted(each.key for each in store.sessions.list()) == stay
    assert len(store.runs.list()) == 12
    assert store.query("SELECT owner FROM memory ORDER BY owner") == tuple((key,) for key in stay)


# --- how it is done ---------------------------------------------------------------------------------------------------


def test_interrupted_at_every_step_it_goes_on(path: Path) -> None:
    """Ctrl-C at each step in turn: what was done is done, nothing is half, and the next call does the rest."""
    with Store.open(path) as store:
        for number in range(60):
            run = old_run(store, 100 if number % 2 else 0)
            store.attach_artifact(run, "log", random.Random(number).randbytes(20_000))
            fill(store, "metrics", [91] * 30, first=number * 30 + 1)
        store.retention.apply_defaults()
        store.retention.set("runs", max_age=DAY)
        interrupted = 0
        while True:
            left = interrupted + 2

            def interrupt(_: Progress) -> None:
                nonlocal left
                left -= 1
                if not left:
                    raise KeyboardInterrupt

            try:
                store.retention.clean(progress=interrupt)
                break
            except KeyboardInterrupt:
                interrupted += 1
                assert examine(path).ok
            if interrupted > 500:
                pytest.fail("it does not come to an end")
        assert interrupted > 1
        assert len(store.runs.list(limit=None)) == 30
        assert ids(store, "metrics") == []
        assert_nothing_unused(store)


def test_a_policy_that_is_taken_away_meanwhile_deletes_nothing_more(path: Path) -> None:
    """Another process changes its mind while this one cleans."""
    with Store.open(path) as store, Store.open(path) as other:
        fill(store, "metrics", [91] * 20_000)
        store.retention.apply_defaults()

        def take_away(at: Progress) -> None:
            if at.step == "metrics" and other.retention.get("metrics") is not None:
                other.retention.remove("metrics")

        gone = rows_of(store.retention.clean(progress=take_away))["metrics"]
        assert 0 < gone < 20_000
        assert len(ids(store, "metrics")) == 20_000 - gone


def test_a_session_that_somebody_goes_on_with_meanwhile_stays(path: Path) -> None:
    """Another process opens it again while it is being cleaned: it stays, with what was not deleted yet."""
    with Store.open(path) as store, Store.open(path) as other:
        session = store.session("s")
        fill(store, "tool_executions", [1] * 20_000)
        store._connection.write("UPDATE tool_executions SET session_id = $1", (session.id,))
        store.sessions.end("s")
        store.retention.set("sessions", max_count=0)

        def go_on(at: Progress) -> None:
            if at.step == "sessions":
                other.session("s")

        assert rows_of(store.retention.clean(progress=go_on)) == {}
        left = store.query("SELECT count(*) FROM tool_executions")[0][0]
        assert 0 < left < 20_000
        assert store.sessions.get("s").id == session.id


def test_the_space_goes_back(path: Path) -> None:
    """Once it is closed, the file has shrunk."""
    with Store.open(path) as store:
        for number in range(20):
            store.attach_artifact(old_run(store, 100), "file", random.Random(number).randbytes(300_000))
        store.retention.set("runs", max_age=DAY)
    before = path.stat().st_size
    with Store.open(path) as store:
        assert store.retention.clean().free_pages == 0
    assert path.stat().st_size < 0.2 * before


def test_large_rows_go_one_by_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of megabytes are not deleted by one statement together, small ones are."""
    together = []
    write = Connection.write

    def watched(self: Connection, sql: str, parameters: object = ()) -> object:
        gone = write(self, sql, parameters)  # type: ignore[arg-type] # passed through as given
        if sql.startswith("DELETE FROM conversations"):
            together.append(len(gone))
        return gone

    monkeypatch.setattr(Connection, "write", watched)
    fill(store, "conversations", [10] * 200)
    store._connection.write("UPDATE conversations SET response = $1 WHERE id <= 3", ("x" * 2_000_000,))
    store.retention.set("conversations", max_age=DAY)
    store.retention.clean()
    assert together[:3] == [1, 1, 1]
    assert max(together) > 30
    assert ids(store, "conversations") == []


def test_only_the_subjects_that_are_named(store: Store) -> None:
    """The others are not looked at; a wrong name is refused."""
    fill(store, "nonces", [1])
    fill(store, "memory", [1])
    assert rows_of(store.retention.clean(subjects=["nonces"])) == {"nonces": 1}
    assert len(ids(store, "memory")) == 1
    for wrong in ("nonces", ["none"], ["audit_log"], [3], 3):
        with pytest.raises(InvalidInput, match="subject"):
            store.retention.clean(subjects=wrong)  # type: ignore[arg-type] # that is what is tried


def test_not_in_a_batch_and_not_in_a_store_for_reading(path: Path) -> None:
    """Cleaning commits its own steps; a reader may ask what would go."""
    with Store.open(path) as store:
        fill(store, "nonces", [1])
        with store.batch():
            with pytest.raises(HstoreError, match="batch"):
                store.retention.clean()
            with pytest.raises(HstoreError, match="batch"):
                store.retention.tick()
        with Store.open(path, readonly=True) as reader:
            assert rows_of(reader.retention.clean(dry_run=True)) == {"nonces": 1}
            with pytest.raises(ReadOnly):
                reader.retention.clean()
            with pytest.raises(ReadOnly):
                reader.retention.tick()


def test_what_went_by_a_policy_is_in_the_audit_log(store: Store) -> None:
    """One line for each subject, with the reason; what expired by itself is not worth one."""
    fill(store, "nonces", [1])
    fill(store, "metrics", [100] * 500)
    store.retention.apply_defaults()
    store.retention.clean()
    lines = [line for line in store.audit.list() if line.event == "retention.cleaned"]
    assert [line.data for line in lines] == [{"subject": "metrics", "why": "older than 90 days"}]


def test_the_statements_find_what_is_due_by_an_index(store: Store) -> None:
    """Where a subject says that its rows are found by time, the plan searches an index and sorts nothing."""

    def plan(sql: str, parameters: int) -> str:
        return "\n".join(row[3] for row in store._connection.rows(f"EXPLAIN QUERY PLAN {sql}", (0,) * parameters))

    for subject in SUBJECTS:
        rules = [lapsed(subject)] if subject.lapses else rules_of(store._connection, subject, (1, None, None))
        rules += [] if subject.lapses else [Rule(subject, subject.order, lambda: 1, "")]
        for rule in rules:
            found = plan(rule.due, 1 if rule.is_indexed else 2)
            assert f"SEARCH {subject.table}" in found
            assert "USE TEMP B-TREE" not in found
            deleted = plan(rule.delete, 2)
            assert f"SEARCH {subject.table} USING INTEGER PRIMARY KEY (rowid=?)" in deleted
            assert f"SEARCH {subject.table} USING INTEGER PRIMARY KEY (rowid=?)" in plan(rule.still_due, 2)
        store._connection.rows(survey(rules), (0,) * len(rules))


# --- by themselves ----------------------------------------------------------------------------------------------------


def closed_until_done(path: Path) -> None:
    """Open and close until nothing is left: on a busy machine some milliseconds may not be enough."""
    for _ in range(1000):
        with Store.open(path) as store:
            store._connection.write(f"UPDATE retention_policies SET looked_at = looked_at - {TURN_LENGTH}")
            if store._connection.value(CLEANING_IS_DUE, (now(),)) is None:
                return
    pytest.fail("something is always left")


def test_closing_cleans_a_little(path: Path) -> None:
    """What has expired goes when a store is closed, over several of them if it is much."""
    with Store.open(path) as store:
        fill(store, "nonces", [1] * 5000)
    with Store.open(path) as store:
        assert 0 < len(ids(store, "nonces")) < 5000
    closed_until_done(path)
    with Store.open(path) as store:
        assert ids(store, "nonces") == []


def test_closing_looks_at_policies_once_an_hour(path: Path) -> None:
    """A policy is looked at when it is an hour old, and each hour: there is time to see what would go."""
    with Store.open(path) as store:
        store.retention.set("metrics", max_age=DAY)
        fill(store, "metrics", [2])
    with Store.open(path) as store:
        assert ids(store, "metrics") == [1]
        store._connection.write("UPDATE retention_policies SET looked_at = looked_at - $1", (3600 * MICRO,))
    closed_until_done(path)
    with Store.open(path) as store:
        assert ids(store, "metrics") == []
        fill(store, "metrics", [2])
        store._connection.write("UPDATE retention_policies SET looked_at = looked_at - $1", (61 * MICRO,))
    with Store.open(path) as store:
        assert ids(store, "metrics") == [1]
        store._connection.write("UPDATE retention_policies SET looked_at = looked_at - $1", (3600 * MICRO,))
    closed_until_done(path)
    with Store.open(path) as store:
        assert ids(store, "metrics") == []


def test_a_tick_does_what_it_can_in_its_time(store: Store) -> None:
    """It says whether something is left, and the next one goes on at once."""
    fill(store, "nonces", [1] * 3000)
    ticks = 1
    while store.retention.tick(1):
        ticks += 1
        assert ticks < 3000
    assert ids(store, "nonces") == []
    assert ticks > 1
    assert not store.retention.tick(1)
    for wrong in (-1, "1", None, True, float("nan")):
        with pytest.raises(InvalidInput, match="milliseconds"):
            store.retention.tick(wrong)  # type: ignore[arg-type] # that is what is tried
    for long in (1e300, 10**400, float("inf")):
        assert store.retention.tick(long) is False


def test_one_at_a_time(path: Path) -> None:
    """After one has cleaned, nobody else begins for a minute; a clock that was set back does not hinder it."""
    with Store.open(path) as store:
        fill(store, "nonces", [1])
        assert not store.retention.tick(10_000)
        fill(store, "nonces", [1])
        assert not store.retention.tick(10_000)
        assert ids(store, "nonces") == [1]
        moved = "UPDATE retention_policies SET looked_at = looked_at + $1 WHERE subject = 'automatic'"
        store._connection.write(moved, (7200 * MICRO,))
        assert not store.retention.tick(10_000)
        assert ids(store, "nonces") == []


def test_who_is_at_it_is_left_alone(path: Path) -> None:
    """Who has begun and not come to the end is not disturbed; after a moment another goes on, for it may be dead."""
    with Store.open(path) as store, Store.open(path) as other:
        fill(store, "nonces", [1] * 5000)
        assert store.retention.tick(0)
        left = len(ids(store, "nonces"))
        assert 0 < left < 5000
        store._connection.write("UPDATE retention_policies SET looked_at = looked_at + $1", (10 * MICRO,))
        assert not other.retention.tick(1)
        assert len(ids(store, "nonces")) == left
        store._connection.write("UPDATE retention_policies SET looked_at = looked_at - $1", (11 * MICRO,))
        assert other.retention.tick(0)
        assert len(ids(store, "nonces")) < left


def test_a_shell_that_is_idle_cleans(path: Path) -> None:
    """The recorder of a shell closes its stores when it is idle, and that cleans."""
    with Store.open(path) as store:
        fill(store, "nonces", [1] * 5000)
        store._readonly = True  # so that closing it leaves all of it to the shell
    book = Book(str(path), "session", "bash", {})
    book.close()
    with Store.open(path, readonly=True) as store:
        assert 0 < len(ids(store, "nonces")) < 5000


def test_closing_waits_for_nobody(path: Path) -> None:
    """While another one is in a transaction, closing leaves the cleaning to others."""
    other = Store.open(path)
    with Store.open(path) as store:
        fill(store, "nonces", [1])
        transaction = other.batch()
        transaction.__enter__()
        other.record_run("a", "a", exit_code=0)
        assert store.retention.tick()  # something is left
    transaction.__exit__(None, None, None)
    assert len(ids(other, "nonces")) == 1
    other.close()
    closed_until_done(path)
    with Store.open(path) as store:
        assert ids(store, "nonces") == []


def test_a_tick_leaves_a_batch_of_another_thread_alone(store: Store) -> None:
    """While a thread of this process is in a batch, the others have nothing to clean, and what is due is due later."""
    fill(store, "nonces", [1])
    with ThreadPoolExecutor(1) as threads, store.batch():
        assert threads.submit(store.retention.tick).result() is False
    assert ids(store, "nonces") == [1]
    assert store.retention.tick(1000) is False
    assert ids(store, "nonces") == []


def test_nothing_is_written_when_nothing_is_due(path: Path) -> None:
    """Opening and closing alone changes nothing."""
    with Store.open(path) as store:
        store.remember("k", 1, ttl=1000)
        store.retention.set("metrics", max_age=DAY)
    closed_until_done(path)
    with Store.open(path) as store:
        before = store.query("SELECT * FROM retention_policies")
    with Store.open(path) as store:
        assert store.query("SELECT * FROM retention_policies") == before
        assert "retention" not in store.__dict__


def test_a_reader_and_a_broken_store_close_as_ever(path: Path) -> None:
    """Closing for reading cleans nothing, and no failure of cleaning keeps a store from closing."""
    with Store.open(path) as store:
        fill(store, "nonces", [1])
        store._connection.write(
            "INSERT INTO retention_policies (subject, created_at, updated_at, looked_at)"
            " VALUES ('automatic', 0, 0, $1)",
            (now(),),
        )
    Store.open(path, readonly=True).close()
    with Store.open(path) as store:
        assert ids(store, "nonces") == [1]
        store._connection.write("DELETE FROM retention_policies")
        store._before_closing()
        path.unlink()
    assert not path.exists()


def test_the_numbers_of_the_quick_question_are_those_of_the_answer() -> None:
    """What is asked at each closing and what cleaning does speak of the same minute and hour."""
    assert f"$1 - {REST} " in CLEANING_IS_DUE
    assert f"$1 - {LOOK_AGAIN} " in CLEANING_IS_DUE
