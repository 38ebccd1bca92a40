"""The nouns of a store that are made, and imported, at their first use: all of them cost more than recording a run."""

from __future__ import annotations

from sys import modules

from hstore.clock import now
from hstore.errors import HstoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from hstore.ambient import AmbientSession
    from hstore.domains.agents import Agents
    from hstore.domains.artifacts import Artifacts
    from hstore.domains.audit import Audit
    from hstore.domains.caches import FileCache, ResponseCache
    from hstore.domains.connections import Connections
    from hstore.domains.conversations import Conversations
    from hstore.domains.devices import Devices
    from hstore.domains.events import Events
    from hstore.domains.files import Files
    from hstore.domains.idempotency import Idempotency
    from hstore.domains.knowledge import Knowledge
    from hstore.domains.memory import Memories
    from hstore.domains.metrics import Metrics
    from hstore.domains.nonces import Nonces
    from hstore.domains.productivity import Productivity
    from hstore.domains.projects import Projects
    from hstore.domains.runs import Runs
    from hstore.domains.schemas import Schemas
    from hstore.domains.sessions import Sessions
    from hstore.domains.settings import Config, Preferences
    from hstore.domains.statistics import Statistics
    from hstore.domains.steps import Steps
    from hstore.domains.tool_executions import ToolExecutions
    from hstore.domains.usage import Usage
    from hstore.domains.wiki import WikiRefs
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.connections import SavedConnection
    from hstore.models.devices import DeviceReference
    from hstore.remasking import Remasking
    from hstore.retention.deletion import Deletion
    from hstore.retention.noun import Retention
    from hstore.sealing import Sealing

    Verb = TypeVar("Verb", bound=Callable[..., Any])


STORE_ID = "SELECT store_id FROM meta"
ANYTHING_EXPIRES = """
    SELECT 1 FROM sqlite_sequence
    WHERE name = 'memory' OR name = 'nonces' OR name = 'idempotency_keys' OR name = 'retention_policies'
"""
"""Whether there ever was something that can expire: half as dear as the question below, and most stores only record."""
CLEANING_IS_DUE = """
    SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM retention_policies
                               WHERE subject = 'automatic' AND looked_at > $1 - 60000000 AND looked_at <= $1)
        AND (EXISTS (SELECT 1 FROM nonces WHERE expires_at <= $1)
             OR EXISTS (SELECT 1 FROM memory WHERE expires_at <= $1)
             OR EXISTS (SELECT 1 FROM idempotency_keys WHERE expires_at <= $1)
             OR EXISTS (SELECT 1 FROM retention_policies
                        WHERE subject <> 'automatic'
                              AND (looked_at IS NULL OR looked_at <= $1 - 3600000000 OR looked_at > $1)))
"""
"""Whether something can have expired, or a policy was not looked at for an hour, and nobody has cleaned in the last
minute: asked whenever a store is closed, so that `retention` is imported only if there is something to do for it."""


class _Hot:
    """A method that only says what a hot verb takes: the noun's own takes its place in each store that it is asked of.

    A call in between would be a tenth of a record in a batch.
    """

    def __init__(self, declared: Callable[..., Any], noun: str, verb: str) -> None:
        self._declared = declared
        self._noun = noun
        self._verb = verb
        self.__doc__ = declared.__doc__

    def __get__(self, store: object, owner: type) -> Any:
        if store is None:
            return self._declared
        own = getattr(getattr(store, self._noun), self._verb)
        name = self._declared.__name__
        if getattr(type(store), name) is self._declared:  # neither a subclass nor a test has put another in its place
            store.__dict__[name] = own
        return own


def hot(noun: str, verb: str) -> Callable[[Verb], Verb]:
    """Have a method of a store be the `verb` of its `noun`."""

    def replaced(declared: Verb) -> Verb:
        made: Verb = _Hot(declared, noun, verb)  # type: ignore[assignment] # it has the declared method's type
        return made

    return replaced


