"""Knowledge: items, how they relate, what is nearest, and what is reached in how many steps."""

from __future__ import annotations

import re
from collections import deque

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Program
from hstore import Store
from hstore.domains.knowledge import relationships
from hstore.domains.knowledge.noun import SUREST, SUREST_OF_TYPE
from hstore.domains.knowledge.relationships import NEAREST
from hstore.errors import InvalidInput, NotFound

RELATE = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    for number in range(30):
        store.knowledge.relate(1, 2 + number % 3, strength=int(sys.argv[2]) / 10)
"""


def add(store: Store, count: int, **words: object) -> list[int]:
    """Some items that differ in nothing but their title."""
    return [store.knowledge.add(f"t{number}", "c", **{"type": "concept", **words}) for number in range(count)]


def ids(found) -> list[int]:
    return [each.id for each in found]


def test_what_is_added_is_read_back_whole(store: Store) -> None:
    """Every argument, by id, key and result."""
    number = store.knowledge.add(
        "Ü😀",
        "content\n" * 3,
        type="pattern",
        source_type="file",
        source_id=12,
        key="k",
        confidence=0.9,
        tags=["a", "b"],
        metadata={"deep": {"list": [1, None]}},
    )
    found = store.knowledge.get("k")
    assert found == store.knowledge.get(number) == store.knowledge.get(found)
    assert (found.title, found.content, found.type) == ("Ü😀", "content\n" * 3, "pattern")
    assert (found.source_type, found.source_id, found.confidence) == ("file", "12", 0.9)
    assert (found.tags, found.metadata) == (("a", "b"), {"deep": {"list": [1, None]}})
    assert found.created_at == found.updated_at
    plain = store.knowledge.get(store.knowledge.add("t", "", type="concept"))
    assert (plain.source_type, plain.source_id, plain.key, plain.confidence) == ("other", None, None, 0.5)
    assert (plain.tags, plain.metadata) == ((), {})


def test_update_changes_what_is_given_and_nothing_else(store: Store) -> None:
    """One by one, and all together; the time of the update moves, that of the addition does not."""
    store.knowledge.add("t", "c", type="concept", key="k", tags=["a"], metadata={"m": 1}, confidence=0.1)
    before = store.knowledge.get("k")
    changes = {
        "title": "other",
        "content": "",
        "type": "solution",
        "source_type": "database",
        "source_id": "7",
        "confidence": 0,
        "tags": (),
        "metadata": {},
    }
    for field, value in changes.items():
        store.knowledge.update("k", **{field: value})
        after = store.knowledge.get("k")
        assert after._replace(updated_at=before.updated_at) == before._replace(**{field: value})
        assert after.updated_at >= before.updated_at
        before = after
    store.knowledge.update(before)
    assert store.knowledge.get("k")._replace(updated_at=before.updated_at) == before


def test_clock_that_goes_backwards_moves_no_update_before_the_last(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`updated_at` only grows."""
    number = store.knowledge.add("t", "c", type="concept")
    before = store.knowledge.get(number).updated_at
    monkeypatch.setattr("hstore.domains.knowledge.noun.now", lambda: 5)
    store.knowledge.update(number, title="new")
    assert store.knowledge.get(number).updated_at == before


def test_listing_by_every_filter(store: Store) -> None:
    """Filters narrow, newest come first, pages go on."""
    one = store.knowledge.add("t", "c", type="a", source_type="file", source_id="x", confidence=0.2, tags=["p"])
    two = store.knowledge.add("t", "c", type="b", source_type="file", source_id="y", confidence=0.4, tags=["p", "q"])
    three = store.knowledge.add("t", "c", type="a", source_type="conversation", source_id=5, confidence=0.6)
    listed = store.knowledge.list
    assert ids(listed()) == [three, two, one]
    assert ids(listed(type="a")) == [three, one]
    assert ids(listed(source_type="file")) == [two, one]
    assert ids(listed(source_type="file", source_id="x")) == [one]
    assert ids(listed(source_id=5)) == [three]
    assert ids(listed(tag="p")) == [two, one]
    assert ids(listed(tag="q", type="a")) == []
    assert ids(listed(min_confidence=0.4)) == [three, two]
    assert ids(listed(limit=1, after=three)) == [two]
    moment = store.knowledge.get(two).created_at
    assert ids(listed(since=moment)) == [three, two]
    assert ids(listed(until=moment)) == [one]


@given(made=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0, 0.3, 0.5, 1])), max_size=8))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_surest_is_all_by_confidence(store: Store, made: list[tuple[str, float]]) -> None:
    """Of one type or of all: the highest confidence first, then the newest, cut off at the limit."""
    for item in store.knowledge.list(limit=None):
        store.knowledge.delete(item)
    for kind, confidence in made:
        store.knowledge.add("t", "c", type=kind, confidence=confidence)
    everything = sorted(store.knowledge.list(limit=None), key=lambda item: (-item.confidence, -item.id))
    assert store.knowledge.surest() == everything
    assert store.knowledge.surest(limit=2) == everything[:2]
    assert store.knowledge.surest(type="a", limit=3) == [item for item in everything if item.type == "a"][:3]


