"""Relationships between items, named by their ids: setting, following, and walking along them."""

from __future__ import annotations

from hstore.clock import now
from hstore.domains.knowledge.items import COLUMNS, WIDTH, items
from hstore.errors import InvalidInput
from hstore.listing import ALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hstore.engine import Connection
    from hstore.engine.connection import Row
    from hstore.models.knowledge import KnowledgeItem, ReachedItem, RelatedItem

    Step = tuple[int, int, int, str, float]

TYPES = ("relates_to", "contradicts", "extends", "implements")
DIRECTIONS = ("out", "in", "both")

RELATE = """
    INSERT INTO knowledge_relationships (from_id, to_id, type, strength, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (from_id, to_id, type) DO UPDATE SET strength = excluded.strength
"""
UNRELATE = """
    DELETE FROM knowledge_relationships WHERE from_id = $1 AND to_id = $2 AND type = coalesce($3, type) RETURNING id
"""
OUT = f"""
    SELECT {COLUMNS}, r.type, r.strength
    FROM knowledge_relationships AS r JOIN knowledge_items AS i ON i.id = r.to_id
    WHERE r.from_id = $1 AND r.type = coalesce($2, r.type)
    ORDER BY r.strength DESC
"""  # noqa: S608 - columns are a constant
IN = f"""
    SELECT {COLUMNS}, r.type, r.strength
    FROM knowledge_relationships AS r JOIN knowledge_items AS i ON i.id = r.from_id
    WHERE r.to_id = $1 AND r.type = coalesce($2, r.type)
    ORDER BY r.strength DESC
"""  # noqa: S608 - columns are a constant
NEAREST = {
    "out": (OUT + " LIMIT $3", OUT + ", i.confidence DESC, i.id LIMIT $3"),
    "in": (IN + " LIMIT $3", IN + ", i.confidence DESC, i.id LIMIT $3"),
}
"""By direction: without the order among those of one strength, which leaves nothing for SQLite to sort, and with it."""
NEXT_OUT = """
    SELECT to_id, type, strength FROM knowledge_relationships WHERE from_id = $1 AND type = coalesce($2, type)
    ORDER BY strength DESC, to_id, type LIMIT $3
"""
NEXT_IN = """
    SELECT from_id, type, strength FROM knowledge_relationships WHERE to_id = $1 AND type = coalesce($2, type)
    ORDER BY strength DESC, from_id, type LIMIT $3
"""
LEVEL_OUT = """
    SELECT from_id, to_id, type, strength FROM knowledge_relationships
    WHERE from_id IN (SELECT value FROM json_each($1)) AND type = coalesce($2, type) LIMIT $3
"""
LEVEL_IN = """
    SELECT to_id, from_id, type, strength FROM knowledge_relationships
    WHERE to_id IN (SELECT value FROM json_each($1)) AND type = coalesce($2, type) LIMIT $3
"""
BY_IDS = f"SELECT {COLUMNS} FROM knowledge_items AS i WHERE i.id IN (SELECT value FROM json_each($1))"  # noqa: S608 - columns are a constant

CONFIDENCE, STRENGTH = 7, WIDTH + 1
TOGETHER = 500
"""Items that are read by one statement."""
MANY = 10_000
"""Relationships of those that are read together; where there are more, each item is gone on from by itself."""


