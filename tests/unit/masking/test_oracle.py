"""The C masker against a naive one in Python that shares its data and none of its ways."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hstore._masker import ffi, lib
from hstore.masking import Masker
from hstore.masking._values import blob_of

if sys.version_info < (3, 11):
    pytest.skip("the rules are read with tomllib, which Python 3.10 does not have", allow_module_level=True)

from masking_oracle import forms_of, load, mask_tokens, mask_values

RULES = load()
ANCHORS = [anchor for rule in RULES.tokens for anchor in rule.anchors]
IDS = frozenset(rule.id for rule in RULES.tokens)
IN_URLS = frozenset({"sidekiq-sensitive-url"})
SEPARATORS = [
    b" ",
    b"\n",
    b"(",
    b")",
    b",",
    b";",
    b"|",
    b"\\n",
    b"%20",
    b"\\u0022",
    b".",
    b"-",
    b"_",
    b"\0",
    b"\xc3\xa9",
]


@st.composite
def token_texts(draw: st.DrawFn) -> bytes:
    """Anchors, whole and cut, in both cases, with runs of about the length that a rule asks for, and what separates."""
    pieces: list[bytes] = []
    for _ in range(draw(st.integers(1, 5))):
        rule = draw(st.sampled_from(RULES.tokens))
        anchor = draw(st.sampled_from(rule.anchors))
        kind = draw(st.integers(0, 9))
        if kind == 0:
            anchor = anchor.swapcase()
        elif kind == 1:
            anchor = anchor[: draw(st.integers(1, len(anchor)))]
        drawn = random.Random(draw(st.integers(0, 1 << 30)))
        if rule.before is not None and kind != 2:
            pieces.append(before_for(drawn, rule.entry)[drawn.choice((0, 0, 1)) :])
        pieces += [anchor, run_for(drawn, rule.entry)]
        pieces += draw(st.lists(st.sampled_from([*SEPARATORS, *ANCHORS[:4], b"a", b"Z9"]), max_size=3))
    return b"".join(pieces)


def letters_of(name: str) -> bytes:
    return bytes.fromhex(RULES.classes[name].decode().replace("\\x", ""))


def run_for(drawn: random.Random, entry: dict[str, object]) -> bytes:
    """What may stand behind the rule's anchor, sometimes one character too short or too long, or all of a kind."""
    shapes = entry.get("read") or [[(None, entry["class"], entry["min"], entry.get("max") or 0)]]
    run = bytearray()
    for part in drawn.choice(list(shapes)):  # type: ignore[call-overload] # entries are of any type
        text, name, low, high = part
        if text:
            run += text.encode()
            continue
        count = drawn.choice((low, low, low, high or low + 5, low + drawn.randrange(3)))
        # A "=" would make a name of what stands before it, and the oracle knows no names.
        letters = letters_of(name).replace(b"=", b"") or b"="
        few = drawn.choice((None, None, None, -1, 0, 1))
        letters = letters if few is None else letters[-int(entry.get("distinct", 6)) - few :]  # type: ignore[call-overload] # entries are of any type
        run += bytes(drawn.choice(letters) for _ in range(count))
    odd = drawn.random()
    return bytes(run[:-1] if odd < 0.1 else run + b"x" if odd < 0.2 else run)


def before_for(drawn: random.Random, entry: dict[str, object]) -> bytes:
    """What the rule asks for before its anchor; nothing where it asks for nothing."""
    found = b""
    for text, name, low, high in entry["before"]:  # type: ignore[attr-defined] # entries are of any type
        letters = letters_of(name) if name else b""
        found += text.encode() or bytes(drawn.choice(letters) for _ in range(drawn.randint(low, high)))
    return found


@pytest.fixture(scope="module")
def plain() -> Masker:
    return Masker()


def compare(masker: Masker, text: bytes) -> None:
    """The same output, unless a rule that the oracle does not know has had a part in it."""
    before = masker.counts
    masked = masker.mask(text)
    marked = {kind for kind, number in masker.counts.items() if number != before.get(kind, 0)}
    assume(marked <= IDS)
    assert masked == mask_tokens(text, RULES)


@settings(max_examples=500, deadline=None)
@given(text=token_texts())
def test_masker_and_oracle_agree_on_tokens(plain, text):
    """Every token that the oracle finds is masked, and nothing else is."""
    compare(plain, text)


