"""Power cuts, simulated: at every sync of a recorded workload, and between, what would be left is opened and looked at.

`HSTORE_TEST_CUTS=all` looks at every operation instead of every sync and some operations between.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import power
from hstore import Store
from hstore.errors import NotInitialised

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a VFS on top of SQLite's for POSIX systems")

EVERYTHING = os.environ.get("HSTORE_TEST_CUTS") == "all"
WORKLOAD = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
import apsw, power
from hstore import Store
from hstore.engine import checkpoints, files, settings
path, durability, fault, parts = sys.argv[2:6]
ignored = {"no syncs": power.KEPT, "no syncs of the WAL": apsw.SQLITE_OPEN_WAL,
           "no syncs of the database": apsw.SQLITE_OPEN_MAIN_DB}.get(fault, 0)
record = power.Record()
vfs = power.RecordingVFS(record, ignored=ignored)
checkpoints.WAL_INTERVAL = settings.WAL_INTERVAL = 60
if fault == "synchronous off":
    settings.durability = lambda connection, level: connection.execute("PRAGMA synchronous = OFF")
if fault == "rollback journal":
    files.UNSAFE_FILE_SYSTEMS = frozenset({files.file_system(path)})
for part in range(int(parts)):
    with Store.open(path, durability=durability) as store:
        if not part:
            record.done(("opened", path))
        for number in range(8):
            store.record_run("single", [str(part), str(number)], key=f"s{part}/{number}", exit_code=0)
            record.done(("run", f"s{part}/{number}"))
            store.remember("count", part * 8 + number)
            record.done(("count", part * 8 + number))
        for number in range(3):
            with store.batch():
                for each in range(5):
                    run = store.record_run("batch", "b", key=f"b{part}/{number}/{each}", exit_code=0)
                    store.attach_artifact(run, "log", f"{part} {number} {each}\\n".encode() * 100, name="stdout")
            record.done(("batch", f"b{part}/{number}"))
        rows = [{"app": "many", "cmdline": "m", "key": f"m{part}/{each}", "exit_code": 0} for each in range(40)]
        store.record_runs(rows)
        record.done(("many", f"m{part}"))
        with Store.open(path, durability=durability) as second:
            second.record_run("second", "second", key=f"z{part}", exit_code=0)
            record.done(("run", f"z{part}"))
        store.record_run("single", "last", key=f"l{part}", exit_code=0)
        record.done(("run", f"l{part}"))
    record.done(("closed", part))
sys.stdout.buffer.write(pickle.dumps([tuple(operation) for operation in record.operations]))
"""

SIZES = {"batch": 5, "many": 40}


def recorded(tmp_path: Path, durability: str, fault: str = "", parts: int = 3) -> list[power.Operation]:
    """What the workload did to its files, and when hstore acknowledged what."""
    folder = tmp_path / "recorded"
    folder.mkdir()
    here = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WORKLOAD, here, folder / "project.db", durability, fault, str(parts)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    operations = [power.Operation(*operation) for operation in pickle.loads(done.stdout)]
    assert sum(operation.kind == "done" for operation in operations) > 20 * parts
    return operations


def cuts(operations: list[power.Operation], between: float) -> list[str]:
    """Cut the power before and after every sync, and at a share `between` of all other operations; what went wrong."""
    draw = random.Random(1)
    disk, wrong = power.Disk(), []
    # In memory, where there is such a place: what is looked at is made and removed, and its own syncs mean nothing.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as place:
        for number, operation in enumerate(operations):
            if EVERYTHING:
                shares = [0.0, 1.0, draw.random()]
            elif operation.kind.startswith("sync"):
                shares = [0.0, draw.choice((1.0, draw.random()))]
            else:
                shares = [draw.random()] if draw.random() < between else []
            for share in shares:
                folder = Path(place) / str(number)
                folder.mkdir()
                disk.cut(folder, draw, share)
                wrong += [f"operation {number}, {share:.2f} of what waited: {what}" for what in _look(folder, disk)]
                shutil.rmtree(folder)
            disk.go_on(operation)
    return wrong


