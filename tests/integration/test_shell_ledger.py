"""What becomes of a shell's commands where stores are locked, broken or many."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import apsw
import pytest

from hstore import Store
from hstore.shell import ledger as module
from hstore.shell.ledger import Ledger
from shells import lines, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells are recorded on POSIX systems only")


@pytest.fixture
def told():
    """What a ledger has said."""
    return []


@pytest.fixture
def ledger(told):
    """The ledger of a shell."""
    return Ledger(os.getpid(), "bash", told.append)


def command(line, directory, database=""):
    """The fields of a message."""
    words = ("", "1000", "0", str(directory), "", str(database), line)
    return [word.encode() for word in words]


def own():
    """The user's own store."""
    return Path.home() / ".heimdall" / "shell.db"


def test_what_is_too_much_to_keep_is_left_out_from_its_oldest_end(ledger, told, path, monkeypatch):
    """While a store is locked only so much is kept; what is left out is the oldest, and that is told once."""
    Store.open(path).close()
    holder = apsw.Connection(str(path))
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(module, "HELD_BYTES", 10_000)
    for number in range(100):
        ledger.add(command(f"echo {number:04} {'x' * 300}", path.parent, path))
    ledger.write()
    holder.execute("ROLLBACK")
    holder.close()
    wait_until(lambda: ledger.write() or lines(path), "the lock's end")
    kept = [int(line.split()[1]) for line in lines(path)]
    assert kept == list(range(100 - len(kept), 100))
    assert 10 < len(kept) < 30
    assert len(told) == 1
    assert "left out" in told[0]
    ledger.finish()


def test_lock_on_one_store_does_not_hold_up_another(ledger, tmp_path):
    """Commands for other stores are written meanwhile."""
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    Store.open(first).close()
    holder = apsw.Connection(str(first))
    holder.execute("BEGIN IMMEDIATE")
    ledger.add(command("echo one", tmp_path, first))
    ledger.add(command("echo two", tmp_path, second))
    ledger.write()
    assert (lines(first), lines(second)) == ([], ["echo two"])
    assert ledger.patience() is not None
    holder.execute("ROLLBACK")
    holder.close()
    ledger.finish()
    assert lines(first) == ["echo one"]


def test_store_that_is_broken_later(ledger, told, tmp_path):
    """Where a store cannot be used any more, commands go to the user's own; each reason is told once."""
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all, really" * 200)
    for number in range(3):
        ledger.add(command(f"echo {number}", tmp_path, broken))
        ledger.write()
    ledger.finish()
    assert lines(own()) == ["echo 0", "echo 1", "echo 2"]
    assert len(told) == 1
    assert "broken.db" in told[0]


def test_own_store_that_is_broken(ledger, told, tmp_path):
    """Where even that cannot be used, commands are left out, and it is told once."""
    own().parent.mkdir()
    own().write_bytes(b"no database at all, really" * 200)
    for number in range(3):
        ledger.add(command(f"echo {number}", tmp_path))
        ledger.write()
    ledger.finish()
    assert len(told) == 1
    assert "not recorded" in told[0]


def test_few_stores_are_open_at_once(ledger, tmp_path):
    """However many projects a shell visits, a handful of files is open, and each session gets its end."""
    paths = [tmp_path / f"{number}.db" for number in range(module.OPEN_STORES + 3)]
    for path in paths:
        ledger.add(command("true", tmp_path, path))
        ledger.write()
        assert len(ledger._books) <= module.OPEN_STORES
    ledger.finish()
    assert ledger._books == {}
    for path in paths:
        with Store.open(path, readonly=True) as store:
            assert [session.ended_at is None for session in store.sessions.list()] == [False]
            assert len(store.runs.list()) == 1


def test_idle_stores_are_closed(ledger, path, monkeypatch):
    """After the time for that nothing is due and nothing is open."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    ledger.add(command("true", path.parent, path))
    ledger.write()
    assert 0 <= ledger.patience() <= 0.05
    time.sleep(0.06)
    ledger.write()
    assert ledger._books == {}
    assert ledger.patience() is None
    ledger.finish()


def test_what_no_store_takes_is_left_out_alone(ledger, path):
    """Fields that make no sense, and nothing else of what came with them."""
    nonsense = command("echo nonsense", path.parent, path)
    nonsense[2] = b"no number"
    ledger.add(nonsense)
    huge = command("echo code", path.parent, path)
    huge[2] = b"99999999999999"
    ledger.add(huge)
    ledger.add(command("echo fine", path.parent, path))
    ledger.finish()
    assert lines(path) == ["echo fine"]


def test_program_is_named_from_the_masked_line(ledger, path, secret):
    """What only its surroundings show to be a secret is not taken for a program."""
    ledger.add(command(f"PASSWORD= {secret} true", path.parent, path))
    ledger.finish()
    assert secret.encode() not in path.read_bytes()


def test_session_key_that_is_too_long(ledger, path):
    """HEIMDAL_SESSION beyond what a key may be: the command is recorded in the shell's own session."""
    fields = command("true", path.parent, path)
    fields[4] = b"x" * 5000
    ledger.add(fields)
    ledger.finish()
    with Store.open(path, readonly=True) as store:
        assert store.runs.list()[0].session.startswith("shell-")
