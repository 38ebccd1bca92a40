"""What is related to an item, and a walk of two steps, beside APSW running the document's bare SQL on its own tables.

Usage: python benchmarks/knowledge.py [--items N] [--relationships N] [--calls N] [--rounds N] [--json FILE]

Both files hold the same items and relationships: one in hstore's schema, the other in the tables of Durandal's
document, whose ids are text. The document has no walk; the peer's is the recursive query that one would write on its
tables. The two take turns, each time with other items, so that what disturbs one disturbs the other, and what one finds
is compared with what the other does. No time is asserted; the target stands beside it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import apsw  # noqa: E402 # the peer
from compare_report import quartiles  # noqa: E402 # a script's neighbours are found through the line above

from hstore import Store  # noqa: E402 # likewise

TARGET = 100
"""Microseconds of `related`."""
TYPES = ("relates_to", "contradicts", "extends", "implements")
WORDS = ("index", "schema", "migration", "retry", "cache", "parser", "queue", "thread", "batch", "chunk", "stream")

DOCUMENT = """
    CREATE TABLE knowledge_items (
        id TEXT PRIMARY KEY, source_type TEXT NOT NULL, source_id TEXT NOT NULL, knowledge_type TEXT NOT NULL,
        title TEXT NOT NULL, content TEXT NOT NULL, confidence REAL DEFAULT 0.5, tags TEXT, metadata TEXT,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
    CREATE TABLE knowledge_relationships (
        id TEXT PRIMARY KEY, from_knowledge_id TEXT NOT NULL, to_knowledge_id TEXT NOT NULL,
        relationship_type TEXT NOT NULL, strength REAL DEFAULT 0.5, created_at INTEGER NOT NULL,
        FOREIGN KEY (from_knowledge_id) REFERENCES knowledge_items(id) ON DELETE CASCADE,
        FOREIGN KEY (to_knowledge_id) REFERENCES knowledge_items(id) ON DELETE CASCADE,
        UNIQUE(from_knowledge_id, to_knowledge_id, relationship_type));
    CREATE INDEX idx_knowledge_relationships_from ON knowledge_relationships(from_knowledge_id);
    CREATE INDEX idx_knowledge_relationships_to ON knowledge_relationships(to_knowledge_id);
"""
RELATED = """
    SELECT ki.title, ki.content, ki.confidence, kr.relationship_type, kr.strength
    FROM knowledge_items ki JOIN knowledge_relationships kr ON ki.id = kr.to_knowledge_id
    WHERE kr.from_knowledge_id = ? ORDER BY kr.strength DESC, ki.confidence DESC
"""
WALK = """
    WITH RECURSIVE way (id, distance) AS (
        SELECT ?, 0
        UNION SELECT kr.to_knowledge_id, way.distance + 1 FROM way
              JOIN knowledge_relationships kr ON kr.from_knowledge_id = way.id WHERE way.distance < 2),
    nearest (id, distance) AS (SELECT id, min(distance) FROM way GROUP BY id)
    SELECT ki.title, ki.content, ki.confidence, nearest.distance
    FROM nearest JOIN knowledge_items ki ON ki.id = nearest.id WHERE nearest.distance > 0 ORDER BY nearest.distance
"""

Call = Callable[[int], Sequence[Any]]


def drawn(items: int, relationships: int) -> tuple[list[tuple[str, str, float]], list[tuple[int, int, str, float]]]:
    """Items with content of 200 to 1,000 characters, and relationships between them, the same for the same numbers."""
    chance = random.Random(items)
    made = [
        (f"title {number}", " ".join(chance.choices(WORDS, k=chance.randint(30, 150))), round(chance.random(), 3))
        for number in range(items)
    ]
    pairs: dict[tuple[int, int], tuple[int, int, str, float]] = {}
    while len(pairs) < relationships:
        a, b = chance.randint(1, items), chance.randint(1, items)
        if a != b:
            pairs[a, b] = (a, b, chance.choice(TYPES), round(chance.random(), 3))
    return made, list(pairs.values())


def fill(store: Store, raw: apsw.Connection, items: int, relationships: int) -> None:
    """The same in both files; hstore's by its own verbs."""
    made, related = drawn(items, relationships)
    raw.execute(DOCUMENT).fetchall()
    with store.batch(), raw:
        for number, (title, content, confidence) in enumerate(made, 1):
            store.knowledge.add(title, content, type="concept", key=f"item-{number}", confidence=confidence)
            row = (f"item-{number}", "file", "f", "concept", title, content, confidence, "[]", "{}", 0, 0)
            raw.execute("INSERT INTO knowledge_items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        for number, (a, b, kind, strength) in enumerate(related):
            store.knowledge.relate(a, b, kind, strength)
            edge = (f"r-{number}", f"item-{a}", f"item-{b}", kind, strength, 0)
            raw.execute("INSERT INTO knowledge_relationships VALUES (?, ?, ?, ?, ?, ?)", edge)


def calls(store: Store, raw: apsw.Connection) -> dict[str, dict[str, Call]]:
    """What is measured, by what and by whom."""
    knowledge = store.knowledge
    return {
        "related": {
            "hstore, by id": knowledge.related,
            "hstore, by key": lambda number: knowledge.related(f"item-{number}"),
            "apsw": lambda number: raw.execute(RELATED, (f"item-{number}",)).fetchall(),
        },
        "walk": {
            "hstore": knowledge.walk,
            "apsw": lambda number: raw.execute(WALK, (f"item-{number}",)).fetchall(),
        },
    }


def told(found: Sequence[Any]) -> list[tuple[str, float]]:
    """Titles with strength or distance, whoever found them."""
    return sorted(
        (each[0], each[-1]) if isinstance(each[0], str) else (each.item.title, getattr(each, "distance", each.strength))
        for each in found
    )


def measured(call: Call, numbers: list[int]) -> tuple[float, float]:
    """Microseconds of a call: wall and processor."""
    wall, processor = time.perf_counter(), time.process_time()
    for number in numbers:
        call(number)
    return (
        (time.perf_counter() - wall) / len(numbers) * 1e6,
        (time.process_time() - processor) / len(numbers) * 1e6,
    )


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--relationships", type=int, default=500_000)
    parser.add_argument("--calls", type=int, default=500, help="in each round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chance = random.Random(7)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "hstore.db")) as store:
        raw = apsw.Connection(str(Path(folder, "apsw.db")))
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "temp_store = MEMORY"):
            raw.execute(f"PRAGMA {setting}").fetchall()
        fill(store, raw, options.items, options.relationships)
        for task, parties in calls(store, raw).items():
            found[task] = {name: [] for name in parties}
            for turn in range(options.rounds + 1):
                numbers = [chance.randint(1, options.items) for _ in range(options.calls)]
                answers = [told(call(numbers[0])) for call in parties.values()]
                assert answers.count(answers[0]) == len(answers), "they found different things"
                for name in sorted(parties, reverse=turn % 2 == 0):
                    one = measured(parties[name], numbers)
                    if turn:  # the first round fills caches
                        found[task][name].append(one)
        raw.close()
    for task, by_name in found.items():
        for name, each in by_name.items():
            wall, processor = (statistics.median(one[part] for one in each) for part in (0, 1))
            low, middle, high = quartiles(
                [mine[1] / theirs[1] for mine, theirs in zip(each, by_name["apsw"], strict=True)]
            )
            print(
                f"{task:8} {name:15} {wall:7.1f} µs, {processor:7.1f} µs of processor time,"
                f" {middle:.2f} ({low:.2f} to {high:.2f}) of apsw's"
            )
    print(f"target: related in {TARGET} µs")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
