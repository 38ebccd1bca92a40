"""However runs are recorded, alone, in a batch or many at once, the same rows are in the file."""

from __future__ import annotations

import contextlib
import enum
import secrets
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.domains.runs import noun
from hstore.domains.runs.rows import RunRows
from hstore.errors import InvalidInput

VALUE = "registered-" + secrets.token_hex(8)
WORDS = [
    "pytest",
    "-q",
    "a b",
    "it's",
    "",
    "é",
    "\udcff",
    "x\0y",
    "--password",
    "hunter2-" + secrets.token_hex(4),
    VALUE,
    "\x1e",
    "\x1b[31m",
]
COLUMNS = (
    "app, cmdline, argv, cwd, started_at, finished_at, duration, exit_code, signal, status, name, session_id,"
    " key IS NULL"
)

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)
optional: dict[str, st.SearchStrategy[Any]] = {
    "cwd": st.one_of(st.none(), st.sampled_from(["/home/me", "/tmp/\udc80", Path("/a/path"), f"/srv/{VALUE}"])),
    "signal": st.one_of(st.none(), st.sampled_from([9, 15])),
    "name": st.one_of(st.none(), st.sampled_from(["build", VALUE])),
}
run = st.fixed_dictionaries(
    {
        "app": st.sampled_from(["pytest", "gcc", "é", VALUE, "x" * 300]),
        "cmdline": st.one_of(texts, texts.map(tuple), texts.map(" ".join), st.just("y" * 9000)),
        # Given always: what is not given is taken from the clock, which is another moment each time.
        "started_at": st.one_of(st.floats(0, 2e9), st.integers(0, 2_000_000_000)),
        "duration": st.one_of(st.floats(0, 1e6), st.integers(0, 100)),
        "exit_code": st.one_of(st.none(), st.sampled_from([0, 255, 256, -9, 4294967295]), st.integers(-64, 300)),
    },
    optional=optional,
)
usual = st.fixed_dictionaries(
    {
        "app": st.sampled_from(["pytest", "gcc", VALUE]),
        "cmdline": st.sampled_from(["make -j", f"login {VALUE}", "true"]),
        "started_at": st.floats(0, 2e9),
        "duration": st.floats(0, 1e6),
        "exit_code": st.integers(0, 255),
        "cwd": st.sampled_from(["/a", "/b"]),
    }
)


def rows(store: Store) -> list[Any]:
    return list(store.query(f"SELECT {COLUMNS} FROM runs ORDER BY id"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.lists(run, min_size=1, max_size=12), st.lists(usual, min_size=1, max_size=12)))
def test_alone_in_a_batch_and_together_give_the_same_rows(tmp_path: Path, runs: list[dict[str, Any]]) -> None:
    """Also where some of them are unusual, hold secrets, or bytes that are no text."""
    found = []
    for way in ("alone", "batch", "together"):
        with Store.open(tmp_path / f"{secrets.token_hex(4)}.db", values=[VALUE]) as store:
            if way == "alone":
                ids = [store.record_run(**given) for given in runs]
            elif way == "batch":
                with store.batch():
                    ids = [store.record_run(**given) for given in runs]
            else:
                ids = store.record_runs(runs)
            assert ids == list(range(1, len(runs) + 1))
            found.append(rows(store))
            assert VALUE not in repr(found[-1])
    assert found[0] == found[1] == found[2]


