"""Masking anew: what was stored in plain text is masked everywhere, scrubbed, and found nowhere in the files."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import threading
import time
from pathlib import Path

import apsw
import pytest

from conftest import Program
from hstore import Store
from hstore.clock import now
from hstore.codec import CHUNK
from hstore.doctor import examine
from hstore.domains.artifacts.remasker import ArtifactRemasker
from hstore.engine import scrubbing
from hstore.errors import Busy, HstoreError, NotFound, ReadOnly, UnsafeFileSystem
from hstore.models import RemaskProgress, RemaskReport
from hstore.remasking.passes import fingerprint
from hstore.remasking.tables import TABLES, WITHOUT_WORDS
from planted import Secrets, look, look_at_content, look_at_files
from unmasked import unmasked

PAST = Path(__file__).parents[1] / "migrations" / "past"


def of(report: RemaskReport, name: str):
    """The report's line of one table."""
    return next(table for table in report.tables if table.name == name)


def plant_everywhere(store: Store, hidden: Secrets) -> None:
    """Secrets in every column that takes a caller's words, and in content of every shape; the audit log aside."""
    text = hidden.text()
    structure = {"list": [text], hidden.token: 1, "password": hidden.named, "deep": {"k": text}}
    store.session(
        f"session {text}",
        context_dir=f"/x/{text}",
        device=text,
        agent=text,
        sender=text,
        channel=text,
        context=structure,
    )
    words = ["curl", "--password", hidden.named, hidden.token, hidden.registered, text]
    run = store.record_run(
        f"app {text}",
        words,
        name=text,
        key=text,
        cwd=f"/w/{text}",
        git_sha=text,
        exit_code=0,
        session=f"session {text}",
    )
    store.record_run("line", f"curl --password {hidden.named} {text}", exit_code=0)
    store.runs.step_finish(store.runs.step_start(run, text), stats=structure)
    store.remember(f"key {text}", {"before": structure}, category=text, tags=["before", text])
    store.remember(f"key {text}", structure, category=text, tags=[text, "plain"])
    store.remember("api_token", hidden.named)
    store.remember("mine", text, scope="session", session=f"session {text}")
    store.remember("its", text, scope="device", device=text)
    store.devices.register(
        f"device {text}",
        hostname=text,
        os_type=text,
        os_version=text,
        capabilities=structure,
        allowed_tools=[text],
        allowed_paths=[f"/p/{text}"],
        allowed_apps=[text],
        cpu=text,
        metadata=structure,
    )
    store.nonces.claim("a nonce", device=text)
    store.idempotency.once("a key", text, lambda: structure, device=text)
    store.agents.create(f"agent {text}", text, workspace_path=f"/a/{text}", config=structure)
    store.connections.save(
        f"connection {text}",
        "postgresql",
        f"d {text}",
        host=text,
        username=text,
        ssl=structure,
        options=structure,
    )
    store.connections.failed(1, text)
    found = {"name": text, "schema": text, "columns": [structure], "relationships": [structure], "indexes": [structure]}
    store.schemas.put(1, [found])
    store.response_cache.put(f"is {hidden.token} short?", text, model=text)
    store.file_cache.put(f"/f/{text}", "0" * 64, "parse", structure, structure)
    store.preferences.set(text, f"k {text}", structure, user_hash=text)
    store.config.set(f"k {text}", structure, description=text)
    store.wiki.add(text, text * 200, run=run)
    store.attach_artifact(run, "log", text.encode() * 3, name=text, path=f"/a/{text}")
    store.attach_artifact(run, "log", b"x" * 20 + hidden.registered.encode(), name="small")
    lines = (text + "\n").encode() * 4000 + random.Random(3).randbytes(300_000) + text.encode()
    store.attach_artifact(run, "file", lines, name="large")
    store.usage.record(text, "core", session=f"session {text}", context=structure, error=text)
    store.metrics.record(text, duration=1.0, error_type=text, details=structure)
    store.productivity.record(text, estimate=2.0, actual=1.0, context=structure)
    told = {"error": text, "user_query": text, "reasoning": text}
    store.tool_executions.record(f"tool {text}", structure, success=False, result=structure, **told)
    store.events.add(f"type {text}", data=structure)
    store.conversations.add(
        text, text * 3, key=f"talk {text}", context_files=[f"/c/{text}", hidden.token], context_databases=[text, 5]
    )
    source = f"file {text}"
    store.knowledge.add(
        text, text * 3, type=text, source_type="file", source_id=source, key=text, tags=[text], metadata=structure
    )
    tracked = Path(store.path).with_name(f"{text}.py")
    tracked.write_text("plain")
    store.files.track(tracked)
    store.files.parse_failed(tracked, text)
    tracked.unlink()
    store._connection.write("UPDATE projects SET root = $1", (f"/root/{text}",))


