"""Tool executions: recorded, measured, listed, and asked about."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import Program
from hstore import Store
from hstore.errors import HstoreError, InvalidInput, NotFound, NotRecorded
from hstore.models.work import DeviceActivity, Failure, ToolUse

DAY = 86_400


@pytest.fixture
def present() -> float:
    """Seconds since the epoch."""
    return dt.datetime.now(dt.timezone.utc).timestamp()


def test_execution_comes_back_as_it_was_given(store: Store) -> None:
    """All of it, with session and device by their keys."""
    store.devices.register("laptop")
    store.session("s")
    moment = dt.datetime(2026, 2, 12, 10, 30, 5, tzinfo=dt.timezone.utc)
    number = store.tool_executions.record(
        "create_directory",
        {"path": "C:/Users/x/Test", "mode": None},
        success=True,
        result={"created_path": "C:/Users/x/Test"},
        error="a warning",
        duration=0.045,
        session="s",
        device="laptop",
        user_query="Maak een folder Test",
        reasoning="it was asked for",
        executed_at=moment,
    )
    found = store.tool_executions.get(number)
    assert found == (
        number,
        "create_directory",
        {"path": "C:/Users/x/Test", "mode": None},
        True,
        {"created_path": "C:/Users/x/Test"},
        "a warning",
        0.045,
        "s",
        "laptop",
        "Maak een folder Test",
        "it was asked for",
        moment,
    )
    assert found.executed_at.tzinfo is dt.timezone.utc


def test_session_and_device_are_known_by_key_id_and_result(store: Store) -> None:
    """Each of the three, to record, to measure and to list."""
    device, session = store.devices.register("d"), store.session("s")
    for one, other in (("d", "s"), (device.id, session.id), (device, session)):
        number = store.tool_executions.record("t", {}, success=True, device=one, session=other)
        assert store.tool_executions.get(number)[7:9] == ("s", "d")
        with store.tool_executions.measure("t", {}, device=one, session=other) as call:
            pass
        assert [each.id for each in store.tool_executions.list(device=one, session=other, limit=2)] == [call.id, number]


def test_little_is_needed(store: Store) -> None:
    """Tool, parameters and success; it is of no session and no device then."""
    found = store.tool_executions.get(store.tool_executions.record("t", [], success=False))
    assert found[1:11] == ("t", [], False, None, None, None, None, None, None, None)
    assert abs(found.executed_at - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, "text", 1.5, {"ü": ["🜚", {"a": None}]}], ids=str)
def test_any_json_is_a_parameter_and_a_result(store: Store, value) -> None:
    """Also what is false or empty."""
    found = store.tool_executions.get(store.tool_executions.record("t", value, success=True, result=value))
    assert (found.parameters, found.result) == (value, value)
    assert type(found.result) is type(value)


def test_secrets_are_masked_beside_plain_texts(store: Store, secret: str) -> None:
    """Whichever of the texts holds one, the others stay as they are."""
    store._door.masker.add_values([secret])
    fields = ("error", "user_query", "reasoning")
    for field in fields:
        texts = {name: f"of {name} {secret if name == field else ''}" for name in fields}
        found = store.tool_executions.get(store.tool_executions.record("t", {"a": 1}, success=True, **texts))
        for name in fields:
            assert getattr(found, name) == f"of {name} {'[masked:value]' if name == field else ''}"
    found = store.tool_executions.get(
        store.tool_executions.record(f"t {secret}", secret, success=True, result=[secret])
    )
    assert (found.tool, found.parameters, found.result) == ("t [masked:value]", "[masked:value]", ["[masked:value]"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(texts=st.tuples(*[st.none() | st.text(max_size=20)] * 3), tool=st.text(min_size=1, max_size=9))
@example(texts=("\0", "\ud800", "a\0b\udfffc"), tool="\ud83c")
def test_any_text_is_kept_visibly(store: Store, texts, tool) -> None:
    r"""NUL and lone surrogates stand there as `\x00` and `\ud800`; everything else as it is, what is masked aside."""
    shown = [
        None if text is None else text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        for text in (tool, *texts)
    ]
    error, query, reasoning = texts
    number = store.tool_executions.record(tool, {}, success=True, error=error, user_query=query, reasoning=reasoning)
    found = store.tool_executions.get(number)
    assert [found.tool, found.error, found.user_query, found.reasoning] == [
        None if text is None else store._door.masker.mask_text(text) for text in shown
    ]


def test_long_texts_lose_their_middle_and_say_so(store: Store) -> None:
    """A traceback of ten megabytes keeps its begin and end; parameters of that size are kept whole."""
    found = store.tool_executions.get(
        store.tool_executions.record(
            "t", {"page": "word " * 2_000_000}, success=False, error="begin " + "x" * 10_000_000 + " end"
        )
    )
    assert found.error is not None
    assert len(found.error) < 200_000
    assert found.error.startswith("begin")
    assert found.error.endswith("end")
    assert "characters left out" in found.error
    assert len(found.parameters["page"]) == 10_000_000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tool": ""}, "tool"),
        ({"tool": "x" * 1025}, "tool"),
        ({"tool": None}, "tool"),
        ({"parameters": float("nan")}, "parameters"),
        ({"parameters": {1: 2}}, "parameters"),
        ({"parameters": b"bytes"}, "parameters"),
        ({"parameters": {"a": object()}}, "parameters"),
        ({"parameters": "x" * (16 * 1024 * 1024 + 1)}, "parameters"),
        ({"success": 1}, "success"),
        ({"success": None}, "success"),
        ({"result": {1, 2}}, "result"),
        ({"error": b"bytes"}, "error"),
        ({"error": ValueError("x")}, "error"),
        ({"duration": -0.001}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"duration": float("inf")}, "duration"),
        ({"duration": "1"}, "duration"),
        ({"duration": True}, "duration"),
        ({"session": 1.5}, "session"),
        ({"device": True}, "device"),
        ({"user_query": 5}, "user_query"),
        ({"reasoning": []}, "reasoning"),
        ({"executed_at": dt.datetime(2026, 1, 1)}, "executed_at"),
        ({"executed_at": 1e18}, "executed_at"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong, said: str) -> None:
    """A clear error that names the argument; nothing is stored and nothing counted."""
    store.session("s")
    with pytest.raises(InvalidInput, match=said) as caught:
        store.tool_executions.record(**{"tool": "t", "parameters": {}, "success": True, "session": "s", **wrong})
    assert len(str(caught.value)) < 300
    assert store.tool_executions.list() == []
    assert store.sessions.get("s").tool_execution_count == 0


@pytest.mark.parametrize("wrong", [{"session": "none"}, {"session": 99}, {"device": "none"}, {"device": 99}], ids=str)
def test_unknown_references_are_not_found(store: Store, wrong) -> None:
    """To record, to measure and to list; nothing is stored and nothing counted."""
    store.session("s")
    (field,) = wrong
    with pytest.raises(NotFound, match=field):
        store.tool_executions.record("t", {}, success=True, **{"session": "s", **wrong})
    with pytest.raises(NotFound, match=field):
        store.tool_executions.measure("t", {}, **{"session": "s", **wrong})
    with pytest.raises(NotFound, match=field):
        store.tool_executions.list(**wrong)
    assert store.tool_executions.list() == []
    assert store.sessions.get("s").tool_execution_count == 0


def test_unknown_execution_is_not_found(store: Store) -> None:
    """With its id in the message; what is no id is refused."""
    with pytest.raises(NotFound, match="no tool execution 7"):
        store.tool_executions.get(7)
    for wrong in (0, True, "1", None):
        with pytest.raises(InvalidInput, match="execution"):
            store.tool_executions.get(wrong)


def test_session_counts_its_executions(store: Store, monkeypatch) -> None:
    """Each one of its own, in and out of batches; and what a batch undoes is not counted."""
    store.session("s")
    store.session("other")
    for _ in range(3):
        store.tool_executions.record("t", {}, success=True, session="s")
    store.tool_executions.record("t", {}, success=True)
    with store.batch():
        for _ in range(4):
            store.tool_executions.record("t", {}, success=True, session="s")
    with pytest.raises(ZeroDivisionError), store.batch():
        store.tool_executions.record("t", {}, success=True, session="s")
        _ = 1 / 0
    assert store.sessions.get("s").tool_execution_count == 7
    assert store.sessions.get("other").tool_execution_count == 0
    assert len(store.tool_executions.list(session="s")) == 7


WRITER = """
import sys
from hstore import Store

