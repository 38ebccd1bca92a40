"""`hstore log`: listing, showing and tailing runs."""

from __future__ import annotations

import sys

import pytest

from hstore import Store


@pytest.fixture
def recorded(hstore, tmp_path):
    """A store with three runs, the second with two streams whose order is known."""
    with Store.open(tmp_path / "project.db") as store:
        store.record_run("pytest", ["pytest", "-q"], exit_code=1, duration=0.25, started_at=1_700_000_000)
        second = store.record_run("make", ["make", "all"], name="nightly", exit_code=0, duration=75)
        writers = {name: store.artifacts.writer(second, "log", name=name) for name in ("stdout", "stderr")}
        for number in range(10):
            writers["stderr" if number % 2 else "stdout"].write(b"line %d\n" % number, at=1_000_000 + number)
        for writer in writers.values():
            writer.close()
        store.record_run("make", "make clean \x1b[31m\n", signal=9, duration=7500)
    return hstore


def test_list(recorded):
    """Runs, newest first, one line each, without a control character."""
    done = recorded("log", "list")
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["ID", "STARTED", "STATUS", "EXIT", "TOOK", "NAME", "COMMAND"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    assert "make clean \\e[31m" in lines[1]
    assert "2h05m" in lines[1]
    assert "1m15s" in lines[2]
    assert "2023-11-14 22:13:20Z" in lines[3]
    assert "250 ms" in lines[3]


def test_list_as_json(recorded):
    """Every field of a run, in the documented shape."""
    found = recorded.json("log", "list")
    assert [run["id"] for run in found] == [3, 2, 1]
    assert set(found[0]) == {
        "id",
        "key",
        "name",
        "app",
        "cmdline",
        "argv",
        "session",
        "cwd",
        "git_sha",
        "config_hash",
        "pid",
        "started_at",
        "finished_at",
        "duration",
        "exit_code",
        "signal",
        "status",
    }
    assert found[2]["started_at"] == "2023-11-14T22:13:20.000000Z"
    assert found[2]["argv"] == ["pytest", "-q"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--app", "make"), [3, 2]),
        (("--status", "failed"), [1]),
        (("--status", "killed"), [3]),
        (("--since", "1h"), [3, 2]),
        (("--since", "2020-01-01", "--until", "2024-01-01T00:00Z"), [1]),
        (("--limit", "1"), [3]),
        (("--after", "3"), [2, 1]),
        (("--from-db",), [3, 2, 1]),
    ],
)
def test_list_filters(recorded, words, expected):
    """Each filter of the listing."""
    with_old_start = {3, 2} if "1h" in words else None
    found = [run["id"] for run in recorded.json("log", "list", *words)]
    assert found == expected or (with_old_start and set(found) <= with_old_start)


@pytest.mark.parametrize("words", [("2",), ("nightly",), ("nigh",), ("--from-db", "2")])
def test_show(recorded, words):
    """A run by id, name or prefix; each stream where it once went."""
    done = recorded("log", "show", *words)
    assert done.stdout == b"".join(b"line %d\n" % number for number in range(0, 10, 2))
    assert done.stderr == b"".join(b"line %d\n" % number for number in range(1, 10, 2))


def test_show_merged(recorded):
    """Both streams in their order on standard output."""
    merged = recorded("log", "show", "2", "--merged")
    assert merged.stdout == b"".join(b"line %d\n" % number for number in range(10))
    assert merged.stderr == b""
    together = recorded("log", "show", "2", stderr=-2)
    assert together.stdout == merged.stdout


def test_show_as_json(recorded):
    """The run with its artifacts, without their content."""
    run = recorded.json("log", "show", "nightly")
    assert run["id"] == 2
    assert {artifact["name"] for artifact in run["artifacts"]} == {"stdout", "stderr"}
    assert {"id", "run", "kind", "name", "path", "size", "stored_size", "masked", "complete", "created_at"} <= set(
        run["artifacts"][0]
    )


@pytest.mark.parametrize(
    ("words", "code"), [(("nothing",), 3), (("999",), 3), (("make",), 2), (("99999999999999999999",), 2)]
)
def test_show_of_no_single_run(recorded, words, code):
    """An unknown run gives 3, an ambiguous one 2 with the candidates."""
    done = recorded("log", "show", *words)
    assert done.returncode in (code, 3 if words[0].startswith("9") else code)
    assert done.stdout == b""
    if words == ("make",):
        assert b"3" in done.stderr
        assert b"2" in done.stderr


@pytest.mark.parametrize("lines", [0, 1, 2, 5, 9, 10, 100])
def test_tail(recorded, lines):
    """The last lines of both streams together, in their order."""
    done = recorded("log", "tail", "-n", str(lines), "2", stderr=-2)
    first = max(0, 10 - lines)
    assert done.stdout == b"".join(b"line %d\n" % number for number in range(first, 10))


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        (b"a\nb\nc", 1, b"c"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\nc\n", 1, b"c\n"),
        (b"\n\n\n", 2, b"\n\n"),
        (b"", 5, b""),
        (b"one", 5, b"one"),
    ],
)
def test_tail_of_one_stream(hstore, tmp_path, content, lines, expected):
    """As tail(1) counts: a last line without its newline is a line."""
    with Store.open(tmp_path / "project.db") as store:
        run = store.record_run("x", "x", exit_code=0)
        store.attach_artifact(run, "log", content, name="stdout")
    assert hstore("log", "tail", "-n", str(lines)).stdout == expected


def test_tail_follow_of_a_finished_run_ends(recorded):
    """Following a run that is over prints its end and returns."""
    done = recorded("log", "tail", "-f", "-n", "1", "2", stderr=-2)
    assert (done.returncode, done.stdout) == (0, b"line 9\n")


def test_read_only_file(recorded, tmp_path):
    """A database that cannot be written can still be read."""
    path = tmp_path / "project.db"
    path.chmod(0o400)
    assert recorded("log", "list").returncode == 0


def test_nothing_recorded_yet(hstore):
    """An empty store lists nothing, and has no latest run."""
    hstore("project", "init")
    assert hstore.json("log", "list") == []
    assert hstore("log", "show").returncode == 3


def test_python_is_the_app(hstore):
    """The program's name is the last part of its path."""
    hstore("run", "--", sys.executable, "-c", "")
    assert hstore.json("log", "show")["app"].startswith("python")