def test_many_more_than_a_block_in_two_shapes(store: Store) -> None:
    """Blocks of one shape and blocks of mixed rows follow each other in the order in which they were given."""
    runs: list[dict[str, Any]] = [{"app": f"a{number}", "cmdline": "x", "exit_code": 0} for number in range(1000)]
    runs[300] = {"app": "a300", "cmdline": ["x", "y"], "exit_code": 1, "signal": 9}
    ids = store.record_runs(iter(runs))
    assert [store.runs.get(number).app for number in ids] == [given["app"] for given in runs]
    assert ids == sorted(ids)
    assert store.runs.get(ids[300]).status == "killed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"app": "", "cmdline": "x"},
        {"app": 7, "cmdline": "x"},
        {"app": "a", "cmdline": 7},
        {"app": "a", "cmdline": []},
        {"app": "a", "cmdline": ["x", 7]},
        {"app": "a", "cmdline": "x", "exit_code": "0"},
        {"app": "a", "cmdline": "x", "exit_code": True},
        {"app": "a", "cmdline": "x", "exit_code": 1 << 40},
        {"app": "a", "cmdline": "x", "duration": -1.0},
        {"app": "a", "cmdline": "x", "duration": float("nan")},
        {"app": "a", "cmdline": "x", "started_at": float("inf")},
        {"app": "a", "cmdline": "x", "exit_code": 0, "duration": 9e10},
        {"app": "a", "cmdline": "x", "cwd": 7},
        {"app": ["unhashable"], "cmdline": "x"},
        {"cmdline": "x"},
        {"app": "a", "cmdline": "x", "unknown": 1},
        7,
    ],
    ids=repr,
)
def test_one_wrong_among_many_is_named_and_nothing_is_kept(store: Store, wrong: Any) -> None:
    """Behind hundreds of right ones, in their block and in the last one."""
    right = {"app": "a", "cmdline": "x", "exit_code": 0}
    with pytest.raises(InvalidInput, match=r"runs\[700\]"):
        store.record_runs([*[right] * 700, wrong, right])
    with store.batch(), pytest.raises((InvalidInput, TypeError)):
        store.record_run(**(wrong if isinstance(wrong, dict) else {}))
    assert store.info().counts["runs"] == 0


@pytest.mark.parametrize("field", ["duration", "started_at"])
def test_no_number_among_numbers_is_named(store: Store, field: str) -> None:
    """NaN is neither less nor more than its neighbours in a block of one shape."""
    right = {"app": "a", "cmdline": "x", "exit_code": 0, field: 1.0}
    with pytest.raises(InvalidInput, match=r"runs\[1\]"):
        store.record_runs([right, {**right, field: float("nan")}, right])
    assert store.info().counts["runs"] == 0


LONG_MARKS = """
[[token]]
id = "a-rule-of-the-longest-name-that-there-is"
anchors = ["abc"]
class = "digit"
min = 8
"""