with Store.open(sys.argv[1]) as store:
    for number in range(int(sys.argv[2])):
        store.tool_executions.record("t", {"n": number}, success=True, session="s")
        if number == 20:
            print("twenty", flush=True)
"""


def test_session_counts_what_many_processes_execute(path: Path, program: Program) -> None:
    """None of their counts is lost to another's."""
    with Store.open(path) as store:
        store.session("s")
    for process in [program(WRITER, path, 25) for _ in range(4)]:
        assert process.wait() == 0, process.stderr and process.stderr.read()
    with Store.open(path) as store:
        assert store.sessions.get("s").tool_execution_count == 100
        assert len(store.tool_executions.list(session="s", limit=None)) == 100


def test_killed_process_leaves_no_execution_uncounted(path: Path, program: Program) -> None:
    """Killed at any moment, rows and count agree: both are written, or neither."""
    with Store.open(path) as store:
        store.session("s")
    for _ in range(3):
        process = program(WRITER, path, 1_000_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "twenty\n"
        process.kill()
        process.wait()
        with Store.open(path) as store:
            counted = store.sessions.get("s").tool_execution_count
            assert counted == len(store.tool_executions.list(session="s", limit=None)) > 20


def test_environment_names_the_session(path, monkeypatch) -> None:
    """Without a session given, `HEIMDAL_SESSION` is meant, made if it is new, and counts."""
    monkeypatch.setenv("HEIMDAL_SESSION", "ambient")
    with Store.open(path) as store:
        assert store.tool_executions.get(store.tool_executions.record("t", {}, success=True)).session == "ambient"
        with store.tool_executions.measure("t", {}):
            pass
        assert store.sessions.get("ambient").tool_execution_count == 2


def test_many_in_a_batch(store: Store) -> None:
    """They get their ids at once, in order, with and without a session, and come back as each was given."""
    store.session("s")
    with store.batch():
        found = [
            store.tool_executions.record("t", {"n": number}, success=True, session="s" if number % 70 == 0 else None)
            for number in range(200)
        ]
    assert found == list(range(found[0], found[0] + 200))
    listed = store.tool_executions.list(limit=None)
    assert [(each.id, each.parameters["n"]) for each in listed] == list(zip(found, range(200), strict=True))[::-1]
    assert store.sessions.get("s").tool_execution_count == 3


def test_filters_narrow_and_combine(store: Store) -> None:
    """By tool, device, session, success and time; pages go on."""
    store.devices.register("a")
    store.session("s")
    for number in range(12):
        store.tool_executions.record(
            f"tool{number % 3}",
            {},
            success=number % 4 != 0,
            device="a" if number < 6 else None,
            session="s" if number % 2 else None,
            executed_at=1000 + number,
        )

    def ids(**wanted) -> list[int]:
        return [each.id for each in store.tool_executions.list(**wanted)]

    assert ids() == list(range(12, 0, -1))
    assert ids(tool="tool1") == [11, 8, 5, 2]
    assert ids(tool="tool1", device="a") == [5, 2]
    assert ids(session="s", success=True) == [12, 10, 8, 6, 4, 2]
    assert ids(success=False) == [9, 5, 1]
    assert ids(success=False, tool="tool0") == [1]
    assert ids(since=1003, until=1006) == [6, 5, 4]
    assert ids(limit=2, after=11) == [10, 9]
    assert ids(tool="none") == []
    for wrong in ({"success": 1}, {"tool": 5}, {"limit": 0}, {"after": "x"}, {"since": "now"}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            store.tool_executions.list(**wrong)


def test_executions_go_with_their_session_and_device(store: Store) -> None:
    """The others stay."""
    store.devices.register("a")
    store.session("s")
    store.tool_executions.record("t", {}, success=True, device="a")
    store.tool_executions.record("t", {}, success=True, session="s")
    kept = store.tool_executions.record("t", {}, success=True)
    store._connection.write("DELETE FROM devices")
    store._connection.write("DELETE FROM sessions")
    assert [each.id for each in store.tool_executions.list()] == [kept]


def test_block_is_measured(store: Store) -> None:
    """How long it took, what it left in `result`, and its id."""
    store.session("s")
    with store.tool_executions.measure("t", {"a": 1}, session="s", user_query="q", reasoning="r") as call:
        call.result = {"b": 2}
    found = store.tool_executions.get(call.id)
    assert (found.tool, found.parameters, found.result, found.success, found.error) == (
        "t",
        {"a": 1},
        {"b": 2},
        True,
        None,
    )
    assert (found.session, found.user_query, found.reasoning) == ("s", "q", "r")
    assert found.duration is not None
    assert found.duration >= 0
    assert store.sessions.get("s").tool_execution_count == 1


def test_block_that_fails_is_recorded_and_its_exception_goes_on(store: Store) -> None:
    """With the exception's name and words; a failure without one is told by the block."""
    with pytest.raises(FileNotFoundError), store.tool_executions.measure("t", {}):
        raise FileNotFoundError("no such folder")
    with pytest.raises(KeyboardInterrupt), store.tool_executions.measure("t", {}):
        raise KeyboardInterrupt
    with store.tool_executions.measure("t", {}) as call:
        call.success, call.error = False, "refused"
    found = store.tool_executions.list()[::-1]
    assert [each.success for each in found] == [False, False, False]
    assert [each.error for each in found] == ["FileNotFoundError: no such folder", "KeyboardInterrupt", "refused"]


def test_exception_of_a_block_goes_on_whatever_cannot_be_recorded(store: Store) -> None:
    """One that cannot say what it is, a result that is no JSON, a session that is gone: the block's own is raised."""

    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Unspeakable), store.tool_executions.measure("t", {}):
        raise Unspeakable
    with pytest.raises(KeyError, match="mine"), store.tool_executions.measure("t", {}) as call:
        call.result = object()
        raise KeyError("mine")
    assert store.tool_executions.get(call.id)[3:6] == (False, None, "KeyError: 'mine'")
    assert store.tool_executions.list()[1].error.endswith("Unspeakable")
    store.session("s")
    gone = store.tool_executions.measure("t", {}, session="s")
    store.sessions.delete("s")
    with pytest.warns(NotRecorded, match="session"), pytest.raises(KeyError), gone:
        raise KeyError
    assert len(store.tool_executions.list()) == 2


def test_result_of_a_block_that_cannot_be_recorded_is_refused(store: Store) -> None:
    """Where nothing else has gone wrong, that is said; and a call measures one block."""
    with pytest.raises(InvalidInput, match="result"), store.tool_executions.measure("t", {}) as call:
        call.result = object()
    with pytest.raises(HstoreError, match="once"), call:
        pass
    assert store.tool_executions.list() == []


def test_wrong_arguments_of_a_block_are_refused_before_it_begins(store: Store) -> None:
    """And parameters are what they were when it began, whatever it makes of them."""
    for wrong in ({"tool": ""}, {"parameters": {1}}, {"user_query": 5}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            store.tool_executions.measure(**{"tool": "t", "parameters": {}, **wrong})
    parameters = {"a": 1}
    with store.tool_executions.measure("t", parameters) as call:
        parameters["a"] = 2
    assert store.tool_executions.get(call.id).parameters == {"a": 1}


def test_most_used_tools(store: Store, present: float) -> None:
    """Of the last days, most used first: how often, how long on average where it is known, how often with success."""
    for number in range(4):
        store.tool_executions.record("b", {}, success=number > 0, duration=number or None, executed_at=present - DAY)
    store.tool_executions.record("a", {}, success=True, executed_at=present - 29 * DAY)
    store.tool_executions.record("c", {}, success=False, duration=1, executed_at=present - DAY)
    store.tool_executions.record("old", {}, success=True, executed_at=present - 31 * DAY)
    used = store.tool_executions.most_used()
    assert used == [ToolUse("b", 4, 2.0, 0.75), ToolUse("a", 1, None, 1.0), ToolUse("c", 1, 1.0, 0.0)]
    assert store.tool_executions.most_used(days=2, limit=1) == used[:1]
    assert [use.tool for use in store.tool_executions.most_used(days=40, limit=None)] == ["b", "a", "c", "old"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.booleans(), st.none() | st.integers(0, 5)), max_size=40
    ),
    days=st.integers(1, 9),
)
def test_most_used_is_what_the_documents_query_gives(store: Store, present: float, rows, days: int) -> None:
    """Whatever was executed when: read tool by tool, the figures are those of one GROUP BY."""
    store._connection.write("DELETE FROM tool_executions")
    for tool, age, success, spent in rows:
        moment = present - age * DAY - DAY / 2
        store.tool_executions.record(tool, {}, success=success, duration=spent, executed_at=moment)
    plain = store.query(
        "SELECT tool, count(*), avg(duration) / 1000000, avg(success) FROM tool_executions"
        " WHERE executed_at > ? GROUP BY tool ORDER BY 2 DESC, 1",
        (int((present - days * DAY) * 1_000_000),),
    )
    assert [tuple(use) for use in store.tool_executions.most_used(days)] == list(plain)


