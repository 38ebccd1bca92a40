"""Preferences and configuration: JSON values by key, masked, or sealed where they are sensitive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from hstore import Store
from hstore.domains import connections, schemas
from hstore.domains.settings import config, preferences
from hstore.errors import InvalidInput, WrongKey
from hstore.listing import Filters
from hstore.sealing import new_key
from planted import forms

pytest.importorskip("cryptography")
JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=20),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that seals."""
    made = new_key()
    monkeypatch.setenv("HSTORE_KEY", made)
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store for many examples, with a key of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HSTORE_KEY", new_key())
        with Store.open(tmp_path_factory.mktemp("shared") / "project.db") as store:
            yield store


@settings(max_examples=50, deadline=None)
@given(value=JSON)
def test_sealed_value_comes_back_as_it_was(shared: Store, value: Any) -> None:
    """Any JSON value, whatever the masker would think of it."""
    shared.config.set("api_key", value, sensitive=True)
    shared.preferences.set("ai", "api_key", value, user_hash="u", sensitive=True)
    assert shared.config.get("api_key") == value
    assert shared.preferences.get("ai", "api_key", user_hash="u") == value


def test_value_under_a_telling_key_is_masked_unless_it_is_sensitive(store: Store, secret: str) -> None:
    """What must come back as it was is to be sealed."""
    store.config.set("api_key", secret)
    assert store.config.get("api_key") == "[masked:api-key]"
    store.config.set("api_key", secret, sensitive=True)
    assert store.config.get("api_key") == secret
    store.preferences.set("ai", "password", secret)
    assert store.preferences.get("ai", "password") == "[masked:password]"


