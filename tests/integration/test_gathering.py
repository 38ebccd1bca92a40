"""Many small contents in a batch: what each call promises, though they are written later and together."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

import pytest
from benchmarks.outputs import Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.codec import CHUNK, Codec
from hstore.doctor import examine
from hstore.domains.artifacts import background, gathering
from hstore.domains.artifacts import chunks as chunks_module
from hstore.errors import InvalidInput, NotFound
from hstore.masking import Masker


def count(store: Store, table: str) -> int:
    return store.info().counts[table]


def test_contents_are_there_in_the_batch_and_after_it(store: Store, run: int) -> None:
    """Of every size, with what the artifact says of itself, whether read at once, in the batch's end or afterwards."""
    contents = [b"", b"x", *Project(1).outputs(300), b"y" * gathering.LARGEST, b"", b"z" * 100_000, b"x"]
    with store.batch():
        numbers = [
            store.attach_artifact(run, "log", one, name=f"n{at % 3}", path="/p") for at, one in enumerate(contents)
        ]
        assert [store.read_artifact(number) for number in numbers] == contents
    assert numbers == sorted(numbers)
    assert [store.read_artifact(number) for number in numbers] == contents
    for at, (number, content) in enumerate(zip(numbers, contents, strict=True)):
        artifact = store.artifacts.get(number)
        assert (artifact.size, artifact.source_size, artifact.complete) == (len(content), len(content), True)
        assert (artifact.name, artifact.path, artifact.masked) == (f"n{at % 3}", "/p", {})
    assert examine(store.path).ok


def test_text_is_gathered_like_bytes(store: Store, run: int) -> None:
    """A text is its UTF-8, a view its bytes, in the batch as alone."""
    given = ["grüße\n", "plain", memoryview(b"view"), bytearray(b"array"), "caf\udce9"] * 5
    expected = ["grüße\n".encode(), b"plain", b"view", b"array", b"caf\xe9"] * 5
    with store.batch():
        numbers = [store.attach_artifact(run, "note", one) for one in given]
    assert [store.read_artifact(number) for number in numbers] == expected


def test_many_stand_in_few_chunks(store: Store, run: int) -> None:
    """A row for each artifact and nothing else; in at most half the bytes that zstd needs for each alone."""
    import zstandard

    contents = Project(1).outputs(2000)
    with store.batch():
        for content in contents:
            store.attach_artifact(run, "log", content)
    assert count(store, "chunks") <= sum(map(len, contents)) // CHUNK + 1
    assert count(store, "artifact_pieces") == 0
    alone = sum(len(zstandard.ZstdCompressor(level=1).compress(content)) for content in contents)
    assert store.info().stored_bytes <= alone / 2


def test_same_content_is_stored_once(store: Store, run: int) -> None:
    """In one batch of many, and in batches of a few across them."""
    content = secrets.token_bytes(1000)
    with store.batch():
        for _ in range(100):
            store.attach_artifact(run, "log", content)
    assert store.query("SELECT sum(size) FROM chunks") == ((1000,),)
    few = secrets.token_bytes(500)
    for _ in range(5):
        with store.batch():
            store.attach_artifact(run, "log", few)
    assert store.query("SELECT sum(size) FROM chunks") == ((1500,),)


