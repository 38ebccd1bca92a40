"""The one write path: all or nothing, nested, shared by threads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import HstoreError, InvalidInput, StoreClosed, StoreError


def count(store: Store) -> int:
    return store.info().counts["runs"]


def record(store: Store, name: str = "a") -> int:
    return store.record_run(name, name, exit_code=0)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_any_exception_undoes_the_whole_batch(store: Store, error: type[BaseException]) -> None:
    """Nothing of a batch stays when it is left by an exception, of whichever kind."""
    with pytest.raises(error), store.batch():
        record(store)
        store.remember("key", 1)
        raise error
    assert count(store) == 0
    assert store.recall("key") is None
    record(store)
    assert count(store) == 1


def test_inner_batch_that_fails_undoes_only_itself(store: Store) -> None:
    """A nested batch is a savepoint: caught outside of it, its failure leaves the outer one whole."""
    with store.batch():
        record(store, "outer")
        with pytest.raises(ValueError, match="inner"), store.batch():
            record(store, "inner")
            raise ValueError("inner")
        with store.batch(), store.batch():
            record(store, "deep")
    assert [run.app for run in store.runs.list()] == ["deep", "outer"]


def test_outer_failure_undoes_inner_batches_that_succeeded(store: Store) -> None:
    """An inner batch commits nothing by itself."""
    with pytest.raises(ValueError, match="outer"), store.batch():
        with store.batch():
            record(store)
        raise ValueError("outer")
    assert count(store) == 0


def test_batch_is_invisible_to_others_until_it_ends(store: Store) -> None:
    """A second store on the same file sees all of a batch or nothing."""
    with Store.open(store.path) as second:
        with store.batch():
            record(store)
            assert count(second) == 0
        assert count(second) == 1


def test_batch_object_is_entered_once_at_a_time(store: Store) -> None:
    """Entering one batch object twice is an error and leaves the outer use whole."""
    batch = store.batch()
    with batch:
        record(store)
        with pytest.raises(HstoreError), batch:
            pass
    assert count(store) == 1


def test_refused_run_leaves_the_store_as_it_was(store: Store) -> None:
    """One bad mapping among many: none is recorded, and the message says which."""
    good = {"app": "a", "cmdline": "a", "exit_code": 0}
    for bad in ({**good, "duration": -1}, {**good, "colour": "red"}, {"app": "a"}):
        with pytest.raises(InvalidInput, match=r"runs\[2\]"):
            store.record_runs([good, good, bad, good])
    assert count(store) == 0
    assert store.record_runs(dict(good, app=str(number)) for number in range(3)) == [1, 2, 3]


def test_threads_share_a_store(store: Store) -> None:
    """Eight threads write and read through one store at once; every row is there, every batch whole."""
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(25):
                with store.batch():
                    record(store, name)
                    store.remember(f"{name}/{number}", number)
                assert store.recall(f"{name}/{number}") == number
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(f"thread{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(store) == store.info().counts["memory"] == 200


def test_two_stores_of_one_process_share_a_file(store: Store) -> None:
    """Two open stores on one file see each other's rows, and closing one takes nothing from the other."""
    with Store.open(store.path) as second:
        record(store)
        record(second)
        assert count(store) == count(second) == 2
    record(store)
    assert count(store) == 3


def test_closed_store_says_so(path: Path) -> None:
    """Every use after close raises StoreClosed; closing twice is no error."""
    store = Store.open(path)
    store.close()
    store.close()
    for use in (lambda: record(store), store.runs.list, store.batch().__enter__, store.info):
        with pytest.raises(StoreClosed):
            use()


def test_ids_are_never_given_out_again(store: Store) -> None:
    """The id of a deleted row does not come back."""
    first = record(store)
    store._connection.write("DELETE FROM runs WHERE id = $1", (first,))
    assert record(store) == first + 1


def test_batch_that_sqlite_rolled_back_does_not_go_on_as_single_writes(store: Store) -> None:
    """After SQLite itself gave a transaction up, the rest of the batch is refused instead of half kept."""
    with pytest.raises(StoreError), store.batch():
        record(store)
        store._connection.using(lambda raw: raw.execute("ROLLBACK"))
        record(store)
    assert count(store) == 0
    record(store)
    assert count(store) == 1
