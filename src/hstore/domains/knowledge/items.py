"""Items as they stand in the file: their columns, and the way from a row to a result."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstore.engine.connection import Row
    from hstore.models.knowledge import KnowledgeItem

COLUMNS = """
    i.id, i.key, i.source_type, i.source_id, i.type, i.title, i.content, i.confidence, i.tags, i.metadata,
    i.created_at, i.updated_at
"""
WIDTH = 12
"""How many columns those are; what stands behind them in a row is not the item's."""


_item: Callable[[Row], KnowledgeItem] | None = None


def items(rows: Sequence[Row]) -> list[KnowledgeItem]:
    """The items of rows that begin with `COLUMNS`."""
    global _item
    if _item is None:  # what it needs is imported once, since even that costs as much as an item
        _item = _maker()
    return list(map(_item, rows))


def _maker() -> Callable[[Row], KnowledgeItem]:
    from datetime import datetime, timedelta, timezone
    from json import loads

    from hstore.models.knowledge import KnowledgeItem

    begin, step = datetime(1970, 1, 1, tzinfo=timezone.utc), timedelta(microseconds=1)
    made = KnowledgeItem._make

    def item(row: Row) -> KnowledgeItem:
        tags = () if row[8] == "[]" else tuple(loads(row[8]))
        metadata = {} if row[9] == "{}" else loads(row[9])
        created = begin + row[10] * step
        updated = created if row[11] == row[10] else begin + row[11] * step
        return made((*row[:8], tags, metadata, created, updated))

    return item
