"""Every index has a verb that reads by it, or a foreign key that needs it: none is kept that only costs writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hstore import Store
from hstore.domains.artifacts.dictionaries import RECENT

Reading = Callable[[Store], object]

# What a host asks, and the index that answers it, without ANALYZE as in the files of users.
READINGS: dict[str, Reading] = {
    "audit_log_at": lambda store: store.audit.list(since=1, until=2),
    "audit_log_run": lambda store: store.audit.list(run=1),
    "chunks_dictionary": lambda store: store._connection.rows(RECENT, (1,)),  # asked when a dictionary may be worn
    "chunks_digest": lambda store: store.attach_artifact(1, "log", b"other content"),
    "conversations_key": lambda store: store.conversations.get("k"),
    "conversations_session": lambda store: store.conversations.list(session="s"),
    "conversations_created": lambda store: store.conversations.list(since=1),
    "conversations_parent": lambda store: store.conversations.replies("k"),
    "conversations_thread": lambda store: store.conversations.thread("k"),
    "database_schemas_name": lambda store: store.schemas.list(table="t"),
    "events_created": lambda store: store.events.list(),
    "events_device": lambda store: store.events.list(device="d"),
    "events_resolved": lambda store: (store.retention.apply_defaults(), store.retention.clean()),
    "events_severity": lambda store: store.events.list(severity="info"),
    "events_type": lambda store: store.events.list(type="t"),
    "events_unresolved": lambda store: store.events.unresolved(),
    "feature_usage_feature": lambda store: store.usage.list(feature="f"),
    "feature_usage_session": lambda store: store.usage.list(session="s"),
    "feature_usage_started": lambda store: store.usage.list(since=1),
    "file_cache_accessed": lambda store: store.file_cache.put("p", bytes(32), "parse", {}, max_entries=1),
    "file_cache_created": lambda store: store.file_cache.list(),
    "file_cache_sha256": lambda store: store.file_cache.list(sha256=bytes(32)),
    "idempotency_keys_expires": lambda store: store.retention.clean(),
    "knowledge_items_confidence": lambda store: store.knowledge.surest(),
    "knowledge_items_type_confidence": lambda store: store.knowledge.surest(type="t"),
    "knowledge_items_key": lambda store: store.knowledge.get("k"),
    "knowledge_items_created": lambda store: store.knowledge.list(),
    "knowledge_items_source": lambda store: store.knowledge.list(source_type="file", source_id="1"),
    "knowledge_items_type": lambda store: store.knowledge.list(type="t"),
    "knowledge_relationships_from": lambda store: store.knowledge.related("k"),
    "knowledge_relationships_to": lambda store: store.knowledge.related("k", direction="in"),
    "memory_category": lambda store: store.memory.list(category="c"),
    "memory_expires": lambda store: store.retention.clean(),
    "nonces_expires": lambda store: store.retention.clean(),
    "performance_metrics_failed": lambda store: store.metrics.list(success=False),
    "performance_metrics_operation": lambda store: store.metrics.list(operation="o"),
    "performance_metrics_started": lambda store: store.metrics.list(),
    "productivity_events_created": lambda store: store.productivity.list(),
    "productivity_events_session": lambda store: store.productivity.list(session="s"),
    "productivity_events_type": lambda store: store.productivity.list(type="t"),
    "response_cache_accessed": lambda store: store.response_cache.put("p", "r", model="m", max_entries=1),
    "response_cache_created": lambda store: store.response_cache.list(),
    "runs_app": lambda store: store.runs.list(app="a"),
    "runs_key": lambda store: store.runs.resolve("k"),
    "runs_running": lambda store: store.runs.lose_dead(),
    "runs_session": lambda store: store.runs.list(session="s"),
    "runs_started": lambda store: store.runs.list(since=1, until=2),
    "sessions_active": lambda store: store.sessions.list(active=True),
    "sessions_agent": lambda store: store.sessions.list(agent="a"),
    "sessions_channel": lambda store: store.sessions.list(channel="c"),
    "sessions_device": lambda store: store.sessions.list(device="d"),
    "sessions_sender": lambda store: store.sessions.list(sender="s"),
    "sessions_started": lambda store: store.sessions.list(since=1, until=2),
    "tool_executions_device": lambda store: store.tool_executions.list(device="d"),
    "tool_executions_executed": lambda store: store.tool_executions.list(),
    "tool_executions_failed": lambda store: store.tool_executions.list(success=False),
    "tool_executions_session": lambda store: store.tool_executions.list(session="s"),
    "tool_executions_tool": lambda store: store.tool_executions.most_used(),
    "tracked_files_sha256": lambda store: store.files.list(sha256="00" * 32),
    "tracked_files_type": lambda store: store.files.list(type="sql"),
    "tracked_files_status": lambda store: store.files.list(status="pending"),
    "sqlite_autoindex_agents_1": lambda store: store.agents.find("k"),
    "sqlite_autoindex_config_1": lambda store: store.config.get("k"),
    "sqlite_autoindex_database_connections_1": lambda store: store.connections.get("c"),
    "sqlite_autoindex_database_schemas_1": lambda store: store.schemas.list("c"),
    "sqlite_autoindex_devices_1": lambda store: store.devices.find("d"),
    "sqlite_autoindex_file_cache_1": lambda store: store.file_cache.invalidate("p"),
    "sqlite_autoindex_idempotency_keys_1": lambda store: store.idempotency.find("k"),
    "sqlite_autoindex_knowledge_relationships_1": lambda store: store.knowledge.unrelate("k", 2, "extends"),
    "sqlite_autoindex_memory_1": lambda store: store.recall("k"),
    "sqlite_autoindex_nonces_1": lambda store: store.nonces.seen("n"),
    "sqlite_autoindex_preferences_1": lambda store: store.preferences.get("ui", "k", user_hash="u"),
    "sqlite_autoindex_response_cache_1": lambda store: store.response_cache.get("p", model="m"),
    "sqlite_autoindex_sessions_1": lambda store: store.sessions.get("s"),
    "sqlite_autoindex_tracked_files_1": lambda store: store.files.forget("/p"),
    "wiki_refs_session": lambda store: store.wiki.list(session="s"),
    "wiki_refs_run": lambda store: store.wiki.list(run=1),
    "artifacts_run": lambda store: store.artifacts.list(run=1),
    "run_steps_run": lambda store: store.runs.steps(1),
}

NEVER_DELETED = {("runs", "project_id")}
"""Parents that no verb deletes: an index for it would cost each run and serve nobody."""


@pytest.fixture
def known(path: Path) -> Iterator[Store]:
    """A store in which everything is there that the readings name."""
    with Store.open(path) as store:
        store.devices.register("d")
        store.session("s")
        run = store.record_run("a", "a", key="k", exit_code=0, session="s")
        store.attach_artifact(run, "log", b"content")
        store.conversations.add("q", "r", key="k", session="s")
        store.knowledge.add("t", "c", key="k", type="t")
        store.knowledge.add("t", "c", type="t")
        store.connections.save("c", "postgresql", "d")
        store.schemas.put("c", [{"name": "t"}])
        store.response_cache.put("one", "r", model="m")
        store.file_cache.put("one", bytes(32), "parse", {})
        yield store


def steps(store: Store, reading: Reading) -> list[str]:
    """The plans of all statements that a reading runs, with the values that it binds."""
    asked: list[tuple[str, Any]] = []

    def noted(_cursor: object, sql: str, bindings: Any) -> bool:
        asked.append((sql, bindings))
        return True

    connection = store._connection
    connection.using(lambda database: setattr(database, "exec_trace", noted))
    try:
        reading(store)
    finally:
        connection.using(lambda database: setattr(database, "exec_trace", None))
    plans = [sql for sql in asked if sql[0].split(None, 1)[0] in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}]
    return [row[3] for sql, bindings in plans for row in connection.rows(f"EXPLAIN QUERY PLAN {sql}", bindings or ())]


def indexes(store: Store) -> dict[str, tuple[str, str]]:
    """The indexes that migrations make, with their table and first column."""
    found = store.query("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    columns = {name: store._connection.rows(f"SELECT name FROM pragma_index_info('{name}')") for name, _ in found}
    return {name: (table, columns[name][0][0]) for name, table in found}


def foreign_keys(store: Store) -> set[tuple[str, str]]:
    """Tables and columns that refer to another table."""
    tables = store.query("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {
        (table, row[0])
        for (table,) in tables
        for row in store._connection.rows(f"SELECT \"from\" FROM pragma_foreign_key_list('{table}')")
    }


@pytest.mark.parametrize("index", READINGS)
def test_index_serves_its_verb(known: Store, index: str) -> None:
    """The verb searches, or reads in order, by the index that is there for it."""
    found = steps(known, READINGS[index])
    assert any(f" {index} " in f"{step} " for step in found), found


def test_every_index_has_a_verb_or_a_foreign_key(known: Store) -> None:
    """An index that nothing reads by would only cost each write."""
    needed = foreign_keys(known)
    assert [name for name, first in indexes(known).items() if name not in READINGS and first not in needed] == []


def test_every_foreign_key_has_an_index(known: Store) -> None:
    """Deleting a parent finds its children; without one it would read the whole table."""
    tables = {table for table, _ in foreign_keys(known)}
    first = set(indexes(known).values())
    for table in tables:
        for (name,) in known._connection.rows(f"SELECT name FROM pragma_index_list('{table}')"):
            first.add((table, known._connection.rows(f"SELECT name FROM pragma_index_info('{name}')")[0][0]))
        keys = known._connection.rows(f"SELECT name FROM pragma_table_info('{table}') WHERE pk = 1")
        first |= {(table, key) for (key,) in keys}
    assert foreign_keys(known) - first == NEVER_DELETED


def test_an_index_that_is_not_taken_would_be_seen(known: Store) -> None:
    """The premise: a verb that reads a whole table names no index in its plan."""
    assert not any("runs_started" in step for step in steps(known, READINGS["runs_app"]))
