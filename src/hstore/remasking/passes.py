"""The pass in the file: which masker goes over the store, whose it is, and how far it has come."""

from __future__ import annotations

import os

from hstore.clock import now
from hstore.errors import Busy
from hstore.liveness import is_alive, this_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hstore.engine import Connection

NEWEST = """
    SELECT id, rules, salt, named, owner, places, left_out, replaced, finished_at FROM remaskings
    ORDER BY id DESC LIMIT 1
"""
ADD = "INSERT INTO remaskings (rules, salt, named, owner, started_at) VALUES ($1, $2, $3, $4, $5) RETURNING id"
TAKE = "UPDATE remaskings SET owner = $1, places = $2, replaced = $3, finished_at = NULL WHERE id = $4"
FORGET_OTHERS = "DELETE FROM remaskings WHERE id <> $1"
KEEP = "UPDATE remaskings SET places = $1, left_out = $2, replaced = $3 WHERE id = $4"
RELEASE = "UPDATE remaskings SET owner = NULL WHERE id = $1"
FINISH = "UPDATE remaskings SET finished_at = $1, replaced = 0 WHERE id = $2"

CONTENT = "content"
"""The place of the artifacts' content, beside those of the tables."""
_ROUNDS = 100_000  # of PBKDF2: about 0.05 s for whoever wants to try a value
_LENGTH = 4  # bytes: enough to notice other values, too few to be sure of one that was guessed


class Pass:
    """One going over, kept in the file with every batch.

    Attributes:
        resumed: an earlier one that was not finished is gone on with.
        repeated: the same masker has been over all of it before; content that it has seen is not looked at again.
        replaced: changed rows and artifacts so far; `changed_before` of them before an interruption.
        left_out: artifacts that somebody was still writing.
    """

    def __init__(self, connection: Connection, rules: str, values: Sequence[str | bytes], *, everything: bool) -> None:
        self._connection = connection
        self.resumed = self.repeated = False
        self.replaced = self.changed_before = 0
        self._is_ours = True
        self.places: dict[str, int] = {}
        self.left_out: list[int] = []
        newest = connection.row(NEWEST)
        known = newest is not None and not everything and _is_same(newest, rules, values)
        salt = b"" if known else os.urandom(16)
        named = b"" if known else fingerprint(values, salt)
        with connection.transaction():
            newest = connection.row(NEWEST)
            self._refuse_company(newest)
            if known and newest is not None:
                self._go_on(newest)
            else:
                added = connection.insert(ADD, (rules, salt, named, this_process(), now()))
                connection.write(FORGET_OTHERS, (added,))
                self._id = added

    def _refuse_company(self, newest: Sequence[Any] | None) -> None:
        owner = None if newest is None else newest[4]
        # Of a process on another host nobody can tell whether it lives. Two at once do each other's work, but no harm.
        here = owner is not None and owner.split("/", 1)[0] == this_process().split("/", 1)[0]
        if owner is not None and here and owner != this_process() and is_alive(owner):
            raise Busy(
                f"another process ({owner.rsplit('/', 2)[1]}) is masking this store anew; wait for it, or end it:"
                " what it has done is kept"
            )

    def _go_on(self, newest: Sequence[Any]) -> None:
        from json import dumps, loads

        self._id = int(newest[0])
        self.places, self.left_out = loads(newest[5]), loads(newest[6])
        self.resumed = newest[8] is None
        self.repeated = not self.resumed
        self.replaced = self.changed_before = int(newest[7])
        if self.repeated:
            # Rows can have been written since by somebody with other rules; content never changes.
            self.places = {name: place for name, place in self.places.items() if name == CONTENT}
        self._connection.write(TAKE, (this_process(), dumps(self.places), self.replaced, self._id))

    def place(self, name: str) -> int:
        """The id of the last row of a table that was done."""
        return self.places.get(name, 0)

    def keep(self, name: str, place: int) -> None:
        """Write down how far a table is done: in the transaction that is open, or one of its own."""
        from json import dumps

        self.places[name] = place
        row = (dumps(self.places), dumps(self.left_out), self.replaced, self._id)
        self._connection.write(KEEP, row)

    def release(self) -> None:
        """Let others go on with it; idempotent."""
        if self._is_ours:
            self._connection.write(RELEASE, (self._id,))
            self._is_ours = False

    def finish(self) -> None:
        """All is done and proven."""
        self._connection.write(FINISH, (now(), self._id))


def _is_same(newest: Sequence[Any], rules: str, values: Sequence[str | bytes]) -> bool:
    return bool(newest[1] == rules and newest[3] == fingerprint(values, newest[2]))


def fingerprint(values: Sequence[str | bytes], salt: bytes) -> bytes:
    """By what a later pass knows that its values are the same: PBKDF2 of all of them together, cut to 32 bits.

    Who has a copy of the file can try guesses against it: each for all values at once, and at the price of the rounds.
    """
    from hashlib import pbkdf2_hmac

    raw = sorted({value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value for value in values})
    joined = b"".join(len(value).to_bytes(4, "little") + value for value in raw)
    return pbkdf2_hmac("sha256", joined, salt, _ROUNDS)[:_LENGTH]
