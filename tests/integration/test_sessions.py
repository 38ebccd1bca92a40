"""Sessions, their contexts, and the session that the environment names."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from hstore import Store
from hstore.domains import sessions
from hstore.errors import InvalidInput, NotFound

SET = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    for number in range(20):
        store.sessions.set_context("s", f"{sys.argv[2]}/{number}", number)
"""

COUNT = """
import sys
from hstore import Store
with Store.open(sys.argv[1], busy_timeout=60) as store:
    for number in range(50):
        store.sessions.count(1, messages=1, tool_executions=2)
"""


def test_session_is_created_and_reused_by_its_key(store: Store) -> None:
    """What is given is set or updated, what is not stays; times move on."""
    first = store.session("k", profile="restricted", context_dir="/c", device="d", agent="a", sender="s", channel="c")
    assert (first.key, first.profile, first.context_dir) == ("k", "restricted", "/c")
    assert (first.device, first.agent, first.sender, first.channel) == ("d", "a", "s", "c")
    again = store.session("k", agent="b")
    assert again.id == first.id
    assert (again.profile, again.agent, again.sender) == ("restricted", "b", "s")
    assert again.started_at == first.started_at
    assert again.last_active_at >= first.last_active_at
    assert store.session("other").profile == "permissive"


def test_sessions_are_found_by_key_id_and_result(store: Store) -> None:
    """All three name the same session; what is not there is NotFound."""
    session = store.session("k")
    assert store.sessions.get("k") == store.sessions.get(session.id) == store.sessions.get(session) == session
    for unknown in ("nope", 99, 0, -1):
        with pytest.raises(NotFound):
            store.sessions.get(unknown)
    with pytest.raises(InvalidInput):
        store.sessions.get(None)


def test_listing_by_agent_sender_device_and_channel(store: Store) -> None:
    """Filters narrow, newest come first, pages go on."""
    for number in range(6):
        store.session(f"k{number}", agent=f"a{number % 2}", sender="s", device=f"d{number % 3}", channel="c")
    assert [found.key for found in store.sessions.list(agent="a1")] == ["k5", "k3", "k1"]
    assert [found.key for found in store.sessions.list(agent="a1", device="d0")] == ["k3"]
    assert [found.key for found in store.sessions.list(sender="s", channel="c", limit=2)] == ["k5", "k4"]
    assert [found.key for found in store.sessions.list(limit=2, after=5)] == ["k3", "k2"]


def test_touch_and_end(store: Store) -> None:
    """Activity moves last_active_at; an ended session is taken up again by its key."""
    session = store.session("k")
    store.sessions.touch("k")
    assert store.sessions.get("k").last_active_at > session.last_active_at
    store.sessions.end("k")
    assert store.sessions.get("k").ended_at is not None
    assert store.session("k").ended_at is None


def test_context_is_saved_at_each_change(store: Store) -> None:
    """set, get, update and replacement; a second store sees it at once."""
    store.session("k", context={"user": "Nick", "files": ["a"]})
    store.sessions.set_context("k", "theme", {"dark": True})
    assert store.sessions.update_context("k", {"user": "Eva", "n": None}) == {
        "user": "Eva",
        "files": ["a"],
        "theme": {"dark": True},
        "n": None,
    }
    with Store.open(store.path) as second:
        assert second.sessions.get_context("k", "user") == "Eva"
        assert second.sessions.get_context("k", "none", 7) == 7
    assert store.session("k", context={"only": 1}).context == {"only": 1}


def test_concurrent_setters_lose_nothing(store: Store, program) -> None:
    """Four processes set different keys of one context at once: all are there."""
    store.session("s")
    setters = [program(SET, store.path, name) for name in "abcd"]
    assert [setter.communicate()[1] for setter in setters] == [""] * 4
    assert len(store.sessions.context("s")) == 80


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": ""}, "key"),
        ({"key": 5}, "key"),
        ({"key": "x" * 1025}, "key"),
        ({"profile": "root"}, "profile"),
        ({"context": [1]}, "context"),
        ({"context": {"a": float("nan")}}, "context"),
        ({"context": {"a": {1}}}, "context"),
        ({"context": {1: 2}}, "context"),
        ({"context_dir": 3}, "context_dir"),
    ],
)
def test_wrong_values_are_refused_by_name(store: Store, wrong: dict[str, object], said: str) -> None:
    """A clear error that names the argument; no row."""
    with pytest.raises(InvalidInput, match=said):
        store.session(**{"key": "k", **wrong})
    assert store.sessions.list() == []


