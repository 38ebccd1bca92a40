"""Conversations: in threads of any depth, in sessions whose messages they count, with what they had before them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Program
from hstore import Store
from hstore.domains.conversations import Conversations
from hstore.errors import InvalidInput, NotFound

TALK = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    for number in range(25):
        store.conversations.add(f"{sys.argv[2]} {number}", "r", session="s", parent="first")
"""


def ids(found) -> list[int]:
    return [each.id for each in found]


def test_what_is_added_is_read_back_whole(store: Store) -> None:
    """Every argument, by id, key and result; times are aware, durations seconds."""
    store.session("s")
    number = store.conversations.add(
        "What is ü😀?",
        "A\nletter",
        key="k",
        session="s",
        context_files=["/src/a.py", Path("/src/b.py")],
        context_databases=["main", 7],
        tokens=120,
        response_time=1.25,
        created_at=1_700_000_000,
    )
    found = store.conversations.get("k")
    assert found == store.conversations.get(number) == store.conversations.get(found)
    assert (found.question, found.response, found.key, found.session) == ("What is ü😀?", "A\nletter", "k", "s")
    assert (found.context_files, found.context_databases) == (("/src/a.py", "/src/b.py"), ("main", 7))
    assert (found.tokens, found.response_time) == (120, 1.25)
    assert found.created_at == datetime.fromtimestamp(1_700_000_000, timezone.utc)
    assert (found.parent, found.thread, found.depth) == (None, number, 0)


def test_thread_is_read_whole_in_order_from_any_of_its_parts(store: Store) -> None:
    """First what began it, replies behind what they reply to, with their depth; other threads stay out."""
    add = store.conversations.add
    first = add("q", "r", key="first")
    left, right = add("q", "r", parent=first), add("q", "r", parent="first")
    add("another", "thread")
    below = add("q", "r", parent=store.conversations.get(left))
    for each in (first, left, right, below):
        found = store.conversations.thread(each)
        assert ids(found) == [first, left, right, below]
        assert [one.depth for one in found] == [0, 1, 1, 2]
    assert ids(store.conversations.replies(first)) == [right, left]
    assert ids(store.conversations.replies(below)) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=st.lists(st.integers(0, 30), max_size=30), limit=st.integers(1, 7), deleted=st.integers(0, 30))
def test_pages_of_a_thread_together_are_the_thread(store: Store, parents: list[int], limit: int, deleted: int) -> None:
    """For any tree and any page size, also with one of it deleted: nothing twice, nothing left out, parents first."""
    with store.batch():
        made = [store.conversations.add("q", "r")]
        for parent in parents:
            made.append(store.conversations.add("q", "r", parent=made[parent % len(made)]))
        if len(made) > 1 and deleted < len(made):
            store.conversations.delete(made.pop(deleted))
        whole = store.conversations.thread(made[-1])
        pages: list[int] = []
        while page := store.conversations.thread(made[0], limit=limit, after=pages[-1] if pages else None):
            assert len(page) <= limit
            pages += ids(page)
    assert pages == ids(whole) == made
    places = {each.id: place for place, each in enumerate(whole)}
    assert all(places[each.parent] < places[each.id] for each in whole if each.parent is not None)


def test_thread_ten_thousand_deep_is_read(store: Store) -> None:
    """Depth costs no recursion, and a page in the depth is a page."""
    parent = None
    with store.batch():
        for number in range(10_000):
            parent = store.conversations.add(str(number), "r", parent=parent)
    found = store.conversations.thread(parent)
    assert [each.depth for each in found] == list(range(10_000))
    assert [each.question for each in store.conversations.thread(1, limit=2, after=9_000)] == ["9000", "9001"]


