"""The verbs of `store.knowledge`: items by key or id, and what relates them."""

from __future__ import annotations

from hstore.clock import now
from hstore.domains.knowledge.items import COLUMNS, items
from hstore.domains.knowledge.relationships import DIRECTIONS, TYPES, Relationships
from hstore.door import JSON_LIMIT, KEY_LIMIT, NAME_LIMIT, several_texts
from hstore.errors import InvalidInput, NotFound
from hstore.listing import ALL, Filters, identifier, one_of, positive, share
from hstore.references import References

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.knowledge import KnowledgeItem, KnowledgeReference, ReachedItem, RelatedItem

SOURCE_TYPES = ("file", "conversation", "database", "other")

ADD = """
    INSERT INTO knowledge_items (key, source_type, source_id, type, title, content, confidence, tags, metadata,
                                 created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
    RETURNING id
"""
UPDATE = """
    UPDATE knowledge_items SET
        title = coalesce($1, title), content = coalesce($2, content), type = coalesce($3, type),
        source_type = coalesce($4, source_type), source_id = coalesce($5, source_id),
        confidence = coalesce($6, confidence), tags = coalesce($7, tags), metadata = coalesce($8, metadata),
        updated_at = max($9, updated_at)
    WHERE id = $10
    RETURNING id
"""
SELECT = f"SELECT {COLUMNS} FROM knowledge_items AS i"  # noqa: S608 - columns are a constant
BY_ID = SELECT + " WHERE i.id = $1"
# Each reads as many entries of its index as are wanted, however many items there are.
SUREST = SELECT + " ORDER BY i.confidence DESC, i.id DESC LIMIT $1"
SUREST_OF_TYPE = SELECT + " WHERE i.type = $1 ORDER BY i.confidence DESC, i.id DESC LIMIT $2"
ID_OF_KEY = "SELECT id FROM knowledge_items WHERE key = $1"
KEY_OF_ID = "SELECT key FROM knowledge_items WHERE id = $1"
DELETE = "DELETE FROM knowledge_items WHERE id = $1 RETURNING id"


