"""Tracked files: what a scan finds, that it misses no change, and that it reads no database that is open here."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Program
from hstore import Store
from hstore.doctor import examine
from hstore.domains.files import reading, scanning
from hstore.errors import InvalidInput, NotFound, StoreError

WRITE = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
try:
    connection.execute("BEGIN IMMEDIATE").fetchall()
    print("wrote")
except apsw.BusyError:
    print("busy")
"""
SCAN = """
import sys, time
from hstore import Store
from hstore.domains.files import scanning
scanning.BATCH = 10
written = scanning.Scan._write
def pausing(self):
    written(self)
    print("a batch", flush=True)
    time.sleep(0.05)
scanning.Scan._write = pausing
with Store.open(sys.argv[1]) as store:
    store.files.scan(sys.argv[2])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to scan; the store is beside it."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each file had been written long before it is read, so that nothing is read again to be sure."""
    monkeypatch.setattr(reading, "RACY", 0)


def fill(folder: Path, *names: str, content: str = "x") -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return [folder / name for name in names]


def names(paths: tuple[str, ...]) -> list[str]:
    return [Path(path).name for path in paths]


def at_first_read(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], times: int = 1) -> None:
    """Have `act` happen in the middle of reading a file, the first `times` that one is begun."""
    original, left = os.read, [times]

    def read(number: int, count: int) -> bytes:
        found = original(number, count)
        if found and left[0]:
            left[0] -= 1
            act()
        return found

    monkeypatch.setattr(reading.os, "read", read)


def test_file_is_tracked_by_what_it_holds(store: Store, folder: Path) -> None:
    """Path, name, type, size and SHA-256; tracked again it is pending only if its content is another."""
    (path,) = fill(folder, "Notes.MD", content="hello")
    found = store.files.track(path)
    assert (found.path, found.name, found.type, found.size) == (str(path), "Notes.MD", "md", 5)
    assert found.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert (found.status, found.error, found.parsed_at, found.missing_at) == ("pending", None, None, None)
    assert found.modified_at.timestamp() == pytest.approx(path.stat().st_mtime)
    assert store.files.parsed(path)
    again = store.files.track(path)
    assert (again.id, again.status, again.updated_at) == (found.id, "success", store.files.get(path).updated_at)
    path.write_text("other")
    changed = store.files.track(path)
    assert (changed.id, changed.status) == (found.id, "pending")
    assert changed.parsed_at == again.parsed_at


def test_parsing_is_noted(store: Store, folder: Path) -> None:
    """Success, failure with its reason, and nothing for content that is no longer there."""
    (path,) = fill(folder, "a.py")
    before = store.files.track(path)
    assert store.files.parse_failed(path, "line 3: no", sha256=before.sha256)
    failed = store.files.get(path)
    assert (failed.status, failed.error) == ("failed", "line 3: no")
    assert failed.parsed_at is not None
    assert store.files.parsed(path)
    assert (store.files.get(path).status, store.files.get(path).error) == ("success", None)
    path.write_text("changed")
    store.files.track(path)
    assert not store.files.parsed(path, sha256=before.sha256)
    assert store.files.get(path).status == "pending"


@pytest.mark.usefixtures("calm")
def test_scan_says_what_is_new_changed_gone_and_back(store: Store, folder: Path) -> None:
    """Counts and paths of each kind; what is as it was is not even read."""
    a, b, c = fill(folder, "a.py", "deep/er/b.md", "c")
    first = store.files.scan(folder)
    assert (first.added, first.read, first.unchanged) == (3, 3, 0)
    assert first.paths["added"] == tuple(sorted(map(str, (a, b, c))))
    assert first.folder == str(folder)
    for path in (a, b, c):
        store.files.parsed(path)
    a.write_text("changed")
    b.unlink()
    second = store.files.scan(folder)
    assert (second.added, second.changed, second.missing, second.unchanged, second.read) == (0, 1, 1, 1, 1)
    assert (second.paths["changed"], second.paths["missing"]) == ((str(a),), (str(b),))
    assert store.files.get(a).status == "pending"
    assert store.files.get(b).missing_at is not None
    assert [found.path for found in store.files.list(missing=True)] == [str(b)]
    fill(folder, "deep/er/b.md")
    third = store.files.scan(folder)
    assert (third.returned, third.changed, third.missing, third.unchanged) == (1, 0, 0, 2)
    assert (store.files.get(b).status, store.files.get(b).missing_at) == ("success", None)
    b.unlink()
    store.files.scan(folder)
    assert store.files.scan(folder).missing == 0
    fill(folder, "deep/er/b.md", content="other")
    assert store.files.scan(folder).changed == 1
    assert store.files.get(b).status == "pending"


