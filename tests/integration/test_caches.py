"""The caches of responses and of files' results: what is found again, what goes first, and how bounds are kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from hstore import Store
from hstore.clock import now
from hstore.domains.caches import bounded
from hstore.errors import InvalidInput

SHA = hashlib.sha256(b"content").hexdigest()


def sizes(store: Store, table: str) -> tuple[int, int]:
    """Entries and bytes as they are, not as they were counted."""
    ((count, size),) = store.query(f"SELECT count(*), coalesce(sum(size), 0) FROM {table}")
    return count, size


def counted(store: Store, table: str) -> tuple[int, int]:
    """What the cache believes to hold."""
    ((count, size),) = store.query("SELECT entries, size FROM cache_totals WHERE cache = $1", (table,))
    return count, size


def prompts(store: Store) -> list[str]:
    """What is kept, as its previews, newest first."""
    return [entry.preview for entry in store.response_cache.list(limit=None)]


def test_response_is_found_by_prompt_model_and_context(store: Store) -> None:
    """The same three give it back; another of any of them gives None."""
    context = {"files": ["a.py"], "depth": 2}
    assert store.response_cache.put("why?", "because", model="m", context=context, tokens=7)
    found = store.response_cache.get("why?", model="m", context={"depth": 2, "files": ["a.py"]})
    assert found is not None
    assert (found.response, found.model, found.tokens, found.access_count) == ("because", "m", 7, 2)
    assert store.response_cache.get("why", model="m", context=context) is None
    assert store.response_cache.get("why?", model="n", context=context) is None
    assert store.response_cache.get("why?", model="m") is None


def test_digest_is_the_one_that_is_documented(store: Store) -> None:
    """Another program can compute it: SHA-256 of `[model,prompt,context]` as JSON with sorted keys, without spaces."""
    store.response_cache.put("é?", "r", model="m", context={"b": 1, "a": None})
    written = '["m","é?",{"a":null,"b":1}]'.encode()
    assert json.loads(written) == ["m", "é?", {"a": None, "b": 1}]
    assert store.query("SELECT digest FROM response_cache") == ((hashlib.sha256(written).digest(),),)


def test_prompt_is_kept_as_a_masked_preview_alone(store: Store, secret: str) -> None:
    """A secret across the hundredth character is masked before the cut."""
    store.response_cache.put("x" * 85 + f" password={secret} more", f"token={secret}", model="m")
    (entry,) = store.response_cache.list()
    assert entry.preview == ("x" * 85 + " password=[masked:password] more")[:100]
    found = store.response_cache.get("x" * 85 + f" password={secret} more", model="m")
    assert found is not None
    assert secret not in found.response
    assert store.response_cache.get("x" * 85 + " password=other more", model="m") is None


def test_putting_again_replaces_and_is_young_again(store: Store) -> None:
    """One entry, the newer response, its own time; uses go on being counted."""
    store.response_cache.put("p", "one", model="m", tokens=1)
    (first,) = store.response_cache.list()
    store.response_cache.put("p", "longer than one", model="m")
    (second,) = store.response_cache.list()
    assert (second.id, second.access_count, second.tokens) == (first.id, 2, None)
    assert second.created_at >= first.created_at
    assert second.size - first.size == len("longer than one") - len("one")
    assert counted(store, "response_cache") == sizes(store, "response_cache") == (1, second.size)


def test_least_recently_used_goes_first(store: Store) -> None:
    """A get makes young: of three, the one that was neither put nor asked for last goes."""
    for prompt in ("a", "b", "c"):
        store.response_cache.put(prompt, "r", model="m", max_entries=3)
    store.response_cache.get("a", model="m")
    store.response_cache.put("d", "r", model="m", max_entries=3)
    assert sorted(prompts(store)) == ["a", "c", "d"]
    store.file_cache.put("one", SHA, "parse", 1)
    store.file_cache.put("two", SHA, "parse", 2)
    assert store.file_cache.get("one", SHA, "parse") is not None
    store.file_cache.put("three", SHA, "parse", 3, max_entries=2)
    assert sorted(entry.path for entry in store.file_cache.list()) == ["one", "three"]


def test_clock_that_goes_backwards_does_not_send_the_newest_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order is by use, not by what the clock said."""
    from hstore.domains.caches import responses

    store.response_cache.put("a", "r", model="m")
    store.response_cache.put("b", "r", model="m")
    yesterday = now() - 86_400_000_000
    monkeypatch.setattr(responses, "now", lambda: yesterday)
    store.response_cache.put("c", "r", model="m", max_entries=2)
    assert sorted(prompts(store)) == ["b", "c"]
    monkeypatch.setattr(bounded, "now", lambda: yesterday)
    store.response_cache.get("b", model="m")
    store.response_cache.put("d", "r", model="m", max_entries=2)
    assert sorted(prompts(store)) == ["b", "d"]


