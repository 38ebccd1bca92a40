"""What a token's shape may say, and what the generator refuses because one walk could not decide it."""

from __future__ import annotations

import random

import pytest
from token_shapes import Part, RuleError, fewest_distinct, parse_parts, resolve

CLASSES = {"alnum": "0-9A-Za-z", "hex": "0-9a-f", "url": "-_0-9A-Za-z", "digit": "0-9"}


def parsed(spec: str) -> list[Part]:
    return parse_parts(spec, CLASSES, "rule 'x'")


def test_a_shape_is_read_part_by_part():
    """Fixed characters, an exact length, a range, and a run without an end."""
    assert parsed("'v1.' digit{2} '-' hex{8,12} '.' url{20,}") == [
        Part("v1.", "", 3, 3),
        Part("", "digit", 2, 2),
        Part("-", "", 1, 1),
        Part("", "hex", 8, 12),
        Part(".", "", 1, 1),
        Part("", "url", 20, 0),
    ]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("alnum{8,12} hex{4}", "cannot be told in one walk"),
        ("url{8,12} '-x'", "cannot be told in one walk"),
        ("alnum{8,} '.' hex{4}", "only the last"),
        ("alnum{12,8}", "has no length"),
        ("alnum", "no part"),
        ("letters{8}", "no part"),
        ("'a b'", "no part"),
        ("", "needs parts"),
    ],
)
def test_what_needs_a_way_back_is_refused(spec, why):
    """The message names the rule and the part."""
    with pytest.raises(RuleError, match=f"rule 'x'.*{why}"):
        parsed(spec)


def test_a_part_of_one_length_may_be_followed_by_its_own_characters():
    """Nothing has to be given back: the run ends where its length says."""
    assert [part.low for part in parsed("url{20} 'T3' url{20}")] == [20, 2, 20]


def test_an_anchor_in_any_case_stands_for_two():
    """Case counts in a token, so both ways of writing are anchors of their own."""
    rule = {"id": "x", "anchors": ["Acme_"], "any_case": True, "class": "alnum", "min": 20}
    resolve(rule, CLASSES)
    assert rule["anchors"] == ["ACME_", "acme_"]
    assert rule["behind"] == {ord(c) for c in "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def test_a_token_too_long_or_too_short_is_refused():
    """What stands in the tables is bounded, and an anchor with next to nothing behind it says too little."""
    for spec in ("alnum{513}", "alnum{7}", "'-' alnum{4} '-' alnum{3}"):
        with pytest.raises(RuleError, match="rule 'x'"):
            resolve({"id": "x", "anchors": ["acme_"], "shapes": [spec]}, CLASSES)


@pytest.mark.parametrize(("size", "count"), [(16, 32), (62, 36), (32, 16), (10, 12), (16, 12)])
def test_drawn_characters_are_as_different_as_is_asked(size, count):
    """Of 20,000 drawn secrets none fails, and a run of two or three characters always does."""
    drawn, asked = random.Random(size * count), fewest_distinct(size, count)
    seen = min(len(set(drawn.choices(range(size), k=count))) for _ in range(20_000))
    assert seen >= asked
    assert asked >= 3