def test_reply_outlives_what_it_replied_to(store: Store) -> None:
    """Without a parent then, in its thread and at its depth; also when it was the first that is gone."""
    add = store.conversations.add
    first = add("q", "r")
    middle = add("q", "r", parent=first)
    last = add("q", "r", parent=middle)
    store.conversations.delete(middle)
    found = store.conversations.get(last)
    assert (found.parent, found.thread, found.depth) == (None, first, 2)
    store.conversations.delete(first)
    assert ids(store.conversations.thread(last)) == [last]
    with pytest.raises(NotFound, match="conversation"):
        store.conversations.delete(first)


def test_each_counts_two_messages_of_its_session(store: Store) -> None:
    """Question and answer; one that is refused counts nothing, and one without a session nowhere."""
    store.session("s")
    store.conversations.add("q", "r", session="s", key="k")
    store.conversations.add("q", "r", session="s")
    store.conversations.add("q", "r")
    with pytest.raises(InvalidInput, match="key"):
        store.conversations.add("q", "r", session="s", key="k")
    assert store.sessions.get("s").message_count == 4


def test_session_of_the_environment_is_theirs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another one, as for runs; and a deleted session takes its conversations with it."""
    monkeypatch.setenv("HEIMDAL_SESSION", "mine")
    with Store.open(path) as store:
        assert store.conversations.get(store.conversations.add("q", "r")).session == "mine"
        store._connection.write("DELETE FROM sessions")
        assert store.conversations.list() == []


def test_processes_add_to_one_thread_at_once(store: Store, program: Program) -> None:
    """Every one is there, and every message is counted."""
    store.session("s")
    store.conversations.add("q", "r", key="first", session="s")
    others = [program(TALK, store.path, number) for number in range(4)]
    for other in others:
        assert other.communicate(timeout=60)[1] == ""
    assert len(store.conversations.thread("first")) == 101
    assert store.sessions.get("s").message_count == 202


def test_listing_by_session_and_time(store: Store) -> None:
    """Newest first by time, whatever the order they were added in; pages go on, bounds are from and up to."""
    for key in ("s", "t"):
        store.session(key)
    times = [50, 10, 40, 20, 30, 30]
    made = [store.conversations.add("q", "r", session="st"[n % 2], created_at=t) for n, t in enumerate(times)]
    newest = [made[0], made[2], made[5], made[4], made[3], made[1]]
    assert ids(store.conversations.list()) == newest
    assert ids(store.conversations.list(session="s")) == [made[0], made[2], made[4]]
    assert ids(store.conversations.list(since=20, until=40)) == [made[5], made[4], made[3]]
    assert ids(store.conversations.list(limit=2, after=newest[1])) == newest[2:4]


def test_recent_ones_come_with_name_and_type_of_their_files(path: Path, tmp_path: Path, secret: str) -> None:
    """Of tracked files, also those whose path is masked or no valid text; others have only their path."""
    plain = tmp_path / "notes.md"
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + secret.encode() + b"\xff.py"))
    for file in (plain, odd):
        file.write_text("x")
    with Store.open(path, values=[secret]) as store:
        tracked = [store.files.track(file) for file in (plain, odd)]
        store.session("s")
        store.conversations.add("q", "r", session="s", context_files=[plain, odd, "/not/tracked"])
        store.conversations.add("elsewhere", "r")
        (found,) = store.conversations.recent("s")
        assert found.files == (*((each.path, each.name, each.type) for each in tracked), ("/not/tracked", None, None))
        assert [each.name for each in tracked] == ["notes.md", "[masked:value]\\xff.py"]
        assert [each.conversation.question for each in store.conversations.recent(limit=1)] == ["elsewhere"]


def test_text_of_sixteen_megabytes_is_kept_and_a_longer_one_refused(store: Store) -> None:
    """Whole, byte for byte; what is too long names its field and shows nothing."""
    large = "0123456789abcde\n" * (1024 * 1024)
    found = store.conversations.get(store.conversations.add(large, "r"))
    assert found.question == large
    with pytest.raises(InvalidInput, match=r"^response: longer than 16777216 bytes$"):
        store.conversations.add("q", large + "x")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", None),
        ("response", b"bytes"),
        ("key", ""),
        ("key", "k" * 1025),
        ("tokens", -1),
        ("tokens", True),
        ("tokens", 1.5),
        ("response_time", -0.1),
        ("response_time", float("nan")),
        ("response_time", float("inf")),
        ("created_at", datetime(2026, 1, 1)),
        ("created_at", "yesterday"),
        ("parent", True),
        ("parent", 1.5),
        ("context_files", "/one/path"),
        ("context_files", [None]),
        ("context_files", 7),
        ("context_files", ["/x" * 30_000] * 400),
        ("context_databases", "main"),
        ("context_databases", [True]),
        ("context_databases", [["deep"]]),
    ],
)
def test_bad_input_names_its_field_and_leaves_nothing(store: Store, field: str, value: object) -> None:
    """A clear error, no row, no message counted."""
    store.session("s")
    words = {"question": "q", "response": "r", "session": "s", field: value}
    with pytest.raises(InvalidInput, match=f"^{field}"):
        store.conversations.add(**words)
    assert store.conversations.list() == []
    assert store.sessions.get("s").message_count == 0


def test_unknown_references_are_not_found(store: Store) -> None:
    """Parent, session and conversation, by id and by key; nothing is added."""
    for words in ({"parent": 9}, {"parent": "nope"}, {"session": "nope"}):
        with pytest.raises(NotFound, match=f"^{next(iter(words))}"):
            store.conversations.add("q", "r", **words)
    for unknown in ("nope", 9, 0, -1, 1 << 70):
        with pytest.raises(NotFound):
            store.conversations.get(unknown)
        with pytest.raises(NotFound):
            store.conversations.thread(unknown)
    assert store.conversations.list() == []


def test_any_unicode_is_kept_visibly(store: Store) -> None:
    """Four bytes as they are; what no text can hold, a lone surrogate or NUL, shows as what it was."""
    found = store.conversations.get(store.conversations.add("😀\0\udcff", "\ud800", key="ключ"))
    assert found.question == "😀\\x00\\xff"
    assert found.response == "\\ud800"
    assert store.conversations.get("ключ") == found


@pytest.mark.parametrize(
    ("read", "index"),
    [
        (lambda noun: noun.list(), "conversations_created"),
        (lambda noun: noun.list(session="s", limit=5, after=2), "conversations_session"),
        (lambda noun: noun.recent("s"), "conversations_session"),
        (lambda noun: noun.thread(1, after=1), "conversations_thread"),
        (lambda noun: noun.replies(1), "conversations_parent"),
    ],
)
def test_every_listing_reads_an_index_in_its_order(
    store: Store, read: Callable[[Conversations], object], index: str
) -> None:
    """No sorting and no table that is read whole, so that a page costs the same anywhere."""
    store.session("s")
    first = store.conversations.add("q", "r", session="s")
    store.conversations.add("q", "r", session="s", parent=first)
    plans = []
    original = store._connection.rows

    def explained(sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        if "FROM conversations AS c" in sql:
            plans.append(" ".join(row[3] for row in original(f"EXPLAIN QUERY PLAN {sql}", parameters)))
        return original(sql, parameters)

    store._connection.rows = explained
    read(store.conversations)
    del store._connection.rows
    assert f"USING INDEX {index}" in plans[-1]
    assert "TEMP B-TREE" not in plans[-1]


def test_page_of_a_thread_behind_an_id_before_it_begins_with_its_first(store: Store) -> None:
    """The id of another thread's, such as the last seen anywhere, leaves nothing out."""
    store.conversations.add("other", "a")
    first = store.conversations.add("q", "a")
    second = store.conversations.add("q", "a", parent=first)
    for after, expected in ((first - 1, [first, second]), (first, [second]), (second, [])):
        assert [each.id for each in store.conversations.thread(second, after=after)] == expected
