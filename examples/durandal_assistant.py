"""Durandal: an assistant that keeps its conversations, relates what it learnt from them, and measures its own use.

Run it as `python examples/durandal_assistant.py [DATABASE]`, a file that is not there yet;
without one it works in a temporary one.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hstore import Store
from hstore.errors import NoKey

SESSION = "durandal-1"
USER = hashlib.sha256(b"the user's id, salted by the host").hexdigest()


def main(database: Path) -> None:
    """Show an afternoon with the assistant."""
    # What is sealed needs a key; a host has one of its own in its keyring, or keeps it where it keeps its secrets.
    os.environ.setdefault("HSTORE_KEY", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    with Store.open(database) as store, TemporaryDirectory() as workspace:
        store.session(SESSION, sender=USER, context_dir=workspace, context={"theme": "dark"})
        source = Path(workspace) / "orders.sql"
        track_files(store, source)
        converse(store, source)
        learn(store)
        settle(store)
        save_a_connection(store)
        answer_from_cache(store, source)
        measure(store)
        look_back(store)


def track_files(store: Store, source: Path) -> None:
    """Scan the workspace: what is new, what changed since last time, what is gone."""
    source.write_text("CREATE TABLE orders (id INTEGER PRIMARY KEY);\n")
    print(f"first scan: {store.files.scan(source.parent).added} new")
    store.files.parsed(source)
    source.write_text("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER);\n")
    report = store.files.scan(source.parent, verify=True)
    print(f"second scan: {report.changed} changed; it is {store.files.get(source).status} again")


def converse(store: Store, source: Path) -> None:
    """A thread of questions and answers, with the files that were its context."""
    first = store.conversations.add(
        "What is in orders?",
        "An id and a total.",
        session=SESSION,
        context_files=[source],
        tokens=42,
        response_time=1.2,
    )
    second = store.conversations.add("In which currency?", "It does not say.", session=SESSION, parent=first)
    store.conversations.add("Where would it say?", "In a column of its own.", session=SESSION, parent=second)
    print("the thread:")
    for entry in store.conversations.thread(first):
        print(f"  {'  ' * entry.depth}{entry.question} {entry.response}")
    oldest = store.conversations.recent(SESSION, limit=50)[-1]
    print(f"files of the first: {[(file.name, file.type) for file in oldest.files]}")


def learn(store: Store) -> None:
    """Knowledge with its confidence, and how one piece bears on another."""
    add, relate = store.knowledge.add, store.knowledge.relate
    money = add("Money is stored in cents", "As whole numbers.", type="coding_standard", confidence=0.9, tags=["sql"])
    total = add("orders.total", "The sum of the lines.", type="concept", source_type="file", confidence=0.7)
    floats = add("Prices as floats", "Found in an old report.", type="pattern", confidence=0.3)
    rounding = add("Round at the end", "Never in between.", type="solution", confidence=0.8)
    relate(total, money, "implements", strength=0.9)
    relate(floats, money, "contradicts", strength=0.8)
    relate(money, rounding, "extends", strength=0.6)
    relate(rounding, total, strength=0.4)  # a circle is no trouble
    print("what bears on money, and what that bears on:")
    for found in store.knowledge.related(money, direction="both"):
        print(f"  {found.type}, {found.direction}: {found.item.title} ({found.strength})")
    print("from prices as floats:")
    for reached in store.knowledge.walk(floats, depth=3):
        print(f"  {reached.distance} away: {reached.item.title}")


def settle(store: Store) -> None:
    """Preferences of one user, and the configuration of all, as JSON values."""
    store.preferences.set("ui", "theme", {"name": "dark", "contrast": 0.8}, user_hash=USER)
    store.config.set("retries", 3, description="how often a call is tried again")
    print(f"theme: {store.preferences.get('ui', 'theme', user_hash=USER)}, retries: {store.config.get('retries')}")


def save_a_connection(store: Store) -> None:
    """A connection's password is encrypted, by a key that is not in the file; one verb alone gives it back."""
    password = secrets.token_urlsafe(24)
    try:
        store.connections.save("orders", "postgresql", "orders", host="db.internal", port=5432, password=password)
        print(f"the password comes back: {store.connections.password('orders') == password}")
    except NoKey as absent:  # without `pip install hstore[encryption]` nothing is kept in plain instead
        print(f"not saved: {absent}")


def answer_from_cache(store: Store, source: Path) -> None:
    """An answer or a parsed file that is known need not be made again; both caches have bounds."""
    prompt = "Explain the table orders."
    print("an answer:")
    for _ in range(2):
        answer = store.response_cache.get(prompt, model="gpt-oss:120b")
        if answer is None:
            store.response_cache.put(prompt, "It holds one row for each order.", model="gpt-oss:120b", tokens=120)
        print(f"  from the cache: {answer.response if answer else 'nothing yet'}")
    digest = hashlib.sha256(source.read_bytes()).digest()
    store.file_cache.put(source, digest, "parse", {"tables": ["orders"]})
    parsed = store.file_cache.get(source, digest, "parse")
    print(f"  parsed before: {parsed.result if parsed else 'no'}")


def measure(store: Store) -> None:
    """How long things take, what is used, and what it saved."""
    with store.metrics.measure("database_query"):
        store.query("SELECT count(*) FROM conversations")
    with store.usage.track("schema explorer", "database", session=SESSION):
        store.conversations.list(session=SESSION)
    store.productivity.record("database_exploration", estimate=1800, actual=240, session=SESSION, satisfaction=5)


def look_back(store: Store) -> None:
    """The views of the dashboard are SQL views; `hstore stats` draws them."""
    for row in store.query("SELECT event_type, total_time_saved, avg_improvement FROM productivity_summary"):
        print(f"saved: {row[0]}, {row[1] / 60:.0f} minutes, {row[2]:.0f} %")
    for row in store.query("SELECT feature_name, usage_count, success_rate FROM feature_adoption"):
        print(f"used: {row[0]}, {row[1]} time, success rate {row[2]}")
    for row in store.query("SELECT knowledge_type, items_created FROM knowledge_growth ORDER BY 1"):
        print(f"learnt: {row[1]} {row[0]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if Path(sys.argv[1]).exists():
            sys.exit(f"{sys.argv[1]}: is there already, and this begins with a new database")
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as folder:
            main(Path(folder) / "durandal.db")
