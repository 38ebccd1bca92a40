"""JSON: always valid, masked in every string and key, and by the names that values stand under."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstore.errors import InvalidInput
from hstore.masking import Masker
from hstore.masking._json import simple_json


def test_clean_json_is_compact_and_unchanged(masker):
    """Every kind of value, keys in order, letters beyond ASCII as they are."""
    value = {"b": [1, 2.5, None, True, 'é\n"\\'], "a": {"x": {}, "y": []}, "n": 10**30}
    text = masker.mask_json(value)
    assert json.loads(text) == value
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_strings_and_keys_are_masked(samples, masker):
    """Wherever a token stands, the shape of the value stays."""
    token = samples.token("github-pat")
    masked = masker.mask_json({"a": [token, {token: "line\n" + token}], "b": "\u001b[31m" + token})
    mark = "[masked:github-pat]"
    assert json.loads(masked) == {"a": [mark, {mark: "line\n" + mark}], "b": "\u001b[31m" + mark}


def test_two_secret_keys_stay_two_keys(samples, masker):
    """Masked keys do not swallow one another."""
    keys = [samples.token("github-pat") for _ in range(3)]
    assert sorted(json.loads(masker.mask_json(dict.fromkeys(keys, 1))).values()) == [1, 1, 1]


def test_names_make_values_secret(samples, masker):
    """A value is a secret by its key; a number becomes a mark, which is a string."""
    drawn = samples.letters(24)
    value = {"password": "hunter2", "api_key": drawn, "pin": 12345678, "db": {"password": 12345678}, "max_tokens": 4096}
    assert json.loads(masker.mask_json(value)) == {
        "password": "[masked:password]", "api_key": "[masked:api-key]", "pin": 12345678,
        "db": {"password": "[masked:password]"}, "max_tokens": 4096,
    }  # fmt: skip


def test_the_name_of_the_whole_value_counts(samples, masker):
    """As if the value stood under that key."""
    drawn = samples.letters(24)
    assert masker.mask_json(drawn, name="api_token") == '"[masked:token]"'
    assert masker.mask_json([drawn], name="api_token") == '["[masked:token]"]'
    assert masker.mask_json(12345678, name="password") == '"[masked:password]"'
    assert masker.mask_json(drawn, name="title") == f'"{drawn}"'
    assert masker.mask_json(drawn) == f'"{drawn}"'


def test_words_in_a_list_are_seen_side_by_side(masker):
    """A command line as a list of words masks as the command line does."""
    words = ["curl", "-u", "user:pass", "--password", "hunter2", "x"]
    masked = json.loads(masker.mask_json({"argv": words}))
    assert masked["argv"] == ["curl", "-u", "user:[masked:curl-user]", "--password", "[masked:password]", "x"]


def test_a_key_given_line_by_line_is_masked(samples, masker):
    """No line of the body is left, and the lines around it are."""
    lines = ["before", *samples.pem().split("\n"), "after"]
    masked = json.loads(masker.mask_json({"file": lines}))["file"]
    assert masked[0] == "before"
    assert masked[-1] == "after"
    assert set(masked[1:-1]) == {"[masked:private-key]"}


def test_a_key_in_one_string_leaves_the_rest(samples, masker):
    """An unterminated block swallows its own string and nothing behind it."""
    value = {"a": samples.pem()[:100], "b": "other", "c": [1, 2]}
    assert json.loads(masker.mask_json(value)) == {"a": "[masked:private-key]", "b": "other", "c": [1, 2]}


def test_values_with_quotes_and_backslashes_are_found():
    """Registered values are found as they are, not as JSON would write them."""
    value = 'q"u\\o\nte-and-more'
    masker = Masker([value])
    assert json.loads(masker.mask_json({"a": f"x {value} y", value: 1})) == {
        "a": "x [masked:value] y",
        "[masked:value]": 1,
    }


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, {"a": [-math.inf]}, "\ud800", {"\udc80": 1}, {1: "hunter2-secret"}, {None: 1}, {("a",): 1},
     b"bytes", {"a": {1, 2}}, object(), deep(300), deep(100_000)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_not_json_is_refused(masker, value):
    """The message names the problem, never the value."""
    with pytest.raises(InvalidInput) as caught:
        masker.mask_json(value, name="password")
    assert "JSON" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_value_that_contains_itself_is_refused(masker):
    """A cycle is an error, not an endless loop."""
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidInput, match="JSON"):
        masker.mask_json(value)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
picks = st.lists(st.integers(0, 10_000), max_size=8)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_the_result_is_always_valid_and_of_the_same_shape(fragments, with_values, data):
    """Whatever stands in the strings: it parses, and numbers, lists and dicts are where they were."""
    hostile = picks.map(lambda chosen: "".join(fragments[number % len(fragments)] for number in chosen))
    leaf = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts, hostile
    )
    keys = st.one_of(texts, hostile, st.sampled_from(["password", "api_key", "token"]))
    tree = st.recursive(
        leaf, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4))
    )
    value = data.draw(tree)
    name = data.draw(st.one_of(st.none(), keys))
    assert same_shape(value, json.loads(with_values.mask_json(value, name)))


def same_shape(value: object, masked: object) -> bool:
    if isinstance(value, list):
        return isinstance(masked, list) and len(value) == len(masked) and all(map(same_shape, value, masked))
    if isinstance(value, dict):
        return isinstance(masked, dict) and all(map(same_shape, value.values(), masked.values()))
    return isinstance(masked, str) or value == masked


PARTS = [
    "",
    "name",
    "value",
    "password",
    "api_key",
    "hunter2-Xq7",
    "x y",
    '"',
    "\\",
    "é",
    "\ud800",
    "registered-value-77",
    "\n",
]
words = st.lists(st.sampled_from(PARTS), max_size=3).map("".join)
scalars = st.one_of(words, st.none(), st.booleans(), st.integers(), st.floats())


nested = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)
several = st.lists(st.sampled_from(["--password", "hunter2-Xq7", "-----BEGIN RSA PRIVATE" + " KEY-----", "MII", "x"]))


@settings(max_examples=800)
@given(st.one_of(nested, several, st.dictionaries(words, several, max_size=2)), words)
def test_a_simple_value_is_plain_only_where_nothing_is_masked(value, name):
    """The quick way says "nothing here" of no value that the careful way masks or refuses, and gives the same JSON."""
    masker = Masker(values=["registered-value-77"])
    found = simple_json(value, name)
    if found is None:
        return
    text, shown, nuls = found
    assert "".join(shown).count("\0") == nuls
    try:
        plain = all(masker.leaves(each.encode()) for each in shown)
    except UnicodeEncodeError:
        plain = False
    if plain:
        assert masker.mask_json(value, name) == text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_most_values_are_simple():
    """What hosts keep takes the quick way: objects of scalars, lists of words, a few levels deep."""
    for value in (1, "text", {"a": 1, "tags": ["x", "y"]}, {"a": {"b": [1, {"c": "d"}]}}, [], [[1], ["x"]]):
        assert simple_json(value, "settings") is not None
    for value in ({1: 2}, {"value": "x"}, ("a", "b"), object(), [float("nan")], "back\\slash"):
        assert simple_json(value, "settings") is None
    assert simple_json(["x"], "api_token") is None