def test_surest_reads_no_more_than_it_gives(store: Store) -> None:
    """No sorting, of one type or of all; a limit that is none is refused."""
    for arguments, index in (((5,), "knowledge_items_confidence"), (("a", 5), "knowledge_items_type_confidence")):
        sql = SUREST if len(arguments) == 1 else SUREST_OF_TYPE
        plan = " ".join(row[3] for row in store._connection.rows(f"EXPLAIN QUERY PLAN {sql}", arguments))
        assert index in plan
        assert "TEMP B-TREE" not in plan
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(InvalidInput, match="limit"):
            store.knowledge.surest(limit=wrong)


def test_relationship_is_set_updated_and_removed(store: Store) -> None:
    """Said again its strength changes; each type stands for itself; direction matters."""
    one, two = add(store, 2)
    store.knowledge.relate(one, two, strength=0.2)
    store.knowledge.relate(one, two, strength=0.7)
    store.knowledge.relate(one, two, "extends")
    found = [(each.item.id, each.type, each.strength, each.direction) for each in store.knowledge.related(one)]
    assert found == [(two, "relates_to", 0.7, "out"), (two, "extends", 0.5, "out")]
    assert store.knowledge.related(two) == []
    assert [each.direction for each in store.knowledge.related(two, direction="in")] == ["in", "in"]
    assert [each.type for each in store.knowledge.related(one, type="extends")] == ["extends"]
    assert store.knowledge.unrelate(one, two, "implements") == 0
    assert store.knowledge.unrelate(one, two, "extends") == 1
    assert store.knowledge.unrelate(one, two) == 1
    assert store.knowledge.related(one) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), limit=st.integers(1, 12))
def test_related_is_ordered_by_strength_then_confidence(store: Store, data: st.DataObject, limit: int) -> None:
    """For any graph, direction and type: the order of the document's query, cut off at the limit."""
    graph, confidences, kinds = _graph(store, data)
    direction = data.draw(st.sampled_from(["out", "in", "both"]))
    wanted = data.draw(st.sampled_from([None, "relates_to", "extends"]))
    start = data.draw(st.sampled_from(sorted(confidences)))
    expected = []
    for (a, b, kind), strength in graph.items():
        if wanted in (None, kind):
            expected += [(-strength, -confidences[b], b)] if a == start and direction != "in" else []
            expected += [(-strength, -confidences[a], a)] if b == start and direction != "out" else []
    found = store.knowledge.related(start, type=wanted, direction=direction, limit=limit)
    assert [(-each.strength, -each.item.confidence, each.item.id) for each in found] == sorted(expected)[:limit]
    assert {each.type for each in found} <= kinds


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), depth=st.integers(1, 5), limit=st.integers(1, 15))
def test_walk_finds_each_item_once_at_its_smallest_distance(
    store: Store, data: st.DataObject, depth: int, limit: int
) -> None:
    """For any graph, with cycles: the distances of a plain search, and each way leads back to the start."""
    graph, confidences, _ = _graph(store, data)
    direction = data.draw(st.sampled_from(["out", "in", "both"]))
    wanted = data.draw(st.sampled_from([None, "relates_to", "extends"]))
    start = data.draw(st.sampled_from(sorted(confidences)))
    ways: dict[int, set[int]] = {number: set() for number in confidences}
    for a, b, kind in graph:
        if wanted in (None, kind):
            ways[a] |= {b} if direction != "in" else set()
            ways[b] |= {a} if direction != "out" else set()
    distances, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for number in ways[here] - distances.keys():
            distances[number] = distances[here] + 1
            queue.append(number)
    reachable = {number: far for number, far in distances.items() if 0 < far <= depth}
    whole = store.knowledge.walk(start, depth, type=wanted, direction=direction, limit=None)
    assert {each.item.id: each.distance for each in whole} == reachable
    assert len(whole) == len(reachable)
    assert [each.distance for each in whole] == sorted(reachable.values())
    for each in whole:
        assert each.item.id in ways[each.via]
        assert distances[each.via] == each.distance - 1
    assert store.knowledge.walk(start, depth, type=wanted, direction=direction, limit=limit) == whole[:limit]
    with pytest.MonkeyPatch.context() as patch:  # as where a hub has too many to be read together
        patch.setattr(relationships, "MANY", data.draw(st.integers(1, 8)))
        assert store.knowledge.walk(start, depth, type=wanted, direction=direction, limit=limit) == whole[:limit]