def test_environment_names_the_session(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEIMDAL_SESSION and its companions create the session at the first use, and reuse it."""
    monkeypatch.setenv("HEIMDAL_SESSION", "HEIMDAL-42")
    monkeypatch.setenv("HEIMDAL_PROFILE", "restricted")
    monkeypatch.setenv("HEIMDAL_CONTEXT_DIR", "/context")
    for _ in range(2):
        with Store.open(path) as store:
            run = store.record_run("a", "a", exit_code=0)
            store.wiki.add("Page")
            store.remember("k", 1, scope="session")
            assert store.runs.get(run).session == "HEIMDAL-42"
    with Store.open(path) as store:
        (session,) = store.sessions.list()
        assert (session.key, session.profile, session.context_dir) == ("HEIMDAL-42", "restricted", "/context")
        assert store.recall("k", session="HEIMDAL-42", scope="session") == 1
        assert {reference.session for reference in store.wiki.list()} == {"HEIMDAL-42"}
        other = store.session("other")
        assert store.runs.get(store.record_run("a", "a", session=other)).session == "other"


def test_environment_with_a_wrong_profile_is_a_clear_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown profile is not silently another one."""
    monkeypatch.setenv("HEIMDAL_SESSION", "s")
    monkeypatch.setenv("HEIMDAL_PROFILE", "superuser")
    with Store.open(path) as store, pytest.raises(InvalidInput, match="HEIMDAL_PROFILE"):
        store.record_run("a", "a")


def test_session_of_the_environment_survives_a_rolled_back_first_use(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a rolled back batch created is created again when it is next needed."""
    monkeypatch.setenv("HEIMDAL_SESSION", "s")
    with Store.open(path) as store:
        with pytest.raises(ValueError, match="no"), store.batch():
            store.record_run("a", "a")
            raise ValueError("no")
        assert store.runs.get(store.record_run("a", "a")).session == "s"


def test_session_that_another_threads_batch_may_yet_undo_is_not_taken_for_known(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waited for that batch belongs to the environment's session, not to whoever got its id after it."""
    monkeypatch.setenv("HEIMDAL_SESSION", "ambient")
    recorded: list[int] = []
    with Store.open(path) as store:
        with store.batch():
            store._projects.current()
        waiting = threading.Thread(target=lambda: recorded.append(store.record_run("b", "b", exit_code=0)))
        with pytest.raises(ValueError, match="undo"), store.batch():
            store.record_run("a", "a", exit_code=0)
            waiting.start()
            time.sleep(0.2)  # it has looked for what is known by now, and waits
            raise ValueError("undo")
        other = store.session("other")
        waiting.join()
        assert store.runs.get(recorded[0]).session == "ambient"
        assert store.runs.list(session=other) == []


def test_wiki_references_by_session_and_run(store: Store, run: int) -> None:
    """Title and selection, newest first, by session and run; a title is needed."""
    store.session("s")
    store.wiki.add("One", "passage", session="s", run=run)
    store.wiki.add("Two", session="s")
    assert [(found.title, found.selection, found.run) for found in store.wiki.list(session="s")] == [
        ("Two", None, None),
        ("One", "passage", run),
    ]
    assert [found.title for found in store.wiki.list(run=run)] == ["One"]
    for error, call in (
        (InvalidInput, lambda: store.wiki.add("")),
        (NotFound, lambda: store.wiki.add("x", run=999)),
        (NotFound, lambda: store.wiki.add("x", session="none")),
    ):
        with pytest.raises(error):
            call()


def test_messages_and_tool_executions_are_counted(store: Store) -> None:
    """Both counts begin at zero, add up, and note that the session is active; a taken up session counts on."""
    session = store.session("k")
    assert (session.message_count, session.tool_execution_count) == (0, 0)
    store.sessions.count_message("k")
    store.sessions.count_message(session, 4)
    store.sessions.count(session.id, messages=1, tool_executions=2)
    found = store.session("k")
    assert (found.message_count, found.tool_execution_count) == (6, 2)
    assert found.last_active_at > session.last_active_at
    for wrong in (-1, 1.5, True, "1", None):
        with pytest.raises(InvalidInput, match=r"^n: "):
            store.sessions.count_message("k", wrong)
        with pytest.raises(InvalidInput, match=r"^tool_executions: "):
            store.sessions.count(session.id, tool_executions=wrong)
    for call in (lambda: store.sessions.count_message("none"), lambda: store.sessions.count(99, messages=1)):
        with pytest.raises(NotFound, match="session"):
            call()
    assert store.sessions.get("k").message_count == 6


def test_counting_is_undone_with_its_batch(store: Store) -> None:
    """What happens in a batch that fails has not been counted."""
    store.session("k")
    with pytest.raises(ValueError, match="no"), store.batch():
        store.sessions.count_message("k", 5)
        raise ValueError("no")
    assert store.sessions.get("k").message_count == 0


def test_counting_of_many_processes_adds_up(store: Store, program) -> None:
    """Three processes count at once: every message is counted."""
    store.session("s")
    counters = [program(COUNT, store.path) for _ in range(3)]
    assert [counter.communicate(timeout=60)[1] for counter in counters] == [""] * 3
    found = store.sessions.get("s")
    assert (found.message_count, found.tool_execution_count) == (150, 300)


def test_listing_by_activity(store: Store) -> None:
    """Sessions that go on, and those that have ended; one that is taken up again goes on."""
    for number in range(4):
        store.session(f"k{number}")
    store.sessions.end("k1")
    store.sessions.end("k2")
    store.session("k2")
    assert [found.key for found in store.sessions.list(active=True)] == ["k3", "k2", "k0"]
    assert [found.key for found in store.sessions.list(active=False)] == ["k1"]
    with pytest.raises(InvalidInput, match=r"^active: "):
        store.sessions.list(active="yes")


def test_large_context_is_kept_and_a_larger_one_refused(store: Store) -> None:
    """10 MB come back as they were; past 16 MiB the error says so, and the context stays as it was."""
    store.session("k", context={"small": 1})
    large = "naïve text " * (10_000_000 // 12)
    store.sessions.set_context("k", "large", large)
    assert store.sessions.context("k") == {"small": 1, "large": large}
    with pytest.raises(InvalidInput, match=r"^context: larger than 16777216 bytes"):
        store.sessions.set_context("k", "larger", "x" * 7_500_000)
    with pytest.raises(InvalidInput, match=r"^context: larger than 16777216 bytes"):
        store.session("k", context={"larger": "x" * 17_000_000})
    assert store.sessions.context("k") == {"small": 1, "large": large}


def test_agent_and_device_of_a_session_need_not_be_registered(store: Store) -> None:
    """A session names them as texts; neither is made by it."""
    assert store.session("k", agent="a", device="d").device == "d"
    assert (store.agents.list(), store.devices.list()) == ([], [])


def test_context_value_under_a_secret_name_is_found_and_set_again(store: Store, secret: str) -> None:
    """A name is kept masked: whoever asks by the real one finds the value, and setting it again adds no other."""
    store.session("k")
    said = f"password={secret}"
    for number in range(3):
        store.sessions.set_context("k", said, number)
        store.sessions.update_context("k", {said: number})
        assert store.sessions.get_context("k", said) == number
    (name,) = store.sessions.context("k")
    assert secret not in name


@pytest.mark.parametrize("wrong", [None, 5, [1], {}, "\ud800"], ids=str)
def test_context_name_must_be_text(store: Store, wrong) -> None:
    """Asked for or set: refused by name."""
    store.session("k")
    with pytest.raises(InvalidInput, match="^key: "):
        store.sessions.get_context("k", wrong)
    with pytest.raises(InvalidInput, match="^key: "):
        store.sessions.set_context("k", wrong, 1)


@pytest.mark.parametrize("wrong", ["", [], ["ab"], [("a", 1)], 5], ids=str)
def test_context_must_be_a_mapping(store: Store, wrong) -> None:
    """An empty text does not quietly empty it."""
    store.session("k", context={"a": 1})
    with pytest.raises(InvalidInput, match="^context: a mapping"):
        store.session("k", context=wrong)
    with pytest.raises(InvalidInput, match="^values: a mapping"):
        store.sessions.update_context("k", wrong)
    with pytest.raises(InvalidInput, match="^value: JSON"):
        store.sessions.set_context("k", "a", {1})
    assert store.sessions.context("k") == {"a": 1}


def test_counts_end_at_what_a_file_can_hold(store: Store) -> None:
    """One that has come there stays, and the session goes on being counted otherwise."""
    store.session("k")
    most = (1 << 63) - 1
    for _ in range(2):
        store.sessions.count_message("k", most)
    store.sessions.count_message("k")
    store.tool_executions.record("t", {}, success=True, session="k")
    assert store.sessions.get("k")[-2:] == (most, 1)


def test_session_is_not_less_active_when_the_clock_goes_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens in it then."""
    made = store.session("k")
    monkeypatch.setattr(sessions, "now", lambda: 1)
    store.sessions.touch("k")
    store.sessions.set_context("k", "a", 1)
    store.sessions.count_message("k")
    store.sessions.end("k")
    assert store.sessions.get("k").last_active_at == store.session("k").last_active_at == made.last_active_at
