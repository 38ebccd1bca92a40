"""Masking of JSON values: the result is always valid JSON, whatever was masked in it."""

from __future__ import annotations

from json import JSONEncoder, loads
from json.encoder import encode_basestring

from hstore.errors import InvalidInput
from hstore.masking import telling_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    MaskText = Callable[[str], str]

DEEPEST = 200
"""Levels of nesting; deeper ones would exhaust the stack of whoever reads the JSON."""

SHALLOW = 8
"""Levels of nesting of a simple value."""
NAMES_KNOWN = 1024
_telling: dict[str, bool] = {}
SCALARS = frozenset({str, int, float, bool, type(None)})

NEUTRAL_KEYS = frozenset({"value", "val", "data", "content", "string", "default", "current"})
"""Keys that say nothing of what their value is."""

_encode = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

BLOCK_MARK = "[masked:private-key]"


def mask_json(mask_text: MaskText, value: object, name: str | None = None) -> str:
    """See `Masker.mask_json`."""
    text = _strict(value)
    plain = _check(mask_text, value, name, DEEPEST)
    shown = text if name is None else f"{_strict(name)}:{text}"
    if plain and "\\" not in shown and mask_text(shown) is shown:
        return text
    masked = _strict(_walk(mask_text, value, name))
    loads(masked)
    return masked


def strict_json(value: object) -> str:
    """The JSON text of a value that is to be sealed: checked as `mask_json` checks it, masked nowhere.

    Raises:
        InvalidInput: not JSON.
    """
    text = _strict(value)
    _check(lambda shown: shown, value, None, DEEPEST)
    return text


def simple_json(value: object, name: str) -> tuple[str, list[str], int] | None:
    """The JSON of a simple value, the texts that show all that `mask_json` would look for, and the NULs in those.

    None for what is not simple: other types than `json` reads, and where a key stands for another or makes all the
    words of a list secret. Of a simple value `mask_json` changes something only where something is found in one of
    the texts: the JSON behind its name, and the words of each list side by side. Lone surrogates are not looked for:
    whoever encodes the texts finds them.
    """
    shown: list[str] = []
    if not _is_simple(value, name, shown, SHALLOW):
        return None
    try:
        text = _encode(value)
    except ValueError:  # NaN
        return None
    whole = f"{encode_basestring(name)}:{text}"
    if "\\" in whole:
        return None
    nuls = 0
    for words in shown[::2]:
        nuls += words.count("\0")
    shown.append(whole)
    return text, shown, nuls


def _is_simple(value: Any, name: str, shown: list[str], depth: int) -> bool:
    if type(value) in SCALARS:
        return True
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str or key.lower() in NEUTRAL_KEYS:
                return False
            if type(item) not in SCALARS and not (depth and _is_simple(item, key, shown, depth - 1)):
                return False
        return True
    if type(value) is not list or (value and _tells(name)):
        return False
    words = []
    for item in value:
        if type(item) is str:
            if "\0" in item:
                return False
            words.append(item)
        elif type(item) not in SCALARS and not (depth and _is_simple(item, name, shown, depth - 1)):
            return False
    if len(words) > 1:
        shown += "\0".join(words), "\n".join(words)
    return True


def _tells(name: str) -> bool:
    """As `telling_name`, which is a call into C; the names of values are few."""
    found = _telling.get(name)
    if found is None:
        if len(_telling) >= NAMES_KNOWN:
            _telling.clear()
        found = _telling[name] = telling_name(name)
    return found


def _strict(value: object) -> str:
    try:
        text = _encode(value)
        if not text.isascii():
            text.encode()
    except RecursionError:
        raise InvalidInput(f"JSON: nested deeper than {DEEPEST} levels") from None
    except UnicodeEncodeError:
        raise InvalidInput("JSON: a lone surrogate, which is not text") from None
    except TypeError:
        raise InvalidInput("JSON: a value or key of a type that JSON does not have") from None
    except ValueError:
        raise InvalidInput("JSON: NaN, an infinity, or a value that contains itself") from None
    return text


