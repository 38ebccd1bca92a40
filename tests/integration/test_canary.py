"""The canary sweep: secrets planted through every public verb are found nowhere, in no form.

The verbs are found by reflection. A new verb, or a new argument of an old one, fails the sweep until it is taught
what to plant there.
"""

from __future__ import annotations

import base64
import inspect
import io
import itertools
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from hstore import Store
from hstore.clock import to_datetime
from hstore.errors import HstoreError
from hstore.models.claims import Begun
from hstore.nouns import LateNouns
from hstore.sealing import new_key
from planted import Secrets, forms, look, look_at_content, look_at_files

NOUNS = ("runs", *(name for name in sorted(LateNouns.__annotations__) if not name.startswith("_")))
# Verbs that take no value of a caller, or hand back an object whose verbs are swept by themselves.
WITHOUT_VALUES = {"close", "batch", "info", "migrations", "runs.lose_dead", "artifacts.keep_learning"}
# Arguments that are numbers, times, enumerated words or ids: what they refuse must not show in the error either.
NOT_TEXT = {
    "limit", "after", "since", "until", "started_at", "finished_at", "expires_at", "duration", "exit_code", "signal",
    "pid", "run", "step", "artifact", "timeout", "ttl", "length", "lines", "start", "offsets", "session",
    "dry_run", "everything", "patience", "progress", "moment",
    "offline_after", "approved", "active", "exclusive", "memory", "disk", "messages", "tool_executions", "n",
    "port", "sensitive", "tokens", "max_entries", "max_bytes", "max_age", "older_than",
    "actual", "cache_hit", "created_at", "days", "estimate", "newest", "satisfaction", "success", "use",
    "execution", "executed_at", "acknowledged", "resolved", "more_than",
    "expired", "finished", "hold", "wait",
    "confidence", "depth", "min_confidence", "missing", "response_time", "strength", "verify",
    "force", "max_count", "milliseconds",
}  # fmt: skip
ENUMERATED = {
    "profile", "status", "kind", "scope", "level", "role", "auth", "severity", "source_type", "direction",
}  # fmt: skip
EPOCH = to_datetime(0)
# Verbs that speak of what must be there: called with what is planted, which shows in no error, and with this.
THERE: dict[str, dict[str, Any]] = {
    **{f"devices.{verb}": {"device": "plain"} for verb in ("get", "find", "id_of", "update", "approve", "revoke")},
    "devices.set_secret": {"device": "other"},
    "devices.heartbeat": {"key": "plain", "status": "online"},
    "devices.authenticate": {"key": "plain", "secret": "plain"},
    "devices.list": {"status": "online"},
    **{f"agents.{verb}": {"agent": "plain"} for verb in ("get", "find", "id_of", "update", "configure")},
    "agents.update_config": {"agent": "plain"},
    "agents.delete": {"agent": "other"},
    "sessions.count": {"session": 1},
    "connections.save": {"type": "mysql"},
    "schemas.put": {"connection": "plain"},
    "schemas.refresh": {"connection": "foreign"},
    "schemas.list": {"connection": "plain", "kind": "table"},
    "schemas.get": {"connection": "plain", "table": "plain", "schema": ""},
    **{f"file_cache.{verb}": {"sha256": b"x" * 32, "kind": "parse"} for verb in ("get", "put")},
    "file_cache.list": {"sha256": b"x" * 32, "kind": "parse"},
    "connections.list": {"type": "mysql"},
    "connections.update": {"connection": "plain", "type": "mysql"},
    "connections.delete": {"connection": "other"},
    **{
        f"connections.{verb}": {"connection": "plain"}
        for verb in ("activate", "connected", "deactivate", "failed", "get", "id_of", "password")
    },
    **{f"{noun}.set": {"sensitive": True} for noun in ("preferences", "config")},
    **{f"events.{verb}": {"event": 1} for verb in ("get", "acknowledge", "resolve")},
    **{f"events.{verb}": {"device": "plain"} for verb in ("add", "list", "unresolved")},
    **{f"tool_executions.{verb}": {"device": "plain"} for verb in ("list", "measure")},
    "tool_executions.record": {"device": "plain"},
    "audit.verify": {"head": None},
    "conversations.add": {"parent": "plain"},
    "conversations.delete": {"conversation": "other"},
    **{f"conversations.{verb}": {"conversation": "plain"} for verb in ("get", "id_of", "replies", "thread")},
    "knowledge.delete": {"item": "other"},
    **{f"knowledge.{verb}": {"item": "plain"} for verb in ("get", "id_of", "update")},
    **{f"knowledge.{verb}": {"item": "plain", "type": "extends"} for verb in ("related", "walk")},
    **{f"knowledge.{verb}": {"a": "plain", "b": "third", "type": "extends"} for verb in ("relate", "unrelate")},
    **{f"files.{verb}": {"sha256": None} for verb in ("parsed", "parse_failed")},
    "files.list": {"status": "pending", "sha256": None},
    "files.scan": {"patterns": None},
    "runs.step": {"run": 2},
    "devices.delete": {"device": "goes"},
    **{f"retention.{verb}": {"subject": "metrics"} for verb in ("get", "remove")},
    "retention.set": {"subject": "metrics", "max_age": 1.0},
    "retention.clean": {"subjects": ["metrics"]},
}


