"""Saved connections: what is kept, what is sealed, and that a password stands nowhere but in its token."""

from __future__ import annotations

from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import InvalidInput, NotFound, ReadOnly, WrongKey
from hstore.sealing import new_key
from planted import forms

pytest.importorskip("cryptography")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that seals."""
    made = new_key()
    monkeypatch.setenv("HSTORE_KEY", made)
    return made


def test_connection_comes_back_as_it_was_saved(store: Store) -> None:
    """Every field but the password, by name, id and result; the times are those of the saving."""
    saved = store.connections.save(
        "shop",
        "postgresql",
        "shop",
        host="db.example.org",
        port=5432,
        username="ann",
        auth="certificate",
        ssl={"sslmode": "verify-full"},
        options={"connect_timeout": 3},
    )
    assert saved[1:12] == (
        *("shop", "postgresql", "db.example.org", 5432, "shop", "ann", False, "certificate"),
        *({"sslmode": "verify-full"}, {"connect_timeout": 3}, True),
    )
    assert saved.created_at == saved.updated_at
    assert [store.connections.get(each) for each in ("shop", saved.id, saved)] == [saved] * 3


def test_password_is_given_by_its_verb_alone_and_the_audit_log_says_so(store: Store, secret: str) -> None:
    """`password` gives it; no result, no repr and no query does; each call is a line."""
    saved = store.connections.save("shop", "mysql", "shop", password=secret)
    assert saved.has_password
    assert store.connections.password("shop") == secret
    seen = [saved, store.connections.get("shop"), store.connections.list(), store.audit.list()]
    assert secret not in repr(seen)
    assert secret.encode() not in repr(store.query("SELECT * FROM database_connections")).encode()
    (line,) = store.audit.list()
    assert (line.event, line.data) == ("connection.password", {"connection": saved.id, "name": "shop"})


def test_password_stands_in_no_file(path: Path, secret: str) -> None:
    """Not in the database, the WAL or the shared memory, in no form, whatever was done with it."""
    with Store.open(path) as store:
        store.connections.save("shop", "mysql", "shop", password=secret)
        store.connections.update("shop", password=secret + "2")
        store.connections.failed("shop", f"access denied for ann with {secret}2")
        assert store.connections.password("shop") == secret + "2"
        store.connections.reseal()
        for file in path.parent.iterdir():
            assert not [form for form in forms(secret) if form in file.read_bytes()], file
    assert not [form for form in forms(secret) if form in path.read_bytes()]


def test_refused_password_shows_in_no_error(store: Store, secret: str) -> None:
    """Too long, no text, no valid text: the field is named, the value is not."""
    for bad in (secret * 3000, secret.encode(), f"{secret}\ud800", 7):
        with pytest.raises(InvalidInput, match="password: ") as caught:
            store.connections.save("shop", "mysql", "shop", password=bad)  # type: ignore[arg-type] # wrong on purpose
        assert secret not in repr(caught.value)
    assert store.connections.list() == []


def test_audit_line_and_password_are_one(store: Store, path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line where it cannot be opened, and no password where the line cannot be written."""
    store.connections.save("shop", "mysql", "shop", password="a plain one")
    with Store.open(path, readonly=True) as reader, pytest.raises(ReadOnly):
        reader.connections.password("shop")
    monkeypatch.setenv("HSTORE_KEY", new_key())
    with Store.open(path) as other, pytest.raises(WrongKey):
        other.connections.password("shop")
    assert store.audit.list() == []


def test_password_of_a_connection_without_one_is_not_found(store: Store) -> None:
    """NotFound, and no line in the audit log."""
    store.connections.save("local", "sqlite", "app.db", password="")
    with pytest.raises(NotFound, match="without one"):
        store.connections.password("local")
    assert store.audit.list() == []


def test_passwords_elsewhere_are_masked(store: Store, secret: str) -> None:
    """In options, ssl, a URL or an error, a password is masked as everywhere."""
    saved = store.connections.save(
        "shop",
        "postgresql",
        f"postgresql://ann:{secret}@db/shop",
        host=f"db password={secret}",
        ssl={"sslpassword": secret},
        options={"password": secret},
    )
    store.connections.failed("shop", f"could not connect: password={secret}")
    assert secret not in repr([saved, store.connections.get("shop")])


def test_own_password_is_masked_in_the_error_of_its_connection(store: Store) -> None:
    """A driver may quote it where no rule would see it; one of three letters would stand in every word."""
    store.connections.save("shop", "mysql", "shop", password="tulip-season")
    store.connections.failed("shop", "using tulip-season: refused")
    assert store.connections.get("shop").last_error == "using [masked:password]: refused"
    store.connections.update("shop", password="abc")
    store.connections.failed("shop", "abc")
    assert store.connections.get("shop").last_error == "abc"


def test_update_changes_what_is_given(store: Store) -> None:
    """None stays, an empty text takes away, and a password can be replaced and removed."""
    store.connections.save("shop", "mysql", "shop", host="a", port=1, username="ann", password="first one")
    changed = store.connections.update("shop", port=2, ssl={"on": True})
    assert changed[2:11] == ("mysql", "a", 2, "shop", "ann", True, "sql", {"on": True}, {})
    store.connections.update("shop", password="second one", type="postgresql", database="other")
    assert store.connections.password("shop") == "second one"
    bare = store.connections.update("shop", host="", username="", password="")
    assert bare[2:8] == ("postgresql", None, 2, "other", None, False)