def test_everything_stored_is_masked_anew(tmp_path: Path) -> None:
    """All tables, columns and content: afterwards no form of a secret stands in any file, row or chunk."""
    hidden = Secrets()
    path = tmp_path / "store" / "project.db"
    with unmasked(path) as store:
        plant_everywhere(store, hidden)
    with pytest.raises(AssertionError, match="planted"):
        look_at_files(path.parent, hidden, tmp_path)
    with Store.open(path, values=[hidden.registered]) as store:
        report = store.masking.apply()
        assert report.clean, report
        assert report.searched > 3
        assert (report.still_standing, report.wal_bytes, report.free_pages, report.left) == (0, 0, 0, 0)
        changed = {table.name for table in report.tables if table.changed}
        assert changed == {table.name for table in TABLES if not table.append_only} | {"content"}
        look_at_files(path.parent, hidden, tmp_path)
        assert [artifact.masked["value"] for artifact in store.artifacts.list(name="large")] == [4001]
        words = store.runs.get(1).argv
        assert words is not None
        assert words[:3] == ("curl", "--password", "[masked:password]")
        assert store.recall("api_token") == "[masked:token]"
        assert store.recall("its", scope="device", device=hidden.text()) is not None
    look_at_files(path.parent, hidden, tmp_path)
    look_at_content(path, hidden)
    assert examine(path).ok


def test_what_is_stored_is_what_would_be_stored_today(tmp_path: Path) -> None:
    """Masked anew, a plain store equals one whose door knew the secrets from the start, row by row."""
    hidden = Secrets()
    with unmasked(tmp_path / "a.db") as store:
        plant_everywhere(store, hidden)
    with Store.open(tmp_path / "a.db", values=[hidden.registered]) as store:
        store.masking.apply()
    with Store.open(tmp_path / "b.db", values=[hidden.registered]) as store:
        plant_everywhere(store, hidden)
    for table in TABLES:
        listed = ", ".join(table.columns if table.name != "projects" else ("id",))
        rows = []
        for name in ("a.db", "b.db"):
            with Store.open(tmp_path / name, readonly=True) as store:
                rows.append(store.query(f"SELECT {listed} FROM {table.name} ORDER BY id"))
        assert rows[0] == rows[1], table.name
    with Store.open(tmp_path / "a.db") as one, Store.open(tmp_path / "b.db") as other:
        for mine, theirs in zip(one.artifacts.list(), other.artifacts.list(), strict=True):
            assert one.read_artifact(mine.id) == other.read_artifact(theirs.id)
            assert (mine.size, mine.source_size, mine.masked) == (theirs.size, theirs.source_size, theirs.masked)


def test_secret_across_chunks_is_masked_as_one_stream(path: Path, secret: str) -> None:
    """A value on every border of two chunks is found, and the artifact's size, ranges and times are right after."""
    content = bytearray(random.Random(1).randbytes(CHUNK * 5))
    for border in range(CHUNK, len(content), CHUNK):
        content[border - 10 : border + 14] = secret.encode()
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        writer = store.artifacts.writer(run, name="stdout")
        begin = now() - 10_000_000
        for number, start in enumerate(range(0, len(content), 50_000)):
            writer.write(bytes(content[start : start + 50_000]), begin + number * 1000)
        writer.close()
    with Store.open(path, values=[secret]) as store:
        expected = store._door.masker.mask(bytes(content))
        before = list(store.artifacts.replay(run))
        assert store.masking.apply().clean
        (artifact,) = store.artifacts.list()
        assert store.read_artifact(artifact.id) == expected
        assert (artifact.size, artifact.source_size, artifact.masked) == (len(expected), len(content), {"value": 4})
        assert store.artifacts.read_range(artifact.id, CHUNK - 20, 40) == expected[CHUNK - 20 : CHUNK + 20]
        after = list(store.artifacts.replay(run))
        assert b"".join(part.data for part in after) == expected
        assert (after[0].at, after[-1].at) == (before[0].at, before[-1].at)
        assert [part.at for part in after] == sorted(part.at for part in after)
        assert store.query("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM pieces)") == ((0,),)


