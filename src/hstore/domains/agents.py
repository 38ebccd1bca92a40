"""Agents: who works, where, and how it is configured."""

from __future__ import annotations

from hstore.clock import now, to_datetime
from hstore.door import NAME_LIMIT
from hstore.errors import InvalidInput, NotFound
from hstore.listing import Filters
from hstore.references import References

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.devices import Agent, AgentReference

ADD = """
    INSERT INTO agents (key, name, workspace_path, config, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT (key) DO NOTHING RETURNING id
"""
UPDATE = """
    UPDATE agents SET name = coalesce($1, name), workspace_path = coalesce($2, workspace_path),
        updated_at = max($3, updated_at)
    WHERE id = $4
"""
CONFIGURE = "UPDATE agents SET config = $1, updated_at = max($2, updated_at) WHERE id = $3"
DELETE = "DELETE FROM agents WHERE id = $1"
CONFIG = "SELECT config FROM agents WHERE id = $1"
SELECT = "SELECT id, key, name, workspace_path, config, created_at, updated_at FROM agents"
BY_ID = SELECT + " WHERE id = $1"
ID_OF_KEY = "SELECT id FROM agents WHERE key = $1"
KEY_OF_ID = "SELECT key FROM agents WHERE id = $1"


class Agents:
    """`store.agents`: create, get, find, list, update, configure and delete."""

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door
        self._references = References(
            connection,
            door,
            "agent",
            by_key=ID_OF_KEY,
            by_id=KEY_OF_ID,
            result=_result,
            named="an agent, its key or its id",
            unknown="there is no agent of that name; store.agents.create makes one",
        )

    def create(
        self,
        key: str,
        name: str | None = None,
        *,
        workspace_path: str | os.PathLike[str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Agent:
        """Create an agent.

        Args:
            key: the host's own unique name for it.
            name: the name for people; default: the key.
            workspace_path: where it works.
            config: JSON values by name.

        Raises:
            InvalidInput: the key is taken, an empty key or name, a config that is no JSON object.
        """
        door = self._door
        row = (
            door.key("key", key),
            self._door.key("name", key if name is None else name, NAME_LIMIT),
            door.path("workspace_path", workspace_path),
            door.json_object("config", {} if config is None else config),
            now(),
        )
        with self._connection.transaction():
            made = self._connection.write(ADD, row)
            if not made:
                raise InvalidInput("key: is taken by another agent; update and configure change that one")
            return self.get(made[0][0])

    def get(self, agent: AgentReference) -> Agent:
        """An agent by its key, its id, or an earlier result.

        Raises:
            NotFound: there is none.
        """
        found = self._connection.row(BY_ID, (self.id_of(agent),))
        if found is None:
            raise NotFound("agent: it was deleted")
        return _agent(found)

    def find(self, agent: AgentReference) -> Agent | None:
        """As `get`, with None where there is none."""
        try:
            return self.get(agent)
        except NotFound:
            return None

    def id_of(self, agent: AgentReference) -> int:
        """The row id of an agent named by key, id or result.

        Raises:
            NotFound: there is none. InvalidInput: it is none of the three.
        """
        return self._references.id_of(agent)

    def list(
        self,
        *,
        name: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[Agent]:
        """Agents that fit every filter, those created last first.

        Args:
            name: the name for people, as it was given.
            since, until: bounds of the moment when they were created.
            limit: how many at most; None: all.
            after: the last id seen.

        Raises:
            InvalidInput: a filter of the wrong type or range.
        """
        filters = Filters().add("name =", self._door.optional("name", name)).between("created_at", since, until)
        return [_agent(row) for row in self._connection.rows(*filters.statement(SELECT, "id", limit, after))]

    def update(
        self,
        agent: AgentReference,
        *,
        name: str | None = None,
        workspace_path: str | os.PathLike[str] | None = None,
    ) -> Agent:
        """Change what is given: the name for people, or where the agent works; the rest stays.

        Raises:
            NotFound: no such agent. InvalidInput: an empty name.
        """
        row = (
            None if name is None else self._door.key("name", name, NAME_LIMIT),
            self._door.path("workspace_path", workspace_path),
            now(),
        )
        with self._connection.transaction():
            number = self.id_of(agent)
            self._connection.write(UPDATE, (*row, number))
            return self.get(number)

    def configure(self, agent: AgentReference, config: Mapping[str, Any]) -> Agent:
        """Set an agent's configuration, in place of what there was.

        Raises:
            NotFound: no such agent. InvalidInput: no JSON object.
        """
        text = self._door.json_object("config", config)
        with self._connection.transaction():
            number = self.id_of(agent)
            self._connection.write(CONFIGURE, (text, now(), number))
            return self.get(number)

    def update_config(self, agent: AgentReference, values: Mapping[str, Any]) -> Agent:
        """Set several values of an agent's configuration; who sets other ones at the same time loses nothing.

        Raises:
            NotFound: no such agent. InvalidInput: no JSON object.
        """
        from json import loads

        given = loads(self._door.json_object("values", values))  # by their names as they are kept
        with self._connection.transaction():
            number = self.id_of(agent)
            return self.configure(number, {**loads(self._connection.value(CONFIG, (number,))), **given})

    def delete(self, agent: AgentReference) -> None:
        """Remove an agent. Sessions name their agent as a text, so they stay, and keep that.

        Raises:
            NotFound: no such agent.
        """
        with self._connection.transaction():
            self._connection.write(DELETE, (self.id_of(agent),))


def _result() -> type[Agent]:
    from hstore.models.devices import Agent

    return Agent


def _agent(row: tuple[Any, ...]) -> Agent:
    from json import loads

    from hstore.models.devices import Agent

    return Agent._make((*row[:4], loads(row[4]), to_datetime(row[5]), to_datetime(row[6])))
