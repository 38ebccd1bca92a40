"""References: how callers name a row: by their own key, by its id, or by a result that they were given before."""

from __future__ import annotations

from hstore.errors import InvalidInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hstore.door import Door
    from hstore.engine import Connection


class References:
    """Finds the rows of one table.

    Args:
        connection: where they are.
        door: masks keys as they are kept.
        field: the argument that names one, unless another is said.
        by_key: SQL from a key to the id.
        by_id: SQL from an id to the key.
        result: gives the class of results, whose first fields are id and key; imported only if one is given.
        named: what may be given, for errors.
        unknown: what is to be done where there is none, for errors.
    """

    __slots__ = ("_by_id", "_by_key", "_connection", "_door", "_field", "_named", "_result", "_unknown")

    def __init__(
        self,
        connection: Connection,
        door: Door,
        field: str,
        *,
        by_key: str,
        by_id: str,
        result: Callable[[], type[tuple[object, ...]]],
        named: str,
        unknown: str,
    ) -> None:
        self._connection = connection
        self._door = door
        self._field = field
        self._by_key = by_key
        self._by_id = by_id
        self._result = result
        self._named = named
        self._unknown = unknown

    def id_of(self, given: object, field: str | None = None) -> int:
        """The id of a row that is there.

        Raises:
            NotFound: there is none, or the result is that of another store. InvalidInput: it is none of the three.
        """
        number = self.number(given, field)
        if not isinstance(given, str):
            row = self._connection.row(self._by_id, (number,))
            if row is None or (isinstance(given, tuple) and given[1] != row[0]):
                raise self._not_found(field)
        return number

    def number(self, given: object, field: str | None = None) -> int:
        """As `id_of`, but whether the row of an id or of a result is there is not asked."""
        if isinstance(given, str):
            number = self._connection.value(self._by_key, (self._door.known_key(field or self._field, given),))
        else:
            number = given[0] if isinstance(given, tuple) and isinstance(given, self._result()) else given
            if not isinstance(number, int) or isinstance(number, bool):
                raise InvalidInput(f"{field or self._field}: {self._named}, not {type(given).__name__}")
        if number is None or not 0 < number < 1 << 63:
            raise self._not_found(field)
        return int(number)

    def _not_found(self, field: str | None) -> NotFound:
        return NotFound(f"{field or self._field}: {self._unknown}")
