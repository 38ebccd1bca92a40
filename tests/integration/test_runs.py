"""`record_run`, `record_runs` and `store.runs`."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hstore import Store
from hstore.errors import InvalidInput, NotFound

UTC = dt.timezone.utc
OWNER = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    print(store.record_run("sleeper", "sleeper"), flush=True)
    sys.stdin.readline()
"""


def test_everything_given_comes_back(store: Store) -> None:
    """Each argument of record_run is read back as it was given."""
    store.session("s1")
    started = dt.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    number = store.record_run(
        "pytest",
        ["pytest", "-q", "a b", "", "ünï", "it's"],
        name="nightly",
        key="run-1",
        session="s1",
        cwd="/some/where",
        started_at=started,
        duration=1.25,
        exit_code=3,
        git_sha="0" * 40,
        config={"b": 1, "a": [True, None]},
        pid=4242,
    )
    run = store.runs.get(number)
    assert (run.id, run.app, run.name, run.key, run.session) == (number, "pytest", "nightly", "run-1", "s1")
    assert run.argv == ("pytest", "-q", "a b", "", "ünï", "it's")
    assert run.cmdline == "pytest -q 'a b' '' 'ünï' 'it'\"'\"'s'"
    assert (run.cwd, run.git_sha, run.pid) == ("/some/where", "0" * 40, 4242)
    assert run.started_at == started
    assert run.started_at.tzinfo is UTC
    assert run.finished_at == started + dt.timedelta(seconds=1.25)
    assert (run.duration, run.exit_code, run.signal, run.status) == (1.25, 3, None, "failed")
    assert run.config_hash == hashlib.sha256(b'{"a":[true,null],"b":1}').hexdigest()


def test_command_line_as_text_has_no_argv(store: Store) -> None:
    """A text is kept as it is; nothing is guessed from it."""
    run = store.runs.get(store.record_run("sh", "make -j2 | tee log", exit_code=0))
    assert (run.cmdline, run.argv) == ("make -j2 | tee log", None)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_command_line_from_words_is_what_a_shell_reads_back(store: Store) -> None:
    """The quoting is a shell's own, proven with a real one."""
    words = ["printf", "%s\\n", "a b", "it's", '"', "$HOME", "`id`", "new\nline", "*", "ü", "\\", "!", "~"]
    line = store.runs.get(store.record_run("printf", words, exit_code=0)).cmdline
    direct = subprocess.run(words, capture_output=True, check=True).stdout
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout == direct


@pytest.mark.parametrize(
    ("given", "code", "signal", "status"),
    [
        ({"exit_code": 0}, 0, None, "ok"),
        ({"exit_code": 1}, 1, None, "failed"),
        ({"exit_code": 137}, 137, None, "failed"),
        ({"exit_code": -9}, 137, 9, "killed"),
        ({"signal": 15}, 143, 15, "killed"),
        ({"duration": 0.5}, None, None, "ok"),
        ({}, None, None, "running"),
    ],
)
def test_status_follows_from_how_it_ended(store: Store, given, code, signal, status) -> None:
    """Exit code, signal or duration say that it is over, and how."""
    run = store.runs.get(store.record_run("a", "a", **given))
    assert (run.exit_code, run.signal, run.status) == (code, signal, status)


def test_running_run_is_finished_once(store: Store) -> None:
    """finish sets the end; a second finish is refused, and so is an unknown run."""
    number = store.record_run("a", "a")
    store.runs.finish(number, exit_code=2)
    run = store.runs.get(number)
    assert run.status == "failed"
    assert run.finished_at is not None
    assert run.duration is not None
    with pytest.raises(InvalidInput, match="already ended"):
        store.runs.finish(number, exit_code=0)
    with pytest.raises(NotFound):
        store.runs.finish(number + 1, exit_code=0)


def test_run_of_a_process_that_died_shows_as_lost(store: Store, program) -> None:
    """After kill -9 of its recorder a running run is lost, in every listing, and can be written down as such."""
    owner = program(OWNER, store.path)
    number = int(owner.stdout.readline())
    own = store.record_run("own", "own")
    assert {run.id: run.status for run in store.runs.list()} == {number: "running", own: "running"}
    owner.kill()
    owner.wait()
    assert store.runs.get(number).status == "lost"
    assert [run.id for run in store.runs.list(status="lost")] == [number]
    assert [run.id for run in store.runs.list(status="running")] == [own]
    assert list(store.runs.lose_dead()) == [number]
    assert store.query("SELECT status FROM runs WHERE id = $1", (number,)) == (("lost",),)
    assert [run.id for run in store.runs.list(status="lost")] == [number]


