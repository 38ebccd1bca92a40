"""Nothing in hstore speaks to a network: by what its source imports, and by what Python reports while it works."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hstore"
NETWORK = {
    *("socket", "socketserver", "ssl", "http", "urllib", "ftplib", "smtplib", "imaplib", "poplib", "nntplib"),
    *("telnetlib", "xmlrpc", "asyncio", "asyncore", "requests", "httpx", "aiohttp", "urllib3", "grpc", "websockets"),
    *("psycopg", "psycopg2", "asyncpg", "pymysql", "opentelemetry", "sentry_sdk", "webbrowser", "cgi", "wsgiref"),
}
ASKED_FOR = {
    ("engine/opening.py", "urllib.parse"): "quotes a path for SQLite; opens nothing",
    ("liveness.py", "socket"): "the name of this host on Windows; opens nothing",
}
"""What may be imported all the same. A database server is asked only where `schemas.refresh` names a connection."""
SERVER = {"psycopg"}

FORBIDDING = """
import sys
def forbid(event, arguments):
    if event.split(".")[0] in ("socket", "urllib", "http", "ssl", "ftplib", "smtplib", "telnetlib", "webbrowser"):
        import os
        os.write(2, f"NETWORK {event}\\n".encode())
        os._exit(99)
sys.addaudithook(forbid)
"""
VERBS = """
import sys
from hstore import Store
with Store.open(sys.argv[1]) as store:
    session = store.session("s", context={"a": 1})
    with store.batch():
        run = store.record_run("make", ["make", "all"], session=session, exit_code=0)
        number = store.attach_artifact(run, "log", b"line\\n" * 100_000, limit=10_000)
    store.remember("key", {"value": 1}, ttl=60)
    store.recall("key")
    store.wiki.add("Page", session=session, run=run)
    store.audit.write("info", "event", run=run)
    store.read_artifact(number)
    store.artifacts.compact()
    store.masking.apply()
    store.query("SELECT count(*) FROM runs")
    store.info()
assert not {"socket", "ssl", "http.client", "urllib.request", "asyncio"} & set(sys.modules) - before, sys.modules
"""
PROGRAM = "from hstore.__main__ import main\nsys.exit(main(sys.argv[1:]))"
COMMANDS = (
    ["project", "init"],
    ["run", "--", "echo", "hello"],
    ["run", "--max-output", "1K", "--", "seq", "1000"],
    ["project", "info"],
    ["project", "query", "SELECT 1"],
    ["project", "migrate"],
    ["log", "list"],
    ["log", "show"],
    ["log", "tail", "-f"],
    ["log", "adopt"],
    ["remember", "key", "value"],
    ["recall", "key"],
    ["memory", "list"],
    ["audit", "list"],
    ["mask", "--list"],
    ["mask", "apply"],
    ["db", "compact"],
    ["doctor"],
    ["init", "bash"],
    ["--help"],
    ["--version"],
)


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            *("__import__", "import_module"),
        ):
            found |= {
                word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)
            }
    return found


def test_no_module_imports_a_way_to_a_network() -> None:
    """Neither at the top nor inside a function, nor by name; what is excepted says why."""
    found = {
        (path.relative_to(SOURCE).as_posix(), name)
        for path in SOURCE.rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in NETWORK
    }
    servers = {(path, name) for path, name in found if name.split(".")[0] in SERVER}
    assert {path for path, _ in servers} <= {"inspection/postgresql.py"}
    assert found - servers == set(ASKED_FOR)


def test_c_part_calls_nothing_of_a_network() -> None:
    """No header of sockets is in the C sources."""
    for path in (ROOT / "csrc").rglob("*.[ch]"):
        text = path.read_text()
        assert "sys/socket.h" not in text, path
        assert "netdb.h" not in text, path


def test_verbs_open_no_socket(tmp_path: Path) -> None:
    """Python reports every use of a socket to a hook; the main verbs cause none, nor do they load such a module."""
    program = f"{FORBIDDING}\nbefore = set(sys.modules)\n{VERBS}"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "project.db"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_hook_would_tell(tmp_path: Path) -> None:
    """The test before can fail: a socket that is made is noticed."""
    program = f"{FORBIDDING}\nimport socket\nsocket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 99
    assert "NETWORK socket" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the commands that are run are POSIX ones")
def test_commands_open_no_socket(tmp_path: Path) -> None:
    """Every main command, with each variable set that elsewhere switches telemetry on."""
    environment = {
        **os.environ,
        "HSTORE_DB": str(tmp_path / "project.db"),
        **dict.fromkeys(("HSTORE_TELEMETRY", "HEIMDAL_TELEMETRY", "TELEMETRY", "OTEL_TRACES_EXPORTER"), "1"),
        **dict.fromkeys(("OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN", "HTTP_PROXY"), "http://127.0.0.1:9"),
    }
    for words in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-c", FORBIDDING + PROGRAM, *words], env=environment, cwd=tmp_path, capture_output=True
        )
        assert (done.returncode, b"NETWORK" in done.stderr) == (0, False), (words, done.stderr)