def _look(folder: Path, disk: power.Disk) -> list[str]:
    """Open what is left as anybody would, and compare it with what was acknowledged."""
    path = folder / "project.db"
    try:
        with Store.open(path, create=False) as store:
            return _damage(store) + _missing(store, disk.acknowledged)
    except NotInitialised:
        return ["lost: everything"] if disk.acknowledged else []
    except Exception as failure:  # what a damaged row holds can fail anywhere
        return [f"damaged: {failure!r}"]


def _damage(store: Store) -> list[str]:
    (whole,) = store._connection.rows("PRAGMA integrity_check(1)")[0]
    wrong = [] if whole == "ok" else [f"damaged: {whole}"]
    if store._connection.rows("PRAGMA foreign_key_check"):
        wrong.append("damaged: broken references")
    keys = _keys(store)
    for kind, size in SIZES.items():
        found: dict[str, int] = {}
        for key in keys:
            if key.startswith(kind[0]):
                group = key.rpartition("/")[0]
                found[group] = found.get(group, 0) + 1
        wrong += [f"damaged: {count} of {size} of {group}" for group, count in found.items() if count != size]
    for artifact in store.artifacts.list(limit=None):
        key = store.runs.get(artifact.run).key or ""
        if store.read_artifact(artifact.id) != (key[1:].replace("/", " ") + "\n").encode() * 100:
            wrong.append(f"damaged: artifact of {key}")
    return wrong


def _missing(store: Store, acknowledged: list[Any]) -> list[str]:
    """What was acknowledged and is not there; and what is there although something acknowledged earlier is not."""
    there = [_is_there(store, _keys(store), what) for what in acknowledged]
    wrong = [f"lost: {what}" for what, found in zip(acknowledged, there, strict=True) if not found]
    if there != sorted(there, reverse=True):
        wrong.append("damaged: a later commit is there without an earlier one")
    return wrong


def _is_there(store: Store, keys: set[str], what: tuple[str, Any]) -> bool:
    kind, name = what
    if kind == "run":
        return name in keys
    if kind == "count":
        return int(store.recall("count", -1)) >= name
    if kind in SIZES:
        return f"{name}/0" in keys
    return kind == "opened" or f"l{name}" in keys


def _keys(store: Store) -> set[str]:
    return {run.key or "" for run in store.runs.list(limit=None)}


def test_full_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """`durability="full"`: whenever the power is cut, the file is whole, and has everything acknowledged before."""
    assert cuts(recorded(tmp_path, "full"), between=0.05) == []


def test_full_loses_nothing_with_a_rollback_journal_either(tmp_path: Path) -> None:
    """Where WAL is not safe hstore uses a rollback journal, with the same promise."""
    assert cuts(recorded(tmp_path, "full", "rollback journal", parts=1), between=0.02) == []


def test_normal_loses_the_last_commits_at_most(tmp_path: Path) -> None:
    """The default at a power cut: the file is whole, with all commits up to one of them; later ones can be missing."""
    wrong = cuts(recorded(tmp_path, "normal"), between=0.05)
    assert [what for what in wrong if "damaged" in what] == []
    assert wrong, "it would be as good as full: then this test does not see what it should"


@pytest.mark.parametrize(
    ("durability", "fault", "found"),
    [
        ("full", "no syncs", "lost"),
        ("full", "synchronous off", "lost"),
        ("full", "no syncs of the WAL", "lost"),
        ("normal", "no syncs of the WAL", "damaged"),
        ("normal", "no syncs of the database", "damaged"),
    ],
)
def test_what_is_not_synced_is_missed(tmp_path: Path, durability: str, fault: str, found: str) -> None:
    """The control: with a disk that ignores syncs, or SQLite told not to sync, the same look finds what is wrong."""
    operations = recorded(tmp_path, durability, fault)
    if fault in ("no syncs", "synchronous off"):
        assert not any(operation.kind == "sync" for operation in operations)
    wrong = cuts(operations, between=0.05)
    assert any(found in what for what in wrong)
