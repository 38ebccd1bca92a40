"""How a setting's value is stored: as masked JSON, or sealed and then not masked."""

from __future__ import annotations

from hstore.listing import truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.sealing import Sealing


class Values:
    """Makes what the columns `value` and `sealed` hold, one of which is always NULL, and reads it."""

    def __init__(self, connection: Connection, door: Door, sealing: Sealing) -> None:
        self._connection = connection
        self._door = door
        self._sealing = sealing

    def stored(self, name: str, value: Any, sensitive: bool) -> tuple[str | None, bytes | None]:
        """The two columns for a value known by `name`.

        Raises:
            InvalidInput: the value is not JSON, or too large. NoKey: there is no key to seal with.
        """
        if truth("sensitive", sensitive):
            return None, self._sealing.seal(self._door.sealed_json("value", value))
        return self._door.json("value", value, name), None

    def read(self, text: str | None, token: bytes | None) -> Any:
        """The value that the two columns hold.

        Raises:
            NoKey, WrongKey: it is sealed, and cannot be opened here.
        """
        from json import loads

        return loads(self._sealing.open(token)) if token is not None else shown(text)

    def reseal(self, sealed: str, resealed: str) -> int:
        """Seal what the statement `sealed` finds with the first key, by the statement `resealed`; return how many."""
        with self._connection.transaction():
            found = self._connection.rows(sealed)
            tokens = self._sealing.reseal(token for _, token in found)
            self._connection.write_many(resealed, [(token, row[0]) for token, row in zip(tokens, found, strict=True)])
            return len(found)


def shown(text: str | None) -> Any:
    """What a listing shows of a value: nothing where it is sealed."""
    from json import loads

    return None if text is None else loads(text)
