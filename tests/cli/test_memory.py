"""`remember`, `recall`, `forget` and `memory list`."""

from __future__ import annotations

import json

import pytest


def test_text(hstore):
    """A text comes back as it was given."""
    assert hstore("remember", "key", "two words").stdout == b""
    assert hstore("recall", "key").stdout == b"two words\n"
    assert hstore.json("recall", "key") == "two words"


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", [], {"a": [1, {"b": "ü"}]}])
def test_json(hstore, value):
    """Any JSON value comes back as it was given."""
    assert hstore("remember", "key", f"--json={json.dumps(value)}").returncode == 0
    assert hstore.json("recall", "key") == value
    shown = hstore("recall", "key").stdout.decode()
    assert shown == ("text\n" if value == "text" else json.dumps(value, ensure_ascii=False) + "\n")


@pytest.mark.parametrize(
    "words",
    [
        ("key", "--json", "[1, 2]", "--ttl", "2h"),
        ("key", "--ttl", "2h", "[1, 2]", "--json"),
        ("--ttl", "2h", "key", "[1, 2]", "--json"),
        ("--tag", "x", "--", "key", "[1, 2]"),
    ],
)
def test_order_of_words(hstore, words):
    """Options may stand before, between and behind the key and the value."""
    assert hstore("remember", *words).returncode == 0
    assert hstore.json("recall", "key") == ([1, 2] if "--json" in words else "[1, 2]")


@pytest.mark.parametrize("number", ["-1", "-1.5e3"])
def test_negative_number(hstore, number):
    """A value may begin with a minus."""
    assert hstore("remember", "key", f"--json={number}").returncode == 0
    assert hstore.json("recall", "key") == float(number)
    assert hstore("remember", "--", "key", f"{number}x").returncode == 0
    assert hstore.json("recall", "key") == f"{number}x"


@pytest.mark.parametrize(
    ("words", "given", "value"),
    [
        (("--stdin",), b"a\nb\n", "a\nb"),
        (("--stdin",), b"no end", "no end"),
        (("--stdin",), b"", ""),
        (("--json",), b'{"a": 1}\n', {"a": 1}),
        (("--stdin", "--json"), b"[1]", [1]),
    ],
)
def test_standard_input(hstore, words, given, value):
    """The value may come by standard input, as text or as JSON."""
    assert hstore("remember", "key", *words, input=given).returncode == 0
    assert hstore.json("recall", "key") == value


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("--json", "{"), b""),
        (("--json", "NaN"), b""),
        (("--json", "[Infinity]"), b""),
        (("--json",), b""),
        (("x", "--json", "1"), b""),
        (("--stdin",), b"\xff\xfe"),
        (("--json", '"\\ud800"'), b""),
        (("--json", "[" * 100_000), b""),
    ],
)
def test_values_that_are_refused(hstore, words, given):
    """What is no JSON or no text gives 2 and a message that does not repeat it."""
    done = hstore("remember", "key", *words, input=given)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"hstore: ")
    assert len(done.stderr) < 300
    assert b"Traceback" not in done.stderr


def test_message_does_not_repeat_a_value(
    hstore,
):
    """A value that is refused may be secret."""
    done = hstore("remember", "key", "--json", "{hunter2hunter2")
    assert done.returncode == 2
    assert b"hunter2" not in done.stderr


def test_unknown_key(hstore):
    """What is not remembered gives 3."""
    hstore("remember", "other", "x")
    for command in ("recall", "forget"):
        done = hstore(command, "key")
        assert (done.returncode, done.stdout) == (3, b"")
        assert done.stderr.startswith(b"hstore: memory: nothing is remembered")


def test_forget(hstore):
    """What is forgotten is gone."""
    hstore("remember", "key", "x")
    assert hstore("forget", "key").returncode == 0
    assert hstore("recall", "key").returncode == 3


def test_scopes(hstore):
    """The same key has a value in each scope."""
    hstore.environment["HEIMDAL_SESSION"] = "s"
    for words in (("global",), ("project",), ("device", "--device", "d"), ("session",)):
        assert hstore("remember", "key", words[0], "--scope", *words).returncode == 0
    assert hstore.json("recall", "key") == "global"
    assert hstore.json("recall", "key", "--scope", "device", "--device", "d") == "device"
    assert hstore("recall", "key", "--scope", "device", "--device", "e").returncode == 3
    assert hstore.json("recall", "key", "--scope", "session", "--session", "s") == "session"
    assert len(hstore.json("memory", "list")) == 4


@pytest.mark.parametrize("ttl", ["30s", "5m", "2h", "7d", "1w", "90", "1.5h"])
def test_time_to_live(hstore, ttl):
    """Each way to write a time span gives an expiry."""
    assert hstore("remember", "key", "x", "--ttl", ttl).returncode == 0
    [found] = hstore.json("memory", "list")
    assert found["expires_at"] > found["created_at"]


def test_list(hstore):
    """Values by scope, category and tag, newest first, in the documented shape."""
    hstore("remember", "first", "1", "--tag", "a", "--tag", "b", "--category", "c")
    hstore("remember", "second", "--json", "[2]")
    found = hstore.json("memory", "list")
    assert [each["key"] for each in found] == ["second", "first"]
    assert set(found[0]) == {
        "id",
        "key",
        "value",
        "scope",
        "owner",
        "category",
        "tags",
        "created_at",
        "updated_at",
        "expires_at",
        "version",
    }
    assert found[0]["value"] == [2]
    assert [each["key"] for each in hstore.json("memory", "list", "--tag", "b")] == ["first"]
    assert [each["key"] for each in hstore.json("memory", "list", "--category", "c")] == ["first"]
    assert hstore.json("memory", "list", "--scope", "project") == []
    lines = hstore("memory", "list", "--limit", "1").stdout.decode().splitlines()
    assert len(lines) == 2
    assert lines[0].split() == ["ID", "SCOPE", "CATEGORY", "TAGS", "EXPIRES", "KEY", "VALUE"]


def test_list_by_time(hstore):
    """`--since` and `--until` bound when a value was last remembered."""
    hstore("remember", "key", "1")
    assert [each["key"] for each in hstore.json("memory", "list", "--since", "1h")] == ["key"]
    assert hstore.json("memory", "list", "--until", "1h") == []


def test_history(hstore):
    """What a key held before, newest first, in a table and as JSON; a key without any is no error."""
    for value in ("web1", "web2", "web3"):
        assert hstore("remember", "host", value, "--category", "deploy").returncode == 0
    found = hstore.json("memory", "history", "host")
    assert [(past["value"], past["category"], past["version"]) for past in found] == [
        ("web2", "deploy", 2),
        ("web1", "deploy", 1),
    ]
    assert found[0]["held_from"] == found[1]["held_until"]
    assert [past["value"] for past in hstore.json("memory", "history", "host", "--after", "2")] == ["web1"]
    assert "web2" in hstore("memory", "history", "host").stdout.decode()
    assert hstore.json("memory", "history", "none") == []