class LateNouns:
    """The part of a store that gives these nouns; the rest of it sets what they are made of."""

    agents: Agents
    artifacts: Artifacts
    audit: Audit
    config: Config
    connections: Connections
    conversations: Conversations
    devices: Devices
    file_cache: FileCache
    events: Events
    files: Files
    idempotency: Idempotency
    knowledge: Knowledge
    masking: Remasking
    memory: Memories
    preferences: Preferences
    metrics: Metrics
    productivity: Productivity
    response_cache: ResponseCache
    schemas: Schemas
    nonces: Nonces
    retention: Retention
    sessions: Sessions
    statistics: Statistics
    tool_executions: ToolExecutions
    usage: Usage
    wiki: WikiRefs

    _sealing: Sealing
    _deletion: Deletion
    _steps: Steps

    _connection: Connection
    _door: Door
    _ambient: AmbientSession
    _projects: Projects
    _keys: tuple[str, ...]
    _masked: list[str | bytes]
    _readonly: bool
    if TYPE_CHECKING:
        runs: Runs  # made with the store

    def _before_closing(self) -> None:
        """Learn from what came last, and clean for some milliseconds if something is due."""
        if "artifacts" in self.__dict__:
            self.artifacts.keep_learning()
        connection = self._connection
        if self._readonly or connection.closed or connection.in_transaction or connection.others_transaction:
            return
        try:
            if _is_cleaning_due(connection):
                self.retention.tick()
        except HstoreError:
            pass  # whoever closes a store is told of no failure in what could wait

    def _delete_run(self, run: int, force: bool) -> None:
        self._deletion.run(run, force=force)

    if not TYPE_CHECKING:  # a type checker would let every misspelt attribute pass

        def __getattr__(self, name: str) -> Any:
            make = _MAKERS.get(name)
            if make is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return self.__dict__.setdefault(name, make(self))  # two threads get the same one


def _plain(module: str, name: str) -> Callable[[LateNouns], Any]:
    """Make a noun that is made of the connection and the door alone."""

    def make(store: LateNouns) -> Any:
        __import__(module)
        return getattr(modules[module], name)(store._connection, store._door)

    return make


def _config(store: LateNouns) -> Config:
    from hstore.domains.settings import Config

    return Config(store._connection, store._door, store._sealing)


def _connections(store: LateNouns) -> Connections:
    from hstore.domains.connections import Connections

    return Connections(store._connection, store._door, store._sealing, store.audit.write)


def _conversations(store: LateNouns) -> Conversations:
    from hstore.domains.conversations import Conversations

    def count(session: int, messages: int) -> None:
        store.sessions.count(session, messages=messages)

    return Conversations(store._connection, store._door, store._ambient.id_of, count)


def _artifacts(store: LateNouns) -> Artifacts:
    from hstore.domains.artifacts import Artifacts

    return Artifacts(store._connection, store._door, lambda artifact: store._deletion.artifact(artifact))


def _devices(store: LateNouns) -> Devices:
    from hstore.domains.devices import Devices

    def note(event: str, device: str) -> None:
        store.audit.write("info", event, scope="devices", data={"device": device})

    return Devices(
        store._connection,
        store._door,
        note,
        lambda device, force: store._deletion.device(device, force=force),
    )


def _file_cache(store: LateNouns) -> FileCache:
    from hstore.domains.caches import FileCache

    return FileCache(store._connection, store._door, store._readonly)


def _events(store: LateNouns) -> Events:
    from hstore.domains.events import Events

    return Events(store._connection, store._door, lambda device: store.devices.id_of(device))


def _masking(store: LateNouns) -> Remasking:
    from hstore.remasking import Remasking

    return Remasking(store._connection, store._door, store._masked, store._readonly)


def _memory(store: LateNouns) -> Memories:
    from hstore.domains.memory import Memories

    return Memories(store._connection, store._door, store._ambient.key_of)


def _preferences(store: LateNouns) -> Preferences:
    from hstore.domains.settings import Preferences

    return Preferences(store._connection, store._door, store._sealing)


def _response_cache(store: LateNouns) -> ResponseCache:
    from hstore.domains.caches import ResponseCache

    return ResponseCache(store._connection, store._door, store._readonly)