@pytest.mark.usefixtures("calm")
def test_same_size_and_time_is_no_disguise(store: Store, folder: Path) -> None:
    """Content that was replaced with its time of change set back: the file system's own time gives it away."""
    (path,) = fill(folder, "a", content="one")
    store.files.scan(folder)
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_text("two")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert store.files.scan(folder).changed == 1


def test_change_right_after_a_scan_is_never_missed(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same size, on a file system that counts in two seconds: what was changed lately is read again."""

    def coarse(found: os.stat_result) -> tuple[int, int, int]:
        size, changed, noted = reading_stamp(found)
        return size, changed - changed % reading.RACY, noted - noted % reading.RACY

    reading_stamp = reading.stamp
    for module in (reading, scanning):
        monkeypatch.setattr(module, "stamp", coarse)
    path = folder / "a"
    for number in range(100):
        path.write_text(f"{number:04}")
        store.files.scan(folder)
        assert store.files.get(path).sha256 == hashlib.sha256(f"{number:04}".encode()).hexdigest()


@pytest.mark.usefixtures("calm")
def test_verifying_reads_what_seems_unchanged(store: Store, folder: Path) -> None:
    """A wrong digest in the store stays unnoticed by a quick scan and is found by a sure one."""
    fill(folder, "a", "b")
    store.files.scan(folder)
    store._connection.write("UPDATE tracked_files SET sha256 = zeroblob(32) WHERE name = 'a'")
    assert (quick := store.files.scan(folder)).unchanged == 2
    assert quick.read == 0
    sure = store.files.scan(folder, verify=True)
    assert (sure.changed, sure.unchanged, sure.read) == (1, 1, 2)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_after_each_scan_the_store_says_what_is_there(
    store: Store, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """For any changes between scans: each file's digest is right, each that is gone is missing, and counts add up."""
    folder = tmp_path_factory.mktemp("scanned")
    contents: dict[str, str] = {}
    known: dict[str, str] = {}
    for _ in range(data.draw(st.integers(1, 4))):
        for name in data.draw(st.lists(st.sampled_from(["a", "b", "d/c", "d/d", "e/f/g"]), max_size=5)):
            if data.draw(st.booleans()):
                contents[name] = data.draw(st.sampled_from(["", "x", "y", "longer"]))
                fill(folder, name, content=contents[name])
            elif name in contents:
                (folder / name).unlink()
                del contents[name]
        before = {name: store.files.get(folder / name) for name in known}
        report = store.files.scan(folder, verify=data.draw(st.booleans()))
        changed = {name for name in contents if name in known and known[name] != contents[name]}
        back = {name for name in contents if name in before and before[name].missing_at is not None} - changed
        gone = {name for name in known if name not in contents and before[name].missing_at is None}
        assert (report.added, report.changed, report.returned, report.missing, report.failed) == (
            len(contents.keys() - known.keys()),
            len(changed),
            len(back),
            len(gone),
            0,
        )
        assert report.unchanged == len(contents) - report.added - report.changed - report.returned
        known |= contents
        for name, content in known.items():
            found = store.files.get(folder / name)
            assert found.sha256 == hashlib.sha256(content.encode()).hexdigest()
            assert (found.missing_at is None) == (name in contents)


def test_links_lead_nowhere(store: Store, folder: Path, tmp_path: Path) -> None:
    """Neither out of the folder, nor around in it, nor to a file; only the folder itself may be one."""
    fill(tmp_path / "outside", "secret")
    fill(folder, "deep/a")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "deep" / "twin").symlink_to(folder / "deep" / "a")
    (folder / "dangling").symlink_to("nowhere")
    report = store.files.scan(folder)
    assert (report.added, report.failed) == (1, 0)
    (tmp_path / "link").symlink_to(folder)
    assert store.files.scan(tmp_path / "link").added == 1