def test_shared_chunks_stay_while_somebody_needs_them(path: Path, secret: str) -> None:
    """Two artifacts on the same chunks are both masked; what they share with a clean one stays its own."""
    clean = random.Random(2).randbytes(CHUNK)
    dirty = random.Random(4).randbytes(CHUNK - 100) + secret.encode() + b"." * 76
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        twins = [store.attach_artifact(run, "file", clean + dirty) for _ in range(2)]
        alone = store.attach_artifact(run, "file", clean)
        assert store.query("SELECT count(*) FROM chunks") == ((2,),)
    with Store.open(path, values=[secret]) as store:
        assert store.masking.apply().clean
        assert store.read_artifact(alone) == clean
        for twin in twins:
            assert store.read_artifact(twin) == clean + store._door.masker.mask(dirty)
        assert store.query("SELECT count(*) FROM chunks") == ((2,),)


def test_count_of_marks_is_that_of_the_content(path: Path, secret: str) -> None:
    """Marks that were there are counted once, new ones are added, and those inside a larger secret are gone."""
    key = f"-----BEGIN PRIVATE KEY-----\nMIIE{'x' * 50}\n[masked:value]\n-----END PRIVATE KEY-----\n"
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        store.attach_artifact(run, "log", f"one [masked:value] and {secret}\n{key}")
        store._connection.write("UPDATE artifacts SET masked = $1", ('{"value":2}',))
    with Store.open(path, values=[secret]) as store:
        store.masking.apply()
        (artifact,) = store.artifacts.list()
        content = store.read_artifact(artifact.id)
        assert artifact.masked == {
            "value": content.count(b"[masked:value]"),
            "private-key": content.count(b"[masked:private-key]"),
        }
        assert artifact.masked == {"value": 2, "private-key": 1}


def test_keys_that_become_one_stay_two(path: Path, secret: str) -> None:
    """Memory, sessions and runs whose keys become the same mark stay apart, numbered; what hangs on them follows."""
    other = secret[::-1]
    with unmasked(path) as store:
        for value in (secret, other):
            store.session(f"s-{value}")
            store.remember(f"k-{value}", value[:3])
            store.remember("note", value[:3], scope="session", session=f"s-{value}")
            store.record_run("a", "a", key=f"r-{value}", exit_code=0)
        store.remember("k-[masked:value]", "was there")
    with Store.open(path, values=[secret, other]) as store:
        assert store.masking.apply().clean
        assert store.recall("k-[masked:value]") == "was there"
        assert {entry.key for entry in store.memory.list(scope="global")} == {
            "k-[masked:value]",
            "k-[masked:value] (2)",
            "k-[masked:value] (3)",
        }
        keys = {session.key for session in store.sessions.list()}
        assert keys == {"s-[masked:value]", "s-[masked:value] (2)"}
        notes = {entry.owner: entry.value for entry in store.memory.list(scope="session")}
        assert notes == {"s-[masked:value]": secret[:3], "s-[masked:value] (2)": other[:3]}
        assert {run.key for run in store.runs.list()} == {"r-[masked:value]", "r-[masked:value] (2)"}
        assert store.masking.apply().changed == 0


def test_audit_log_is_left_and_said_so(path: Path, tmp_path: Path, secret: str) -> None:
    """The append-only log is never changed: the report names the lines, the search finds the value, it is not clean."""
    with unmasked(path) as store:
        store.audit.write("info", "plain", "nothing")
        line = store.audit.write("info", "e", f"has {secret}", data={"k": secret})
    with Store.open(path, values=[secret]) as store:
        report = store.masking.apply()
        assert not report.clean
        table = of(report, "audit_log")
        assert (table.changed, table.left, table.left_ids) == (0, 1, (line,))
        assert report.still_standing >= 1
        assert store.audit.list()[0].message == f"has {secret}"


