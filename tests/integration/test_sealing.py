"""Sealing: keys from the environment and the keyring, rotation, and clear errors without the right one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hstore import Store
from hstore.errors import HstoreError, InvalidInput, NoKey, SealingError, WrongKey
from hstore.masking import Masker
from hstore.sealing import SERVICE, Sealing, new_key

fernet = pytest.importorskip("cryptography.fernet")
keyring = pytest.importorskip("keyring")


def sealing(*keys: str) -> Sealing:
    """With these keys, and a keyring that is asked for nothing."""
    return Sealing(keys, lambda: "a store", lambda _: None)


class Drawer(keyring.backend.KeyringBackend):  # type: ignore[misc] # the package has no types where it is missing
    """A keyring of this process."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """What was kept."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        del self.kept[service, username]


class Locked(Drawer):
    """A keyring that nobody opens."""

    def get_password(self, service: str, username: str) -> str | None:
        """Refuse."""
        raise keyring.errors.KeyringLocked("somebody pressed Cancel")


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    """The system's keyring for the time of a test."""
    before = keyring.get_keyring()
    mine = Drawer()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def test_tokens_are_those_of_the_cryptography_package() -> None:
    """What is sealed here is opened by Fernet itself with the same key, and the other way round."""
    key = new_key()
    assert fernet.Fernet(key).decrypt(sealing(key).seal(b"content \xff\0")) == b"content \xff\0"
    assert sealing(key).open(fernet.Fernet(key).encrypt(b"")) == b""


def test_first_key_seals_and_all_open() -> None:
    """A new key before the old one: old tokens open, new ones need the new key, resealed ones too."""
    old, new = new_key(), new_key()
    token = sealing(old).seal(b"x")
    both = sealing(new, old)
    assert both.open(token) == b"x"
    for made in (both.seal(b"x"), *both.reseal([token])):
        assert sealing(new).open(made) == b"x"
        with pytest.raises(WrongKey, match="none of the keys opens it"):
            sealing(old).open(made)


def test_wrong_key_and_damage_are_said() -> None:
    """Another key, a changed byte, a cut token, none at all: an error of ours that shows neither key nor content."""
    key, other = new_key(), new_key()
    token = sealing(key).seal(b"the content")
    changed = token[:40] + (b"A" if token[40:41] != b"A" else b"B") + token[41:]
    cases = [(other, token, "none of the keys"), (key, changed, "none of the keys")]
    cases += [(key, bad, "damaged") for bad in (token[:-8], token[:20], b"", b"\xff\xfe", b"gAAA!", b"A" * 100)]
    for each, bad, said in cases:
        for verb in (sealing(each).open, lambda bad, each=each: sealing(each).reseal([bad])):
            with pytest.raises(WrongKey, match=said) as caught:
                verb(bad)
            assert key not in repr(caught.value)
            assert other not in repr(caught.value)


@pytest.mark.parametrize("bad", ["no-key", "A" * 43, "é" * 44, "=" * 44])
def test_key_that_is_none_is_refused_without_being_shown(bad: str) -> None:
    """The message says which of several keys is wrong, and how to make one."""
    with pytest.raises(InvalidInput, match="HSTORE_KEY: number 2 of 2 is no key") as caught:
        sealing(new_key(), bad).seal(b"x")
    assert bad not in str(caught.value)


def test_without_a_key_the_error_says_what_to_do(store: Store, drawer: Drawer) -> None:
    """Neither HSTORE_KEY nor a key in the keyring: nothing is stored, and everything else goes on."""
    with pytest.raises(NoKey, match="hstore key new"):
        store.config.set("k", "v", sensitive=True)
    with pytest.raises(NoKey, match="HSTORE_KEY is not set"):
        store.connections.save("c", "postgresql", "d", password="x")
    assert store.config.list() == []
    assert store.connections.list() == []
    store.config.set("k", "v")
    assert not store.connections.save("c", "postgresql", "d").has_password