def test_bytes_are_bounded_and_what_is_larger_by_itself_is_not_kept(store: Store) -> None:
    """Several small ones make room for one that is larger; too large a one takes its predecessor with it."""
    entry = bounded.ROW + 100
    for number in range(10):
        assert store.response_cache.put(str(number), "r" * 100, model="m", max_bytes=4 * entry)
    assert sorted(prompts(store)) == ["6", "7", "8", "9"]
    assert store.response_cache.put("large", "r" * (100 + 2 * entry), model="m", max_bytes=4 * entry)
    assert sorted(prompts(store)) == ["9", "large"]
    assert not store.response_cache.put("9", "r" * 4 * entry, model="m", max_bytes=4 * entry)
    assert prompts(store) == ["large"]
    assert counted(store, "response_cache") == sizes(store, "response_cache")


ACTIONS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["put", "put", "put", "get", "invalidate", "clear", "retention"]),
        strategies.integers(0, 7),
        strategies.integers(0, 600),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(actions=ACTIONS, most=strategies.integers(1, 6), room=strategies.integers(300, 3000))
def test_cache_never_holds_more_than_its_bounds(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int, int]], most: int, room: int
) -> None:
    """Whatever happens, what is counted is what is there, and within the bounds of the last put; the last put stays."""
    with Store.open(tmp_path_factory.mktemp("cache") / "project.db") as store:
        cache = store.file_cache
        for action, number, size in actions:
            if action == "put":
                kept = cache.put(f"f{number}", SHA, "parse", "r" * size, max_entries=most, max_bytes=room)
                assert kept == (bounded.ROW + size + 2 <= room)
                assert (cache.get(f"f{number}", SHA, "parse") is not None) == kept
                count, total = sizes(store, "file_cache")
                assert count <= most
                assert total <= room
            elif action == "get":
                cache.get(f"f{number}", SHA, "parse")
            elif action == "invalidate":
                cache.invalidate(f"f{number}")
            elif action == "clear":
                cache.clear()
            else:
                store._connection.write("DELETE FROM file_cache WHERE id % 3 = 0")
            if store.query("SELECT 1 FROM cache_totals"):
                assert counted(store, "file_cache") == sizes(store, "file_cache")
        stats = cache.stats()
        assert (stats.entries, stats.size) == sizes(store, "file_cache")


def test_a_put_reads_no_more_of_a_large_cache_than_of_a_small_one(store: Store) -> None:
    """Every statement of a put and a get finds its rows by an index, the oldest without sorting."""
    from hstore.domains.caches import files, responses

    statements = [
        *(responses.SIZE, responses.PUT, responses.GET, responses.USED, responses.OLDEST, responses.REMOVE),
        *(files.SIZE, files.PUT, files.GET, files.USED, files.OLDEST, files.REMOVE, files.INVALIDATE),
        *(responses.OLDER, files.OLDER, bounded.ADD),
    ]
    for sql in statements:
        count = max(int(number) for number in re.findall(r"\$(\d+)", sql))
        plan = [row[3] for row in store._connection.rows("EXPLAIN QUERY PLAN " + sql, (None,) * count)]
        assert not [step for step in plan if "TEMP B-TREE" in step], sql
        scans = [step for step in plan if step.startswith("SCAN")]
        if sql in (responses.OLDEST, files.OLDEST):
            assert len(scans) == 1, plan
            assert "cache_accessed" in scans[0]
        else:
            assert scans == [], sql