def test_dry_run_counts_and_writes_nothing(path: Path, secret: str) -> None:
    """It says what would change, byte for byte nothing does, and a store opened for reading can do it."""
    hidden = Secrets()
    with unmasked(path) as store:
        plant_everywhere(store, hidden)
    before = path.read_bytes()
    for readonly in (True, False):
        with Store.open(path, values=[hidden.registered], readonly=readonly) as store:
            would = store.masking.apply(dry_run=True)
        assert would.dry_run
        assert not would.clean
        assert path.read_bytes() == before
    with Store.open(path, values=[hidden.registered]) as store:
        done = store.masking.apply()
    assert [(table.name, table.changed) for table in would.tables] == [
        (table.name, table.changed) for table in done.tables
    ]
    assert of(would, "content") == of(done, "content")
    with Store.open(path, values=[hidden.registered]) as store:
        assert store.masking.apply(dry_run=True).clean


def test_artifact_that_is_being_written_is_left_and_done_later(path: Path, secret: str) -> None:
    """A running recorder's artifact is named and not touched; the next call masks it, though others have been done."""
    with unmasked(path) as store:
        run = store.record_run("a", "a")
        writer = store.artifacts.writer(run, name="stdout")
        writer.write(f"has {secret}\n".encode())
        writer.step()
        done = store.record_run("b", "b", exit_code=0)
        store.attach_artifact(done, "log", f"has {secret} too\n")
        with Store.open(path, values=[secret]) as other:
            report = other.masking.apply()
            assert not report.clean
            assert of(report, "content").left_ids == (writer.id,)
            assert of(report, "content").changed == 1
        writer.write(b"more\n")
        writer.close()
        store.runs.finish(run, exit_code=0)
    with Store.open(path, values=[secret]) as store:
        report = store.masking.apply()
        assert report.clean
        assert (of(report, "content").looked, of(report, "content").changed) == (1, 1)
        assert store.read_artifact(writer.id) == b"has [masked:value]\nmore\n"


def test_writer_notices_that_its_artifact_was_masked_anew(path: Path, secret: str, monkeypatch) -> None:
    """Where somebody still writes though nobody seemed to, the writer fails; the artifact stays whole."""
    monkeypatch.setattr("hstore.domains.artifacts.remasker.QUIET", 0)
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        writer = store.artifacts.writer(run)
        writer.write(f"has {secret}\n".encode())
        writer.step()
        time.sleep(0.001)
        with Store.open(path, values=[secret]) as other:
            assert other.masking.apply().clean
        writer.write(b"more\n")
        with pytest.raises(NotFound, match="masked anew"):
            writer.close()
        assert store.read_artifact(writer.id) == b"has [masked:value]\n"


