"""What goes with a run, a session or a device: deleted before it in small steps, so that no transaction is long.

The schema's own cascades do the same in one stroke; they are left what came between the last step and the end.
"""

from __future__ import annotations

from time import monotonic

from hstore.codec import Codec
from hstore.domains.artifacts.chunks import Chunks
from hstore.domains.artifacts.packs import Packs
from hstore.domains.artifacts.removal import ArtifactRemoval
from hstore.retention.subjects import AT_ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hstore.engine import Connection
    from hstore.engine.connection import Value

_FIRST = 8  # rows that are deleted by the first statement, while it is not known how large they are
_SLOW = 0.001  # seconds of one statement

ARTIFACTS_OF_RUN = "SELECT id FROM artifacts WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3"
RUNS_OF_SESSION = "SELECT id FROM runs WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3"
# One at a time: meanwhile another may go on with another device.
SESSION_OF_DEVICE = """
    SELECT s.id FROM sessions AS s JOIN devices AS d ON d.key = s.device WHERE d.id = $1 ORDER BY s.id LIMIT 1
"""
REMOVE_RUN = "DELETE FROM runs WHERE id = $1"
REMOVE_SESSION = "DELETE FROM sessions WHERE id = $1"
UNLINK_WIKI_REFS = """
    UPDATE wiki_refs SET run_id = NULL WHERE id IN (SELECT id FROM wiki_refs WHERE run_id = $1 LIMIT $2) RETURNING id
"""
FORGET_SESSION = """
    DELETE FROM memory WHERE id IN (
        SELECT m.id FROM sessions AS s JOIN memory AS m ON m.scope = 'session' AND m.owner = s.key
        WHERE s.id = $1 LIMIT $2)
    RETURNING id
"""
FORGET_DEVICE = """
    DELETE FROM memory WHERE id IN (
        SELECT m.id FROM devices AS d JOIN memory AS m ON m.scope = 'device' AND m.owner = d.key
        WHERE d.id = $1 LIMIT $2)
    RETURNING id
"""

CHILDREN = {
    "runs": (("run_steps", "run_id"),),
    "sessions": (
        ("tool_executions", "session_id"),
        ("conversations", "session_id"),
        ("feature_usage", "session_id"),
        ("productivity_events", "session_id"),
        ("wiki_refs", "session_id"),
    ),
    "devices": (("tool_executions", "device_id"), ("events", "device_id")),
}
"""Tables whose rows belong to one of another, and go with it as they are."""


class Families:
    """Deletes what belongs to a row. Each method gives steps, after each of which the transaction may end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._packs = Packs(connection, Chunks(connection, Codec()))
        self.content = ArtifactRemoval(connection, self._packs)

    def of_artifact(self, artifact: int) -> Iterator[None]:
        """An artifact from its end on; it goes with the last of its pieces and chunks."""
        return self.content.steps(artifact)

    def of_run(self, run: int) -> Iterator[None]:
        """What a run left: artifacts, steps; references to wiki pages stay, without it."""
        for artifact in self._ids(ARTIFACTS_OF_RUN, run):
            yield from self.of_artifact(artifact)
            yield
        yield from self._children("runs", run)
        yield from self._all(UNLINK_WIKI_REFS, run)

    def of_session(self, session: int) -> Iterator[None]:
        """All that was done in a session, and what was remembered for it."""
        for run in self._ids(RUNS_OF_SESSION, session):
            yield from self.of_run(run)
            self._connection.write(REMOVE_RUN, (run,))
            yield
        yield from self._children("sessions", session)
        yield from self._all(FORGET_SESSION, session)

    def of_device(self, device: int) -> Iterator[None]:
        """All that a device did and said, its sessions, and what was remembered for it."""
        while (session := self._connection.value(SESSION_OF_DEVICE, (device,))) is not None:
            yield from self.of_session(session)
            self._connection.write(REMOVE_SESSION, (session,))
            yield
        yield from self._children("devices", device)
        yield from self._all(FORGET_DEVICE, device)

    def sweep(self) -> int:
        """Take away chunks that nobody needs, and make those anew that are needed in part; return how many."""
        self.content.shared.clear()
        return self._packs.sweep(lambda _: None)

    def _ids(self, page: str, parent: int) -> Iterator[int]:
        last, found = 0, self._connection.rows(page, (parent, 0, AT_ONCE))
        while found:
            for (last,) in found:
                yield last
            # Of a full page there may be more.
            found = self._connection.rows(page, (parent, last, AT_ONCE)) if len(found) == AT_ONCE else []

    def _children(self, parents: str, parent: int) -> Iterator[None]:
        for table, column in CHILDREN[parents]:
            # Names of tables and columns are constants of this module, never a caller's text.
            sql = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} = $1 LIMIT $2) RETURNING id"  # noqa: S608 - constants
            yield from self._all(sql, parent)

    def _all(self, sql: str, parent: Value) -> Iterator[None]:
        """Run a statement that deletes some rows until there are none: fewer at once where they are large."""
        limit = _FIRST
        while True:
            begun = monotonic()
            if len(self._connection.write(sql, (parent, limit))) < limit:
                return
            limit = max(limit // 4, 1) if monotonic() - begun > _SLOW else min(2 * limit, AT_ONCE)
            yield