def test_listing_filters_and_pages(store: Store) -> None:
    """Each filter alone, together, and pages by `after` that neither repeat nor skip."""
    store.session("s1")
    base = dt.datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(20):
        store.record_run(
            f"app{number % 2}",
            "x",
            exit_code=number % 3,
            session="s1" if number % 5 == 0 else None,
            started_at=base + dt.timedelta(hours=number),
            duration=1,
        )
    assert [run.id for run in store.runs.list(limit=None)] == list(range(20, 0, -1))
    assert {run.app for run in store.runs.list(app="app1")} == {"app1"}
    assert len(store.runs.list(status="ok")) == 7
    assert [run.id for run in store.runs.list(session="s1")] == [16, 11, 6, 1]
    bounded = store.runs.list(since=base + dt.timedelta(hours=3), until=base + dt.timedelta(hours=5))
    assert [run.id for run in bounded] == [5, 4]
    assert [run.id for run in store.runs.list(app="app0", status="ok", session="s1")] == [1]
    pages, after = [], None
    while page := store.runs.list(limit=6, after=after):
        pages += [run.id for run in page]
        after = page[-1].id
    assert pages == list(range(20, 0, -1))
    assert store.runs.latest().id == 20
    assert store.runs.latest(session="s1").id == 16
    assert store.runs.latest(app="none") is None


def test_runs_are_named_by_latest_id_key_or_unique_prefix(store: Store) -> None:
    """What people type, and what they get when it could be several or nothing."""
    with pytest.raises(NotFound, match="nothing has been recorded"):
        store.runs.resolve("latest")
    first = store.record_run("pytest", "pytest", exit_code=0, name="nightly", key="k-17")
    second = store.record_run("pylint", "pylint", exit_code=0)
    assert store.runs.resolve("latest").id == second
    assert store.runs.resolve(str(first)).id == store.runs.resolve("k-17").id == first
    assert store.runs.resolve("nigh").id == store.runs.resolve("pyt").id == first
    with pytest.raises(InvalidInput, match="could be 2 .*1 "):
        store.runs.resolve("py")
    for unknown in ("zzz", "99", "%", "_"):
        with pytest.raises(NotFound, match="log list"):
            store.runs.resolve(unknown)


def test_steps_have_names_order_status_and_figures(store: Store, run: int) -> None:
    """Steps start and end; what does not fit is refused."""
    build = store.runs.step_start(run, "build")
    test = store.runs.step_start(run, "test", started_at=1_700_000_000)
    assert [step.status for step in store.runs.steps(run)] == ["running", "running"]
    store.runs.step_finish(build, stats={"files": 3})
    store.runs.step_finish(test, "failed")
    steps = store.runs.steps(run)
    assert [(step.name, step.status, step.stats) for step in steps] == [
        ("build", "ok", {"files": 3}),
        ("test", "failed", {}),
    ]
    assert steps[1].started_at == dt.datetime.fromtimestamp(1_700_000_000, UTC)
    for error, call in (
        (NotFound, lambda: store.runs.step_start(999, "x")),
        (NotFound, lambda: store.runs.step_finish(build)),
        (InvalidInput, lambda: store.runs.step_start(run, "")),
        (InvalidInput, lambda: store.runs.step_finish(test, "done")),
        (InvalidInput, lambda: store.runs.step_finish(test, stats=[1])),
    ):
        with pytest.raises(error):
            call()