def test_names_are_unique(store: Store) -> None:
    """A second connection of a name is refused, and the first one stays as it is."""
    first = store.connections.save("shop", "mysql", "shop")
    with pytest.raises(InvalidInput, match="name: there is a connection of that name"):
        store.connections.save("shop", "sqlite", "other")
    assert store.connections.list() == [first]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("type", value) for value in ("oracle", "", None, 1, ["mysql"])),
        *(("port", value) for value in (0, -1, 65_536, True, "5432", 1.5)),
        *(("database", value) for value in ("", None, b"x")),
        *(("auth", value) for value in ("none", None, 1)),
        *(("ssl", value) for value in ("text", 1, [1], {"a": float("nan")}, {1: 2}, {"a": {1, 2}})),
        *(("options", value) for value in ("text", {"a": "\ud800"}, {"a": b"x"})),
        *(("name", value) for value in ("", None, "n" * 2000)),
        *(("host", value) for value in (1, b"h")),
        *(("username", value) for value in (1, "u" * 100_000)),
    ],
    ids=repr,
)
def test_wrong_values_are_refused_by_name(store: Store, field: str, wrong: object) -> None:
    """The error names the field; nothing is stored."""
    given = {"name": "shop", "type": "mysql", "database": "shop", field: wrong}
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        store.connections.save(**given)
    assert store.connections.list() == []


@pytest.mark.parametrize("unknown", ["nobody", 17, 0, -1, 1 << 70])
def test_unknown_connection_is_not_found(store: Store, unknown: object) -> None:
    """Each verb says that there is none, and nothing is written."""
    verbs = store.connections
    for verb in (verbs.get, verbs.update, verbs.delete, verbs.activate, verbs.deactivate, verbs.password):
        with pytest.raises(NotFound, match="connection: there is no such connection"):
            verb(unknown)  # type: ignore[operator] # each takes a connection first
    for call in (lambda: verbs.connected(unknown), lambda: verbs.failed(unknown, "x")):  # type: ignore[arg-type] # wrong on purpose
        with pytest.raises(NotFound):
            call()
    for wrong in (None, True):
        with pytest.raises(InvalidInput, match="connection: "):
            verbs.get(wrong)  # type: ignore[arg-type] # wrong on purpose


def test_state_of_a_connection(store: Store) -> None:
    """Connecting ends an earlier error, failing keeps the time of the last success, and both keep the rest."""
    saved = store.connections.save("shop", "mysql", "shop")
    store.connections.failed("shop", "refused")
    assert store.connections.get("shop").last_error == "refused"
    store.connections.connected("shop")
    good = store.connections.get("shop")
    assert good.last_error is None
    assert good.last_connected_at is not None
    store.connections.failed("shop", "e" * 5_000_000)
    bad = store.connections.get("shop")
    assert bad.last_connected_at == good.last_connected_at
    assert bad.last_error is not None
    assert 100_000 < len(bad.last_error) < 200_000
    assert bad[:12] == saved[:12]


def test_listing_filters_and_pages(store: Store) -> None:
    """By type and by whether they are to be used, newest first, in pages."""
    for number in range(6):
        store.connections.save(f"c{number}", ("mysql", "sqlite")[number % 2], "d")
    store.connections.deactivate("c0")
    names = lambda **by: [each.name for each in store.connections.list(**by)]  # noqa: E731 - a table of calls follows
    assert names() == ["c5", "c4", "c3", "c2", "c1", "c0"]
    assert names(type="mysql") == ["c4", "c2", "c0"]
    assert names(type="mysql", active=True) == ["c4", "c2"]
    assert names(active=False) == ["c0"]
    store.connections.activate("c0")
    assert names(active=False) == []
    assert names(limit=2, after=store.connections.get("c4").id) == ["c3", "c2"]
    assert names(since=store.connections.get("c4").created_at) == ["c5", "c4"]
    assert names(until=store.connections.get("c1").created_at) == ["c0"]


def test_resealing_is_all_or_nothing(path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the new key alone opens all; with one token that no key opens, none is changed."""
    with Store.open(path) as store:
        for name in ("a", "b"):
            store.connections.save(name, "mysql", "d", password=f"password of {name}")
    new = new_key()
    monkeypatch.setenv("HSTORE_KEY", f"{new},{key}")
    with Store.open(path) as store:
        assert store.connections.reseal() == 2
    monkeypatch.setenv("HSTORE_KEY", new)
    with Store.open(path) as store:
        assert store.connections.password("a") == "password of a"
    monkeypatch.setenv("HSTORE_KEY", f"{key},{new}")
    with Store.open(path) as store:
        store._connection.write("UPDATE database_connections SET sealed_password = $1 WHERE name = 'b'", (b"damaged",))
        before = store.query("SELECT sealed_password FROM database_connections")
        with pytest.raises(WrongKey):
            store.connections.reseal()
        assert store.query("SELECT sealed_password FROM database_connections") == before


def test_any_unicode_is_a_password(store: Store) -> None:
    """NUL, quotes, line breaks and characters of four bytes come back as they were; so does a long one."""
    for word in ("\0", "'; DROP TABLE x; --", "\r\n", "\N{PILE OF POO}" * 1000, "é\u0301", "x" * 65_536):
        store.connections.save(f"c{len(store.connections.list())}", "mysql", "d", password=word)
        assert store.connections.password(store.connections.list()[0]) == word
