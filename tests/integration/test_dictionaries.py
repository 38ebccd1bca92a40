"""Dictionaries: trained on what the store holds, kept as long as a chunk needs them, replaced when they stop paying."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from benchmarks.outputs import Project

from hstore import Store
from hstore.codec import Codec, Dictionary, trained
from hstore.doctor import examine
from hstore.domains.artifacts import dictionaries as module
from hstore.errors import CorruptDatabase
from planted import Secrets, look
from unmasked import unmasked

STORED = "SELECT coalesce(sum(length(data)), 0) FROM chunks WHERE id > $1"
NEWEST = "SELECT coalesce(max(id), 0) FROM chunks"


def dictionary_count(store: Store) -> int:
    return int(store.query("SELECT count(*) FROM dictionaries")[0][0])


def attach_each(store: Store, run: int, contents: list[bytes]) -> list[int]:
    """Each as a chunk of its own."""
    return [store.attach_artifact(run, "log", content) for content in contents]


def train(store: Store) -> Dictionary | None:
    return store.artifacts._chunks.dictionaries.refresh()


def test_small_content_is_kept_in_less_with_a_dictionary(store: Store, run: int) -> None:
    """With a dictionary content of the same kind takes at most three quarters of what it took without."""
    first, second = Project(1).outputs(500), Project(2).outputs(300)
    attach_each(store, run, first[:200])
    before = store.query(STORED, (0,))[0][0] / sum(map(len, first[:200]))
    attach_each(store, run, first[200:])
    assert dictionary_count(store) == 1
    newest = store.query(NEWEST)[0][0]
    numbers = attach_each(store, run, second)
    after = store.query(STORED, (newest,))[0][0] / sum(map(len, second))
    assert after < 0.75 * before
    assert [store.read_artifact(number) for number in numbers] == second


def test_training_comes_by_itself(path: Path) -> None:
    """Whoever stores every 256th chunk trains when it is done: no command and no thread is needed."""
    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        attach_each(store, run, Project(1).outputs(600))
        assert dictionary_count(store) == 1
    with Store.open(path) as store:
        (number,) = attach_each(store, store.record_run("b", "b", exit_code=0), Project(2).outputs(1))
        assert store.query("SELECT count(*) FROM chunks WHERE dictionary_id IS NOT NULL")[0][0] > 0
        assert store.read_artifact(number) == Project(2).outputs(1)[0]


def test_a_batch_leaves_the_training_to_the_end(path: Path) -> None:
    """Inside a transaction nothing is trained; closing the store does it, when nobody waits for the lock."""
    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        with store.batch():
            for content in Project(1).outputs(600):
                with store.artifacts.writer(run) as writer:
                    writer.write(content)
            assert store._connection.value("SELECT count(*) FROM dictionaries") == 0
    with Store.open(path) as store:
        assert dictionary_count(store) == 1


def test_a_host_that_only_ever_works_in_batches_gets_one_too(store: Store, run: int) -> None:
    """The next batch trains before it begins."""
    contents = Project(1).outputs(600)
    for at in range(0, 600, 3):
        with store.batch():
            attach_each(store, run, contents[at : at + 3])
    assert dictionary_count(store) == 1


def test_content_with_nothing_in_common_gets_no_dictionary(store: Store, run: int) -> None:
    """A dictionary that does not pay on what it was not trained on is not kept."""
    noise = random.Random(1)
    attach_each(store, run, [noise.randbytes(400) for _ in range(400)])
    assert train(store) is None
    assert dictionary_count(store) == 0


def test_another_kind_of_content_brings_another_dictionary(store: Store, run: int) -> None:
    """When the newest chunks are packed clearly worse than at the training, a new one is trained; the old one stays."""
    project = Project(1)
    project.kinds = (project.linter, project.pytest)
    old = project.outputs(500)
    numbers = attach_each(store, run, old)
    if dictionary_count(store) == 0:
        assert train(store) is not None
    more = project.outputs(200)
    numbers += attach_each(store, run, more)
    assert train(store) is None, "it still pays"
    project.kinds = (project.packages, project.log)
    other = project.outputs(1300)
    numbers += attach_each(store, run, other)
    train(store)
    assert dictionary_count(store) == 2
    assert store.query("SELECT count(DISTINCT dictionary_id) FROM chunks")[0][0] >= 1
    assert [store.read_artifact(number) for number in numbers] == old + more + other


def test_many_threads_read_and_write_with_one_dictionary(path: Path) -> None:
    """Each thread has contexts of its own."""
    contents = Project(3).outputs(400)
    with Store.open(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        attach_each(store, run, Project(1).outputs(400))
        train(store)
        assert dictionary_count(store) == 1
        kept: dict[int, bytes] = {}

        def work(part: list[bytes]) -> None:
            for content in part:
                kept[store.attach_artifact(run, "log", content)] = content
            for number, content in list(kept.items()):
                assert store.read_artifact(number) == content

        threads = [threading.Thread(target=work, args=(contents[at::4],)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(kept.values()) == sorted(contents)


def test_another_process_reads_what_it_has_no_dictionary_for_yet(path: Path) -> None:
    """A store that was opened before the dictionary was made reads chunks that need it."""
    with Store.open(path) as first, Store.open(path) as second:
        run = first.record_run("a", "a", exit_code=0)
        attach_each(first, run, Project(1).outputs(400))
        train(first)
        contents = Project(2).outputs(50)
        numbers = attach_each(first, run, contents)
        assert [second.read_artifact(number) for number in numbers] == contents


def test_missing_dictionary_is_named(store: Store, run: int) -> None:
    """A chunk whose dictionary somebody deleted is reported as damage, by doctor too, never given back wrong."""
    attach_each(store, run, Project(1).outputs(400))
    train(store)
    (number,) = attach_each(store, run, Project(2).outputs(1))
    store._connection.write("DELETE FROM dictionaries")
    with Store.open(store.path) as fresh, pytest.raises(CorruptDatabase, match="dictionary"):
        fresh.read_artifact(number)
    (check,) = [check for check in examine(store.path).checks if check.name == "references"]
    assert (check.status, check.data["problems"]) == ("fail", ["chunks to dictionary 1"])


def test_dictionary_of_replaced_content_is_not_kept(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a sample was masked anew between reading and keeping, its bytes do not come back in a dictionary."""
    numbers = attach_each(store, run, Project(1).outputs(250))
    original = module.trained

    def replace_one(samples):
        with Store.open(store.path) as other:
            other._connection.write("DELETE FROM artifacts WHERE id = $1", (numbers[-1],))
        return original(samples)

    monkeypatch.setattr(module, "ENOUGH", 100)
    monkeypatch.setattr(module, "trained", replace_one)
    assert train(store) is None
    assert dictionary_count(store) == 0


