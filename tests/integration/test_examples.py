"""Each program in examples/ runs as it stands on a fresh file, prints what it does, and leaves that in the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hstore import Store
from planted import Secrets, look_at_content, look_at_files

EXAMPLES = Path(__file__).parents[2] / "examples"

# Runs a program, and writes down in a file of its own which secrets it made.
NOTING = """
import os, runpy, secrets, sys

def noted(make):
    def call(*given):
        secret = make(*given)
        with open(sys.argv[-1], "a") as file:
            print(secret, file=file)
        return secret
    return call

secrets.token_urlsafe, secrets.token_hex = noted(secrets.token_urlsafe), noted(secrets.token_hex)
program, database, notes = sys.argv[1:]
sys.argv[:] = [program, database, notes]
runpy.run_path(program, run_name="__main__")
if "HSTORE_KEY" in os.environ:
    noted(lambda: os.environ["HSTORE_KEY"])()
"""


NO_FILE = Path()
"""All files are searched."""


class Made(Secrets):
    """The secrets that a program made, for the search."""

    def __init__(self, made: list[str]) -> None:
        self.made = made

    def all(self) -> list[str]:
        """Every one of them."""
        return self.made


class Example:
    """What a program printed and left."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / "store"
        self.database = self.folder / f"{name}.db"
        notes = folder / "secrets"
        words = [sys.executable, "-c", NOTING, EXAMPLES / f"{name}.py", self.database, notes]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        self.output = done.stdout
        self.secrets = Made(notes.read_text().split() if notes.exists() else [])


@pytest.mark.parametrize("program", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_runs_in_a_temporary_place_and_leaves_nothing(program: Path, tmp_path: Path) -> None:
    """Without an argument: exit code 0, no warning, readable lines, and no file stays anywhere."""
    places = {name: tmp_path / name.lower() for name in ("TMPDIR", "HOME", "CWD")}
    for place in places.values():
        place.mkdir()
    environment = {**os.environ, "TMPDIR": str(places["TMPDIR"]), "HOME": str(places["HOME"])}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, cwd=places["CWD"], env=environment, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) >= 10
    assert [path for place in places.values() for path in place.rglob("*")] == []


def test_every_example_is_short_and_has_a_test_of_its_own() -> None:
    """50 to 150 lines, and a test here that looks at what it left."""
    programs = sorted(EXAMPLES.glob("*.py"))
    assert [path.stem for path in programs if f"test_{path.stem}" not in globals()] == []
    assert [path.stem for path in programs if not 50 <= len(path.read_text().splitlines()) <= 150] == []


def test_heimdall_runs(tmp_path: Path) -> None:
    """Two runs of one session with their output and a wiki page; the token that one of them printed is not there."""
    example = Example("heimdall_runs", tmp_path)
    assert "its user saw the token: True, the database has it: False" in example.output
    assert "are left out; its last line:\n  [2000/2000] compiling module 0" in example.output
    assert "  make: 1 run, 0 failed" in example.output
    with Store.open(example.database, readonly=True) as store:
        build, deploy = store.runs.list(session="HEIMDAL-42")
        assert (build.name, build.status, deploy.name, deploy.status) == ("nightly build", "ok", "deploy", "ok")
        assert {artifact.name for artifact in store.artifacts.list(run=build.id)} == {"stdout", "report.txt", "note"}
        (output,) = store.artifacts.list(run=build.id, name="stdout")
        assert output.left_out > 40_000
        assert output.size < 17_000
        (output,) = store.artifacts.list(run=deploy.id, name="stdout")
        assert store.read_artifact(output.id) == b"deploying with [masked:value]\ndone: 3 hosts\n"
        assert [(page.title, page.run) for page in store.wiki.list()] == [("Building/Warnings", build.id)]
        assert store.sessions.get("HEIMDAL-42").profile == "restricted"
    assert len(example.secrets.all()) == 1
    look_at_files(example.folder, example.secrets, NO_FILE)
    look_at_content(example.database, example.secrets)


def test_phase2_audit(tmp_path: Path) -> None:
    """A run with its steps, a failed one, the audit log of both on a whole chain, and nothing of what was undone."""
    example = Example("phase2_audit", tmp_path)
    assert "before there is a database: ok True, initialised False" in example.output
    assert "configuration " in example.output
    assert ", the same in another order: True" in example.output
    assert "hash chain whole: True" in example.output
    with Store.open(example.database, readonly=True) as store:
        failed, done = store.runs.list()
        assert (done.key, done.status, failed.status) == ("2026-11-21/1", "ok", "failed")
        assert done.config_hash is not None
        steps = [(step.name, step.status, step.stats) for step in store.runs.steps(done.id)]
        assert steps == [("fetch", "ok", {"pages": 12}), ("parse", "ok", {"invoices": 480}), ("mail", "skipped", {})]
        assert [(step.name, step.status) for step in store.runs.steps(failed.id)] == [("parse", "failed")]
        assert [line.event for line in store.audit.list(run=done.id)] == ["run.finished", "run.started"]
        assert [line.run for line in store.audit.list(event="run.started")] == [done.id]