def test_max_age_is_an_age(store: Store) -> None:
    """What was put longer ago is not given, and what is asked for without an age is."""
    store.response_cache.put("p", "r", model="m")
    store.file_cache.put("f", SHA, "parse", 1)
    store._connection.write("UPDATE response_cache SET created_at = created_at - 10000000")
    store._connection.write("UPDATE file_cache SET created_at = created_at - 10000000")
    for get in (
        lambda age: store.response_cache.get("p", model="m", max_age=age),
        lambda age: store.file_cache.get("f", SHA, "parse", max_age=age),
    ):
        assert get(9) is None
        assert get(0) is None
        assert get(60) is not None
        assert get(None) is not None


def test_result_is_found_by_path_content_kind_and_options(store: Store, tmp_path: Path) -> None:
    """Any other of the four is another entry; invalidating a path takes all of its own."""
    cache = store.file_cache
    other = hashlib.sha256(b"changed").digest()
    assert cache.put(tmp_path / "a.py", SHA, "parse", {"lines": [1, None]}, {"deep": True})
    assert cache.put(str(tmp_path / "a.py"), other, "parse", "new")
    assert cache.put("b.py", SHA, "analyze", [])
    found = cache.get(tmp_path / "a.py", bytes.fromhex(SHA), "parse", {"deep": True})
    assert found is not None
    assert (found.result, found.kind, found.path) == ({"lines": [1, None]}, "parse", str(tmp_path / "a.py"))
    assert cache.get(tmp_path / "a.py", SHA, "parse") is None
    assert cache.get(tmp_path / "a.py", SHA, "analyze", {"deep": True}) is None
    assert cache.get("a.py", SHA, "parse", {"deep": True}) is None
    assert [(entry.path, entry.kind) for entry in cache.list(kind="analyze")] == [("b.py", "analyze")]
    assert cache.list(kind="analyze")[0].sha256 == SHA
    assert cache.invalidate(tmp_path / "a.py") == 2
    assert cache.invalidate(tmp_path / "a.py") == 0
    assert [entry.path for entry in cache.list()] == ["b.py"]
    assert counted(store, "file_cache") == sizes(store, "file_cache")


def test_paths_that_are_masked_alike_are_two(path: Path) -> None:
    """Results are found by the path that was given, and kept under what may be shown of it."""
    words = [os.urandom(12).hex() for _ in range(2)]
    with Store.open(path, values=words) as store:
        for number, word in enumerate(words):
            store.file_cache.put(f"/home/{word}/a.py", SHA, "parse", number, {"key": word})
        found = [store.file_cache.get(f"/home/{word}/a.py", SHA, "parse", {"key": word}) for word in words]
        assert [each.result for each in found if each] == [0, 1]
        assert {entry.path for entry in store.file_cache.list()} == {"/home/[masked:value]/a.py"}
        assert store.file_cache.invalidate(f"/home/{words[0]}/a.py") == 1


def test_result_that_is_null_is_a_result(store: Store) -> None:
    """None as a result is not a miss."""
    store.file_cache.put("f", SHA, "extract_metadata", None)
    found = store.file_cache.get("f", SHA, "extract_metadata")
    assert found is not None
    assert found.result is None


def test_clearing_takes_all_or_what_is_old(store: Store) -> None:
    """More than one transaction's worth; the count is what went, and the totals are those of what is left."""
    with store.batch():
        for number in range(2 * bounded.TOGETHER + 10):
            store.response_cache.put(f"p{number}", "r", model="m")
    store._connection.write("UPDATE response_cache SET created_at = created_at - 100000000 WHERE id % 2 = 0")
    assert store.response_cache.clear(older_than=50) == bounded.TOGETHER + 5
    assert counted(store, "response_cache") == sizes(store, "response_cache")
    assert store.response_cache.clear() == bounded.TOGETHER + 5
    assert store.response_cache.clear() == 0
    stats = store.response_cache.stats()
    assert (stats.entries, stats.size, stats.oldest_at, stats.used_at) == (0, 0, None, None)