def test_damaged_sample_is_passed_over(store: Store, run: int) -> None:
    """One damaged content keeps no store from having a dictionary."""
    attach_each(store, run, Project(1).outputs(255))
    store._connection.write("UPDATE chunks SET data = zeroblob(length(data)) WHERE id = 200")
    attach_each(store, run, Project(2).outputs(300))
    assert dictionary_count(store) == 1


def test_masking_anew_takes_secrets_out_of_dictionaries(path: Path) -> None:
    """A dictionary trained while a secret was not known holds it in plain bytes; afterwards no file does."""
    hidden = Secrets()
    contents = [content + hidden.text().encode() + b"\n" for content in Project(1).outputs(500)]
    with unmasked(path) as store:
        run = store.record_run("a", "a", exit_code=0)
        attach_each(store, run, contents)
        if dictionary_count(store) == 0:
            assert train(store) is not None
        attach_each(store, run, contents[:100])
        data = b"".join(row[0] for row in store.query("SELECT data FROM dictionaries"))
        assert any(secret.encode() in data for secret in hidden.all()), "the test would prove nothing"
        old = {row[0] for row in store.query("SELECT id FROM dictionaries")}
    with Store.open(path, values=[hidden.registered]) as store:
        report = store.masking.apply()
        assert report.clean, report
        assert old.isdisjoint(row[0] for row in store.query("SELECT id FROM dictionaries"))
        for (data,) in store.query("SELECT data FROM dictionaries"):
            look("dictionary", data, hidden)
        for artifact in store.artifacts.list(limit=None):
            look("artifact", store.read_artifact(artifact.id), hidden)
    for file in path.parent.iterdir():
        look(file.name, file.read_bytes(), hidden)
    assert examine(path).ok


def test_interrupted_masking_still_renews_dictionaries(path: Path) -> None:
    """A pass that was killed after it had changed all content, and before the dictionaries, is gone on with."""
    hidden = Secrets()
    contents = [content + hidden.text().encode() + b"\n" for content in Project(1).outputs(300)]
    with unmasked(path) as store:
        attach_each(store, store.record_run("a", "a", exit_code=0), contents)
        train(store)
        assert dictionary_count(store) == 1

    class Stop(BaseException):
        pass

    def stop(at) -> None:
        if at.step == "dictionaries":
            raise Stop

    with Store.open(path, values=[hidden.registered]) as store:
        with pytest.raises(Stop):
            store.masking.apply(progress=stop)
        assert store.masking.apply().clean
    for file in path.parent.iterdir():
        look(file.name, file.read_bytes(), hidden)


def test_frame_with_a_dictionary_needs_that_one() -> None:
    """The codec gives back what was put in by the same dictionary, and an error by another or none."""
    contents = Project(1).outputs(400)
    one, other = (
        Dictionary(number, trained(part) or b"") for number, part in ((1, contents[:300]), (2, contents[300:]))
    )
    codec = Codec()
    number, packed = codec.encode(contents[0], one)
    assert codec.decode(number, packed, len(contents[0]), one) == contents[0]
    with pytest.raises(CorruptDatabase, match="missing"):
        codec.decode(number, packed, len(contents[0]))
    try:
        wrong = codec.decode(number, packed, len(contents[0]), other)
    except CorruptDatabase:
        return
    assert wrong != contents[0]  # the digest of the chunk tells
