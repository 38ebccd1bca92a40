"""A configuration's hash: the same by other programs in other languages."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstore import Store
from hstore.domains.runs.configuration import config_hash
from hstore.errors import InvalidInput

# JSON.stringify writes texts and numbers as RFC 8785 says; only the order of keys is to be seen to.
NODE = """
const { createHash } = require("crypto");
const sorted = (value) =>
  Array.isArray(value) ? "[" + value.map(sorted).join(",") + "]"
  : value !== null && typeof value === "object"
    ? "{" + Object.keys(value).sort().map((key) => JSON.stringify(key) + ":" + sorted(value[key])).join(",") + "}"
  : JSON.stringify(value);
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean);
for (const line of lines) console.log(createHash("sha256").update(sorted(JSON.parse(line))).digest("hex"));
"""
HARD: list[Any] = [
    None,
    True,
    0,
    -0.0,
    1.0,
    -1.5,
    1e-6,
    1e-7,
    1.2345e-7,
    1e20,
    1e21,
    123456789012345680000.0,
    1.7976931348623157e308,
    5e-324,
    0.1 + 0.2,
    100.0,
    2**53,
    -(2**53),
    "",
    '"\\/\b\t\n\f\r\x00\x1f\x7f\x80',
    "é e\u0301 \u2028 \ufeff 😀",
    [],
    {},
    [[], [{}]],
    {"b": 1, "a": {"d": [1, 2.0], "c": None}},
    {"10": 1, "9": 2, "": 3, "a": 4, "A": 5, "é": 6},
    {"\ue000": 1, "😀": 2, "\uffff": 3},
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def by_node(values: list[Any]) -> list[str]:
    """What another program computes of the values, given to it as JSON."""
    given = "\n".join(json.dumps(value) for value in values)
    done = subprocess.run(["node", "-e", NODE], input=given, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("node") is None, reason="compares with JavaScript")
def test_javascript_computes_the_same_for_hard_values() -> None:
    """Numbers in every form, every escape, keys beyond the 16-bit characters."""
    for value, hashed in zip(HARD, by_node(HARD), strict=True):
        assert config_hash(value) == hashed, value


@pytest.mark.skipif(shutil.which("node") is None, reason="compares with JavaScript")
@settings(max_examples=15, deadline=None)
@given(st.lists(JSON, min_size=20, max_size=60))
def test_javascript_computes_the_same_for_any_value(values: list[Any]) -> None:
    """Whatever JSON can say and JavaScript can hold."""
    assert [config_hash(value) for value in values] == by_node(values)


@pytest.mark.skipif(shutil.which("jq") is None, reason="compares with jq")
def test_jq_computes_the_same_within_the_documented_limits() -> None:
    """Integers, texts and plain keys: `jq -cjS . | sha256sum`."""
    value = {"z": [1, -2, True, None], "a": {"é": '\n " \\ 😀', "B": ""}, "10": 0, "9": 2**40}
    done = subprocess.run(["jq", "-cjS", "."], input=json.dumps(value).encode(), capture_output=True, check=True)
    assert hashlib.sha256(done.stdout).hexdigest() == config_hash(value)


def test_values_that_rfc_8785_gives() -> None:
    """The numbers of its appendix B, by their bits' decimal value, and the keys of its section 3.2.3, in order."""
    numbers = {
        "0": 0.0,
        "5e-324": 5e-324,
        "1.7976931348623157e+308": 1.7976931348623157e308,
        "9007199254740992": 9007199254740992.0,
        "295147905179352830000": 295147905179352825856.0,
        "9.999999999999997e+22": 9.999999999999997e22,
        "1e+23": 1e23,
        "1.0000000000000001e+23": 1.0000000000000001e23,
        "999999999999999700000": 999999999999999700000.0,
        "999999999999999900000": 999999999999999900000.0,
        "1e+21": 1e21,
        "9.999999999999997e-7": 9.999999999999997e-7,
        "0.000001": 0.000001,
        "333333333.3333332": 333333333.3333332,
        "333333333.33333343": 333333333.33333343,
        "0.0000033333333333333333": 0.0000033333333333333333,
        "1424953923781206.2": 1424953923781206.2,
    }
    for text, number in numbers.items():
        assert config_hash(number) == hashlib.sha256(text.encode()).hexdigest(), text
        assert config_hash([-number]) == hashlib.sha256(f"[{'-' if number else ''}{text}]".encode()).hexdigest()
    keys = ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]
    canonical = "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:1" for key in keys) + "}"
    assert config_hash(dict.fromkeys(reversed(keys), 1)) == hashlib.sha256(canonical.encode()).hexdigest()


def test_order_of_keys_and_form_of_numbers_do_not_matter(store: Store) -> None:
    """One configuration, one hash, whichever way it was written down; the run has it."""
    one, other = {"a": 1, "b": [2.0, (3,)]}, {"b": [2, [3.0]], "a": 1.0}
    assert store.runs.config_hash(one) == store.runs.config_hash(other)
    run = store.record_run("a", "a", exit_code=0, config=other)
    assert store.runs.get(run).config_hash == store.runs.config_hash(one)
    assert store.runs.config_hash({"a": "é"}) != store.runs.config_hash({"a": "e\u0301"})


def test_whole_numbers_beyond_javascript_are_their_digits() -> None:
    """The documented limit."""
    assert config_hash(2**63) == hashlib.sha256(b"9223372036854775808").hexdigest()


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "wrong",
    [math.nan, math.inf, {1: 2}, {None: 1}, {"a": {1, 2}}, b"bytes", "\ud800", {"\ud800": 1}, Decimal(1), LOOP],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_refused(store: Store, wrong: Any) -> None:
    """Naming the argument, and recording no run."""
    with pytest.raises(InvalidInput, match="^config"):
        store.record_run("a", "a", exit_code=0, config=wrong)
    with pytest.raises(InvalidInput, match="^config"):
        store.runs.config_hash(wrong)
    assert store.runs.list() == []