def test_refusals(path: Path, tmp_path: Path, program: Program) -> None:
    """A store opened for reading, a batch, and company: each with its own clear error, and nothing is changed."""
    Store.open(path).close()
    with Store.open(path, readonly=True) as store, pytest.raises(ReadOnly, match="for reading only"):
        store.masking.apply()
    with Store.open(path) as store:
        with store.batch(), pytest.raises(HstoreError, match="outside of batch"):
            store.masking.apply()
        assert store.masking._running.acquire(False)
        with pytest.raises(Busy, match="another thread"):
            store.masking.apply()
        store.masking._running.release()
    other = program(
        "import sys; from hstore import Store\n"
        "def wait(progress):\n    print('here', flush=True); sys.stdin.readline()\n"
        "s = Store.open(sys.argv[1]); s.record_run('a', 'a', exit_code=0); s.masking.apply(progress=wait)",
        path,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "here\n"
    with Store.open(path) as store, pytest.raises(Busy, match=str(other.pid)):
        store.masking.apply()
    other.kill()
    other.wait()
    with Store.open(path) as store:
        assert store.masking.apply().resumed


def test_place_of_a_process_on_another_host_is_taken_over(path: Path, secret: str) -> None:
    """Nobody can tell whether it lives, and in a container every start has another host name."""
    with unmasked(path) as store:
        store.remember("k", secret)
    with Store.open(path, values=[secret]) as store:
        with pytest.raises(KeyboardInterrupt):
            store.masking.apply(progress=interrupt)
        store._connection.write("UPDATE remaskings SET owner = 'elsewhere/boot/1/1'")
        assert store.masking.apply().resumed


def interrupt(_: RemaskProgress) -> None:
    """As Ctrl-C at the first batch."""
    raise KeyboardInterrupt


def test_with_a_rollback_journal(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where WAL is not safe, the same is done and shown."""
    monkeypatch.setattr("hstore.engine.files.wal_is_unsafe", lambda _: "nfs")
    hidden = Secrets()
    with pytest.warns(UnsafeFileSystem), unmasked(path) as store:
        plant_everywhere(store, hidden)
    with Store.open(path, values=[hidden.registered]) as store:
        assert store.info().journal_mode == "delete"
        assert store.masking.apply().clean
        look_at_files(path.parent, hidden, tmp_path)
    look_at_content(path, hidden)


def test_artifact_deleted_or_damaged_meanwhile(path: Path, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was deleted while its new form was made is no matter; a damaged one is left and named."""
    with unmasked(path) as store:
        run, other = (store.record_run("a", "a", exit_code=0) for _ in range(2))
        store.attach_artifact(run, "log", f"has {secret}")
        damaged = store.attach_artifact(other, "log", f"{secret} has" * 100)
        good = store.attach_artifact(other, "log", f"{secret} too")
        store._connection.write("UPDATE chunks SET data = zeroblob(length(data)) WHERE size > 100")
    original = ArtifactRemasker._stored

    def deleting(self: ArtifactRemasker, step):
        found = original(self, step)
        self._connection.write("DELETE FROM runs WHERE id = $1", (run,))
        return found

    monkeypatch.setattr(ArtifactRemasker, "_stored", deleting)
    with Store.open(path, values=[secret]) as store:
        report = store.masking.apply()
        assert of(report, "content").left_ids == (damaged,)
        assert not report.clean
        assert store.read_artifact(good) == b"[masked:value] too"
        assert [artifact.id for artifact in store.artifacts.list()] == [good, damaged]


@pytest.mark.parametrize("past", sorted(PAST.glob("*.db")), ids=lambda past: past.stem)
def test_store_of_the_past(past: Path, path: Path) -> None:
    """A file of every earlier schema is migrated and masked."""
    shutil.copy(past, path)
    with Store.open(path, values=["a line of the past"]) as store:
        report = store.masking.apply()
        assert report.clean
        assert of(report, "content").found == {"value": 500}


def test_content_is_not_looked_at_twice_by_the_same_masker(path: Path, secret: str) -> None:
    """Same rules and values: only new content is read. Other values, or `everything`: all of it is."""
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        for number in range(5):
            store.attach_artifact(run, "log", f"{number} {secret}")
    looked = []
    for values, everything in (([], False), ([], False), ([secret], False), ([secret], False), ([secret], True)):
        with Store.open(path, values=values) as store:
            report = store.masking.apply(everything=everything)
            looked.append((of(report, "content").looked, of(report, "content").changed, report.rebuilt))
            assert of(report, "runs").looked == 1
    assert looked == [(5, 0, True), (0, 0, False), (5, 5, True), (0, 0, False), (5, 0, True)]
    with unmasked(path) as store:
        store.attach_artifact(run, "log", f"new {secret}")
    with Store.open(path, values=[secret]) as store:
        assert of(store.masking.apply(), "content").looked == 1


def test_interrupted_and_gone_on_with(path: Path, tmp_path: Path) -> None:
    """Interrupted after each batch in turn, it ends all the same, looks at nothing twice, and writes no secret down."""
    hidden = Secrets()
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        for number in range(300):
            store.attach_artifact(run, "log", f"{number} {hidden.text()}")
        store.record_runs([{"app": "a", "cmdline": hidden.text(), "exit_code": 0}] * 500)

    def interrupt(progress: RemaskProgress) -> None:
        if progress.step == step and progress.done >= 100:
            raise KeyboardInterrupt

    reports = []
    for step in ("runs", "content", "unused", "rebuild", "wal", "search", "none"):
        with Store.open(path, values=[hidden.registered]) as store:
            if step in ("unused", "rebuild", "wal", "search"):
                step_of_all = step

                def interrupt_at(progress: RemaskProgress, wanted: str = step_of_all) -> None:
                    if progress.step == wanted:
                        raise KeyboardInterrupt

                with pytest.raises(KeyboardInterrupt):
                    store.masking.apply(progress=interrupt_at)
            elif step == "none":
                reports.append(store.masking.apply())
            else:
                with pytest.raises(KeyboardInterrupt):
                    store.masking.apply(progress=interrupt)
            rows = store._connection.rows("SELECT * FROM remaskings")
            look("the pass", repr(rows).encode(), hidden)
            assert len(rows) == 1
    (report,) = reports
    assert report.resumed
    assert report.changed_before == 800
    assert (of(report, "runs").looked, of(report, "content").looked) == (0, 0)
    assert report.clean
    look_at_files(path.parent, hidden, tmp_path)
    look_at_content(path, hidden)


def test_reader_of_an_older_state_is_waited_for_and_named(path: Path, tmp_path: Path, program: Program) -> None:
    """While another process reads what was there before, the WAL cannot be emptied: said so, and done the next time."""
    hidden = Secrets()
    with unmasked(path) as store:
        store.remember("k", hidden.text())
    reader = program(
        "import apsw, sys\nc = apsw.Connection(sys.argv[1]); c.execute('BEGIN'); c.execute('SELECT * FROM memory')"
        ".fetchall()\nprint('reading', flush=True); sys.stdin.readline(); c.execute('COMMIT'); c.close()\n",
        path,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    with Store.open(path, values=[hidden.registered]) as store:
        begin = time.monotonic()
        report = store.masking.apply(patience=0.3)
        assert time.monotonic() - begin >= 0.3
        assert not report.clean
        assert report.wal_bytes > 0
        assert report.still_standing > 0
        reader.communicate("\n")
        report = store.masking.apply()
        assert report.resumed
        assert report.clean
        look_at_files(path.parent, hidden, tmp_path)


def test_what_was_deleted_long_ago_goes_too(path: Path, tmp_path: Path) -> None:
    """Bytes that an ordinary connection left behind in free pages and in the room inside of pages are gone."""
    hidden = Secrets()
    with unmasked(path) as store:
        for number in range(200):
            store.remember(f"k{number}", hidden.text() * (1 + number % 3 * 20))
        for number in range(200):
            assert store.forget(f"k{number}")
        store.remember("last", "plain")
    with pytest.raises(AssertionError, match="planted"):
        look_at_files(path.parent, hidden, tmp_path)
    with Store.open(path) as store:
        report = store.masking.apply()
        assert (report.clean, report.rebuilt, report.changed) == (True, True, 0)
    look_at_files(path.parent, hidden, tmp_path)


def test_compressed_bytes_of_replaced_content_go_too(path: Path, secret: str) -> None:
    """No stretch of a replaced chunk's payload, in which the secret stands compressed, is left in the file."""
    words = [f"{number:x} " for number in range(5000)]
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        for number in range(20):
            text = "".join(random.Random(number).choices(words, k=20_000))
            store.attach_artifact(run, "log", f"{text}{secret}{text[:1000]}")
        payloads = [row[0] for row in store.query("SELECT data FROM chunks WHERE codec = 1")]
    assert len(payloads) >= 20
    pieces = [payload[at : at + 24] for payload in payloads for at in range(100, len(payload) - 24, 3000)]
    before = path.read_bytes()
    pieces = [piece for piece in pieces if piece in before]  # the others are cut by the end of a page
    assert len(pieces) > 100
    with Store.open(path, values=[secret]) as store:
        assert store.masking.apply().clean
        kept = b"".join(row[0] for row in store.query("SELECT data FROM chunks"))
    after = path.read_bytes()
    gone = [piece for piece in pieces if piece not in kept]
    assert len(gone) > 100
    assert not any(piece in after for piece in gone)


def test_without_memory_for_it_the_file_is_not_rebuilt_and_that_is_said(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are masked and free pages given back, but it does not count as clean; the next call makes up for it."""
    hidden = Secrets()
    with unmasked(path) as store:
        plant_everywhere(store, hidden)
    monkeypatch.setattr("hstore.engine.files.memory_available", lambda: 1)
    with Store.open(path, values=[hidden.registered]) as store:
        report = store.masking.apply()
        assert (report.rebuilt, report.clean, report.free_pages) == (False, False, 0)
    look_at_content(path, hidden)
    monkeypatch.undo()
    with Store.open(path, values=[hidden.registered]) as store:
        report = store.masking.apply()
        assert (report.resumed, report.rebuilt, report.clean) == (True, True, True)
    look_at_files(path.parent, hidden, tmp_path)


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="looks into /proc")
def test_rebuilding_makes_no_temporary_file(path: Path) -> None:
    """No deleted file is ever open meanwhile, which is what SQLite's temporary ones are; a control shows that."""
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        store.attach_artifact(run, "file", random.Random(5).randbytes(30_000_000))
        with Watch() as watch:
            assert store.masking.apply(everything=True).rebuilt
        assert watch.seen == set()
    control = apsw.Connection(str(path))
    control.execute("PRAGMA temp_store = FILE").fetchall()
    with Watch() as watch:
        control.execute("VACUUM").fetchall()
    control.close()
    assert watch.seen != set()


class Watch:
    """Looks, as often as it can, for files that this process has open although they are deleted."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._before = self._open()
        self._ended = False
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()

    def _look(self) -> None:
        while not self._ended:
            self.seen |= self._open() - self._before
            time.sleep(0.0005)

    @staticmethod
    def _open() -> set[str]:
        found = set()
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"/proc/self/fd/{name}"))
        return {target for target in found if target.endswith("(deleted)")}


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_search_reads_the_files_without_dropping_locks(path: Path, secret: str, journal: str, program: Program) -> None:
    """The value is found in the file, in the WAL or the journal, and the lock of an open transaction still holds."""
    with unmasked(path) as store:
        store.remember("k", secret)
        store._connection.rows(f"PRAGMA journal_mode = {journal}")
        needle = secret.encode()

        def found() -> set[bytes]:
            return scrubbing.search(str(path), lambda data: [needle] if needle in data else [], 24, 4096)

        assert found() == {needle}
        with store.batch():
            store.remember("k", "other")
            assert found() == {needle}
            writer = program(
                "import apsw, sys\nc = apsw.Connection(sys.argv[1])\n"
                "try:\n    c.execute('BEGIN IMMEDIATE').fetchall()\n    print('wrote')\n"
                "except apsw.BusyError:\n    print('busy')",
                path,
            )
            assert writer.communicate()[0] == "busy\n"


def test_every_column_for_words_is_masked_anew(store: Store) -> None:
    """A table or a column of text that is added later fails here until it is masked anew, or said why not."""
    known = {table.name: set(table.columns) for table in TABLES}
    not_words = {
        "sessions": {"profile"},
        "runs": {"config_hash", "owner", "status"},
        "run_steps": {"status"},
        "artifacts": {"kind", "masked"},
        "memory": {"scope"},
        "audit_log": {"level", "hash"},
        "devices": {"role"},
        "nonces": {"digest"},
        "idempotency_keys": {"digest"},
        "events": {"severity"},
        "tracked_files": {"path_digest", "sha256", "status"},
        "knowledge_items": {"source_type"},
        "database_connections": {"type", "auth", "sealed_password"},
        "database_schemas": {"kind"},
        "preferences": {"sealed"},
        "config": {"sealed"},
        "response_cache": {"digest"},
        "file_cache": {"path_digest", "sha256", "kind", "options_digest"},
        "feature_usage": {"category"},
    }
    tables = store.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    assert {name for (name,) in tables} == known.keys() | WITHOUT_WORDS.keys()
    for name, columns in known.items():
        texts = store.query("SELECT name FROM pragma_table_info($1) WHERE type IN ('TEXT', 'BLOB')", (name,))
        assert {column for (column,) in texts} <= columns | not_words.get(name, set()), name


def test_values_cannot_be_read_from_their_fingerprint(path: Path, secret: str) -> None:
    """It is salted, cut, and depends on all values together, in any order."""
    salt = b"0" * 16
    assert fingerprint([secret, "another-one"], salt) == fingerprint(["another-one", secret], salt)
    assert len({fingerprint(values, salt) for values in ([], [secret], [secret, "another-one"])}) == 3
    assert fingerprint([secret], salt) != fingerprint([secret], b"1" * 16)
    assert len(fingerprint([secret], salt)) == 4


def test_json_of_another_program_is_masked_as_text(path: Path, secret: str) -> None:
    """A column that holds no JSON, which only other programs can have written, is masked all the same."""
    with unmasked(path) as store:
        store.remember("k", 1)
        store._connection.write("UPDATE memory SET value = $1", (f'{{"a": "{secret}", broken',))
        store._connection.write("UPDATE memory SET tags = $1", (json.dumps([secret], indent=1),))
    with Store.open(path, values=[secret]) as store:
        assert store.masking.apply().clean
        assert store.query("SELECT value, tags FROM memory") == (
            ('{"a": "[masked:value]", broken', '["[masked:value]"]'),
        )