def test_failed_operations(store: Store, present: float) -> None:
    """Those that failed more than so often with the same error on the same device, most often first."""
    store.devices.register("a")
    for count, tool, error, device, age in (
        (4, "t", "gone", "a", 1),
        (3, "t", "gone", None, 1),
        (5, "t", None, None, 9),
        (4, "u", "gone", None, 1),
    ):
        for _ in range(count):
            store.tool_executions.record(
                tool, {}, success=False, error=error, device=device, executed_at=present - age * DAY
            )
    for _ in range(9):
        store.tool_executions.record("t", {}, success=True, error="gone")
    all_of_them = [Failure(None, "t", None, 5), Failure("a", "t", "gone", 4), Failure(None, "u", "gone", 4)]
    assert store.tool_executions.failed() == all_of_them
    assert store.tool_executions.failed(limit=1) == all_of_them[:1]
    assert store.tool_executions.failed(days=2) == all_of_them[1:]
    assert len(store.tool_executions.failed(more_than=0)) == 4


def test_activity_of_devices(store: Store, present: float) -> None:
    """The busiest first; those that are idle are there too, with when they last did something."""
    for key in ("idle", "busy", "fresh", "calm"):
        store.devices.register(key, hostname=f"{key}.example")
    long_ago = store.tool_executions.get(
        store.tool_executions.record("t", {}, success=True, device="idle", executed_at=present - 8 * DAY)
    )
    for _ in range(3):
        busy = store.tool_executions.record("t", {}, success=True, device="busy", executed_at=present - DAY)
    calm = store.tool_executions.record("t", {}, success=True, device="calm", executed_at=present - 2 * DAY)
    found = store.tool_executions.device_activity()
    assert found == [
        DeviceActivity("busy", "busy.example", 3, store.tool_executions.get(busy).executed_at),
        DeviceActivity("calm", "calm.example", 1, store.tool_executions.get(calm).executed_at),
        DeviceActivity("fresh", "fresh.example", 0, None),
        DeviceActivity("idle", "idle.example", 0, long_ago.executed_at),
    ]
    assert store.tool_executions.device_activity(days=1.5, limit=1) == found[:1]
    assert [each.executions for each in store.tool_executions.device_activity(days=9)] == [3, 1, 1, 0]


@pytest.mark.parametrize(
    ("verb", "wrong"),
    [
        *((verb, {"days": days}) for verb in ("most_used", "device_activity", "failed")
          for days in (0, -1, True, "7", float("nan"), float("inf"), 1e9)),
        *((verb, {"limit": 0}) for verb in ("most_used", "device_activity", "failed")),
        ("failed", {"more_than": -1}),
        ("failed", {"more_than": True}),
        ("most_used", {"days": None}),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_of_questions_are_refused_by_name(store: Store, verb: str, wrong) -> None:
    """Each names the argument."""
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        getattr(store.tool_executions, verb)(**wrong)


def test_questions_of_an_empty_store(store: Store) -> None:
    """Nothing, and no error."""
    assert store.tool_executions.most_used() == []
    assert store.tool_executions.failed() == []
    assert store.tool_executions.device_activity() == []