def _check(mask_text: MaskText, value: Any, name: str | None, depth: int) -> bool:
    """Whether the JSON text shows all that could be found: words in a list hide their neighbours from it.

    Raises:
        InvalidInput: a key that is not text (`json` would quietly make it one), or too much nesting.
    """
    if depth == 0:
        raise InvalidInput(f"JSON: nested deeper than {DEEPEST} levels")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise InvalidInput("JSON: a key that is not text")
        names = {key: _name_for(value, key, name) for key in value}
        plain = not any(own != key and telling_name(own) for key, own in names.items())
        return False not in [plain, *(_check(mask_text, item, names[key], depth - 1) for key, item in value.items())]
    if isinstance(value, list | tuple):
        words = [item for item in value if isinstance(item, str)]
        plain = False not in [_check(mask_text, item, name, depth - 1) for item in value]
        if not value or not plain:
            return plain
        if name is not None and telling_name(name):
            return False
        return len(words) < 2 or all(mask_text(joined) is joined for joined in ("\0".join(words), "\n".join(words)))
    return True


def _walk(mask_text: MaskText, value: Any, name: str | None) -> Any:
    if isinstance(value, dict):
        return _walk_dict(mask_text, value, name)
    if isinstance(value, list | tuple):
        return _walk_list(mask_text, list(value), name)
    if value is None or isinstance(value, bool):
        return value
    masked = mask_text(value) if isinstance(value, str) else value
    return masked if name is None else _under_name(mask_text, masked, name)


def _name_for(owner: dict[str, Any], key: str, name: str | None) -> str:
    """The name a value goes by: its key's, unless that says no more than "value".

    `{"name": "API_KEY", "value": "…"}` is how containers list their environment, `{"password": {"value": "…"}}` how
    configurations wrap a value.
    """
    if key.lower() not in NEUTRAL_KEYS:
        return key
    given = owner.get("name", owner.get("key"))
    return given if isinstance(given, str) else name or key


def _walk_dict(mask_text: MaskText, value: dict[str, Any], name: str | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        masked = shown = mask_text(key)
        number = 1
        while shown in result:  # two secrets used as keys are still two keys
            number += 1
            shown = f"{masked} ({number})"
        result[shown] = _walk(mask_text, item, _name_for(value, key, name))
    return result


def _walk_list(mask_text: MaskText, items: list[Any], name: str | None) -> list[Any]:
    """Each item, and the words among them once more side by side: `["--password", "…"]`, a key line by line."""
    places = [at for at, item in enumerate(items) if isinstance(item, str)]
    for separator in "\0", "\n":
        words = [items[at] for at in places]
        joined = separator.join(words)
        masked = mask_text(joined)
        if masked is joined:
            continue
        parts = masked.split(separator)
        if len(parts) != joined.count(separator) + 1:
            parts = _without_blocks(words)
        elif len(parts) != len(words):
            continue
        for at, part in zip(places, parts, strict=True):
            items[at] = part
    return [_walk(mask_text, item, name) for item in items]


def _without_blocks(words: list[str]) -> list[str]:
    """A key given line by line: its lines, from the begin line to the end line or the last word."""
    parts, inside = [], False
    for word in words:
        inside = inside or ("-----BEGIN" in word and "PRIVATE KEY" in word)
        parts.append(BLOCK_MARK if inside else word)
        inside = inside and "-----END" not in word
    return parts


def _under_name(mask_text: MaskText, value: Any, name: str) -> Any:
    """The value as its name makes it a secret."""
    pair = f"{_strict(name)}:{_strict(value)}"
    masked = mask_text(pair)
    if masked is pair:
        return value
    try:
        (found,) = loads(f"{{{masked}}}").values()
    except ValueError:
        start = masked.rfind("[masked:")
        return masked[start : masked.find("]", start) + 1]
    return found
