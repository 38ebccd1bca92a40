"""Sealing: what must come back as it was, and must not stand in the file, is encrypted with a key that is elsewhere.

A token is one of Fernet (https://github.com/fernet/spec/blob/master/Spec.md: AES-128-CBC and HMAC-SHA256), made by the
`cryptography` package. Its keys come from `HSTORE_KEY`, else from the system's keyring by the `keyring` package, where
they stand under the service `hstore` and the store's id. Both packages are imported at the first token.
"""

from __future__ import annotations

from hstore.errors import InvalidInput, NoKey, SealingError, WrongKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

SERVICE = "hstore"
"""Under which the keyring keeps keys."""
_VERSION = b"\x80"  # the first byte of every token
_SHORTEST = 1 + 8 + 16 + 16 + 32  # version, time, IV, one block, HMAC
_SHORTEST_SOUGHT = 4
_ADVICE = "set HSTORE_KEY, or run `hstore key new --keyring`; `hstore key new` makes a key"


class Sealing:
    """Seals and opens, with the keys of one store.

    Args:
        keys: those of the environment; the first seals, all of them open.
        store_id: asks for the name under which the keyring has keys, where the environment has none.
        learn: is told the keys that the keyring gave, so that they are masked.
    """

    def __init__(
        self, keys: Sequence[str], store_id: Callable[[], str], learn: Callable[[Sequence[str]], None]
    ) -> None:
        self._keys = tuple(keys)
        self._store_id = store_id
        self._learn = learn
        self._made: Any = None

    def seal(self, content: bytes) -> bytes:
        """The token that holds `content`.

        Raises:
            NoKey: there is no key, or the package `cryptography` is missing. InvalidInput: a key is none.
        """
        token: bytes = self._fernet().encrypt(content)
        return token

    def open(self, token: bytes) -> bytes:
        """What a token holds.

        Raises:
            NoKey, InvalidInput: as `seal`. WrongKey: none of the keys opens it, or it is damaged.
        """
        content: bytes | None = self._result("decrypt", token)
        if content is None and not self._keys:
            self._made = None  # the keyring may have a new key since it was asked
            content = self._result("decrypt", token)
        if content is None:
            raise _refused(token)
        return content

    def reseal(self, tokens: Iterable[bytes]) -> list[bytes]:
        """The same contents under the first key there is now.

        Raises:
            NoKey, InvalidInput, WrongKey: as `open`.
        """
        self._made = None
        changed = []
        for token in tokens:
            made = self._result("rotate", token)
            if made is None:
                raise _refused(token)
            changed.append(made)
        return changed

    def keep_new(self, lock: Callable[[], AbstractContextManager[object]]) -> None:
        """Make a key and put it before those that the keyring has for this store.

        Args:
            lock: keeps others who do the same waiting, or the key of one of them would be lost.

        Raises:
            NoKey: a package is missing. SealingError: the keyring gives no answer, or cannot keep it.
        """
        keyring, key = _keyring(), new_key()
        self._kept(keyring)  # now it may ask to be unlocked, which takes time
        with lock():
            keys = (key, *self._kept(keyring))
            try:
                keyring.set_password(SERVICE, self._store_id(), ",".join(keys))
            except Exception as failure:  # each backend has errors of its own
                raise SealingError(f"keyring: it does not keep the key ({type(failure).__name__})") from None
        self._learn(keys)
        self._made = None

    def _result(self, verb: str, token: bytes) -> Any:
        """What one of Fernet's verbs makes of a token; None where no key opens it."""
        fernet = self._fernet()
        try:
            return getattr(fernet, verb)(token)
        except _package().InvalidToken:
            return None

    def _fernet(self) -> Any:
        if self._made is None:
            keys = self._keys or self._from_keyring()
            self._made = _fernet_of(keys, "HSTORE_KEY" if self._keys else "the keyring's key")
        return self._made

    def _from_keyring(self) -> tuple[str, ...]:
        try:
            keys = self._kept(_keyring())
        except SealingError as failure:
            raise NoKey(f"sealing: HSTORE_KEY is not set; {failure}; {_ADVICE}") from None
        if not keys:
            raise NoKey(f"sealing: HSTORE_KEY is not set, and the keyring has no key of this store; {_ADVICE}")
        self._learn(keys)
        return keys

    def _kept(self, keyring: Any) -> tuple[str, ...]:
        try:
            kept = keyring.get_password(SERVICE, self._store_id())
        except Exception as failure:  # each backend has errors of its own
            raise SealingError(f"keyring: it gives no answer ({type(failure).__name__})") from None
        return tuple(kept.split(",")) if kept else ()


def without(password: str, text: str) -> str:
    """A text of somebody else's, such as an error, without a password that was opened.

    One of less than four characters stays: it stands in many words.
    """
    return text.replace(password, "[masked:password]") if len(password) >= _SHORTEST_SOUGHT else text


def new_key() -> str:
    """A key, made of 32 random bytes.

    Raises:
        NoKey: the package `cryptography` is missing.
    """
    key: bytes = _package().Fernet.generate_key()
    return key.decode()


def _fernet_of(keys: Sequence[str], source: str) -> Any:
    package = _package()
    made = []
    for number, key in enumerate(keys, 1):
        try:
            made.append(package.Fernet(key))
        except (ValueError, TypeError):
            raise InvalidInput(
                f"{source}: number {number} of {len(keys)} is no key (32 bytes in URL-safe base64, 44 characters);"
                " `hstore key new` makes one"
            ) from None
    return package.MultiFernet(made)


def _refused(token: bytes) -> WrongKey:
    if not _is_whole(token):
        return WrongKey("sealing: what is stored is damaged, it is no Fernet token; store the value again")
    return WrongKey(
        "sealing: none of the keys opens it: it was sealed with another key, or is damaged; put the older key behind"
        " the new one in HSTORE_KEY, or store the value again"
    )


def _is_whole(token: bytes) -> bool:
    from base64 import urlsafe_b64decode

    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        return False
    return raw[:1] == _VERSION and len(raw) >= _SHORTEST and (len(raw) - _SHORTEST) % 16 == 0


def _package() -> Any:
    try:
        from cryptography import fernet
    except ImportError:
        raise NoKey(
            "sealing: the package `cryptography` is not installed; `pip install 'hstore[encryption]'` brings it"
        ) from None
    return fernet


def _keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise NoKey(
            "keyring: the package `keyring` is not installed; `pip install 'hstore[keyring]'` brings it"
        ) from None
    return keyring