def test_durandal_assistant(tmp_path: Path) -> None:
    """A thread, its files, related knowledge, settings, caches and figures; no password and no key."""
    example = Example("durandal_assistant", tmp_path)
    assert "second scan: 1 changed; it is pending again" in example.output
    assert "files of the first: [('orders.sql', 'sql')]" in example.output
    assert "saved: database_exploration, 26 minutes, 87 %" in example.output
    assert "the password comes back: True" in example.output or "not saved: " in example.output
    with Store.open(example.database, readonly=True) as store:
        assert [entry.depth for entry in store.conversations.thread(1)] == [0, 1, 2]
        assert {found.item.title for found in store.knowledge.walk(3, depth=3)} == {
            "Money is stored in cents",
            "Round at the end",
            "orders.total",
        }
        assert store.config.get("retries") == 3
        assert store.response_cache.stats().entries == 1
        assert store.sessions.get("durandal-1").message_count == 6
        assert [metric.operation for metric in store.metrics.list()] == ["database_query"]
    assert len(example.secrets.all()) == 2
    look_at_files(example.folder, example.secrets, NO_FILE)


def test_homeagent_gateway(tmp_path: Path) -> None:
    """One device that was approved and revoked, one answer under one key; its secret and numbers are nowhere."""
    example = Example("homeagent_gateway", tmp_path)
    assert "mode 0600" in example.output
    assert "the message is accepted\nits replay is refused" in example.output
    assert example.output.count("the light is switched") == 1
    assert example.output.count("answer: {'light': 'ceiling', 'on': True}") == 2
    assert "expired and gone: 1, still held: 1" in example.output
    assert "the gardener is there: False" in example.output
    assert example.database.stat().st_mode & 0o777 == 0o600
    with Store.open(example.database, readonly=True) as store:
        (device,) = store.devices.list()
        assert (device.key, device.approved, device.approved_at is None, device.revoked_at is None) == (
            "kitchen-tablet",
            False,
            False,
            False,
        )
        assert [agent.key for agent in store.agents.list()] == ["cook"]
        assert len(store.nonces.list()) == 1
        assert store.query("SELECT result FROM idempotency_keys") == (('{"light":"ceiling","on":true}',),)
        assert {session.sender for session in store.sessions.list(agent="cook")} == {"anna", "bo"}
    assert len(example.secrets.all()) >= 3
    look_at_files(example.folder, example.secrets, NO_FILE)


def test_orion_hub(tmp_path: Path) -> None:
    """Two devices, what one of them did, what happened to the other, memory with its past; old rows are gone."""
    example = Example("orion_hub", tmp_path)
    assert "device laptop-123: online, Windows, tools ['create_directory', 'open_app']" in example.output
    assert "of the laptop: None" in example.output
    assert "failing: open_app on laptop-123, 4 times" in example.output
    assert "would go: 1" in example.output
    with Store.open(example.database, readonly=True) as store:
        assert {device.key for device in store.devices.list()} == {"laptop-123", "homelab-server"}
        laptop = store.devices.get("laptop-123")
        assert (laptop.hostname, laptop.os_type, laptop.os_version) == ("NJSCH-LAPTOP", "Windows", "11")
        assert laptop.capabilities == {"file_operations": True, "app_control": True, "voice": False}
        assert (laptop.allowed_paths, laptop.allowed_apps) == (("C:/Users/njsch", "D:/Projects"), ("chrome", "code"))
        session = store.sessions.get("orion-1")
        assert (session.message_count, session.tool_execution_count) == (1, 6)
        assert session.context.keys() == {"user_name", "current_project", "preferences"}
        assert len(store.tool_executions.list()) == 6
        (made,) = store.tool_executions.list(tool="create_directory")
        assert (made.duration, made.user_query, made.device) == (0.045, "Maak een folder Test", "laptop-123")
        assert (made.parameters, made.result) == (
            {"path": "C:/Users/njsch/Test"},
            {"created_path": "C:/Users/njsch/Test"},
        )
        assert [event.type for event in store.events.unresolved()] == ["service_down"]
        assert store.recall("user_preference:default_model") == {"model": "gpt-oss:120b"}
        assert len(store.memory.history("user_preference:default_model")) == 1
        kept = {(memory.key, memory.scope, memory.category) for memory in store.memory.list()}
        assert kept == {
            ("user_preference:default_model", "global", "preferences"),
            ("file_location:project_alpha.zip", "global", "file_index"),
            ("service_status:grafana", "device", "homelab"),
        }


@pytest.mark.parametrize("program", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_leaves_a_database_that_is_there_alone(program: Path, tmp_path: Path) -> None:
    """Run a second time on one file it says why not, and changes nothing."""
    database = tmp_path / "project.db"
    database.write_bytes(b"somebody's")
    done = subprocess.run([sys.executable, program, database], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{database}: is there already, and this begins with a new database\n"
    assert database.read_bytes() == b"somebody's"