def plants(hidden: Secrets, tmp_path: Path) -> dict[str, Callable[[], Any]]:
    """What to plant in an argument, by its name."""
    text = hidden.text
    unique = itertools.count()
    structure = lambda: {"list": [text()], hidden.token: 1, "password": hidden.named, "deep": {"k": text()}}  # noqa: E731 - a table of plants
    file = tmp_path / f"file {hidden.token}"
    file.write_text(text())
    scanned = tmp_path / f"scanned {hidden.token}"
    scanned.mkdir()
    (scanned / f"{text()}.py").write_text(text())
    return {
        **dict.fromkeys(("app", "name", "cwd", "git_sha", "title", "selection", "event", "message"), text),
        **dict.fromkeys(("context_dir", "device", "agent", "sender", "channel", "category", "tag", "path"), text),
        **dict.fromkeys(("text", "default", "secret", "hostname", "os_type", "os_version", "cpu"), text),
        **dict.fromkeys(("workspace_path", "nonce", "method"), text),
        "begun": lambda: Begun(1, 1, EPOCH, EPOCH),
        "action": lambda: structure,
        **dict.fromkeys(("tool", "user_query", "reasoning"), text),
        **dict.fromkeys(("parameters", "result"), structure),
        **dict.fromkeys(("allowed_tools", "allowed_paths", "allowed_apps"), lambda: [text(), hidden.token]),
        **dict.fromkeys(("capabilities", "metadata"), structure),
        **dict.fromkeys(("connection", "type", "host", "database", "username", "password", "error"), text),
        **dict.fromkeys(("user_hash", "description", "table", "schema", "prompt", "response", "model", "sha256"), text),
        "result": structure,
        "tables": lambda: [{"name": "plain"}, {"name": text(), "schema": text(), "columns": [structure()]}],
        **dict.fromkeys(("ssl", "options"), structure),
        "head": text,
        **dict.fromkeys(("error", "error_type", "feature", "operation", "type"), text),
        **dict.fromkeys(
            ("a", "b", "conversation", "item", "parent", "question", "response", "sha256", "source_id"), text
        ),
        **dict.fromkeys(("context_files", "context_databases", "patterns"), lambda: [text(), hidden.token]),
        "field": lambda: "plain",
        "folder": lambda: scanned,
        **{
            f"files.{verb}.path": lambda: scanned / f"{text()}.py"
            for verb in ("get", "parsed", "parse_failed", "track")
        },
        **{f"knowledge.{verb}.content": text for verb in ("add", "update")},
        "artifacts.delete.artifact": lambda: 2,
        "runs.delete.run": lambda: 3,
        "sessions.delete.session": lambda: "goes",
        "subject": text,
        "subjects": lambda: [text()],
        "cmdline": lambda: ["curl", "--password", hidden.named, hidden.token, hidden.registered, text()],
        "key": lambda: f"{next(unique)} {text()}",
        "content": lambda: io.BytesIO(text().encode() * 20),
        "config": structure,
        "context": structure,
        "values": structure,
        "value": structure,
        "data": structure,
        "details": structure,
        "stats": structure,
        "tags": lambda: [text(), hidden.token],
        "runs": lambda: [{"app": text(), "cmdline": text(), "name": text()}],
        "file": io.BytesIO,
        "sql": lambda: f"SELECT '{hidden.token}' WHERE password={hidden.named} AND {hidden.registered}",
        "params": lambda: (text(),),
    }


