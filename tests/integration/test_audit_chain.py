"""The chain over the audit log: whole whatever hstore does, and broken by whatever anything else does to its lines."""

from __future__ import annotations

import hashlib
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Program
from hstore import Store
from hstore.doctor import examine
from hstore.domains.audit import links
from hstore.errors import InvalidInput
from planted import Secrets
from unmasked import unmasked

WRITER = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    for number in range(int(sys.argv[2])):
        if number % 3:
            store.audit.write("info", "alone", str(number))
        else:
            with store.batch():
                store.audit.write("info", "together", data={"n": number})
                run = store.record_run("a", "a", exit_code=0)
                store.audit.write("info", "together", run=run)
"""


def chained(path: Path, lines: int = 9) -> str:
    """A store with two lines before its chain and so many in it; the head's hash."""
    with Store.open(path) as store:
        store.audit.write("info", "before")
        store.audit.write("info", "before")
        assert store.audit.chain().line == 3
        for number in range(lines - 1):
            store.audit.write(
                "info", f"event.{number}", "ü" * number, scope="s", run=number or None, data={"n": number}
            )
        head = store.audit.head()
        assert head is not None
        assert head.line == lines + 2
        return head.hash


def tamper(path: Path, *statements: str) -> None:
    """Do to a closed store's file what only somebody who takes the triggers away can do."""
    raw = apsw.Connection(str(path))
    for name in ("update", "delete", "replace"):
        raw.execute(f"DROP TRIGGER audit_log_no_{name}")
    for statement in statements:
        raw.execute(statement)
    raw.close()


def found(path: Path, head: str | None = None) -> list[tuple[str, int, int]]:
    """What is wrong with the chain; the doctor must say the same."""
    with Store.open(path, readonly=True) as store:
        report = store.audit.verify(head)
    (check,) = (check for check in examine(path).checks if check.name == "audit_chain")
    if head is None:
        assert check.status == ("ok" if report.ok else "fail")
        assert check.data["problems"] == [each.message for each in report.problems]
    assert report.ok == (not report.problems)
    return [(each.kind, each.first, each.last) for each in report.problems]


def test_lines_form_a_chain_from_where_it_was_begun(path: Path) -> None:
    """Each has a hash from then on, in batches too; begun twice it is the same chain; the head is that of the last."""
    head = chained(path)
    assert found(path) == []
    with Store.open(path) as store:
        assert store.audit.chain() == (11, head)
        with store.batch():
            store.audit.write("info", "a")
            store.audit.write("info", "b")
        assert store.query("SELECT id FROM audit_log WHERE hash IS NULL") == ((1,), (2,))
        report = store.audit.verify()
        assert (report.chained, report.first, report.last, report.lines) == (True, 3, 13, 11)
        assert store.audit.head() == (13, report.head)
        assert [entry.event for entry in store.audit.list(event="audit.chained")] == ["audit.chained"]


def test_without_a_chain_nothing_is_hashed(store: Store) -> None:
    """Off is how a store begins; looking at it finds nothing wrong, and says that there is none."""
    store.audit.write("info", "a")
    report = store.audit.verify()
    assert (report.ok, report.chained, report.lines, store.audit.head()) == (True, False, 0, None)
    assert store.query("SELECT count(*) FROM audit_log WHERE hash IS NOT NULL") == ((0,),)
    assert [check.status for check in examine(store.path).checks if check.name == "audit_chain"] == ["info"]


def test_a_chain_begun_in_a_batch_that_is_undone_is_none(store: Store) -> None:
    """Lines are written as before, and it can be begun again."""
    with pytest.raises(ValueError, match="no"), store.batch():
        store.audit.chain()
        store.audit.write("info", "a")
        raise ValueError("no")
    assert store.audit.write("info", "b") == 1
    assert store.audit.head() is None
    assert store.audit.chain().line == 2
    with pytest.raises(ValueError, match="no"), store.batch():
        store.audit.write("info", "c")
        raise ValueError("no")
    store.audit.write("info", "d")
    assert store.audit.verify().ok


