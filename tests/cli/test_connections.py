"""`hstore connections` and `hstore key`: passwords from standard input or a terminal, keys, listings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from hstore.sealing import new_key

pytest.importorskip("cryptography")


@pytest.fixture
def keyed(hstore):
    """The program with a key."""
    hstore.environment["HSTORE_KEY"] = new_key()
    return hstore


def test_password_comes_from_standard_input_and_is_never_shown(keyed, secret):
    """Without its line end; the listing says that there is one."""
    done = keyed("connections", "add", "shop", "postgresql", "shop", "--host", "db1", "--port", "5433", "--username",
                 "ann", "--ask-password", input=f"{secret}\n".encode())  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (listed,) = keyed.json("connections", "list")
    assert (listed["name"], listed["type"], listed["has_password"], listed["active"]) == (
        *("shop", "postgresql", True, True),
    )
    shown = keyed("connections", "list")
    assert b"ann@db1:5433/shop" in shown.stdout
    assert b"sealed" in shown.stdout
    assert secret.encode() not in shown.stdout + repr(listed).encode()
    from hstore import Store

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HSTORE_KEY", keyed.environment["HSTORE_KEY"])
        with Store.open(keyed.environment["HSTORE_DB"]) as store:
            assert store.connections.password("shop") == secret


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_password_typed_on_a_terminal_is_not_echoed(keyed, secret):
    """What is typed does not come back, and the prompt is not on standard output."""
    master, slave = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "hstore", "connections", "add", "shop", "mysql", "shop", "--ask-password"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=keyed.environment,
        start_new_session=True,
    )
    seen = b""
    while b"Password: " not in seen:
        seen += os.read(master, 1024)
    os.write(master, f"{secret}\n".encode())
    output, _ = child.communicate(timeout=60)
    os.close(slave)
    while chunk := read_rest(master):
        seen += chunk
    os.close(master)
    assert (child.returncode, output) == (0, b"")
    assert secret.encode() not in seen
    assert keyed.json("connections", "list")[0]["has_password"]


def read_rest(master):
    """What is left to read; nothing once the other end is closed."""
    try:
        return os.read(master, 1024)
    except OSError:
        return b""


def test_without_a_key_the_exit_code_is_9_and_nothing_is_saved(hstore, secret):
    """The message says how to get one."""
    hstore.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    done = hstore("connections", "add", "shop", "mysql", "shop", "--ask-password", input=secret.encode())
    assert (done.returncode, done.stdout) == (9, b"")
    assert b"hstore key new" in done.stderr
    assert secret.encode() not in done.stderr
    assert hstore.json("connections", "list") == []


def test_wrong_words_are_refused(keyed):
    """A name that is taken, JSON that is none, an unknown type, a port that is none."""
    assert keyed("connections", "add", "local", "sqlite", "a.db").returncode == 0
    for words in (
        ("local", "sqlite", "a.db"),
        ("x", "oracle", "d"),
        ("x", "mysql", "d", "--port", "0"),
        ("x", "mysql", "d", "--ssl", "{"),
        ("x", "mysql", "d", "--options", "[1]"),
        ("x", "mysql", "d", "--ask-password"),
    ):
        done = keyed("connections", "add", *words)
        assert (done.returncode, done.stdout) == (2, b""), words
    assert len(keyed.json("connections", "list")) == 1


def test_connection_is_removed_once(keyed):
    """The second time there is none: 3."""
    keyed("connections", "add", "local", "sqlite", "a.db")
    assert keyed("connections", "remove", "local").returncode == 0
    assert keyed("connections", "remove", "local").returncode == 3
    assert keyed.json("connections", "list") == []


def test_new_key_is_printed_or_kept_and_old_ones_can_be_taken_away(hstore, secret):
    """A printed key seals; after resealing with a new one the old one is not needed."""
    old, new = (hstore("key", "new").stdout.decode().strip() for _ in range(2))
    assert old != new
    hstore.environment["HSTORE_KEY"] = old
    assert hstore("connections", "add", "a", "mysql", "d", "--ask-password", input=secret.encode()).returncode == 0
    hstore.environment["HSTORE_KEY"] = new
    assert hstore("key", "reseal").returncode == 9
    hstore.environment["HSTORE_KEY"] = f"{new},{old}"
    assert hstore.json("key", "reseal") == {"connections": 1, "preferences": 0, "config": 0}
    hstore.environment["HSTORE_KEY"] = new
    assert hstore.json("key", "reseal")["connections"] == 1
    shown = hstore("key", "reseal").stdout
    assert b"connections" in shown


def test_key_in_the_keyring_is_for_one_database(hstore):
    """`key new --keyring` prints nothing, and what it keeps is used where HSTORE_KEY is not set."""
    (hstore.folder / "drawer.py").write_text(DRAWER)
    hstore.environment |= {"PYTHON_KEYRING_BACKEND": "drawer.Drawer", "PYTHONPATH": with_path(hstore.folder)}
    assert hstore("connections", "add", "a", "mysql", "d", "--ask-password", input=b"x").returncode == 9
    done = hstore("key", "new", "--keyring")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert hstore("connections", "add", "a", "mysql", "d", "--ask-password", input=b"x").returncode == 0
    other = str(hstore.folder / "other.db")
    assert hstore("--db", other, "connections", "add", "a", "mysql", "d", "--ask-password", input=b"x").returncode == 9


def test_keys_that_are_made_at_once_are_all_kept(hstore):
    """Each of several processes that put one before the others loses none of theirs."""
    (hstore.folder / "drawer.py").write_text(DRAWER)
    hstore.environment |= {"PYTHON_KEYRING_BACKEND": "drawer.Drawer", "PYTHONPATH": with_path(hstore.folder)}
    with ThreadPoolExecutor(6) as threads:
        done = list(threads.map(lambda _: hstore("key", "new", "--keyring"), range(6)))
    assert [each.returncode for each in done] == [0] * 6
    (kept,) = json.loads((hstore.folder / "drawer.json").read_text()).values()
    assert len(set(kept.split(","))) == 6


def with_path(folder):
    """PYTHONPATH with a folder more."""
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


DRAWER = """
import json, pathlib, time
from keyring.backend import KeyringBackend