def test_put_that_is_undone_is_not_counted(store: Store) -> None:
    """A batch that fails leaves neither entry nor count."""
    store.response_cache.put("a", "r", model="m")
    with pytest.raises(ZeroDivisionError), store.batch():
        store.response_cache.put("b", "r", model="m")
        _ = 1 / 0
    assert prompts(store) == ["a"]
    assert counted(store, "response_cache") == sizes(store, "response_cache")


def test_bounds_hold_for_many_processes_and_a_killed_one(path: Path, program: Callable[..., Any]) -> None:
    """Four put at once, one of them is killed in the middle: what is counted is what is there, within the bounds."""
    Store.open(path).close()
    writers = [program(PUTTER, path, number) for number in range(4)]
    for writer in writers:
        assert writer.stdout.readline() == "begun\n"
    writers[0].kill()
    for writer in writers:
        writer.wait(60)
    assert [writer.returncode for writer in writers[1:]] == [0, 0, 0]
    with Store.open(path) as store:
        count, size = sizes(store, "response_cache")
        assert counted(store, "response_cache") == (count, size)
        assert count == 20
        assert size <= 20 * (bounded.ROW + 100)


PUTTER = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    for number in range(150):
        store.response_cache.put(f"{sys.argv[2]} {number}", "r" * 100, model="m", max_entries=20)
        if number == 5:
            print("begun", flush=True)