@pytest.mark.parametrize(("package", "extra"), [("cryptography", "encryption"), ("keyring", "keyring")])
def test_without_the_package_the_error_names_the_extra(
    store: Store, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    """What is missing, and the command that brings it."""
    monkeypatch.setitem(sys.modules, package, None)
    keys = [new_key()] if package == "keyring" else ["any"]
    if package == "keyring":
        with pytest.raises(SealingError, match=rf"hstore\[{extra}\]"):
            sealing().keep_new(store.batch)
        assert sealing(*keys).open(sealing(*keys).seal(b"x")) == b"x"
    else:
        with pytest.raises(NoKey, match=rf"hstore\[{extra}\]"):
            sealing(*keys).seal(b"x")


def test_key_in_the_keyring_is_used_where_the_environment_has_none(path: Path, drawer: Drawer) -> None:
    """It stands there under the store's id, so each store has its own; a new one goes before it."""
    with Store.open(path) as store:
        store._sealing.keep_new(store.batch)
        store.config.set("k", ["v"], sensitive=True)
        assert list(drawer.kept) == [(SERVICE, store.store_id)]
        store._sealing.keep_new(store.batch)
        first, second = drawer.kept[SERVICE, store.store_id].split(",")
    with Store.open(path) as store:
        assert store.config.get("k") == ["v"]
        assert store.config.reseal() == 1
        drawer.kept[SERVICE, store.store_id] = first
    with Store.open(path) as store:
        assert store.config.get("k") == ["v"]
        drawer.kept[SERVICE, store.store_id] = second
    with Store.open(path) as store, pytest.raises(WrongKey):
        store.config.get("k")


def test_a_key_that_others_put_into_the_keyring_is_known_at_once(path: Path, drawer: Drawer) -> None:
    """A store that stays open opens what was sealed with a newer key, and reseals with that."""
    with Store.open(path) as host, Store.open(path) as admin:
        host._sealing.keep_new(host.batch)
        host.config.set("old", 1, sensitive=True)
        admin._sealing.keep_new(admin.batch)
        admin.config.set("new", 2, sensitive=True)
        assert (host.config.get("new"), host.config.get("old")) == (2, 1)
        admin._sealing.keep_new(admin.batch)
        assert host.config.reseal() == 2
        drawer.kept[SERVICE, host.store_id] = drawer.kept[SERVICE, host.store_id].split(",")[0]
        assert (admin.config.get("new"), admin.config.get("old")) == (2, 1)


def test_keyring_that_refuses_is_an_error_and_nothing_in_it_is_replaced(store: Store, drawer: Drawer) -> None:
    """A locked keyring: no key is used, none is written over what may be there."""
    locked = Locked()
    keyring.set_keyring(locked)
    with pytest.raises(NoKey, match="KeyringLocked"):
        store.config.set("k", "v", sensitive=True)
    with pytest.raises(SealingError, match="no answer"):
        store._sealing.keep_new(store.batch)
    assert locked.kept == {}


def test_keys_are_masked_wherever_they_stand(path: Path, monkeypatch: pytest.MonkeyPatch, drawer: Drawer) -> None:
    """Each of several keys of the environment by itself, and those of the keyring once they are known."""
    keys = [new_key(), new_key()]
    monkeypatch.setenv("HSTORE_KEY", ", ".join(keys))
    with Store.open(path) as store:
        store.remember("note", f"one {keys[0]} two {keys[1]}")
        assert store.recall("note") == "one [masked:value] two [masked:value]"
    monkeypatch.delenv("HSTORE_KEY")
    with Store.open(path) as store:
        store._sealing.keep_new(store.batch)
        store.config.set("sealed", 1, sensitive=True)
        (kept,) = drawer.kept.values()
        store.remember("note", f"is {kept}")
        assert store.recall("note") == "is [masked:value]"
    with Store.open(path) as store:
        store.config.get("sealed")
        store.remember("note", f"is still {kept}")
        assert store.recall("note") == "is still [masked:value]"


def test_key_too_short_to_mask_does_not_keep_a_store_from_opening(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HSTORE_KEY=x is wrong, but only where something is to be sealed."""
    monkeypatch.setenv("HSTORE_KEY", "x")
    assert Masker.refusal("x")
    with Store.open(path) as store:
        store.remember("a", "x")
        with pytest.raises(InvalidInput, match="number 1 of 1"):
            store.preferences.set("a", "b", 1, sensitive=True)


def test_each_sealing_error_has_the_exit_code_of_sealing() -> None:
    """9, whatever is wrong with a key."""
    assert {kind.exit_code for kind in (SealingError, NoKey, WrongKey)} == {9}
    assert issubclass(SealingError, HstoreError)