def test_equality_of_bytes_decides_not_the_digest(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a digest that is the same for everything, contents are still kept apart."""
    monkeypatch.setattr(gathering, "digests", lambda contents: [b"\0" * 16] * len(contents))
    monkeypatch.setattr(chunks_module, "digests", lambda contents: [b"\0" * 16] * len(contents))
    monkeypatch.setattr(chunks_module, "digest", lambda content: b"\0" * 16)
    contents = [secrets.token_bytes(500) for _ in range(20)] * 2
    with store.batch():
        numbers = [store.attach_artifact(run, "file", content) for content in contents]
    assert [store.read_artifact(number) for number in numbers] == contents


def test_run_of_the_same_batch(store: Store) -> None:
    """A run that waits to be written can have artifacts, and is there with them."""
    with store.batch():
        made = {}
        for at in range(50):
            run = store.record_run("a", f"a {at}", exit_code=0)
            made[store.attach_artifact(run, "log", b"content %d" % at)] = run
    for number, run in made.items():
        assert store.artifacts.get(number).run == run


def test_wrong_arguments_are_refused_at_the_call(store: Store, run: int) -> None:
    """An unknown run, kind, name: the call raises, and the batch goes on without it."""
    with store.batch():
        kept = store.attach_artifact(run, "log", b"kept")
        for wrong in ({"run": run + 999}, {"run": run + 1}):
            with pytest.raises(NotFound):
                store.attach_artifact(wrong["run"], "log", b"x")
        for arguments in (
            (run, "other", b"x"),
            (True, "log", b"x"),
            (0, "log", b"x"),
            ("1", "log", b"x"),
            (1 << 63, "log", b"x"),
        ):
            with pytest.raises(InvalidInput):
                store.attach_artifact(*arguments)  # type: ignore[arg-type] # wrong on purpose
        for extra in ({"name": 7}, {"path": 7}, {"name": "n" * 100_000}):
            with pytest.raises(InvalidInput):
                store.attach_artifact(run, "log", b"x", **extra)  # type: ignore[arg-type] # wrong on purpose
        also = store.attach_artifact(run, "log", b"also", name="n" * 10_000)
    assert (store.read_artifact(kept), store.read_artifact(also)) == (b"kept", b"also")
    assert count(store, "artifacts") == 2


def test_inner_batch_that_fails_takes_only_its_own(store: Store, run: int) -> None:
    """Rolled back to where it began, in any number; ids that were given stay with who kept them."""
    contents = Project(1).outputs(120)
    kept = {}
    with store.batch():
        for content in contents[:40]:
            kept[store.attach_artifact(run, "log", content)] = content
        with pytest.raises(ZeroDivisionError), store.batch():
            for content in contents[40:80]:
                store.attach_artifact(run, "log", content)
            raise ZeroDivisionError
        for content in contents[80:]:
            kept[store.attach_artifact(run, "log", content)] = content
    assert {number: store.read_artifact(number) for number in kept} == kept
    assert count(store, "artifacts") == len(kept)


def test_batch_that_fails_leaves_nothing(store: Store, run: int) -> None:
    """Neither artifacts nor chunks, and the next batch begins anew."""
    with pytest.raises(ZeroDivisionError), store.batch():
        for content in Project(1).outputs(50):
            store.attach_artifact(run, "log", content)
        raise ZeroDivisionError
    assert (count(store, "artifacts"), count(store, "chunks")) == (0, 0)
    with store.batch():
        number = store.attach_artifact(run, "log", b"after")
    assert store.read_artifact(number) == b"after"


def test_run_deleted_in_the_batch_takes_what_waits_along(store: Store, run: int) -> None:
    """What waits is written before any other statement, so the statement sees it."""
    with store.batch():
        for content in Project(1).outputs(30):
            store.attach_artifact(run, "log", content)
        store._connection.write("DELETE FROM runs WHERE id = $1", (run,))
        with pytest.raises(NotFound):
            store.attach_artifact(run, "log", b"x")
    assert count(store, "artifacts") == 0


def test_no_content_sees_its_neighbour(store: Store, run: int) -> None:
    """What would be a secret across two contents is none; what is one is counted where it is."""
    value = secrets.token_hex(12) + "Q7"
    contents = [b"password=", value.encode(), f"password={value}\n".encode(), b"a\x1epassword=", value.encode()] * 20
    with store.batch():
        numbers = [store.attach_artifact(run, "log", content) for content in contents]
    for number, content in zip(numbers, contents, strict=True):
        artifact = store.artifacts.get(number)
        if content.startswith(b"password=" + value[:4].encode()):
            assert artifact.masked == {"password": 1}
            assert value.encode() not in store.read_artifact(number)
        else:
            assert (artifact.masked, store.read_artifact(number)) == ({}, content)


PARTS = (
    b"text ",
    b"\x1e",
    b"\n",
    b"password=",
    b"hunter2hunter3",
    b"token: ",
    b"AKIA",
    b"\0",
    b"https://u:",
    b"@host ",
)


@given(parts=st.lists(st.lists(st.sampled_from(PARTS), max_size=8).map(b"".join), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_is_masked_as_if_it_were_alone(store: Store, run: int, parts: list[bytes]) -> None:
    """In a batch of any contents each one is what the masker makes of it by itself."""
    masker = Masker()
    with store.batch():
        numbers = [store.attach_artifact(run, "log", part) for part in parts]
    assert [store.read_artifact(number) for number in numbers] == [masker.mask(part) for part in parts]


def test_value_that_becomes_known_before_the_end_is_masked(store: Store, run: int) -> None:
    """What waits is masked by what is known when it is written: content, names and paths."""
    value = secrets.token_hex(12)
    with store.batch():
        for _ in range(20):
            number = store.attach_artifact(run, "log", value.encode(), name=value, path=f"/x/{value}")
        store._door.masker.add_values([value])
    artifact = store.artifacts.get(number)
    assert store.read_artifact(number) == b"[masked:value]"
    assert (artifact.name, artifact.path) == ("[masked:value]", "/x/[masked:value]")


def test_threads_take_turns(path: Path) -> None:
    """Batches of several threads on one store do not mix what waits."""
    with Store.open(path, busy_timeout=60) as store:
        run = store.record_run("a", "a", exit_code=0)
        kept: dict[int, bytes] = {}

        def work(seed: int) -> None:
            for content in Project(seed).outputs(40):
                with store.batch():
                    for part in range(12):
                        kept[store.attach_artifact(run, "log", content + b"%d" % part)] = content + b"%d" % part

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(kept) == 4 * 40 * 12
        assert {number: store.read_artifact(number) for number in kept} == kept
    assert examine(path).ok


def test_megabytes_on_the_way_and_an_inner_batch_that_fails(store: Store, run: int) -> None:
    """While a megabyte is being compressed, an inner batch begins and fails: what waited stays, what it took goes."""
    contents = Project(1).outputs(6000)
    kept = {}
    with store.batch():
        for content in contents[:2500]:
            kept[store.attach_artifact(run, "log", content)] = content
        with pytest.raises(ZeroDivisionError), store.batch():
            for content in contents[2500:5000]:
                store.attach_artifact(run, "log", content)
            raise ZeroDivisionError
        for content in contents[5000:]:
            kept[store.attach_artifact(run, "log", content)] = content
    assert {number: store.read_artifact(number) for number in kept} == kept
    assert count(store, "artifacts") == len(kept)


def test_runs_and_contents_in_turn_by_the_megabyte(store: Store) -> None:
    """Runs that wait are written before the artifacts that are theirs, however they fall together."""
    kept = {}
    with store.batch():
        for content in Project(1).outputs(5000):
            run = store.record_run("a", "a", exit_code=0)
            kept[store.attach_artifact(run, "log", content)] = (run, content)
    found = {number: (store.artifacts.get(number).run, store.read_artifact(number)) for number in kept}
    assert found == kept


def test_compression_that_fails_in_its_thread_fails_the_batch(
    store: Store, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes out of the batch, nothing of it is kept, and the next batch works."""
    original = Codec.encode_many

    def failing(self, contents, level, threads):
        raise MemoryError

    monkeypatch.setattr(Codec, "encode_many", failing)
    with pytest.raises(MemoryError), store.batch():
        for content in Project(1).outputs(4000):
            store.attach_artifact(run, "log", content)
    monkeypatch.setattr(Codec, "encode_many", original)
    assert count(store, "artifacts") == 0
    with store.batch():
        number = store.attach_artifact(run, "log", b"after")
    assert store.read_artifact(number) == b"after"


def test_where_no_thread_can_be_started_it_is_done_on_the_spot(
    store: Store, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of threads is no failure."""

    def refused(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(background, "start_new_thread", refused)
    contents = Project(1).outputs(4000)
    with store.batch():
        numbers = [store.attach_artifact(run, "log", content) for content in contents]
    assert [store.read_artifact(number) for number in numbers] == contents


def test_more_than_waits_at_once(store: Store, run: int) -> None:
    """Several megabytes in one batch are written on the way, and read back."""
    contents = Project(1).outputs(4000)
    with store.batch():
        numbers = [store.attach_artifact(run, "log", content) for content in contents]
    assert [store.read_artifact(number) for number in numbers] == contents
    assert store._connection.behind.source is None