def test_what_is_no_regular_file_is_left_alone(store: Store, folder: Path) -> None:
    """A pipe would make the reader wait for ever; to track one by name is refused."""
    os.mkfifo(folder / "pipe")
    report = store.files.scan(folder)
    assert (report.added, report.failed) == (0, 0)
    for path in (folder / "pipe", folder, folder / "nothing"):
        with pytest.raises(InvalidInput, match="^path: not read"):
            store.files.track(path)


def test_own_folder_and_those_of_version_control_are_not_entered(store: Store, folder: Path) -> None:
    """Nothing in `.heimdall` is looked at, by whatever way it is asked for."""
    fill(folder, ".heimdall/x", ".git/config", "sub/.git/config", ".gitignore")
    assert names(store.files.scan(folder).paths["added"]) == [".gitignore"]
    with pytest.raises(InvalidInput, match="own folder"):
        store.files.scan(folder / ".heimdall")
    with pytest.raises(InvalidInput, match="own folder"):
        store.files.track(folder / ".heimdall" / "x")


def lock_is_kept(store: Store, folder: Path, act: Callable[[Store], object], program: Program) -> bool:
    """Whether a write lock on a database in `folder` still keeps another process out after `act` in this one."""
    with Store.open(folder / "data.db") as inside, inside.batch():
        inside.remember("k", 1)
        act(store)
        return program(WRITE, folder / "data.db").communicate()[0] == "busy\n"


def test_database_that_is_open_here_is_never_read(store: Store, folder: Path, program: Program) -> None:
    """Its lock holds through a sure scan and by any other name; neither it nor what lies beside it is tracked."""
    fill(folder, "a")

    def scan(store: Store) -> None:
        os.link(folder / "data.db", folder / "by another name")
        report = store.files.scan(folder, verify=True)
        assert names(report.paths["added"]) == ["a"]
        with pytest.raises(InvalidInput, match="database"):
            store.files.track(folder / "data.db")

    assert lock_is_kept(store, folder, scan, program)


def test_scan_of_the_folder_that_the_store_is_in(folder: Path, program: Program) -> None:
    """Its own database, WAL and shared memory are left out, while another process writes to it."""
    fill(folder, "a", "b")
    with Store.open(folder / "project.db") as store:
        other = program(
            "import sys; from hstore import Store\n"
            "with Store.open(sys.argv[1]) as store:\n"
            "    for number in range(200): store.remember(str(number), number)",
            store.path,
        )
        while other.poll() is None:
            report = store.files.scan(folder, verify=True)
        assert other.wait() == 0
        assert report.failed == 0
        assert [found.name for found in store.files.list()] in (["b", "a"], ["a", "b"])
        assert len(store.memory.list(limit=None)) == 200
    assert examine(folder / "project.db").ok


