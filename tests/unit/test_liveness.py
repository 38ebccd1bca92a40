"""Whether a process lives, by its token."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hstore import liveness

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="boot id and start time come from /proc")


def token(**changes: str) -> str:
    """This process's token with some of its fields changed."""
    names = ("host", "boot", "pid", "start")
    fields = dict(zip(names, liveness.this_process().rsplit("/", 3), strict=True))
    return "/".join({**fields, **changes}[name] for name in names)


def test_this_process_lives() -> None:
    """By its own token, twice the same."""
    assert liveness.is_alive(liveness.this_process())
    assert liveness.this_process() == liveness.this_process()


@linux
def test_ended_process_and_zombie_are_dead() -> None:
    """A child that ended is dead before and after it has been waited for."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = liveness._started(child.pid)
    assert liveness.is_alive(token(pid=str(child.pid), start=start))
    child.stdin.close()
    while liveness._started(child.pid) == start:
        pass
    assert not liveness.is_alive(token(pid=str(child.pid), start=start))
    child.wait()
    assert not liveness.is_alive(token(pid=str(child.pid), start=start))


@linux
def test_same_number_of_another_time_or_boot_is_another_process() -> None:
    """A process id that was given out again, and one from before a restart."""
    assert not liveness.is_alive(token(start="1"))
    assert not liveness.is_alive(token(boot="another"))


def test_what_cannot_be_known_counts_as_alive() -> None:
    """Another host, a token of an unknown form; and a boot or start that could not be read is no proof of death."""
    assert liveness.is_alive(token(host="elsewhere", pid="1"))
    assert liveness.is_alive("nonsense")
    assert liveness.is_alive(token(boot="", start=""))


@linux
def test_proc_that_cannot_be_read_now_is_no_proof_of_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no descriptors left, say, a living process is not called dead."""
    own = liveness.this_process()
    monkeypatch.setattr(liveness, "_boot", lambda: "")
    monkeypatch.setattr(liveness, "_started", lambda pid: "")
    assert liveness.is_alive(own)