def foreign(hidden: Secrets, folder: Path) -> Path:
    """Another program's database, with secrets in its schema."""
    path = folder / "foreign.db"
    database = apsw.Connection(str(path))
    database.execute(f"CREATE TABLE \"{hidden.token}\" (password TEXT DEFAULT '{hidden.named}', x '{hidden.text()}')")
    database.close()
    return path


def verbs(store: Store) -> dict[str, Callable[..., Any]]:
    """Every public method of the store and of its nouns."""
    found = {}
    for prefix, holder in [("", store), *((f"{noun}.", getattr(store, noun)) for noun in NOUNS)]:
        for name, method in inspect.getmembers(holder, inspect.ismethod):
            if not name.startswith("_") and prefix + name != "open":
                found[prefix + name] = method
    return found


def arguments(verb: str, method: Callable[..., Any], plant: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """The arguments of a verb that take text, planted; the others good."""
    good = {"run": 1, "step": 1, "artifact": 1, "session": "plain", "length": 5, "start": 0, "lines": 3}
    good |= {"moment": 5, "profile": "restricted", "kind": "log", "level": "info", "status": "ok"}
    good |= {"execution": 1, "success": True, "actual": 1.0, "duration": 1.0, "estimate": 2.0, "use": 1}
    good |= {"role": "node", "source_type": "file", "direction": "both"}
    chosen = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if f"{verb}.{name}" in plant:
            chosen[name] = plant[f"{verb}.{name}"]()
        elif name == "category" and verb.startswith("usage"):
            chosen[name] = "core"
        elif name in plant:
            chosen[name] = plant[name]()
        elif name == "scope":
            chosen[name] = plant["name"]() if verb.startswith("audit") else "global"
        elif name in good and (parameter.default is parameter.empty or name in ENUMERATED or name == "run"):
            chosen[name] = good[name]
        else:
            assert name in NOT_TEXT | ENUMERATED, f"{verb}: teach the sweep what to plant in {name!r}"
    if chosen.get("scope") == "global":
        chosen.pop("device", None)
    return chosen


def call(method: Callable[..., Any], given: dict[str, Any], hidden: Secrets) -> bool:
    """Call a verb; say whether it succeeded. An error may say what is wrong, but shows no secret."""
    try:
        result = method(**given)
        if inspect.isgenerator(result):
            list(result)
        elif hasattr(result, "__enter__"):
            with result:
                pass
    except HstoreError as failure:
        look("an error", f"{failure!s} {failure!r} {failure.__cause__!r}".encode(), hidden)
        return False
    return True


def furnish(store: Store, plant: dict[str, Callable[[], Any]], foreign_database: Path) -> None:
    """Put in what the verbs speak of."""
    store.record_run("plain", "plain", exit_code=0)
    store.session("plain")
    store.runs.step_start(1, "plain")
    store.record_run("goes on", "plain")
    store.usage.start("plain", "core")
    store.attach_artifact(1, "log", b"plain")
    store.attach_artifact(1, "log", b"goes")
    store.record_run("goes", "goes", exit_code=0)
    store.session("goes")
    store.devices.register("goes")
    store.devices.register("plain", secret="plain")
    store.devices.register("other")
    store.agents.create("plain")
    store.connections.save("plain", "sqlite", "plain", password="plain")
    store.connections.save("other", "sqlite", "other")
    store.connections.save("foreign", "sqlite", str(foreign_database))
    store.schemas.put("plain", [{"name": "plain"}])
    store.agents.create("other")
    store.idempotency.begin("plain", "plain")
    store.events.add("plain")
    store.tool_executions.record("plain", {}, success=True)
    for key in ("plain", "other", "third"):
        store.conversations.add("plain", "plain", key=key)
        store.knowledge.add("plain", "plain", type="plain", key=key)
    store.files.track(plant["files.track.path"]())


def test_no_secret_planted_through_any_verb_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verb, every argument that takes text; looked for while the store is open and after."""
    hidden = Secrets()
    folder = tmp_path / "store"
    plant = plants(hidden, tmp_path)
    monkeypatch.setenv("HSTORE_KEY", new_key())
    with Store.open(folder / "project.db", values=[hidden.registered]) as store:
        furnish(store, plant, foreign(hidden, tmp_path))
        worked = set()
        found = verbs(store)
        for verb, method in found.items():
            if verb in WITHOUT_VALUES:
                continue
            given = arguments(verb, method, plant)
            for chosen in (given, {**given, **THERE[verb]}) if verb in THERE else (given,):
                if call(method, chosen, hidden):
                    worked.add(verb)
            look_at_files(folder, hidden, tmp_path)
        assert found.keys() - worked - WITHOUT_VALUES <= {"query", "runs.resolve", "runs.finish"}, (
            "these verbs were refused, so nothing was proven of them"
        )
        store.attach_artifact(1, "file", tmp_path / f"file {hidden.token}")
        with store.artifacts.writer(1, name=hidden.text()) as writer:
            for byte in hidden.text().encode():
                writer.write(bytes([byte]))
                writer.step()
        with pytest.raises(ValueError, match="wrong"), store.tool_executions.measure("plain", {}) as execution:
            execution.result = plant["result"]()
            raise ValueError(f"wrong {hidden.text()}")
        assert len(worked) > 30
        look_at_files(folder, hidden, tmp_path)
    look_at_files(folder, hidden, tmp_path)
    look_at_content(folder / "project.db", hidden)


def test_wrong_value_in_any_argument_is_refused_and_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verb, every argument, of any type but its own: it works or raises an HstoreError, which shows no secret."""
    hidden = Secrets()
    folder = tmp_path / "store"
    plant = plants(hidden, tmp_path)
    monkeypatch.setenv("HSTORE_KEY", new_key())
    wrong = (hidden.token, object(), -(10**5000), 1 << 63, "\ud800", [hidden.token], {1: 2}, datetime(2026, 1, 1))
    with Store.open(folder / "project.db", values=[hidden.registered]) as store:
        furnish(store, plant, foreign(hidden, tmp_path))
        for verb, method in verbs(store).items():
            for name in () if verb in WITHOUT_VALUES else inspect.signature(method).parameters:
                for value in wrong:
                    call(method, {**arguments(verb, method, plant), **THERE.get(verb, {}), name: value}, hidden)
        look_at_files(folder, hidden, tmp_path)
    look_at_content(folder / "project.db", hidden)


def test_the_sweep_can_fail(tmp_path: Path) -> None:
    """A secret written past the door is found, in each form: in plain sight, encoded, and compressed."""
    hidden = Secrets()
    for stored in [form for secret in hidden.all() for form in forms(secret)]:
        path = tmp_path / "project.db"
        with Store.open(path) as store:
            run = store.record_run("a", "a", exit_code=0)
            store.attach_artifact(run, "log", b"plain")
            store._connection.write("UPDATE runs SET cmdline = $1", (f"x{stored.decode()}y",))
            with pytest.raises(AssertionError, match="planted"):
                look_at_files(tmp_path, hidden, tmp_path)
        with pytest.raises(AssertionError, match="planted"):
            look_at_content(path, hidden)
        path.unlink()


def test_values_of_telling_environment_variables_are_masked(
    path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """A value from *_TOKEN and its like is masked wherever it stands; others are not."""
    monkeypatch.setenv("DEPLOY_TOKEN", secret)
    monkeypatch.setenv("EDITOR", "a-plain-editor")
    monkeypatch.setenv("SHORT_TOKEN", "abc")
    with Store.open(path) as store:
        run = store.record_run("a", ["echo", secret, "a-plain-editor", "abc"], exit_code=0)
        store.attach_artifact(run, "log", base64.b64encode(b"x" + secret.encode() + b"y"))
        words = store.runs.get(run).argv
        assert words is not None
        assert secret not in words[1]
        assert words[2:] == ("a-plain-editor", "abc")
        store.remember("k", {"nested": [f"<{secret}>"]})
        assert secret not in json.dumps(store.recall("k"))
        encoded = store.read_artifact(store.artifacts.list()[0].id)
        assert base64.b64encode(secret.encode())[4:20] not in encoded