def test_the_hash_is_as_documented(path: Path) -> None:
    """Computed from the documentation alone, over rows read as text by a plain query."""
    head = chained(path)
    with Store.open(path, readonly=True) as store:
        digest = hashlib.sha256(b"hstore audit chain 1\n" + store.store_id.encode()).digest()
        rows = store.query("SELECT id, at, level, run_id, scope, event, message, data FROM audit_log WHERE id > 2")
    for row in sorted(rows):
        texts = [None if value is None else str(value).encode() for value in row]
        line = b"".join(b"-," if text is None else str(len(text)).encode() + b":" + text + b"," for text in texts)
        digest = hashlib.sha256(digest + line).digest()
    assert digest.hex() == head


def test_the_example_in_the_documentation_is_true() -> None:
    """What stands there as the bytes of a line are its bytes."""
    line = links.encoded((3, 1_700_000_000_000_000, "info", None, None, "a.b", "", None))
    documented = Path(__file__).parents[2] / "docs" / "file-format.md"
    assert f"`{line.decode()}`" in documented.read_text(encoding="utf-8")


TAMPERED: dict[str, tuple[list[str], list[tuple[str, int, int]]]] = {
    "a text": (["UPDATE audit_log SET message = 'other' WHERE id = 6"], [("changed", 6, 6)]),
    "a time": (["UPDATE audit_log SET at = at + 1 WHERE id = 4"], [("changed", 4, 4)]),
    "a text that is NULL now": (["UPDATE audit_log SET data = NULL WHERE id = 6"], [("changed", 6, 6)]),
    "bytes that are no text": (
        ["UPDATE audit_log SET message = CAST(x'ff' AS TEXT) WHERE id = 6"],
        [("changed", 6, 6)],
    ),
    "the first": (["UPDATE audit_log SET level = 'error' WHERE id = 3"], [("changed", 3, 3)]),
    "the last": (["UPDATE audit_log SET level = 'error' WHERE id = 11"], [("changed", 11, 11)]),
    "two": (["UPDATE audit_log SET scope = 'x' WHERE id IN (5, 9)"], [("changed", 5, 5), ("changed", 9, 9)]),
    "its hash": (["UPDATE audit_log SET hash = zeroblob(32) WHERE id = 11"], [("changed", 11, 11)]),
    "one removed": (["DELETE FROM audit_log WHERE id = 6"], [("removed", 6, 6)]),
    "some removed": (["DELETE FROM audit_log WHERE id IN (4, 6, 7)"], [("removed", 4, 4), ("removed", 6, 7)]),
    "the first removed": (["DELETE FROM audit_log WHERE id = 3"], [("removed", 3, 3)]),
    "the last removed": (["DELETE FROM audit_log WHERE id > 9"], [("removed", 10, 11)]),
    "all removed": (["DELETE FROM audit_log"], [("removed", 3, 11)]),
    "one replaced": (
        [
            "DELETE FROM audit_log WHERE id = 6",
            "INSERT INTO audit_log (id, at, level, event) VALUES (6, 0, 'info', 'forged')",
        ],
        [("changed", 6, 6)],
    ),
    "one put in behind": (
        ["INSERT INTO audit_log (at, level, event) VALUES (0, 'info', 'forged')"],
        [("inserted", 12, 12)],
    ),
    "two exchanged": (
        [
            "UPDATE audit_log SET id = 100 WHERE id = 6",
            "UPDATE audit_log SET id = 6 WHERE id = 7",
            "UPDATE audit_log SET id = 7 WHERE id = 100",
        ],
        [("moved", 6, 6), ("moved", 7, 7)],
    ),
    "far ones exchanged": (
        [
            "UPDATE audit_log SET id = 100 WHERE id = 4",
            "UPDATE audit_log SET id = 4 WHERE id = 9",
            "UPDATE audit_log SET id = 9 WHERE id = 100",
        ],
        [("moved", 4, 4), ("moved", 9, 9)],
    ),
    "one removed, those behind moved up": (
        ["DELETE FROM audit_log WHERE id = 8", "UPDATE audit_log SET id = id - 1 WHERE id > 8"],
        [("changed", 8, 8), ("moved", 9, 9), ("moved", 10, 10), ("removed", 11, 11)],
    ),
    "the record of the chain": (["DELETE FROM audit_chain"], [("record", 3, 11)]),
    "the record begun anew": (["UPDATE audit_chain SET first_id = 6"], [("record", 3, 5), ("changed", 6, 6)]),
    "the last hash on record": (["UPDATE audit_chain SET last_hash = zeroblob(32)"], [("changed", 11, 11)]),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_each_line_that_was_touched_is_named(path: Path, what: str) -> None:
    """Changed, removed, put in, moved, at the beginning, in the middle and at the end; and nothing else is named."""
    statements, expected = TAMPERED[what]
    chained(path)
    tamper(path, *statements)
    assert found(path) == expected


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with a chain of ten lines, to be copied."""
    path = tmp_path_factory.mktemp("whole") / "project.db"
    chained(path, 10)
    return path


LINE = st.integers(3, 12)
TAMPERING = st.one_of(
    st.tuples(st.just("DELETE FROM audit_log WHERE id = {0}"), LINE, LINE),
    st.tuples(st.just("UPDATE audit_log SET at = at + {1} WHERE id = {0}"), LINE, LINE),
    st.tuples(st.just("UPDATE audit_log SET message = message || '{1}' WHERE id = {0}"), LINE, LINE),
    st.tuples(st.just("UPDATE audit_log SET hash = randomblob(32) WHERE id = {0}"), LINE, LINE),
    st.tuples(st.just("UPDATE audit_log SET hash = NULL WHERE id = {0}"), LINE, LINE),
    st.tuples(st.just("UPDATE OR IGNORE audit_log SET id = {0} + 100 WHERE id = {0}"), LINE, LINE),
    st.tuples(st.just("UPDATE OR IGNORE audit_log SET id = {0} - 2 WHERE id = {0} + 1"), LINE, LINE),
    st.tuples(st.just("INSERT INTO audit_log (at, level, event) VALUES ({0}, 'info', 'forged')"), LINE, LINE),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=st.lists(TAMPERING, min_size=1, max_size=4))
def test_no_tampering_goes_unnoticed(whole: Path, tmp_path: Path, done: list[tuple[str, int, int]]) -> None:
    """Lines changed, removed, moved and put in at random: the log is whole only if it is what it was."""
    path = tmp_path / "project.db"
    path.write_bytes(whole.read_bytes())
    columns = "id, at, level, run_id, scope, event, message, data, hash"
    with Store.open(whole, readonly=True) as store:
        before = store.query(f"SELECT {columns} FROM audit_log ORDER BY id")
    tamper(path, *(statement.format(*lines) for statement, *lines in done))
    with Store.open(path, readonly=True) as store:
        same = store.query(f"SELECT {columns} FROM audit_log ORDER BY id") == before
        report = store.audit.verify()
        assert report.ok == same, done
        assert all(1 <= each.first <= each.last for each in report.problems)


def test_the_chain_goes_on_behind_what_something_else_put_in(path: Path) -> None:
    """A program that knows nothing of chains adds a line: that one is named, and hstore's own still follow."""
    chained(path)
    tamper(path, "INSERT INTO audit_log (at, level, event) VALUES (0, 'info', 'plain SQL')")
    with Store.open(path) as store:
        assert store.audit.write("info", "after") == 13
    assert found(path) == [("inserted", 12, 12)]


def test_a_line_with_a_hash_of_its_own_is_noticed_at_the_next(path: Path) -> None:
    """Who changes a line and gives it the right hash breaks the line behind it: the message speaks of both."""
    chained(path)
    with Store.open(path, readonly=True) as store:
        (before,) = store.query("SELECT hash FROM audit_log WHERE id = 5")[0]
        row = ("6", "0", "info", None, None, "forged", "", None)
        line = b"".join(b"-," if text is None else f"{len(text)}:{text},".encode() for text in row)
    forged = hashlib.sha256(before + line).hexdigest()
    change = "at = 0, run_id = NULL, scope = NULL, event = 'forged', message = '', data = NULL"
    tamper(path, f"UPDATE audit_log SET {change}, hash = x'{forged}' WHERE id = 6")
    assert found(path) == [("changed", 7, 7)]
    with Store.open(path, readonly=True) as store:
        assert "line before it" in store.audit.verify().problems[0].message


def test_a_chain_made_anew_is_whole_but_has_not_the_head_that_was_kept(path: Path) -> None:
    """What a chain in the file cannot show, a head that is kept elsewhere does; an old head holds while it grows."""
    early = chained(path)
    with Store.open(path) as store:
        store.audit.write("info", "later")
        report = store.audit.verify(early)
        assert (report.ok, report.known_line) == (True, 11)
    tamper(path, "DELETE FROM audit_log WHERE id > 2", "DELETE FROM audit_chain")
    with Store.open(path) as store:
        store.audit.chain()
        for number in range(9):
            store.audit.write("info", f"forged.{number}")
    assert found(path) == []
    assert found(path, early) == [("head", 0, 0)]
    assert found(path, early.upper()) == [("head", 0, 0)]
    assert [each[0] for each in found(path, "00" * 32)] == ["head"]


@pytest.mark.parametrize("wrong", ["", "ab", "zz" * 32, "0" * 63, "0" * 66, 5])
def test_a_head_that_is_none_is_refused(store: Store, wrong: str) -> None:
    """It names the argument; the digits are not shown."""
    with pytest.raises(InvalidInput, match="^head"):
        store.audit.verify(wrong)


def test_a_head_is_not_found_where_there_is_no_chain(store: Store) -> None:
    """Somebody who kept a head had a chain."""
    assert [each.kind for each in store.audit.verify("00" * 32).problems] == ["head"]


def test_of_many_problems_a_hundred_are_named(path: Path) -> None:
    """The number of all is there."""
    chained(path, 400)
    tamper(path, "UPDATE audit_log SET at = at + 1")
    with Store.open(path, readonly=True) as store:
        report = store.audit.verify()
    assert (len(report.problems), report.problem_count, report.lines) == (100, 400, 400)


def test_a_line_of_another_store_fits_nowhere(path: Path, tmp_path: Path) -> None:
    """The chain begins at the store's own id: one file's log in another file is no chain."""
    chained(path, 3)
    other = tmp_path / "other.db"
    chained(other, 3)
    tamper(path, f"UPDATE meta SET store_id = '{'0' * 36}'")
    assert found(path) == [("changed", 3, 3)]


def test_eight_processes_write_one_chain(path: Path, program: Program) -> None:
    """Alone and in batches, all at once: no line is missing and each follows the one before, at every moment."""
    chained(path, 1)
    writers = [program(WRITER, path, 60) for _ in range(8)]
    with Store.open(path, readonly=True) as store:
        while any(writer.poll() is None for writer in writers):
            assert store.audit.verify().problems == ()
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said
    with Store.open(path) as store:
        report = store.audit.verify()
        assert (report.problems, report.lines) == ((), 1 + 8 * 80)
    assert found(path) == []


def test_a_killed_writer_leaves_the_chain_whole(path: Path, program: Program) -> None:
    """A line and the chain's record are one transaction."""
    chained(path, 1)
    writers = [program(WRITER, path, 1_000_000) for _ in range(3)]
    seen = 0
    with Store.open(path, busy_timeout=60) as store:
        while seen < 200 and all(writer.poll() is None for writer in writers):
            seen = store.query("SELECT count(*) FROM audit_log")[0][0]
    for writer in writers:
        writer.kill()
        writer.wait()
    with Store.open(path) as store:
        store.audit.write("info", "after")
        report = store.audit.verify()
        assert report.ok, report.problems
        assert report.lines > 200


def test_masking_anew_leaves_the_chain_whole(path: Path) -> None:
    """Lines that hold something that is masked today are left as they are, and said to be."""
    hidden = Secrets()
    with unmasked(path) as store:
        store.audit.chain()
        store.audit.write("info", "leaked", hidden.text(), data={"password": hidden.named})
        store.remember("k", hidden.text())
    with Store.open(path, values=[hidden.registered]) as store:
        report = store.masking.apply()
        assert report.left > 0
        assert report.changed > 0
        assert store.audit.verify().ok
    assert found(path) == []
