"""`hstore project` and `hstore db`: making, describing, asking and migrating a database."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys

import pytest


def test_init_makes_a_private_database(hstore, tmp_path):
    """The first init makes the file, the second finds it."""
    path = tmp_path / "project.db"
    assert hstore("project", "init").stdout.decode() == f"created: {path}\n"
    assert hstore("project", "init").stdout.decode() == f"already there: {path}\n"
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_init_as_json(hstore, tmp_path):
    """The shape that the documentation gives."""
    found = hstore.json("project", "init")
    assert set(found) == {"path", "created", "store_id", "schema_version"}
    assert (found["path"], found["created"]) == (str(tmp_path / "project.db"), True)


def test_info(hstore, tmp_path):
    """Path, sizes, versions and counts, for people and for programs."""
    hstore("run", "--", sys.executable, "-c", "print('x')")
    found = hstore.json("project", "info")
    assert found["path"] == str(tmp_path / "project.db")
    assert found["counts"]["runs"] == 1
    assert found["file_bytes"] > 0
    assert found["created_at"].endswith("Z")
    text = hstore("project", "info").stdout.decode()
    for part in (found["path"], found["store_id"], "schema version", "runs"):
        assert part in text


@pytest.mark.parametrize(
    "words",
    [
        ("project", "info"),
        ("project", "query", "SELECT 1"),
        ("db", "status"),
        ("log", "list"),
        ("log", "show"),
        ("log", "tail"),
        ("recall", "key"),
        ("forget", "key"),
        ("memory", "list"),
        ("audit", "list"),
        ("audit", "chain"),
        ("audit", "head"),
        ("audit", "verify"),
    ],
    ids=" ".join,
)
def test_looking_makes_no_database(hstore, tmp_path, words):
    """Where there is no database, a question says so, gives 4, and makes none."""
    done = hstore(*words)
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"no database yet" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["first", "last", "equals"])
def test_database_by_option(hstore, tmp_path, place):
    """--db names the database, before or behind the command."""
    other = str(tmp_path / "other place.db")
    words = {
        "first": ("--db", other, "project", "init"),
        "last": ("project", "init", "--db", other),
        "equals": (f"--db={other}", "project", "init"),
    }[place]
    assert hstore(*words).returncode == 0
    assert os.listdir(tmp_path) == ["other place.db"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes are a Linux matter")
@pytest.mark.parametrize("name", ["a b.db", "a\nb.db", b"\xff\xfe.db", "ü.db", "-x.db"])
def test_odd_paths(hstore, tmp_path, name):
    """Spaces, newlines and bytes that are no UTF-8 work in a path, and its display is safe."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + os.fsencode(name))
    done = hstore("--db", path, "run", "--", "echo", "x")
    assert (done.returncode, done.stderr) == (0, b"")
    assert hstore("--db", path, "log", "show").stdout == b"x\n"
    assert os.path.exists(path)
    shown = hstore("--db", path, "project", "info")
    assert shown.returncode == 0
    assert len(shown.stdout.decode().splitlines()[0].split(":", 1)) == 2
    json.loads(hstore("--db", path, "project", "info", "--json").stdout)


QUERY = "SELECT 1 AS number, 'a' || char(10) || 'b' AS text, NULL AS empty, x'00ff' AS bytes, 0.5 AS real, 1 AS number"


def test_query_as_table(hstore):
    """A table for people: control characters escaped, NULL and bytes recognisable."""
    hstore("project", "init")
    lines = hstore("project", "query", QUERY).stdout.decode().splitlines()
    assert lines[0].split() == ["number", "text", "empty", "bytes", "real", "number:1"]
    assert lines[1].split() == ["1", "a\\nb", "NULL", "x'00ff'", "0.5", "1"]


def test_query_as_json(hstore):
    """A list of objects; bytes are objects with base64."""
    hstore("project", "init")
    assert hstore.json("project", "query", QUERY) == [
        {"number": 1, "text": "a\nb", "empty": None, "bytes": {"base64": "AP8="}, "real": 0.5, "number:1": 1}
    ]
    assert hstore.json("project", "query", "SELECT 1 WHERE 0") == []


def test_query_as_csv(hstore):
    """RFC 4180, with a header."""
    hstore("project", "init")
    text = hstore("project", "query", "--csv", QUERY).stdout.decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["number", "text", "empty", "bytes", "real", "number:1"]
    assert rows[1] == ["1", "a\nb", "", "base64:AP8=", "0.5", "1"]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DELETE FROM runs", 6),
        ("INSERT INTO runs DEFAULT VALUES", 6),
        ("ATTACH 'x' AS y", 6),
        ("SELEC 1", 2),
        ("SELECT * FROM no_such_table", 2),
        ("SELECT 1; SELECT 2", 6),
    ],
)
def test_query_that_is_refused(hstore, sql, code):
    """Writing, reaching outside and nonsense each have their exit code."""
    hstore("project", "init")
    done = hstore("project", "query", sql)
    assert (done.returncode, done.stdout) == (code, b""), done.stderr
    assert done.stderr.startswith(b"hstore: ")
    assert b"Traceback" not in done.stderr


def test_query_that_takes_too_long(hstore):
    """A query past its time limit is stopped."""
    hstore("project", "init")
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    assert hstore("project", "query", "--timeout", "0.1s", endless).returncode == 7


@pytest.mark.parametrize("group", ["db", "project"])
def test_migrate(hstore, group):
    """The first time it applies everything, the second time there is nothing to do."""
    first = hstore.json(group, "migrate")
    assert [each["version"] for each in first["applied"]] == list(range(1, first["schema_version"] + 1))
    assert hstore.json(group, "migrate")["applied"] == []
    assert b"nothing to do" in hstore(group, "migrate").stdout


def test_status(hstore):
    """Every migration with its hash and the time it was applied."""
    hstore("project", "init")
    found = hstore.json("db", "status")
    assert found["schema_version"] == len(found["migrations"])
    for each in found["migrations"]:
        assert set(each) == {"version", "name", "sha256", "applied_at"}
        assert each["applied_at"].endswith("Z")
    assert b"0001" in hstore("db", "status").stdout
