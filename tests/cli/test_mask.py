"""`hstore mask`: the masker as a filter, its rules, what they find, and false alarms."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys

import pytest


@pytest.mark.parametrize("content", [b"", b"nothing secret\n", b"no end", bytes(range(256)) * 100, b"x" * 3_000_000])
def test_other_bytes_are_left_alone(hstore, content):
    """What holds no secret comes out as it went in."""
    done = hstore("mask", input=content)
    assert (done.returncode, done.stdout, done.stderr) == (0, content, b"")


def test_value_from_the_environment(hstore):
    """A value named by its variable is masked wherever it stands."""
    value = secrets.token_urlsafe(24)
    hstore.environment["OWN_WORD"] = value
    done = hstore("mask", "--value-env", "OWN_WORD", input=f"before {value} after\n".encode())
    assert done.returncode == 0
    assert value.encode() not in done.stdout
    assert done.stdout.startswith(b"before ")
    assert done.stdout.endswith(b" after\n")


def test_variable_that_is_not_set(hstore):
    """A variable that is missing is an error: the text would go through unmasked."""
    done = hstore("mask", "--value-env", "NO_SUCH_WORD", input=b"x")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"NO_SUCH_WORD" in done.stderr


def test_streaming(hstore):
    """Text is passed on while the input is still open."""
    running = subprocess.Popen(
        [sys.executable, "-m", "hstore", "mask"], env=hstore.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    running.stdin.write(b"first line\n" * 5000)
    running.stdin.flush()
    assert running.stdout.read(11) == b"first line\n"
    rest, _ = running.communicate(b"last line\n")
    assert rest.endswith(b"first line\nlast line\n")


def test_no_database_is_made(hstore, tmp_path):
    """A filter leaves nothing behind."""
    assert hstore("mask", input=b"x").returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="uses a POSIX shell")
def test_closed_input(hstore):
    """Without standard input there is nothing to mask."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -m hstore mask <&-', sys.executable], env=hstore.environment, stdout=subprocess.PIPE
    )
    assert done.stdout == b""


@pytest.fixture
def rules(hstore, tmp_path):
    """Writes the file of rules that belongs to the program's database."""

    def write(text):
        path = tmp_path / "project.masking.toml"
        path.write_text(text)
        return path

    return write


PIN = '[[name]]\nid = "acme-pin"\nnames = ["acme_pin"]\nkind = "password"\n'


def test_rules_of_the_project_are_used(hstore, rules):
    """The filter masks by the rules that hold for what is stored here, and by those it is given."""
    assert hstore("mask", input=b"acme_pin=4711zq\n").stdout == b"acme_pin=4711zq\n"
    path = rules(PIN)
    assert hstore("mask", input=b"acme_pin=4711zq\n").stdout == b"acme_pin=[masked:acme-pin]\n"
    hstore.environment["HSTORE_MASK_RULES"] = str(path.rename(path.with_name("elsewhere.toml")))
    assert hstore("mask", input=b"acme_pin=4711zq\n").stdout == b"acme_pin=[masked:acme-pin]\n"
    del hstore.environment["HSTORE_MASK_RULES"]
    done = hstore("mask", "--rules", "elsewhere.toml", input=b"acme_pin=4711zq\n")
    assert done.stdout == b"acme_pin=[masked:acme-pin]\n"


def test_runs_are_recorded_by_the_rules(hstore, rules):
    """`hstore run` stores what the rules leave, values of variables by pattern too; its output is unchanged."""
    rules(PIN + '[environment]\nnames = ["ACME_*"]\n')
    hstore.environment["ACME_URL"] = "acme-value-4711"
    done = hstore("run", "--", "sh", "-c", "echo acme_pin=4711zq $ACME_URL")
    assert done.stdout == b"acme_pin=4711zq acme-value-4711\n"
    assert hstore("log", "show").stdout == b"acme_pin=[masked:acme-pin] [masked:value]\n"


def test_broken_rules_stop_the_filter_but_no_command(hstore, rules):
    """Nothing passes unmasked: the filter refuses, a run goes on without being recorded, and both say why."""
    path = rules("\n[[token]]\nid = 'x'\n")
    done = hstore("mask", input=b"x")
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{path}:2: token 'x': id: 2 to 40".encode() in done.stderr
    done = hstore("run", "--", "echo", "hello")
    assert (done.returncode, done.stdout) == (0, b"hello\n")
    assert b"not recorded" in done.stderr
    assert hstore("log", "list").returncode == 2