def test_names_that_marks_make_too_long_are_told_at_the_call(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the end of the batch, where what was acknowledged would be undone with them; nor stored by any way."""
    (tmp_path / "rules.toml").write_text(LONG_MARKS)
    monkeypatch.setenv("HSTORE_MASK_RULES", str(tmp_path / "rules.toml"))
    wrong: dict[str, Any] = {"app": "abc12345678 " * 21, "cmdline": "x", "exit_code": 0}
    with Store.open(path) as store:
        store.record_run("a", "a", exit_code=0)
        with store.batch():
            store.record_run("a", "a", exit_code=0)
            with pytest.raises(InvalidInput, match="app: longer than 1024 bytes"):
                store.record_run(**wrong)
            for length in range(1, 140):
                store.record_run(wrong["app"][:length], "a", exit_code=0)
        with pytest.raises(InvalidInput, match=r"runs\[0\]: app: longer"):
            store.record_runs([wrong])
        assert store.info().counts["runs"] == 141


@pytest.mark.parametrize("way", ["alone", "batch", "together"])
def test_no_run_begins_before_the_year_1(store: Store, way: str) -> None:
    """What could not be shown is refused: one such row would spoil every listing."""
    longest = {"app": "a", "cmdline": "x", "exit_code": 0, "duration": 5.9e10}
    store.record_run(**longest)
    with pytest.raises(InvalidInput, match="years 1 to 9999"):
        if way == "together":
            store.record_runs([{**longest, "duration": 9e10}])
        elif way == "batch":
            with store.batch():
                store.record_run("a", "x", exit_code=0, duration=9e10)
        else:
            store.record_run("a", "x", exit_code=0, duration=9e10)
    assert [run.duration for run in store.runs.list()] == [5.9e10]


def test_runs_of_many_belong_to_the_session_of_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As single ones do."""
    monkeypatch.setenv("HEIMDAL_SESSION", "ambient")
    with Store.open(path) as store:
        ids = store.record_runs([{"app": "a", "cmdline": "x", "exit_code": 0}] * 300)
        assert {store.runs.get(number).session for number in ids} == {"ambient"}
        with store.batch():
            number = store.record_run("a", "x", exit_code=0)
        assert store.runs.get(number).session == "ambient"


def test_secrets_of_a_batch_are_masked_row_by_row(path: Path) -> None:
    """A secret in one row of a batch changes that one; no byte of it is in the file."""
    with Store.open(path, values=[VALUE]) as store:
        store.record_run("warm", "warm", exit_code=0)
        with store.batch():
            ids = [
                store.record_run("a", ["use", VALUE if number == 50 else "none"], exit_code=0) for number in range(100)
            ]
        words = [store.runs.get(number).argv for number in ids]
        assert words[50] == ("use", "[masked:value]")
        assert words.count(("use", "none")) == 99
    assert VALUE.encode() not in path.read_bytes()


class Code(enum.IntEnum):
    """Exit codes that are no plain `int`."""

    FINE = 0
    WRONG = 3


class Seconds(float):
    """A float of a subclass, as numbers of numerical libraries are."""


class Words(tuple[str, ...]):
    """A command of a type of its own."""


class Text(str):
    """A text of a type of its own."""


class Place:
    """A path of bytes."""

    def __fspath__(self) -> bytes:
        return b"/odd/\xff/" + VALUE.encode()


ODD: dict[str, list[Any]] = {
    "app": [Text("pytest"), "", VALUE, "x" * 127, "x" * 1025, "a\0b", b"x", None],
    "cmdline": [Words(["a", VALUE]), Text(f"a {VALUE}"), [], ["x", 7], ["--password", "hunter2abc"], "\x1e", 7],
    "started_at": [-0.0, Seconds(2.5), 5, 5.9e10, 6.1e10, 1e300, -1.0, float("nan"), True],
    "duration": [-0.0, 1e-7, Seconds(1), 10**30, 5.9e10, 9e10, 2e11, float("inf"), -1e-9, "1", False],
    "exit_code": [255, 256, Code.FINE, Code.WRONG, True, 1 << 70, -65, 1.0, None],
    "cwd": [Place(), Path(VALUE), Text("/s"), b"/x", "", "/" + "c" * 9000, "/" + "c" * 70000],
    "key": ["one", "two", VALUE, ""],
    "pid": [1, 0, True],
}
odd = st.lists(
    st.sampled_from([(field, value) for field, values in ODD.items() for value in values]), min_size=1, max_size=2
).map(lambda given: {"app": "pytest", "cmdline": ["pytest", "-q"], "exit_code": 0, **dict(given)})


def outcomes(store: Store, runs: list[dict[str, Any]]) -> list[Any]:
    found = []
    for one in runs:
        try:
            found.append(store.record_run(**one))
        except (InvalidInput, TypeError) as refused:
            found.append(type(refused))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(odd, min_size=1, max_size=12))
def test_quick_ways_do_what_the_careful_one_does(tmp_path: Path, runs: list[dict[str, Any]]) -> None:
    """With values that only look like the usual ones: the same rows, masked the same, and the same ones refused."""
    found: dict[str, Any] = {}
    for way in ("careful", "alone", "batch"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hstore.domains.runs.rows.now", lambda: 1_700_000_000_000_000)
            if way == "careful":
                patch.setattr(noun, "ended", lambda *_: None)
                patch.setattr(RunRows, "_texts", RunRows._masked_texts)
            with Store.open(tmp_path / f"{secrets.token_hex(4)}.db", values=[VALUE]) as store:
                store.record_run("warm", "warm", started_at=0.0, exit_code=0)
                with store.batch() if way == "batch" else contextlib.nullcontext():
                    told = outcomes(store, runs)
                found[way] = (told, rows(store))
    assert found["alone"] == found["careful"]
    assert found["batch"] == found["careful"]
    assert VALUE not in repr(found)