"""


def test_use_that_cannot_be_counted_in_time_is_a_use(path: Path) -> None:
    """While another one writes for longer than is waited for, what is kept is given all the same."""
    with Store.open(path) as store, Store.open(path, busy_timeout=0.05) as other:
        store.response_cache.put("p", "r", model="m")
        with store.batch():
            store.response_cache.put("q", "r", model="m")
            found = other.response_cache.get("p", model="m")
            assert found is not None
            assert (found.response, found.access_count) == ("r", 1)
        assert other.response_cache.list()[1].access_count == 1


def test_readonly_store_gives_without_counting(path: Path) -> None:
    """A use cannot be counted there, and is not needed to be."""
    with Store.open(path) as store:
        store.response_cache.put("p", "r", model="m")
        store.file_cache.put("f", SHA, "parse", 1)
    with Store.open(path, readonly=True) as store:
        found = store.response_cache.get("p", model="m")
        assert found is not None
        assert (found.response, found.access_count) == ("r", 1)
        assert store.file_cache.get("f", SHA, "parse") is not None


Call = Callable[[Store], Any]
REFUSED: list[tuple[str, Call]] = [
    ("prompt", lambda store: store.response_cache.put(None, "r", model="m")),
    ("prompt", lambda store: store.response_cache.get(b"p", model="m")),
    ("response", lambda store: store.response_cache.put("p", 7, model="m")),
    ("response", lambda store: store.response_cache.put("p", "r" * (17 << 20), model="m")),
    ("model", lambda store: store.response_cache.put("p", "r", model="")),
    ("model", lambda store: store.response_cache.put("p", "r", model=1)),
    ("context", lambda store: store.response_cache.put("p", "r", model="m", context=float("nan"))),
    ("context", lambda store: store.response_cache.put("p", "r", model="m", context={1: 2})),
    ("context", lambda store: store.response_cache.get("p", model="m", context="\ud800")),
    *(("tokens", lambda store, n=n: store.response_cache.put("p", "r", model="m", tokens=n)) for n in (-1, 1.5, True)),
    *(("max_entries", lambda store, n=n: store.file_cache.put("f", SHA, "parse", 1, max_entries=n)) for n in (0, True)),
    *(("max_bytes", lambda store, n=n: store.file_cache.put("f", SHA, "parse", 1, max_bytes=n)) for n in (-1, None)),
    *(("max_age", lambda store, n=n: _aged(store, n)) for n in (-1, float("nan"), "1", True)),
    ("max_age", lambda store: store.file_cache.get("none", SHA, "parse", max_age=-1)),
    ("max_age", lambda store: store.response_cache.get("none", model="m", max_age=-1)),
    *(("older_than", lambda store, n=n: store.file_cache.clear(older_than=n)) for n in (-1, float("inf"), "1")),
    *(("path", lambda store, p=p: store.file_cache.put(p, SHA, "parse", 1)) for p in ("", None, 7, b"f")),
    ("path", lambda store: store.file_cache.invalidate("")),
    *(
        ("sha256", lambda store, d=d: store.file_cache.put("f", d, "parse", 1))
        for d in ("", "zz" * 32, "00" * 31, b"0" * 31, None, 7)
    ),
    *(("kind", lambda store, k=k: store.file_cache.get("f", SHA, k)) for k in ("compile", None, "")),
    ("kind", lambda store: store.file_cache.list(kind="compile")),
    *(("options", lambda store, o=o: store.file_cache.put("f", SHA, "parse", 1, o)) for o in ("x", [1], {1: 2})),
    *(("result", lambda store, r=r: store.file_cache.put("f", SHA, "parse", r)) for r in ({1, 2}, "\ud800")),
]


def _aged(store: Store, age: Any) -> None:
    store.file_cache.put("f", SHA, "parse", 1)
    try:
        store.file_cache.get("f", SHA, "parse", max_age=age)
    finally:
        store.file_cache.clear()


@pytest.mark.parametrize(("field", "call"), REFUSED)
def test_wrong_values_are_refused_by_name(store: Store, field: str, call: Call) -> None:
    """The error names the field, and nothing is kept."""
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        call(store)
    assert store.response_cache.list() == []
    assert store.file_cache.list() == []


def test_any_text_can_be_asked(store: Store) -> None:
    """NUL, lone surrogates and four-byte characters in a prompt; 10 MB of it too."""
    for prompt in ("\0", "\ud800", "\N{PILE OF POO}", "", "p" * 10_000_000):
        assert store.response_cache.put(prompt, f"of {len(prompt)}", model="m")
        found = store.response_cache.get(prompt, model="m")
        assert found is not None
        assert found.response == f"of {len(prompt)}"
    store.file_cache.put("name \udcff", SHA, "parse", 1)
    assert store.file_cache.list()[0].path == "name \\xff"
    assert store.file_cache.get("name \udcff", SHA, "parse") is not None


def test_listing_by_model_and_time_in_pages(store: Store) -> None:
    """Newest first, as every listing."""
    for number in range(6):
        store.response_cache.put(f"p{number}", "r", model=f"m{number % 2}")
    everything = store.response_cache.list()
    assert [entry.preview for entry in everything] == [f"p{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert [entry.preview for entry in store.response_cache.list(model="m1", limit=2)] == ["p5", "p3"]
    assert store.response_cache.list(limit=2, after=everything[1].id) == everything[2:4]
    assert store.response_cache.list(since=everything[1].created_at) == everything[:2]
    assert store.response_cache.list(until=everything[4].created_at) == everything[5:]


def test_results_of_one_content_are_listed_wherever_it_lies(store: Store) -> None:
    """A digest as bytes or in hexadecimal; of any other form it is refused."""
    here, there = bytes(32), bytes(31) + b"x"
    for path, digest in (("a", here), ("b", here), ("c", there)):
        store.file_cache.put(path, digest, "parse", {})
    assert [entry.path for entry in store.file_cache.list(sha256=here)] == ["b", "a"]
    assert [entry.path for entry in store.file_cache.list(sha256=there.hex(), kind="parse")] == ["c"]
    for wrong in ("00", bytes(31), "z" * 64):
        with pytest.raises(InvalidInput, match="sha256"):
            store.file_cache.list(sha256=wrong)
