"""A look at the whole chain of the audit log: which lines are not as they were written."""

from __future__ import annotations

from hstore.domains.audit.links import beginning, link
from hstore.models.audit_chain import ChainProblem, ChainReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hstore.engine import Connection
    from hstore.engine.connection import Row

BATCH = 32
"""Lines that are in memory together: each may have 17 MiB."""
LISTED = 100
"""Problems that are named; a log of which more is wrong is not the log."""
CLOSELY = 16
"""Lines that do not fit, of which it is tried whether they stood elsewhere; the effort is cubic."""

CHAIN = """
    SELECT first_id, last_id, last_hash, (SELECT max(id) FROM audit_log), (SELECT store_id FROM meta) FROM audit_chain
"""
# As bytes: what somebody put there past hstore need not be text.
LINES = """
    SELECT id, at, CAST(level AS BLOB), run_id, CAST(scope AS BLOB), CAST(event AS BLOB), CAST(message AS BLOB),
           CAST(data AS BLOB), hash
    FROM audit_log WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3
"""
HASHED_BEFORE = "SELECT min(id), max(id) FROM audit_log WHERE hash IS NOT NULL AND id < $1"
HASH = 8
ANY = (1 << 63) - 1


def verified(connection: Connection, head: bytes | None) -> ChainReport:
    """Look at every line of the chain, and at the place of the hash `head` in it."""
    chain = connection.row(CHAIN)
    if chain is None:
        return _report(None, None, [*_without_record(connection, ANY), *_no_head(head, None)])
    walk = _Walk(chain, head)
    for line in _lines(connection, chain[0], chain[1]):
        walk.look(line)
    problems = [*_without_record(connection, chain[0]), *walk.problems(), *_no_head(head, walk.known)]
    return _report(chain, walk, problems)


def _report(chain: Row | None, walk: _Walk | None, problems: Sequence[ChainProblem]) -> ChainReport:
    first, last, head = (None, None, None) if chain is None else (chain[0], chain[1], chain[2].hex())
    seen, known = (0, None) if walk is None else (walk.seen, walk.known)
    listed = tuple(problems[:LISTED])
    return ChainReport(not problems, chain is not None, first, last, head, seen, known, listed, len(problems))


def _lines(connection: Connection, first: int, last: int) -> Iterator[Row]:
    while rows := connection.rows(LINES, (first, last, BATCH)):
        yield from rows
        first = rows[-1][0] + 1


def _without_record(connection: Connection, first: int) -> Iterator[ChainProblem]:
    """Lines with a hash that the chain does not know: what the file says of it was removed or made anew."""
    begin, end = connection.rows(HASHED_BEFORE, (first,))[0]
    if begin is not None:
        yield ChainProblem("record", begin, end, f"{_named(begin, end)} belonged to a chain whose record is gone")


def _no_head(head: bytes | None, known: int | None) -> Iterator[ChainProblem]:
    if head is not None and known is None:
        yield ChainProblem("head", 0, 0, "no line has the hash that was kept elsewhere: this is not that log any more")


def _named(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"


class _Walk:
    """From line to line: each must have the hash that follows from the one before, as that stands in the file."""

    def __init__(self, chain: Row, head: bytes | None) -> None:
        self.seen = 0
        self.known: int | None = None
        self._next, self._last, self._last_hash, self._newest, store_id = chain
        self._head = head
        self._previous = beginning(store_id)
        self._found: list[ChainProblem] = []
        self._unhashed: list[int] = []
        self._misfits: list[tuple[bytes, Row]] = []
        """Lines that do not follow from the one before, with that one's hash."""
        self._more: list[int] = []
        self._last_misfits = False

    def look(self, line: Row) -> None:
        """Look at the next line."""
        self.seen += 1
        number, digest = line[0], line[HASH]
        if digest is None:
            self._unhashed.append(number)
        else:
            self._follow(line)
            if digest == self._head:
                self.known = number
            self._previous = digest
        if digest is not None or number == self._next:
            self._next = number + 1

    def _follow(self, line: Row) -> None:
        fits = link(self._previous, line[:HASH]) == line[HASH]
        if not fits and self._next < line[0]:
            self._say("removed", self._next, line[0] - 1, "missing")
        elif not fits and not self._unhashed:
            self._misfit(line)
        said = "put in by something else than hstore" if fits else "put in the place of others by something else"
        for number in self._unhashed:
            self._say("inserted" if fits else "changed", number, number, said)
        self._unhashed.clear()

    def _misfit(self, line: Row) -> None:
        self._last_misfits = line[0] == self._last
        if len(self._misfits) < CLOSELY:
            self._misfits.append((self._previous, line))
        else:
            self._more.append(line[0])

    def _say(self, kind: str, first: int, last: int, message: str) -> None:
        self._found.append(ChainProblem(kind, first, last, f"{_named(first, last)}: {message}"))

    def problems(self) -> list[ChainProblem]:
        """What was found, in the order of the lines, once all have been looked at."""
        for number in self._unhashed:
            self._say("inserted", number, number, "put in by something else than hstore")
        if self._next <= self._last:
            self._say("removed", self._next, self._last, "missing")
        elif self._previous != self._last_hash and self._last not in self._more + [
            line[0] for _, line in self._misfits
        ]:
            self._say("changed", self._last, self._last, "its hash is not the one that the last line had")
        if self._newest is not None and self._newest > self._last:
            self._say("inserted", self._last + 1, self._newest, "put in behind the chain's end")
        for number in self._more:
            self._say("changed", number, number, _CHANGED)
        for number, stood in self._places().items():
            if stood is None:
                self._say("changed", number, number, _CHANGED)
            elif stood != number:
                self._say("moved", number, number, f"it was written as line {stood}")
        if not self._found:
            for _, line in self._misfits:
                self._say("changed", line[0], line[0], _CHANGED)
        return sorted(self._found, key=lambda each: (each.first, each.last))

    def _places(self) -> dict[int, int | None]:
        """For each line that does not follow from the one before: as which line it was written, if that can be told.

        A line that is in its own place follows from one that is not.
        """
        before = {previous for previous, _ in self._misfits} | {line[HASH] for _, line in self._misfits}
        gone = [number for each in self._found if each.kind == "removed" for number in _few(each.first, each.last)]
        numbers = [line[0] for _, line in self._misfits] + gone[:CLOSELY]
        return {line[0]: _place(line, before, numbers) for _, line in self._misfits}


_CHANGED = "it is not as it was written; or the line before it is not, and was given a new hash"


def _few(first: int, last: int) -> Iterable[int]:
    return range(first, min(last + 1, first + CLOSELY))


def _place(line: Row, before: Iterable[bytes], numbers: Iterable[int]) -> int | None:
    own: int = line[0]
    for number in (own, *numbers):
        for previous in before:
            if link(previous, (number, *line[1:HASH])) == line[HASH]:
                return number
    return None