@pytest.mark.parametrize(
    "wrong",
    [
        {"app": 3},
        {"cmdline": []},
        {"cmdline": [1]},
        {"cmdline": None},
        {"cmdline": b"x"},
        {"cmdline": 5},
        {"cmdline": Path("/bin/true")},
        {"cmdline": {"a": 1}},
        {"cmdline": iter(["a"])},
        {"app": ""},
        {"exit_code": True},
        {"signal": True},
        {"exit_code": "0"},
        {"exit_code": 1 << 40},
        {"signal": 0},
        {"signal": 1000},
        {"duration": -0.1},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"duration": "1"},
        {"duration": 1e30},
        {"started_at": dt.datetime(2024, 1, 1)},
        {"started_at": "2024-01-01"},
        {"started_at": float("nan")},
        {"started_at": 1e30},
        {"pid": -1},
        {"pid": 1 << 70},
        {"config": {1, 2}},
        {"config": float("nan")},
        {"config": "\ud800"},
        {"cwd": 5},
        {"name": "x" * 70_000},
        {"key": ""},
        {"key": "x" * 2000},
        {"session": 1.5},
    ],
    ids=lambda wrong: "-".join(f"{name}={str(value)[:12]}" for name, value in wrong.items()),
)
def test_wrong_values_are_refused_by_name_and_nothing_is_recorded(store: Store, wrong: dict[str, object]) -> None:
    """A clear error that names the argument; no row."""
    with pytest.raises(InvalidInput) as caught:
        store.record_run(**{"app": "a", "cmdline": "a", "exit_code": 0, **wrong})
    assert next(iter(wrong)) in str(caught.value)
    assert store.runs.list() == []


@pytest.mark.parametrize("session", ["unknown", 77, -1, 1 << 70])
def test_unknown_session_is_refused(store: Store, session: object) -> None:
    """A run cannot belong to a session that is not there."""
    with pytest.raises(NotFound, match="session"):
        store.record_run("a", "a", session=session)
    assert store.runs.list() == []


def test_key_that_is_taken_is_refused(store: Store) -> None:
    """The caller's key is unique."""
    store.record_run("a", "a", key="k")
    with pytest.raises(InvalidInput, match="key"):
        store.record_run("b", "b", key="k")
    assert len(store.runs.list()) == 1


def test_what_is_no_text_is_made_to_fit_visibly(store: Store) -> None:
    """Bytes that are no UTF-8, lone surrogates and NUL stand there as escapes; the row is valid UTF-8."""
    words = ["a", os.fsdecode(b"caf\xe9"), "\ud800", "nul\0in"]
    run = store.runs.get(store.record_run("a", words, exit_code=0, cwd=os.fsdecode(b"/\xff")))
    assert run.argv == ("a", "caf\\xe9", "\\ud800", "nul\\x00in")
    assert run.cwd == "/\\xff"


def test_huge_command_lines_are_shortened_and_say_so(store: Store) -> None:
    """Two megabytes of arguments are recorded with their middle left out."""
    run = store.runs.get(store.record_run("a", ["a"] + ["x" * 1000] * 2000, exit_code=0))
    assert "left out" in run.cmdline
    assert "left out" in run.argv[-1]
    assert len(run.cmdline) < 300_000
    assert run.argv[0] == "a"


def test_many_runs_at_once_get_ids_in_order(store: Store) -> None:
    """record_runs takes any iterable and returns the ids."""
    ids = store.record_runs({"app": "a", "cmdline": ["a", str(number)], "exit_code": 0} for number in range(1000))
    assert ids == list(range(1, 1001))
    assert store.runs.get(500).argv == ("a", "499")


def test_project_of_a_store_is_recorded_once(store: Store, path: Path) -> None:
    """The project's root is a row of its own, also after a first batch was rolled back."""
    with pytest.raises(ValueError, match="no"), store.batch():
        store.record_run("a", "a")
        raise ValueError("no")
    store.record_run("a", "a")
    assert store.query("SELECT root FROM projects") == ((str(path.parent),),)


def test_a_subclass_has_its_own_hot_verbs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are called instead of the store's, and so is what a test puts in place of those."""

    class Prefixed(Store):
        def record_run(self, app: str, *given: Any, **more: Any) -> int:
            return super().record_run(f"prefixed-{app}", *given, **more)

    with Prefixed.open(path) as store:
        assert store.runs.get(store.record_run("a", "a", exit_code=0)).app == "prefixed-a"
        store.remember("key", 1)
        assert store.recall("key") == 1
    monkeypatch.setattr(Store, "recall", lambda self, key: f"instead of {key}")
    with Store.open(path) as store:
        assert store.recall("key") == "instead of key"