def _graph(store: Store, data: st.DataObject) -> tuple[dict[tuple[int, int, str], float], dict[int, float], set[str]]:
    """Items with confidences, and relationships between them, drawn and stored."""
    shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    with store.batch():
        confidences = {}
        for confidence in data.draw(st.lists(shares, min_size=2, max_size=9)):
            confidences[store.knowledge.add("t", "c", type="concept", confidence=confidence)] = confidence
        numbers = st.sampled_from(sorted(confidences))
        edges = st.tuples(numbers, numbers, st.sampled_from(["relates_to", "extends"]))
        drawn = data.draw(st.dictionaries(edges.filter(lambda edge: edge[0] != edge[1]), shares, max_size=30))
        for (a, b, kind), strength in drawn.items():
            store.knowledge.relate(a, b, kind, strength)
    return drawn, confidences, {kind for _, _, kind in drawn}


def test_walk_is_bounded_where_everything_is_related_to_everything(store: Store) -> None:
    """A hub that all relate to: the limit holds, and each comes once."""
    with store.batch():
        numbers = add(store, 60)
        for a in numbers:
            for b in numbers:
                if a != b:
                    store.knowledge.relate(a, b)
    found = store.knowledge.walk(numbers[0], 50, direction="both", limit=None)
    assert sorted(each.item.id for each in found) == numbers[1:]
    assert len(store.knowledge.walk(numbers[0], 50, limit=10)) == 10


def test_deleted_item_takes_its_relationships_with_it(store: Store) -> None:
    """In both directions; the others stay."""
    one, two, three = add(store, 3)
    store.knowledge.relate(one, two)
    store.knowledge.relate(two, three)
    store.knowledge.relate(one, three)
    store.knowledge.delete(two)
    assert [each.item.id for each in store.knowledge.related(one)] == [three]
    assert [each.item.id for each in store.knowledge.related(three, direction="in")] == [one]
    assert store.query("SELECT count(*) FROM knowledge_relationships") == ((1,),)


def test_processes_relate_the_same_items_at_once(store: Store, program: Program) -> None:
    """One relationship for each pair, with a strength that somebody gave."""
    add(store, 4)
    for other in [program(RELATE, store.path, number) for number in range(1, 5)]:
        assert other.communicate(timeout=60)[1] == ""
    found = store.knowledge.related(1)
    assert sorted(each.item.id for each in found) == [2, 3, 4]
    assert {each.strength for each in found} <= {0.1, 0.2, 0.3, 0.4}


def test_relating_to_itself_or_to_nothing_is_refused(store: Store) -> None:
    """By whatever names; the message says which of the two is not there, and nothing is written."""
    one = store.knowledge.add("t", "c", type="concept", key="one")
    for a, b in ((one, one), (one, "one"), ("one", store.knowledge.get(one))):
        with pytest.raises(InvalidInput, match="itself"):
            store.knowledge.relate(a, b)
    for a, b, said in ((one, 9, "b"), (9, one, "a"), ("one", "nope", "b"), ("nope", 9, "a")):
        for verb in (store.knowledge.relate, store.knowledge.unrelate):
            with pytest.raises(NotFound, match=f"^{said}: there is no knowledge item"):
                verb(a, b)
    assert store.query("SELECT count(*) FROM knowledge_relationships") == ((0,),)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", None),
        ("title", "t" * 65537),
        ("content", b"bytes"),
        ("content", "c" * (16 * 1024 * 1024 + 1)),
        ("type", ""),
        ("type", 5),
        ("source_type", "web"),
        ("source_type", None),
        ("source_type", []),
        ("source_id", True),
        ("source_id", 0),
        ("source_id", 1.5),
        ("source_id", "s" * 1025),
        ("key", ""),
        ("confidence", -0.01),
        ("confidence", 1.01),
        ("confidence", float("nan")),
        ("confidence", True),
        ("confidence", "0.5"),
        ("tags", "one"),
        ("tags", [1]),
        ("tags", None),
        ("tags", 5),
        ("metadata", [1]),
        ("metadata", {"x": float("nan")}),
        ("metadata", {"x": object()}),
        ("metadata", {"x": "\ud800"}),
        ("metadata", {"x": "y" * (16 * 1024 * 1024)}),
    ],
)
def test_bad_input_names_its_field_and_leaves_nothing(store: Store, field: str, value: object) -> None:
    """When adding, and where it is something to update, when updating."""
    words = {"title": "t", "content": "c", "type": "concept", field: value}
    with pytest.raises(InvalidInput, match=f"^{field}"):
        store.knowledge.add(**words)
    assert store.knowledge.list() == []
    if value is not None and field != "key":
        number = store.knowledge.add("t", "c", type="concept")
        before = store.knowledge.get(number)
        with pytest.raises(InvalidInput, match=f"^{field}"):
            store.knowledge.update(number, **{field: value})
        assert store.knowledge.get(number) == before