def test_list(hstore, rules):
    """Every rule with kind, state, origin and description; as JSON with source and anchors."""
    path = rules(PIN + '[rules]\noff = ["jwt"]\n')
    lines = hstore("mask", "--list").stdout.decode().splitlines()
    assert any(line.split()[:4] == ["github-pat", "token", "on", "built-in"] for line in lines)
    assert any(line.split()[:4] == ["acme-pin", "name", "on", str(path)] for line in lines)
    assert any(line.split()[:3] == ["jwt", "jwt", "off"] for line in lines)
    found = {rule["id"]: rule for rule in hstore.json("mask", "--list")}
    assert found["acme-pin"] == {
        "id": "acme-pin", "kind": "name", "on": True, "origin": str(path), "description": "", "source": "",
        "anchors": ["acme_pin"],
    }  # fmt: skip


def test_explain(hstore, tmp_path):
    """Place, rule and reason of each mark, from a file or standard input, as lines or JSON; never the secret."""
    secret = secrets.token_hex(16)
    text = f"first line\n  api_key: {secret}\n".encode()
    (tmp_path / "x.log").write_bytes(text)
    expected = b"2:12 (byte 22)  api-key  the value behind 'api_key', 32 characters\n"
    done = hstore("mask", "--explain", "x.log")
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"x.log: 1 to mask\n")
    done = hstore("mask", "--explain", input=text)
    assert (done.stdout, done.stderr) == (expected, b"standard input: 1 to mask\n")
    done = hstore("mask", "--explain", "x.log", "--json")
    assert json.loads(done.stdout) == [
        {
            "line": 2, "column": 12, "offset": 22, "length": 32, "rule": "api-key", "kind": "name", "anchor": None,
            "name": "api_key", "why": "the value behind 'api_key', 32 characters",
        }
    ]  # fmt: skip
    assert secret.encode() not in done.stdout
    done = hstore("mask", "--explain", input=f"\x1b[31mapi_key:\x1b[0m {secret}\n".encode())
    assert b"the value behind 'api_key', 32" in done.stdout
    assert hstore("mask", "--explain", "none.log").returncode == 2


def test_allow(hstore, tmp_path):
    """A false alarm is shown from then on, listed, and masked again when it is taken out."""
    text = b"password=hunter2-hunter2\n"
    assert hstore("mask", input=text).stdout == b"password=[masked:password]\n"
    done = hstore("mask", "allow", "hunter2-hunter2", "--rule", "password", "--reason", "of the tests")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == f"allowed: 1 of 1, in {tmp_path / 'project.masking.toml'}\n".encode()
    assert hstore("mask", input=text).stdout == text
    assert hstore.json("mask", "allow", "--list") == [
        {
            "text": "hunter2-hunter2", "rule": "password", "reason": "of the tests",
            "path": str(tmp_path / "project.masking.toml"),
        }
    ]  # fmt: skip
    assert hstore("mask", "allow", "--remove", "hunter2-hunter2").returncode == 0
    assert hstore("mask", input=text).stdout == b"password=[masked:password]\n"
    assert hstore("mask", "allow", "--remove", "hunter2-hunter2").returncode == 3


def test_allow_for_the_user(hstore, tmp_path):
    """With --user it holds in every project."""
    home = tmp_path / "home"
    hstore.environment["HOME"] = hstore.environment["USERPROFILE"] = str(home)
    assert hstore("mask", "allow", "--user", "hunter2-hunter2").returncode == 0
    hstore.environment["HSTORE_DB"] = str(tmp_path / "another" / "project.db")
    assert hstore("mask", input=b"password=hunter2-hunter2\n").stdout == b"password=hunter2-hunter2\n"
    assert (home / ".heimdall" / "masking.toml").exists()
    assert hstore("mask", "allow", "hunter2-hunter2").returncode == 4


@pytest.mark.parametrize(
    "words",
    [
        ("mask", "--list", "--explain", "x"),
        ("mask", "--json"),
        ("mask", "--list", "allow", "x"),
        ("mask", "--rules", "none.toml"),
        ("mask", "no-such-word"),
        ("mask", "allow"),
        ("mask", "allow", "--list", "x"),
        ("mask", "allow", "--list", "--remove"),
        ("mask", "allow", "x", "--rule", "passwort"),
        ("mask", "allow", "a\nb"),
    ],
    ids=repr,
)
def test_wrong_words(hstore, tmp_path, words):
    """Words that make no sense give exit code 2 and a message, and write nothing."""
    done = hstore(*words, input=b"")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"hstore: ")
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