class Relationships:
    """What `store.knowledge` asks of the table of relationships."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def relate(self, one: int, other: int, kind: str, strength: float) -> None:
        """Set how strongly `one` relates to `other`."""
        if one == other:
            raise InvalidInput("b: an item does not relate to itself; give another one than for a")
        self._connection.write(RELATE, (one, other, kind, strength, now()))

    def unrelate(self, one: int, other: int, kind: str | None) -> int:
        """Remove relationships from `one` to `other`; return how many there were."""
        return len(self._connection.write(UNRELATE, (one, other, kind)))

    def related(self, item: int, kind: str | None, direction: str, limit: int) -> list[RelatedItem]:
        """The nearest items of one, the strongest relationships first, among those of one strength the surest."""
        from hstore.models.knowledge import RelatedItem

        found = []
        for way in NEAREST:
            if direction in (way, "both"):
                rows = self._nearest(way, item, kind, limit)
                made = zip(items(rows), rows, strict=True)
                found += [RelatedItem(each, row[WIDTH], row[STRENGTH], way) for each, row in made]
        if direction == "both":
            found.sort(key=lambda each: (-each.strength, -each.item.confidence, each.item.id))
        return found[:limit]

    def _nearest(self, way: str, item: int, kind: str | None, limit: int) -> list[Row]:
        """The rows of `related` in one direction."""
        roughly, exactly = NEAREST[way]
        found = self._connection.rows(roughly, (item, kind, min(limit + 1, ALL)))
        if len(found) > limit and found[limit][STRENGTH] == found[limit - 1][STRENGTH]:
            found = self._connection.rows(exactly, (item, kind, limit))  # the limit cuts through those of one strength
        found.sort(key=_place)
        return found[:limit]

    def walk(self, start: int, depth: int, kind: str | None, direction: str, limit: int) -> list[ReachedItem]:
        """The items around one, breadth first."""
        from hstore.models.knowledge import ReachedItem

        steps = self._steps(start, depth, kind, direction, limit)
        known = self._by_ids([step[0] for step in steps])
        # One that was deleted while others were read is left out.
        return [ReachedItem(known[step[0]], *step[1:]) for step in steps if step[0] in known]

    def _steps(self, start: int, depth: int, kind: str | None, direction: str, limit: int) -> list[Step]:
        """Item, distance, where it was reached from, and over what: each item once, at its smallest distance.

        Level by level. A recursive query is no quicker, and cannot tell that it has been somewhere: in a dense graph
        it counts ways, not items, and has no bound.
        """
        reached: list[Step] = []
        seen, level = {start}, [start]
        for distance in range(1, depth + 1):
            ahead: list[int] = []
            for via, (number, over, strength) in self._along(level, kind, direction, limit):
                if number in seen:
                    continue
                seen.add(number)
                ahead.append(number)
                reached.append((number, distance, via, over, strength))
                if len(reached) >= limit:
                    return reached
            if not ahead:
                break
            level = ahead
        return reached

    def _along(self, level: Sequence[int], kind: str | None, direction: str, limit: int) -> Iterator[tuple[int, Row]]:
        """Each item of a level with where its relationships lead, the strongest first."""
        # Each that has been seen can come once more for each type and direction; behind those are new ones.
        most = min(ALL, limit + (limit + 1) * len(TYPES))
        for start in range(0, len(level), TOGETHER):
            part = level[start : start + TOGETHER]
            known = self._together(part, kind, direction)
            for via in part:
                ways = self._next(via, kind, direction, most) if known is None else known.get(via, ())
                for row in ways:
                    yield via, row

    def _together(self, level: Sequence[int], kind: str | None, direction: str) -> dict[int, list[Row]] | None:
        """Where relationships lead from several items; None if those are too many to be read at once."""
        found: dict[int, list[Row]] = {}
        for way, statement in (("out", LEVEL_OUT), ("in", LEVEL_IN)):
            if direction in (way, "both"):
                rows = self._connection.rows(statement, (_array(level), kind, MANY))
                if len(rows) >= MANY:
                    return None
                for row in rows:
                    found.setdefault(row[0], []).append(row[1:])
        for ways in found.values():
            ways.sort(key=_strongest)
        return found

    def _next(self, via: int, kind: str | None, direction: str, most: int) -> Sequence[Row]:
        """Where relationships lead from one item, at most so many in each direction."""
        found: list[Row] = []
        for way, statement in (("out", NEXT_OUT), ("in", NEXT_IN)):
            if direction in (way, "both"):
                found += self._connection.rows(statement, (via, kind, most))
        if direction == "both":
            found.sort(key=_strongest)
        return found

    def _by_ids(self, numbers: Sequence[int]) -> dict[int, KnowledgeItem]:
        known: dict[int, KnowledgeItem] = {}
        for start in range(0, len(numbers), TOGETHER):
            rows = self._connection.rows(BY_IDS, (_array(numbers[start : start + TOGETHER]),))
            known.update((each.id, each) for each in items(rows))
        return known


def _place(row: Row) -> tuple[float, float, int]:
    """The strongest first, among equals the surest, and then the oldest."""
    return (-row[STRENGTH], -row[CONFIDENCE], row[0])


def _strongest(row: Row) -> tuple[float, int, str]:
    return (-row[2], row[0], row[1])


def _array(numbers: Sequence[int]) -> str:
    """Ids as a JSON array."""
    return f"[{','.join(map(str, numbers))}]"