def _schemas(store: LateNouns) -> Schemas:
    from hstore.domains.schemas import Schemas

    connections = store.connections

    def look(saved: SavedConnection) -> list[dict[str, Any]]:
        from hstore.inspection import inspect

        asks_for_one = saved.has_password and saved.type == "postgresql"
        return inspect(saved, connections.password(saved.id) if asks_for_one else None)

    def came_of_it(number: int, error: str | None) -> None:
        if error is None:
            connections.connected(number)
        else:
            connections.failed(number, error)

    return Schemas(store._connection, store._door, connections.get, look, came_of_it)


def _sealing(store: LateNouns) -> Sealing:
    from hstore.sealing import Sealing

    connection, masker = store._connection, store._door.masker

    def learn(keys: Sequence[str]) -> None:
        masker.add_values([key for key in keys if masker.refusal(key) is None])

    return Sealing(store._keys, lambda: str(connection.value(STORE_ID)), learn)


def _is_cleaning_due(connection: Connection) -> bool:
    if connection.row(ANYTHING_EXPIRES) is None:
        return False
    return connection.row(CLEANING_IS_DUE, (now(),)) is not None


def _retention(store: LateNouns) -> Retention:
    from hstore.retention.noun import Retention

    connection = store._connection
    return Retention(
        connection,
        lambda event, message, data: store.audit.write("info", event, message, scope="retention", data=data),
        store.runs.lose_dead,
        store._ambient.forget,
        lambda: _is_cleaning_due(connection),
        store._readonly,
    )


def _deletion(store: LateNouns) -> Deletion:
    from hstore.retention.deletion import Deletion

    return Deletion(
        store._connection,
        lambda event, message, run: store.audit.write("info", event, message, run=run),
        store._ambient.forget,
    )


def _sessions(store: LateNouns) -> Sessions:
    from hstore.domains.sessions import Sessions

    return Sessions(
        store._connection,
        store._door,
        store._projects.current,
        lambda session, force: store._deletion.session(session, force=force),
    )


def _tool_executions(store: LateNouns) -> ToolExecutions:
    from hstore.domains.tool_executions import ToolExecutions

    def count(session: int) -> None:
        store.sessions.count(session, tool_executions=1)

    def device_id(device: DeviceReference) -> int:
        return store.devices.id_of(device)

    return ToolExecutions(store._connection, store._door, store._ambient.id_of, device_id, count)


def _of_sessions(module: str, name: str) -> Callable[[LateNouns], Any]:
    """As `_plain`, for a noun whose rows belong to sessions."""

    def make(store: LateNouns) -> Any:
        __import__(module)
        return getattr(modules[module], name)(store._connection, store._door, store._ambient.id_of)

    return make


_MAKERS: dict[str, Callable[[LateNouns], Any]] = {
    "agents": _plain("hstore.domains.agents", "Agents"),
    "artifacts": _artifacts,
    "audit": _plain("hstore.domains.audit", "Audit"),
    "config": _config,
    "connections": _connections,
    "conversations": _conversations,
    "_deletion": _deletion,
    "devices": _devices,
    "events": _events,
    "file_cache": _file_cache,
    "files": _plain("hstore.domains.files", "Files"),
    "idempotency": _plain("hstore.domains.idempotency", "Idempotency"),
    "knowledge": _plain("hstore.domains.knowledge", "Knowledge"),
    "masking": _masking,
    "memory": _memory,
    "metrics": _plain("hstore.domains.metrics", "Metrics"),
    "nonces": _plain("hstore.domains.nonces", "Nonces"),
    "preferences": _preferences,
    "productivity": _of_sessions("hstore.domains.productivity", "Productivity"),
    "response_cache": _response_cache,
    "retention": _retention,
    "schemas": _schemas,
    "_sealing": _sealing,
    "sessions": _sessions,
    "statistics": _plain("hstore.domains.statistics", "Statistics"),
    "_steps": _plain("hstore.domains.steps", "Steps"),
    "tool_executions": _tool_executions,
    "usage": _of_sessions("hstore.domains.usage", "Usage"),
    "wiki": _of_sessions("hstore.domains.wiki", "WikiRefs"),
}
