"""The session that the environment names: `HEIMDAL_SESSION` and its companions create or reuse it without code."""

from __future__ import annotations

from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.config import Settings
    from hstore.domains.sessions import Sessions
    from hstore.engine import Connection
    from hstore.models import Reference


class AmbientSession:
    """Resolves sessions for the other nouns; where none is given, the environment's is meant."""

    def __init__(self, connection: Connection, sessions: Sessions, given: Settings, readonly: bool) -> None:
        self._connection = connection
        self._sessions = sessions
        self._given = given
        self._readonly = readonly
        self._known: tuple[int, int, str] | None = None

    def id_of(self, session: Reference | None) -> int | None:
        """The row id of a session; for None that of `HEIMDAL_SESSION`, made now if it is new, else None."""
        if session is not None:
            return self._sessions.id_of(session)
        found = self._find()
        return None if found is None else found[0]

    def key_of(self, session: Reference | None) -> str:
        """The stored key of a session; for None that of `HEIMDAL_SESSION`.

        Raises:
            InvalidInput: there is neither.
        """
        if session is not None:
            return self._sessions.key_of(session)
        found = self._find()
        if found is None:
            raise InvalidInput("session: scope 'session' needs a session, or HEIMDAL_SESSION in the environment")
        return found[1]

    def _find(self) -> tuple[int, str] | None:
        given = self._given
        if given.session is None:
            return None
        known = self._known
        if known is not None and known[0] == self._connection.rollbacks:
            return known[1:]
        if self._readonly:
            return self._sessions.id_of(given.session), self._sessions.key_of(given.session)
        made = self._sessions.open(given.session, profile=given.profile, context_dir=given.context_dir)
        self._known = (self._connection.rollbacks, made.id, made.key)
        return made.id, made.key
