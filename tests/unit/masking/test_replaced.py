"""What became a mark is told from the two texts alone, so that it can be looked for afterwards."""

from __future__ import annotations

import re
import secrets

from hypothesis import given, settings
from hypothesis import strategies as st

from hstore import Masker
from hstore.masking.replaced import forms_of, marks_in, replaced
from hstore.remasking.evidence import Evidence
from planted import random_text

VALUES = [random_text(20), random_text(50), "two words of one value", "line one of it\nand line two"]
MASKER = Masker(VALUES)
PLAIN = st.sampled_from(["plain words ", "\n", " ", "x=1; ", "[masked:value]", "[masked:", "é ", "a" * 300, "]"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PLAIN, st.sampled_from(VALUES))))
def test_every_secret_is_within_a_span(parts: list[str]) -> None:
    """Whatever stands around it, and however many stand side by side: no byte of a masked value is missed."""
    before = "".join(parts).encode()
    after = MASKER.mask(before)
    spans = replaced(before, after)
    shown = re.split(rb"\[masked:[a-z0-9-]{1,40}\]", after)
    assert all(span in before for span in spans)
    kept = "".join(parts).count("[masked:value]") * len("[masked:value]")
    assert sum(map(len, spans)) + sum(map(len, shown)) + kept >= len(before)
    if after == before:
        assert spans == []
    for value in VALUES:
        assert not any(value.encode() in text for text in shown)


def test_spans_are_exact_where_the_texts_allow_it() -> None:
    """Secrets between words are told to the byte, also where the text begins in the middle of one."""
    one, other = VALUES[0], VALUES[1]
    before = f"a {one} b [masked:token] {other}\nc".encode()
    assert replaced(before, MASKER.mask(before)) == [one.encode(), other.encode()]
    assert replaced(b"rest of a key\n--- and more", b"--- and more") == [b"rest of a key\n"]
    assert replaced(b"same", b"same") == []


def test_marks_are_counted_by_type() -> None:
    """Only what has the form of a mark is one."""
    assert marks_in(b"[masked:value] [masked:value][masked:github-pat] [masked:] [MASKED:x]") == {
        "value": 2,
        "github-pat": 1,
    }


def test_evidence_finds_a_secret_that_is_cut_in_two() -> None:
    """A long secret is found by either part, a short one as a whole, and what is common is not looked for."""
    long, short = secrets.token_hex(40).encode(), random_text(16).encode()
    evidence = Evidence([])
    evidence.add(b"a " + long + b" b " + short + b" c password d", b"a [masked:x] b [masked:x] c [masked:x] d")
    assert (evidence.searched, evidence.unsearched) == (2, 1)
    assert evidence.standing_in(b"..." + long[:50]) == [long]
    assert evidence.standing_in(long[30:] + b"...") == [long]
    assert evidence.standing_in(b"." + short + b".") == [short]
    assert evidence.standing_in(short[:12] + b"password" + long[:20]) == []


def test_evidence_knows_every_form_of_a_registered_value() -> None:
    """Raw, hex, base64, percent-encoded: each of them is found without having been replaced anywhere."""
    value = "a value/of one's own"
    evidence = Evidence([value])
    for form in forms_of([value]):
        assert evidence.standing_in(b"x" + form + b"y"), form
    assert value.encode().hex().encode() in forms_of([value])
    assert evidence.standing_in(b"nothing of it") == []
