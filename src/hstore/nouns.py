"""The nouns of a store that are made, and imported, at their first use: all of them cost more than recording a run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from hstore.ambient import AmbientSession
    from hstore.domains.artifacts import Artifacts
    from hstore.domains.audit import Audit
    from hstore.domains.memory import Memories
    from hstore.domains.projects import Projects
    from hstore.domains.sessions import Sessions
    from hstore.domains.wiki import WikiRefs
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.remasking import Remasking


class LateNouns:
    """The part of a store that gives these nouns; the rest of it sets what they are made of.

    What a store declares as a hot verb only says what it takes: a call in between would be a tenth of a record in a
    batch, so the noun's own verb takes its place.
    """

    _declared: ClassVar[dict[str, Callable[..., Any]]]

    artifacts: Artifacts
    audit: Audit
    masking: Remasking
    memory: Memories
    sessions: Sessions
    wiki: WikiRefs

    _connection: Connection
    _door: Door
    _ambient: AmbientSession
    _projects: Projects
    _masked: list[str | bytes]
    _readonly: bool

    if not TYPE_CHECKING:  # a type checker would let every misspelt attribute pass

        def __getattr__(self, name: str) -> Any:
            make = _MAKERS.get(name)
            if make is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            made, verbs = make(self)
            made = self.__dict__.setdefault(name, made)  # two threads get the same one
            for verb, own in verbs.items():
                self._bind(verb, getattr(made, own))
            return made

    def _bind(self, verb: str, own: Callable[..., Any]) -> None:
        """Let a noun's `own` verb be the store's, unless a subclass or a test has put another in its place."""
        if getattr(type(self), verb) is self._declared[verb]:
            self.__dict__[verb] = own


def _artifacts(store: LateNouns) -> tuple[Artifacts, dict[str, str]]:
    from hstore.domains.artifacts import Artifacts

    return Artifacts(store._connection, store._door), {"attach_artifact": "attach"}


def _audit(store: LateNouns) -> tuple[Audit, dict[str, str]]:
    from hstore.domains.audit import Audit

    return Audit(store._connection, store._door), {}


def _masking(store: LateNouns) -> tuple[Remasking, dict[str, str]]:
    from hstore.remasking import Remasking

    return Remasking(store._connection, store._door, store._masked, store._readonly), {}


def _memory(store: LateNouns) -> tuple[Memories, dict[str, str]]:
    from hstore.domains.memory import Memories

    memory = Memories(store._connection, store._door, store._ambient.key_of)
    return memory, {"remember": "remember", "recall": "recall"}


def _sessions(store: LateNouns) -> tuple[Sessions, dict[str, str]]:
    from hstore.domains.sessions import Sessions

    return Sessions(store._connection, store._door, store._projects.current), {}


def _wiki(store: LateNouns) -> tuple[WikiRefs, dict[str, str]]:
    from hstore.domains.wiki import WikiRefs

    return WikiRefs(store._connection, store._door, store._ambient.id_of), {}


_MAKERS: dict[str, Callable[[LateNouns], tuple[Any, dict[str, str]]]] = {
    "artifacts": _artifacts,
    "audit": _audit,
    "masking": _masking,
    "memory": _memory,
    "sessions": _sessions,
    "wiki": _wiki,
}