def test_listing_opens_nothing(path: Path, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed values are None and sensitive in listings, also where no key would open them."""
    with Store.open(path) as store:
        store.config.set("open", [1], description="for all")
        store.config.set("sealed", secret, sensitive=True)
        store.preferences.set("ui", "theme", "dark")
        store.preferences.set("ai", "key", secret, sensitive=True)
    monkeypatch.delenv("HSTORE_KEY")
    with Store.open(path) as store:
        listed = [(each.key, each.value, each.sensitive, each.description) for each in store.config.list()]
        assert listed == [("sealed", None, True, None), ("open", [1], False, "for all")]
        assert [(each.key, each.value, each.sensitive) for each in store.preferences.list()] == [
            ("key", None, True),
            ("theme", "dark", False),
        ]


def test_sealed_value_stands_in_no_file_and_no_query(path: Path, secret: str) -> None:
    """Neither in the database nor in the WAL, in no form."""
    with Store.open(path) as store:
        store.config.set("a", {"deep": [secret]}, sensitive=True)
        store.preferences.set("a", "b", secret, sensitive=True)
        assert secret not in repr(store.query("SELECT value, sealed FROM config"))
        for file in path.parent.iterdir():
            assert not [form for form in forms(secret) if form in file.read_bytes()], file


def test_preference_belongs_to_a_user_and_a_category(store: Store) -> None:
    """The same key of two users, or of two categories, is two preferences; without a user it is everybody's."""
    for user in ("", "u1", "u2"):
        for category in ("ui", "ai"):
            store.preferences.set(category, "theme", f"{user} {category}", user_hash=user)
    assert store.preferences.get("ui", "theme") == " ui"
    assert store.preferences.get("ai", "theme", user_hash="u2") == "u2 ai"
    assert store.preferences.get("ai", "theme", "light", user_hash="u3") == "light"
    assert [each.value for each in store.preferences.list(user_hash="u1")] == ["u1 ai", "u1 ui"]
    assert [each.user_hash for each in store.preferences.list(category="ui")] == ["u2", "u1", ""]
    assert [each.value for each in store.preferences.list(user_hash="")] == [" ai", " ui"]
    assert store.preferences.delete("ui", "theme", user_hash="u1")
    assert not store.preferences.delete("ui", "theme", user_hash="u1")
    assert len(store.preferences.list()) == 5


def test_setting_again_replaces_value_and_kind(store: Store) -> None:
    """Plain becomes sealed and sealed becomes plain; created_at stays, a description stays until another is given."""
    store.config.set("limit", 1, description="of what")
    (first,) = store.config.list()
    store.config.set("limit", 2, sensitive=True)
    (second,) = store.config.list()
    assert (second.id, second.created_at, second.description) == (first.id, first.created_at, "of what")
    assert (second.value, second.sensitive, store.config.get("limit")) == (None, True, 2)
    store.config.set("limit", None, description="of nothing")
    (third,) = store.config.list()
    assert (third.value, third.sensitive, third.description) == (None, False, "of nothing")
    assert store.config.get("limit", "default") is None
    assert store.config.delete("limit")
    assert not store.config.delete("limit")
    assert store.config.get("limit", "default") == "default"


def test_a_clock_that_goes_back_makes_no_setting_older(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set is new, whatever the clock says: its time does not go back."""
    store.config.set("k", 1)
    store.preferences.set("ui", "k", 1)
    before = [store.config.list()[0].updated_at, store.preferences.list()[0].updated_at]
    for module in (config, preferences):
        monkeypatch.setattr(module, "now", lambda: 0)
    store.config.set("k", 2)
    store.preferences.set("ui", "k", 2)
    assert [store.config.list()[0].updated_at, store.preferences.list()[0].updated_at] == before
    assert (store.config.get("k"), store.preferences.get("ui", "k")) == (2, 2)


@pytest.mark.parametrize("sensitive", [False, True])
@pytest.mark.parametrize(
    "wrong", [float("nan"), {1: 2}, b"x", {1, 2}, "\ud800", "x" * (17 * 1024 * 1024)], ids=lambda wrong: repr(wrong)[:9]
)
def test_value_that_is_not_json_is_refused(store: Store, wrong: Any, sensitive: bool) -> None:
    """The same values are refused whether they are sealed or not, and nothing is stored."""
    with pytest.raises(InvalidInput, match="^value: "):
        store.config.set("k", wrong, sensitive=sensitive)
    with pytest.raises(InvalidInput, match="^value: "):
        store.preferences.set("c", "k", wrong, sensitive=sensitive)
    assert store.config.list() == []
    assert store.preferences.list() == []


def test_wrong_keys_are_refused_by_name(store: Store) -> None:
    """Empty, too long, no text: the field is named."""
    for bad in ("", "k" * 2000, None, 7):
        with pytest.raises(InvalidInput, match="^key: "):
            store.config.set(bad, 1)  # type: ignore[arg-type] # wrong on purpose
        with pytest.raises(InvalidInput, match="^category: "):
            store.preferences.set(bad, "k", 1)  # type: ignore[arg-type] # wrong on purpose
        with pytest.raises(InvalidInput, match="^key: "):
            store.preferences.get("c", bad)  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(InvalidInput, match="^user_hash: "):
        store.preferences.set("c", "k", 1, user_hash=None)  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(InvalidInput, match="^sensitive: "):
        store.config.set("k", 1, sensitive=1)  # type: ignore[arg-type] # wrong on purpose


def test_two_users_whose_hashes_look_alike_stay_two(store: Store) -> None:
    """SHA-256 in hexadecimal, the usual hash of a user, is not taken for a secret."""
    from hashlib import sha256

    users = [sha256(name).hexdigest() for name in (b"ann", b"bob")]
    for user in users:
        store.preferences.set("ui", "who", user, user_hash=user)
    assert [each.user_hash for each in store.preferences.list()] == users[::-1]


def test_listings_page_through_everything_without_sorting(store: Store) -> None:
    """Pages together are the whole, newest first; an unfiltered page reads no more than its rows."""
    with store.batch():
        for number in range(50):
            store.preferences.set("ui", f"k{number}", number)
            store.config.set(f"k{number}", number)
    for noun in (store.preferences, store.config):
        found, after = [], None
        while page := noun.list(limit=7, after=after):
            found += [each.value for each in page]
            after = page[-1].id
        assert found == list(range(49, -1, -1))
        everything = noun.list()
        at = everything[25].created_at
        assert noun.list(since=at) == [each for each in everything if each.created_at >= at]
        assert noun.list(until=at) == [each for each in everything if each.created_at < at]
    for select in (preferences.SELECT, config.SELECT, connections.SELECT, schemas.SELECT):
        sql, parameters = Filters().statement(select, "id", 10, 30)
        (step,) = store._connection.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)
        assert step[3].startswith("SEARCH")
        assert "rowid<?" in step[3]


def test_resealed_settings_need_the_new_key_alone(path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both nouns count what they sealed anew."""
    with Store.open(path) as store:
        store.config.set("a", 1, sensitive=True)
        store.config.set("b", 2)
        store.preferences.set("a", "b", 3, sensitive=True)
    new = new_key()
    monkeypatch.setenv("HSTORE_KEY", f"{new},{key}")
    with Store.open(path) as store:
        assert (store.config.reseal(), store.preferences.reseal()) == (1, 1)
    monkeypatch.setenv("HSTORE_KEY", new)
    with Store.open(path) as store:
        assert (store.config.get("a"), store.config.get("b"), store.preferences.get("a", "b")) == (1, 2, 3)
    monkeypatch.setenv("HSTORE_KEY", key)
    with Store.open(path) as store, pytest.raises(WrongKey):
        store.config.get("a")
