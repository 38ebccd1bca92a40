"""Projects: the directories whose memory the store is."""

from __future__ import annotations

from hstore.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.door import Door
    from hstore.engine import Connection

FIND = "SELECT id FROM projects WHERE root = $1"
ADD = "INSERT INTO projects (root, created_at) VALUES ($1, $2) ON CONFLICT (root) DO NOTHING"


class Projects:
    """Knows the project of this store by its root, and adds it when something is first recorded for it."""

    def __init__(self, connection: Connection, door: Door, root: str) -> None:
        self._connection = connection
        self.root = door.text("root", root)
        self._known: tuple[int, int, int] | None = None

    def known(self) -> int | None:
        """The id of this store's project if it has been seen and cannot have been undone since, else None."""
        known, connection = self._known, self._connection
        if known is None or known[0] != connection.rollbacks:
            return None
        # What another thread has made in a transaction that is still open may be undone, its id be another's then.
        unsure = known[1] == connection.begun and connection.others_transaction
        return None if unsure else known[2]

    def current(self) -> int:
        """The id of this store's project; call it inside the transaction that will refer to it."""
        known = self.known()
        if known is not None:
            return known
        found = self._connection.value(FIND, (self.root,))
        if found is None:
            self._connection.write(ADD, (self.root, now()))
            found = self._connection.value(FIND, (self.root,))
        self._known = (self._connection.rollbacks, self._connection.begun, int(found))
        return int(found)