FILE = pathlib.Path(__file__).with_name("drawer.json")

class Drawer(KeyringBackend):
    priority = 1
    def _all(self):
        return json.loads(FILE.read_text()) if FILE.exists() else {}
    def get_password(self, service, username):
        return self._all().get(f"{service} {username}")
    def set_password(self, service, username, password):
        time.sleep(0.1)
        FILE.write_text(json.dumps(self._all() | {f"{service} {username}": password}))
    def delete_password(self, service, username):
        pass
"""


def test_schema_of_a_saved_database_is_refreshed_and_listed(keyed, tmp_path):
    """Tables and columns of a real file; 10 and a message where it cannot be read."""
    import apsw

    path = tmp_path / "shop.db"
    database = apsw.Connection(str(path))
    database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, what TEXT); CREATE VIEW v AS SELECT 1 AS one")
    database.close()
    keyed("connections", "add", "shop", "sqlite", str(path))
    assert keyed("schemas", "refresh", "shop").stdout == b"2 tables, views and procedures\n"
    assert keyed.json("schemas", "refresh", "shop") == {"objects": 2}
    shown = keyed("schemas", "list", "shop", "--kind", "table").stdout.decode()
    assert "orders" in shown
    assert "number, what" in shown
    assert [each["name"] for each in keyed.json("schemas", "list")] == ["orders", "v"]
    path.unlink()
    done = keyed("schemas", "refresh", "shop")
    assert (done.returncode, done.stdout) == (10, b"")
    assert b"no such file" in done.stderr
    assert len(keyed.json("schemas", "list", "shop")) == 2
    assert keyed("schemas", "refresh", "nobody").returncode == 3