class Knowledge:
    """`store.knowledge`: items, each named by its id, its key or an earlier result, and what relates them."""

    def __init__(self, connection: Connection, door: Door) -> None:
        self._connection = connection
        self._door = door
        self._relationships = Relationships(connection)
        self._references = References(
            connection,
            door,
            "item",
            by_key=ID_OF_KEY,
            by_id=KEY_OF_ID,
            result=_result,
            named="an item, its key or its id",
            unknown="there is no knowledge item of that name; list() shows those that are there",
        )

    def add(
        self,
        title: str,
        content: str,
        *,
        type: str,  # noqa: A002 - the column's name, and the document's
        source_type: str = "other",
        source_id: str | int | None = None,
        key: str | None = None,
        confidence: float = 0.5,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an item and return its id.

        Args:
            title: not empty.
            content: at most 16 MiB.
            type: a word of the host's own, such as `pattern` or `solution`.
            source_type: where it is from: `file`, `conversation`, `database` or `other`.
            source_id: which of those, in the host's own terms; it need not be in the store.
            key: the caller's own unique name for it.
            confidence: how sure it is, from 0 to 1.
            tags: for listing.
            metadata: JSON values by name.

        Raises:
            InvalidInput: a value is of the wrong type or range, or the key is taken.
        """
        door, connection = self._door, self._connection
        name = None if key is None else door.key("key", key)
        row = (
            one_of("source_type", source_type, SOURCE_TYPES),
            self._source_id(source_id),
            door.key("type", type),
            self._door.key("title", title, NAME_LIMIT),
            door.text("content", content, JSON_LIMIT),
            share("confidence", confidence),
            door.json("tags", several_texts("tags", tags)),
            "{}" if metadata is None else door.json_object("metadata", metadata),
            now(),
        )
        with connection.transaction():
            if name is not None and (taken := connection.value(ID_OF_KEY, (name,))):
                raise InvalidInput(f"key: item {taken} has it already")
            return connection.insert(ADD, (name, *row))

    def update(
        self,
        item: KnowledgeReference,
        *,
        title: str | None = None,
        content: str | None = None,
        type: str | None = None,  # noqa: A002 - as in `add`
        source_type: str | None = None,
        source_id: str | int | None = None,
        confidence: float | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what is given of an item; what is not given stays, and so do its key and its relationships.

        Raises:
            InvalidInput: a value is of the wrong type or range. NotFound: there is no such item.
        """
        door = self._door
        row = (
            None if title is None else self._door.key("title", title, NAME_LIMIT),
            None if content is None else door.text("content", content, JSON_LIMIT),
            None if type is None else door.key("type", type),
            None if source_type is None else one_of("source_type", source_type, SOURCE_TYPES),
            self._source_id(source_id),
            None if confidence is None else share("confidence", confidence),
            None if tags is None else door.json("tags", several_texts("tags", tags)),
            None if metadata is None else door.json_object("metadata", metadata),
            now(),
        )
        with self._connection.transaction():
            self._connection.write(UPDATE, (*row, self.id_of(item)))

    def get(self, item: KnowledgeReference) -> KnowledgeItem:
        """The item; NotFound if there is none."""
        found = self._connection.rows(BY_ID, (self.id_of(item),))
        if not found:
            raise NotFound("item: it was deleted")
        return items(found)[0]

    def delete(self, item: KnowledgeReference) -> None:
        """Delete an item with its relationships.

        Raises:
            NotFound: there is no such item.
        """
        with self._connection.transaction():
            self._connection.write(DELETE, (self.id_of(item),))

    def relate(
        self,
        a: KnowledgeReference,
        b: KnowledgeReference,
        type: str = "relates_to",  # noqa: A002 - as in `add`
        strength: float = 0.5,
    ) -> None:
        """Say that item `a` relates to item `b`; said again, the strength is updated.

        Args:
            a: where the relationship begins.
            b: where it leads to, another one than `a`.
            type: `relates_to`, `contradicts`, `extends` or `implements`; two items may be related in each way.
            strength: from 0 to 1.

        Raises:
            InvalidInput: an unknown type, a strength that is none, or an item is to relate to itself.
            NotFound: there is no such item; the message says which of the two.
        """
        one_of("type", type, TYPES)
        strength = share("strength", strength)
        with self._connection.transaction():
            self._relationships.relate(self.id_of(a, "a"), self.id_of(b, "b"), type, strength)

    def unrelate(
        self,
        a: KnowledgeReference,
        b: KnowledgeReference,
        type: str | None = None,  # noqa: A002 - as in `add`
    ) -> int:
        """Remove the relationship of `type` from `a` to `b`, or those of all types; return how many there were.

        Raises:
            InvalidInput: an unknown type. NotFound: there is no such item; the message says which of the two.
        """
        _kind(type)
        with self._connection.transaction():
            return self._relationships.unrelate(self.id_of(a, "a"), self.id_of(b, "b"), type)

    def related(
        self,
        item: KnowledgeReference,
        *,
        type: str | None = None,  # noqa: A002 - as in `add`
        direction: str = "out",
        limit: int | None = 50,
    ) -> list[RelatedItem]:
        """The items that an item relates to, the strongest relationships first, among equals the surest item.

        Args:
            item: where to look from.
            type: only relationships of this type.
            direction: `out` (what it relates to), `in` (what relates to it) or `both`.
            limit: at most so many; None: all.

        Raises:
            InvalidInput: an unknown type or direction. NotFound: there is no such item.
        """
        _kind(type)
        one_of("direction", direction, DIRECTIONS)
        number, most = self._references.number(item), positive("limit", limit) or ALL
        found = self._relationships.related(number, type, direction, most)
        if not found:
            self.id_of(item)  # asked only now, since it costs a tenth of the whole
        return found

    def walk(
        self,
        item: KnowledgeReference,
        depth: int = 2,
        *,
        type: str | None = None,  # noqa: A002 - as in `add`
        direction: str = "out",
        limit: int | None = 1000,
    ) -> list[ReachedItem]:
        """The items within `depth` relationships, breadth first: each once, at its smallest distance.

        From each item the strongest relationships are gone along first. Cycles lead nowhere new, and the item itself
        is not among those found. What others change meanwhile may be seen in part.

        Args:
            item: where to begin.
            depth: how many relationships away, from 1.
            type: go only along relationships of this type.
            direction: along them (`out`), against them (`in`) or `both`.
            limit: at most so many; None: all.

        Raises:
            InvalidInput: a depth below 1, an unknown type or direction. NotFound: there is no such item.
        """
        _kind(type)
        one_of("direction", direction, DIRECTIONS)
        identifier("depth", depth)
        number, most = self._references.number(item), positive("limit", limit) or ALL
        found = self._relationships.walk(number, depth, type, direction, most)
        if not found:
            self.id_of(item)
        return found

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `add`
        source_type: str | None = None,
        source_id: str | int | None = None,
        tag: str | None = None,
        min_confidence: float | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
    ) -> list[KnowledgeItem]:
        """Items that fit every filter given, newest first; `since` and `until` bound when they were added.

        `after` is the last id seen.
        """
        door = self._door
        if source_type is not None:
            one_of("source_type", source_type, SOURCE_TYPES)
        source = self._source_id(source_id)
        # The plus keeps SQLite from searching by what many items share, and then sorting all those by time.
        filters = (
            Filters()
            .add("i.type =", None if type is None else door.key("type", type))
            .add("+i.source_type =" if source is None else "i.source_type =", source_type)
            .add("i.source_id =", source)
            .add("+i.confidence >=", None if min_confidence is None else share("min_confidence", min_confidence))
        )
        if tag is not None:
            filters.add("(SELECT count(*) FROM json_each(i.tags) AS t WHERE t.value =", door.text("tag", tag), ") > 0")
        rows = filters.newest(
            self._connection, SELECT, "knowledge_items", "created_at",
            since=since, until=until, limit=limit, after=after, prefix="i.",
        )  # fmt: skip
        return items(rows)

    def surest(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `add`
        limit: int | None = 100,
    ) -> builtins.list[KnowledgeItem]:
        """The items with the highest confidence, of one type or of all; of equally sure ones those added last.

        Args:
            type: only items of this type.
            limit: at most so many; None: all.

        Raises:
            InvalidInput: `limit` is no positive whole number.
        """
        room = positive("limit", limit) or ALL
        if type is None:
            return items(self._connection.rows(SUREST, (room,)))
        return items(self._connection.rows(SUREST_OF_TYPE, (self._door.key("type", type), room)))

    def id_of(self, item: KnowledgeReference, field: str = "item") -> int:
        """The id of an item named by key, id or result.

        Raises:
            NotFound: there is no such item; `field` names the argument.
        """
        return self._references.id_of(item, field)

    def _source_id(self, given: str | int | None) -> str | None:
        text = str(identifier("source_id", given)) if isinstance(given, int) else given
        return self._door.optional("source_id", text, KEY_LIMIT)


def _result() -> type[KnowledgeItem]:
    from hstore.models.knowledge import KnowledgeItem

    return KnowledgeItem


def _kind(kind: str | None) -> None:
    if kind is not None:
        one_of("type", kind, TYPES)