def test_other_bad_input(store: Store) -> None:
    """Of relations, walks and listings; a taken key says whose it is."""
    one, two = add(store, 2)
    store.knowledge.add("t", "c", type="concept", key="k")
    knowledge = store.knowledge
    refused = [
        ("type", lambda: knowledge.relate(one, two, "hates")),
        ("strength", lambda: knowledge.relate(one, two, strength=1.5)),
        ("strength", lambda: knowledge.relate(one, two, strength=float("nan"))),
        ("type", lambda: knowledge.unrelate(one, two, "hates")),
        ("direction", lambda: knowledge.related(one, direction="up")),
        ("type", lambda: knowledge.related(one, type="hates")),
        ("limit", lambda: knowledge.related(one, limit=0)),
        ("depth", lambda: knowledge.walk(one, 0)),
        ("depth", lambda: knowledge.walk(one, True)),
        ("depth", lambda: knowledge.walk(one, 1.5)),
        ("direction", lambda: knowledge.walk(one, direction="")),
        ("item", lambda: knowledge.get(1.5)),
        ("item", lambda: knowledge.get(True)),
        ("key: item 3 has it already", lambda: knowledge.add("t", "c", type="concept", key="k")),
        ("min_confidence", lambda: knowledge.list(min_confidence=2)),
        ("source_type", lambda: knowledge.list(source_type="web")),
        ("since", lambda: knowledge.list(since="yesterday")),
    ]
    for field, act in refused:
        with pytest.raises(InvalidInput, match=f"^{re.escape(field)}"):
            act()
    for unknown in (99, 0, -1, 1 << 70, "nope"):
        for verb in (knowledge.get, knowledge.delete, knowledge.update, knowledge.related, knowledge.walk):
            with pytest.raises(NotFound, match="^item"):
                verb(unknown)


@pytest.mark.parametrize("way", ["out", "in"])
def test_related_reads_relationships_from_an_index_alone(store: Store, way: str) -> None:
    """In the order of strength, without touching the table, and nothing is sorted."""
    roughly, exactly = (
        " ".join(row[3] for row in store._connection.rows(f"EXPLAIN QUERY PLAN {sql}", (1, None, 5)))
        for sql in NEAREST[way]
    )
    index = {"out": "knowledge_relationships_from", "in": "knowledge_relationships_to"}[way]
    assert f"SEARCH r USING COVERING INDEX {index}" in roughly
    assert "TEMP B-TREE" not in roughly
    assert "LAST 2 TERMS" in exactly


def test_limit_that_cuts_through_equal_strengths_takes_the_surest(store: Store) -> None:
    """Among many that are equally strong it is not chance who comes first."""
    with store.batch():
        hub = store.knowledge.add("hub", "c", type="concept")
        for number in range(50):
            item = store.knowledge.add("t", "c", type="concept", confidence=number % 7 / 7)
            store.knowledge.relate(hub, item, strength=number % 2 / 2)
    whole = store.knowledge.related(hub, limit=None)
    for limit in range(1, 52):
        assert store.knowledge.related(hub, limit=limit) == whole[:limit]


def test_listing_by_type_reads_its_index_in_order(store: Store) -> None:
    """No sorting, whatever filters are beside it."""
    seen: list[str] = []
    original = store._connection.rows
    store._connection.rows = lambda sql, parameters=(): seen.append(sql) or original(sql, parameters)
    store.knowledge.list(type="a", min_confidence=0.5, source_type="file", limit=5)
    del store._connection.rows
    plan = " ".join(row[3] for row in store._connection.rows(f"EXPLAIN QUERY PLAN {seen[-1]}", ("a", "b", 0.5, 5)))
    assert "knowledge_items_type (" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("many", [10_000, 1], ids=["together", "one by one"])
def test_walk_goes_along_the_strongest_relationships_first(
    store: Store, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """From each item, however many are read together; those seen before take nobody's place, at any depth."""
    monkeypatch.setattr(relationships, "MANY", many)
    for key in "abcdef":
        store.knowledge.add(key, key, type="x", key=key)
    for one, other, strength in (("a", "b", 0.1), ("a", "c", 0.9), ("a", "d", 0.5), ("c", "e", 0.2), ("c", "f", 0.3)):
        store.knowledge.relate(one, other, strength=strength)
    for kind in ("extends", "contradicts", "implements"):
        for seen in "abd":
            store.knowledge.relate("c", seen, kind, strength=1)
    order = ["c", "d", "b", "f", "e"]
    for limit in (1, 2, 4, 5, 9):
        found = store.knowledge.walk("a", (1 << 63) - 1, limit=limit)
        assert [each.item.key for each in found] == order[:limit]