def test_oracle_and_masker_find_every_rule(plain):
    """A sample drawn from each rule is masked by its own type, or by one whose anchor is complete earlier."""
    drawn = random.Random(11)
    for rule in RULES.tokens:
        for anchor in rule.anchors:
            found = set()
            for _ in range(20):
                text = b"a " + before_for(drawn, rule.entry) + anchor + run_for(drawn, rule.entry) + b" b"
                masked = plain.mask(text)
                if rule.id in IN_URLS and b"[masked:url-password]" in masked:
                    continue  # no such token, and a URL with a password all the same
                assert masked == mask_tokens(text, RULES), (rule.id, text)
                found.add(masked is not text)
            assert True in found, (rule.id, anchor)


def test_no_anchor_is_missed_at_any_offset(plain, level):
    """Each anchor with a token behind it, at 0 to 130 bytes from the start, on each level."""
    drawn = random.Random(12)
    noise = bytes(drawn.choice(b" ,;()|\n") for _ in range(200))
    for rule in RULES.tokens:
        for anchor in rule.anchors:
            for _ in range(50):
                token = before_for(drawn, rule.entry) + anchor + run_for(drawn, rule.entry)
                expected = mask_tokens(token + b" ", RULES)
                if expected != token + b" ":
                    break
            else:
                pytest.fail(f"no sample of {rule.id}")
            for offset in range(131):
                text = noise[:offset] + token + b" " + noise[offset:]
                assert plain.mask(text) == noise[:offset] + expected + noise[offset:], (rule.id, offset)


NAMES = ("password", "secret", "token", "api_key", "passwd", "credentials")


@pytest.mark.parametrize("write", [str, str.upper, str.title])
def test_no_name_is_missed_at_any_offset(plain, level, write):
    """The same for telling names, which are found in either case."""
    for name in NAMES:
        text = f"{write(name)}=hQ7xZ2mVw9kB4tY8rJ5s "
        expected = f"{write(name)}=[masked:".encode()
        for offset in range(131):
            masked = plain.mask(b"." * offset + b" " + text.encode() + b"." * (130 - offset))
            assert masked.startswith(b"." * offset + b" " + expected), (name, offset)


# Letters of few kinds, so that values overlap themselves and each other, and none that begins an anchor.
ALPHABETS = ("ab", "xyz", "qQ%", "é\U0001f511w", 'v"\\', "b+/=")


@st.composite
def values_and_text(draw: st.DrawFn) -> tuple[list[str], bytes]:
    alphabet = draw(st.sampled_from(ALPHABETS))
    good = st.text(alphabet, min_size=8, max_size=16).filter(lambda value: Masker.refusal(value) is None)
    values = draw(st.lists(good, min_size=1, max_size=5))
    forms = forms_of(blob_of(values))
    piece = st.one_of(
        st.sampled_from(forms),
        st.builds(lambda form, n: form[: 1 + n % len(form)], st.sampled_from(forms), st.integers(0, 60)),
        st.builds(lambda form, n: form[n % len(form) :], st.sampled_from(forms), st.integers(0, 60)),
        st.text(alphabet + " ", max_size=4).map(str.encode),
        st.just(b"\n"),
    )
    return values, b"".join(draw(st.lists(piece, max_size=12)))


@settings(max_examples=400, deadline=None)
@given(drawn=values_and_text(), cuts=st.lists(st.integers(0, 400), max_size=4))
def test_masker_and_oracle_agree_on_values(plain, in_pieces, drawn, cuts):
    """Every form of every value, searched for one by one with overlaps united, gives the same marks in any pieces."""
    values, text = drawn
    assume(plain.mask(text) is text)
    masker = Masker(values)
    expected = mask_values(text, forms_of(blob_of(values)))
    assert masker.mask(text) == expected
    assert in_pieces(masker, text, sorted(min(cut, len(text)) for cut in cuts)) == expected


def test_thousand_values_agree_with_the_oracle(plain):
    """As many values as anyone registers, with texts that hold beginnings and ends of many of them."""
    drawn = random.Random(13)
    values = ["".join(drawn.choice("abc") for _ in range(drawn.randrange(8, 30))) for _ in range(1000)]
    masker = Masker([value for value in values if Masker.refusal(value) is None])
    forms = forms_of(blob_of([value for value in values if Masker.refusal(value) is None]))
    for _ in range(30):
        text = "".join(drawn.choice(("a", "b", "c", " ", drawn.choice(values))) for _ in range(200)).encode()
        assert masker.mask(text) == mask_values(text, forms)


def test_levels_are_what_the_tests_think(level):
    """The level that was forced is the one that works."""
    assert ffi.string(lib.hstore_level_name(lib.hstore_level())).decode() == level