def test_lock_would_be_lost_if_it_were_read(
    store: Store, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above can fail: without what keeps a scan away, another process writes in between, and is noticed."""
    monkeypatch.setattr(reading, "is_open_here", lambda path: False)
    monkeypatch.setattr(scanning, "open_in_process", frozenset)
    monkeypatch.setattr(reading, "_others_have", lambda number: False)
    with pytest.raises(StoreError, match="removed or replaced"):
        lock_is_kept(store, folder, lambda store: store.files.scan(folder), program)


def test_database_of_the_host_is_not_read_either(store: Store, folder: Path, program: Program) -> None:
    """One that this process has open with anything else is reported, and its lock holds."""
    connection = apsw.Connection(str(folder / "host.db"))
    connection.execute("CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").fetchall()
    report = store.files.scan(folder)
    assert {Path(failure.path).name for failure in report.failures} >= {"host.db"}
    assert all("has it open" in failure.reason for failure in report.failures)
    assert program(WRITE, folder / "host.db").communicate()[0] == "busy\n"
    connection.execute("COMMIT").fetchall()
    connection.close()
    assert store.files.scan(folder).added == 1


def test_database_that_is_opened_while_it_is_read_keeps_its_lock(
    store: Store, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever begins to use it in that moment: the reader's descriptor stays open, so closing takes no lock away."""
    connection = apsw.Connection(str(folder / "host.db"))
    connection.execute("CREATE TABLE t (x)").fetchall()
    connection.close()

    def begin() -> None:
        nonlocal connection
        connection = apsw.Connection(str(folder / "host.db"))
        connection.execute("BEGIN IMMEDIATE").fetchall()

    at_first_read(monkeypatch, begin)
    store.files.scan(folder)
    assert program(WRITE, folder / "host.db").communicate()[0] == "busy\n"
    connection.close()


def test_own_database_is_known_where_the_system_does_not_tell_what_is_open(
    store: Store, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a list of descriptors, those of hstore are left out all the same."""
    monkeypatch.setattr(reading, "DESCRIPTORS", "/no/such/folder")

    def scan(store: Store) -> None:
        assert store.files.scan(folder, verify=True).added == 0

    assert lock_is_kept(store, folder, scan, program)


def test_file_that_changes_while_it_is_read_is_read_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is the digest of what is there in the end."""
    (path,) = fill(folder, "a", content="before")
    at_first_read(monkeypatch, lambda: path.write_text("and after"))
    report = store.files.scan(folder)
    assert (report.added, report.failed) == (1, 0)
    assert store.files.get(path).sha256 == hashlib.sha256(b"and after").hexdigest()


def test_file_that_never_rests_is_reported(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not kept half-read; the others are; and it is not missing either."""
    restless, calm = fill(folder, "restless", "calm")
    store.files.scan(folder)
    restless.write_text("y")

    def append() -> None:
        with restless.open("a") as file:
            file.write("more")

    at_first_read(monkeypatch, append, times=1000)
    calm.unlink()
    report = store.files.scan(folder)
    assert [failure._asdict() for failure in report.failures] == [
        {"path": str(restless), "reason": "it kept changing while it was read"}
    ]
    assert report.paths["missing"] == (str(calm),)
    assert store.files.get(restless).sha256 == hashlib.sha256(b"x").hexdigest()


def test_what_cannot_be_read_is_reported_and_the_rest_is_done(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, and a folder: nothing in that is taken for missing."""
    fill(folder, "a", "closed/b", "open/c")
    store.files.scan(folder)
    opened, listed = os.open, os.scandir

    def refuse(path: str, *more: int) -> int:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *more)

    def refuse_folder(path: str) -> object:
        if str(path).endswith("/closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(reading.os, "open", refuse)
    monkeypatch.setattr(scanning.os, "scandir", refuse_folder)
    report = store.files.scan(folder, verify=True)
    assert (report.failed, report.unchanged, report.missing) == (2, 1, 0)
    assert [(Path(failure.path).name, failure.reason) for failure in report.failures] == [
        ("a", "Permission denied"),
        ("closed", "Permission denied"),
    ]


def test_folder_deeper_than_a_path_can_say_is_reported(store: Store, folder: Path) -> None:
    """What the system cannot name is no reason to stop."""
    fill(folder, "a")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    report = store.files.scan(folder)
    assert (report.added, report.failed) == (1, 1)
    assert report.failures[0].reason == "File name too long"


def test_names_that_are_no_valid_text_are_tracked(store: Store, folder: Path) -> None:
    """They show as what they are; one that looks the same written out is refused, not taken for it."""
    odd = os.fsdecode(os.fsencode(folder) + b"/a\xff.py")
    Path(odd).write_text("odd")
    report = store.files.scan(folder)
    assert report.paths["added"] == (f"{folder}/a\\xff.py",)
    assert store.files.get(odd).name == "a\\xff.py"
    fill(folder, "a\\xff.py", content="even")
    again = store.files.scan(folder)
    assert (again.added, again.unchanged, again.missing, again.failed) == (0, 1, 0, 1)
    assert "another tracked file" in again.failures[0].reason
    with pytest.raises(NotFound):
        store.files.get(folder / "a\\xff.py")
    fill(folder, "ü😀.txt")
    assert store.files.scan(folder).added == 1


def test_paths_that_become_the_same_by_masking_are_told_apart(path: Path, folder: Path, secret: str) -> None:
    """The first keeps its place, in one scan and in the next; the other is refused until the first is forgotten."""
    other = secret[::-1]
    fill(folder, secret, other)
    with Store.open(path, values=[secret, other]) as store:
        first = store.files.scan(folder)
        assert (first.added, first.failed) == (1, 1)
        assert secret not in repr(first)
        assert other not in repr(first)
        again = store.files.scan(folder)
        assert (again.unchanged, again.failed, again.missing) == (1, 1, 0)
        kept, refused = (secret, other) if _is_tracked(store, folder / secret) else (other, secret)
        with pytest.raises(InvalidInput, match="another tracked file") as failure:
            store.files.track(folder / refused)
        assert refused not in str(failure.value)
        assert not store.files.forget(folder / refused)
        assert store.files.forget(folder / kept)
        assert store.files.track(folder / refused).path == f"{folder}/[masked:value]"


def _is_tracked(store: Store, path: Path) -> bool:
    try:
        return bool(store.files.get(path))
    except NotFound:
        return False


def test_patterns_say_what_is_looked_at(store: Store, folder: Path) -> None:
    """By name, or by the path within the folder; what does not fit is neither tracked nor missing."""
    a, b, c = fill(folder, "a.py", "docs/b.md", "c.txt")
    assert names(store.files.scan(folder, patterns=["*.py", "docs/*"]).paths["added"]) == ["a.py", "b.md"]
    store.files.scan(folder)
    for path in (a, b, c):
        path.unlink()
    assert names(store.files.scan(folder, patterns=["*.txt"]).paths["missing"]) == ["c.txt"]
    assert store.files.scan(folder).missing == 2


def test_neighbour_with_a_longer_name_is_not_missing(store: Store, tmp_path: Path) -> None:
    """Only what is in the folder: one whose name begins alike is another."""
    fill(tmp_path, "ab/x", "ab.d/x", "ab0/x", "abc/x")
    store.files.scan(tmp_path, patterns=["x"])
    for name in ("ab", "ab.d", "ab0", "abc"):
        (tmp_path / name / "x").unlink()
    assert store.files.scan(tmp_path / "ab").paths["missing"] == (f"{tmp_path}/ab/x",)


def test_batches_and_reports_are_bounded(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files than one batch, and than a report lists: the counts are exact."""
    monkeypatch.setattr(scanning, "BATCH", 16)
    monkeypatch.setattr(scanning, "BYTES", 5)
    monkeypatch.setattr(scanning, "LISTED", 10)
    fill(folder, *(f"{number % 7}/{number}" for number in range(700)))
    report = store.files.scan(folder)
    assert (report.added, len(report.paths["added"])) == (700, 10)
    for path in list(folder.rglob("*"))[:400]:
        if path.is_file():
            path.unlink()
    there = sum(path.is_file() for path in folder.rglob("*"))
    again = store.files.scan(folder)
    assert (again.unchanged, again.missing, len(again.paths["missing"])) == (there, 700 - there, 10)


def test_others_write_while_files_are_read(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock is held meanwhile, not even for a moment that another would have to wait."""
    fill(folder, "a", "b")
    with Store.open(store.path, busy_timeout=0) as other:
        at_first_read(monkeypatch, lambda: other.remember("k", "v"), times=2)
        assert store.files.scan(folder).added == 2
    assert store.recall("k") == "v"


def test_what_others_track_meanwhile_is_not_missing(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was touched since the scan began is left for the next one."""
    fill(folder, "a")

    def track() -> None:
        with Store.open(store.path) as other:
            (late,) = fill(folder.parent, "folder/late")
            other.files.track(late)
            late.unlink()

    at_first_read(monkeypatch, track)
    assert store.files.scan(folder).missing == 0
    assert store.files.scan(folder).missing == 1


def test_killed_scan_has_kept_what_it_came_to(store: Store, folder: Path, program: Program) -> None:
    """And the next one goes on: each file is tracked once."""
    fill(folder, *map(str, range(300)))
    other = program(SCAN, store.path, folder)
    assert other.stdout is not None
    for _ in range(3):
        assert other.stdout.readline() == "a batch\n"
    other.kill()
    other.wait()
    kept = len(store.files.list(limit=None))
    assert 30 <= kept < 300
    report = store.files.scan(folder)
    assert (report.added, report.unchanged, report.missing) == (300 - kept, kept, 0)


def test_scans_at_once_agree(store: Store, folder: Path) -> None:
    """Two of one folder: each file is tracked once, with what it holds."""
    paths = fill(folder, *map(str, range(200)))
    with Store.open(store.path) as other:
        threads = [threading.Thread(target=each.files.scan, args=(folder,)) for each in (store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {found.path for found in store.files.list(limit=None, missing=False)} == set(map(str, paths))


def test_listing_by_type_status_and_time(store: Store, folder: Path) -> None:
    """Filters narrow, what was tracked last comes first, pages go on."""
    a, b, c = (store.files.track(path) for path in fill(folder, "a.py", "b.py", "c"))
    store.files.parsed(a.path)
    listed = store.files.list

    def ids(found: list) -> list[int]:
        return [each.id for each in found]

    assert ids(listed()) == [c.id, b.id, a.id]
    assert ids(listed(type="py")) == [b.id, a.id]
    assert ids(listed(type="")) == [c.id]
    assert ids(listed(status="pending")) == [c.id, b.id]
    assert ids(listed(status="success", type="py")) == [a.id]
    assert ids(listed(limit=1, after=c.id)) == [b.id]
    assert ids(listed(since=store.files.get(a.path).updated_at)) == [a.id]
    assert ids(listed(until=b.updated_at)) == []
    assert listed(missing=True) == []


def test_files_of_the_same_content_are_found(store: Store, folder: Path) -> None:
    """By its SHA-256, wherever they lie; what is no digest is refused."""
    for name, text in (("a", "same"), ("b", "same"), ("c", "other")):
        (folder / name).write_text(text)
    store.files.scan(folder)
    digest = hashlib.sha256(b"same").hexdigest()
    assert {file.name for file in store.files.list(sha256=digest)} == {"a", "b"}
    assert store.files.list(sha256=hashlib.sha256(b"nobody's").hexdigest()) == []
    with pytest.raises(InvalidInput, match="sha256"):
        store.files.list(sha256="00")


def test_times_beyond_all_calendars_are_read(store: Store, folder: Path) -> None:
    """A file system holds times that no datetime shows; the nearest one that does stands for it."""
    for number, seconds in enumerate((-(1 << 40), 0, 1 << 33, 1 << 40)):
        (path,) = fill(folder, str(number))
        try:
            os.utime(path, (seconds, seconds))
        except OSError:
            continue
        assert store.files.track(path).modified_at.year >= 1
    assert store.files.scan(folder).failed == 0
    assert store.files.scan(folder).unchanged == 4


@pytest.mark.parametrize("wrong", ["", "a\0b", "\ud800", None, 5, b"bytes"])
def test_what_is_no_path_is_refused(store: Store, wrong: object) -> None:
    """By every verb that takes one."""
    for verb in (store.files.track, store.files.get, store.files.parsed, store.files.forget):
        with pytest.raises(InvalidInput, match="^path"):
            verb(wrong)
    with pytest.raises(InvalidInput, match="^folder"):
        store.files.scan(wrong)


def test_other_bad_input(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each names its field; nothing is tracked."""
    (path,) = fill(folder, "a")
    refused = [
        ("folder", lambda: store.files.scan(folder / "nothing")),
        ("folder", lambda: store.files.scan(path)),
        ("patterns", lambda: store.files.scan(folder, patterns="*.py")),
        ("patterns", lambda: store.files.scan(folder, patterns=[""])),
        ("patterns", lambda: store.files.scan(folder, patterns=[5])),
        ("patterns", lambda: store.files.scan(folder, patterns=7)),
        ("status", lambda: store.files.list(status="odd")),
        ("since", lambda: store.files.list(since=datetime(2026, 1, 1))),
        ("after", lambda: store.files.list(after=0)),
    ]
    for field, act in refused:
        with pytest.raises(InvalidInput, match=f"^{field}"):
            act()
    assert store.files.list() == []
    for verb in (store.files.get, store.files.parsed):
        with pytest.raises(NotFound, match="^path"):
            verb(path)
    store.files.track(path)
    for digest in ("xx", "00", 5, b"0" * 32):
        with pytest.raises(InvalidInput, match="^sha256"):
            store.files.parsed(path, sha256=digest)
    with pytest.raises(InvalidInput, match="^error"):
        store.files.parse_failed(path, None)
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InvalidInput, match="working directory"):
        store.files.track("relative")


def test_relative_paths_are_of_the_working_directory(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are kept absolute, without dots."""
    fill(folder, "a")
    monkeypatch.chdir(folder)
    assert store.files.track("../folder/./a").path == str(folder / "a")
    assert store.files.get("a") == store.files.get(folder / "a")
    assert store.files.scan(".").unchanged == 1


@pytest.mark.parametrize("wrong", ["false", 0, 1], ids=str)
def test_truth_values_are_only_true_or_false(store: Store, folder: Path, wrong) -> None:
    """The text "false" would mean yes."""
    with pytest.raises(InvalidInput, match="^missing: "):
        store.files.list(missing=wrong)
    with pytest.raises(InvalidInput, match="^verify: "):
        store.files.scan(folder, verify=wrong)


def test_time_of_a_file_is_its_own_also_where_its_content_stays(store: Store, folder: Path) -> None:
    """Touched again and again, each scan has seen it as it is."""
    file = folder / "a.txt"
    file.write_text("the same")
    for seconds in (1_000_000_000, 2_000_000_000, 1_500_000_000):
        os.utime(file, (seconds, seconds))
        store.files.scan(folder)
        assert store.files.get(file).modified_at.timestamp() == seconds


def test_file_is_one_however_its_path_is_written(store: Store, folder: Path) -> None:
    """Also with two slashes in front, which Python leaves as they are."""
    file = folder / "a.txt"
    file.write_text("a")
    number = store.files.track(file).id
    for path in (f"/{file}", f"//{file}", f"{folder}/./x/..//a.txt"):
        assert store.files.track(path).id == number
    assert store.files.scan(f"/{folder}").added == 0


def test_store_s_own_folder_is_not_read_through_a_link_either(store: Store, folder: Path, tmp_path: Path) -> None:
    """A link to it, or to a file in it, is refused as it is itself."""
    own = tmp_path / "other" / ".heimdall"
    own.mkdir(parents=True)
    (own / "notes").write_text("n")
    (folder / "link").symlink_to(own)
    (folder / "file").symlink_to(own / "notes")
    with pytest.raises(InvalidInput, match="^folder: "):
        store.files.scan(folder / "link")
    for path in (folder / "link" / "notes", folder / "file"):
        with pytest.raises(InvalidInput, match="^path: "):
            store.files.track(path)


def test_error_of_parsing_goes_with_the_content_that_it_was_of(store: Store, folder: Path) -> None:
    """It stays while the file does, and new content has none."""
    file = folder / "a.py"
    file.write_text("one")
    store.files.scan(folder)
    store.files.parse_failed(file, "line 1")
    store.files.scan(folder, verify=True)
    assert (store.files.get(file).status, store.files.get(file).error) == ("failed", "line 1")
    file.write_text("two")
    store.files.scan(folder)
    assert (store.files.get(file).status, store.files.get(file).error) == ("pending", None)
