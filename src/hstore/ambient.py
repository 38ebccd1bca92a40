"""The session that the environment names: `HEIMDAL_SESSION` and its companions create or reuse it without code."""

from __future__ import annotations

from hstore.config import PROFILES
from hstore.errors import InvalidInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hstore.config import Settings
    from hstore.domains.sessions import Sessions
    from hstore.engine import Connection
    from hstore.models import Reference

THERE = "SELECT 1 FROM sessions WHERE id = $1"
KNOWN_SESSIONS = 256
"""Sessions whose ids are kept in a batch."""


class AmbientSession:
    """Resolves sessions for the other nouns; where none is given, the environment's is meant."""

    def __init__(
        self, connection: Connection, sessions: Callable[[], Sessions], given: Settings, readonly: bool
    ) -> None:
        self._connection = connection
        self._noun = sessions
        self._given = given
        self._readonly = readonly
        self._known: tuple[int, int, int] | None = None
        self._moment = (0, 0)
        self._named: dict[Reference | tuple[int], tuple[Reference, int]] = {}

    @property
    def _sessions(self) -> Sessions:
        return self._noun()

    def id_of(self, session: Reference | None) -> int | None:
        """The row id of a session; for None that of `HEIMDAL_SESSION`, made now if it is new, else None."""
        if session is None:
            return self._find()
        connection = self._connection
        if not connection.in_transaction:
            return self._sessions.id_of(session)
        # In a batch the same sessions are named again and again, and asking for one writes what waits each time.
        moment = (connection.begun, connection.rollbacks)
        if self._moment != moment or len(self._named) >= KNOWN_SESSIONS:
            self._named.clear()
            self._moment = moment
        # A result holds a dict, so it is known by itself; `True` would be found as 1.
        key = session if type(session) is str or type(session) is int else (id(session),)
        if key not in self._named:
            self._named[key] = (session, self._sessions.id_of(session))
        return self._named[key][1]

    def key_of(self, session: Reference | None, create: bool) -> str:
        """The stored key of a session; for None that of `HEIMDAL_SESSION`, which only `create` makes if it is new.

        Raises:
            InvalidInput: there is neither. NotFound: a session that was given is not there.
        """
        if session is not None:
            return self._sessions.key_of(session)
        if self._given.session is None:
            raise InvalidInput("session: scope 'session' needs a session, or HEIMDAL_SESSION in the environment")
        if not create:
            return self._sessions.masked_key(self._given.session)
        try:
            return self._key_found()
        except NotFound:  # somebody else has deleted it since it was found
            self.forget()
            return self._key_found()

    def _key_found(self) -> str:
        found = self._find()
        return self._sessions.key_of(found) if found is not None else ""

    def _is_gone(self, known: tuple[int, int, int]) -> bool:
        """Whether the session was deleted since: asked once in each transaction, which then keeps it.

        Outside of one the statement that refers to it fails, and is tried again in a transaction.
        """
        connection = self._connection
        if not connection.in_transaction or known[1] == connection.begun:
            return False
        if connection.row(THERE, (known[2],)) is None:
            return True
        self._known = (known[0], connection.begun, known[2])
        return False

    def forget(self) -> None:
        """Sessions may have been deleted: look for them anew."""
        self._known = None
        self._named.clear()

    def _find(self) -> int | None:
        given = self._given
        if given.session is None:
            return None
        known, connection = self._known, self._connection
        if known is not None and known[0] == connection.rollbacks:
            # What another thread has made in a transaction that is still open may be undone, its id be another's then.
            unsure = known[1] == connection.begun and connection.others_transaction
            if not unsure and not self._is_gone(known):
                return known[2]
        if self._readonly:
            return self._sessions.id_of(given.session)
        if given.profile is not None and given.profile not in PROFILES:
            raise InvalidInput(f"HEIMDAL_PROFILE: one of {', '.join(PROFILES)}")
        made = self._sessions.open(given.session, profile=given.profile, context_dir=given.context_dir)
        self._known = (connection.rollbacks, connection.begun, made.id)
        return made.id
