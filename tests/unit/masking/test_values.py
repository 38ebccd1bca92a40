"""Registered values: found in every form in which they leak, and refused where masking them would do harm."""

from __future__ import annotations

import array
import base64
import html
import json
import shlex
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstore.errors import InvalidInput
from hstore.masking import Masker
from hstore.masking._values import forms

VALUE = "p@ss/w\"ord's\\ & <Zürich>\t7"


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        json.dumps(VALUE).replace("/", "\\/"),
        json.dumps(VALUE).replace("\\u00fc", "\\u00FC"),
        urllib.parse.quote(VALUE, safe=""),
        urllib.parse.quote(VALUE),
        urllib.parse.quote_plus(VALUE),
        urllib.parse.quote(VALUE, safe="").lower().replace("w%22ord", "w%22ord").replace("%3cz", "%3cZ"),
        shlex.quote(VALUE),
        repr(VALUE),
        repr(VALUE.encode()),
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
        VALUE.encode().hex(":"),
        VALUE.encode().hex(":").upper(),
        "".join(f"\\x{byte:02x}" for byte in VALUE.encode()),
        "".join(f"%{byte:02X}" for byte in VALUE.encode()),
        "".join(f"%{byte:02x}" for byte in VALUE.encode()),
        "".join(f"\\{byte:03o}" for byte in VALUE.encode()),
        VALUE.replace("'", "''"),
        VALUE.replace('"', '""'),
        html.escape(VALUE),
        html.escape(VALUE).replace("&#x27;", "&#39;"),
        html.escape(VALUE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        html.escape(VALUE).replace("&#x27;", "&apos;"),
    ],
)
def test_a_value_is_found_in_its_forms(form):
    """JSON, percent-encoding, shells, Python and hex: nothing of the middle is left."""
    masked = Masker([VALUE]).mask_text(f"a {form} b")
    assert masked.replace("[masked:value]", "").strip("ab '\"") == "", masked


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("behind", ["", "\n", "z", "zz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_value_is_found_in_base64_at_every_alignment(before, behind, encode):
    """Whatever stands around it, also the newline that `echo` adds: at most the edge characters are left."""
    value = "correct horse battery \u00ff\u00fe"
    encoded = encode((before + value + behind).encode()).decode()
    masked = Masker([value]).mask_text(encoded)
    middle = encode(value.encode()).decode()[8:16]
    assert "[masked:value]" in masked
    assert middle not in masked
    assert len(masked.replace("[masked:value]", "")) <= 12


def test_values_that_overlap_themselves_are_found():
    """The case of a matcher without failure links: the value begins again inside what looked like its beginning."""
    assert Masker(["pass password"]).mask(b"pass pass password") == b"pass [masked:value]"
    assert Masker(["abcabcabd"]).mask(b"x abcabcabcabd y") == b"x abc[masked:value] y"


def test_overlapping_and_touching_values_share_a_mark():
    """Two values that overlap leave nothing between them."""
    masker = Masker(["first-secret", "secret-second"])
    assert masker.mask(b"a first-secret-second b") == b"a [masked:value] b"
    assert masker.mask(b"first-secretsecret-second") == b"[masked:value]"


@pytest.mark.parametrize("before", ["", "pas", "pass password", "\x1b[31m", "pass\x1b[31m pas"])
def test_a_value_behind_a_cut_escape_sequence_is_found(in_pieces, before):
    """ESC [ p is a sequence and `p` the value's first letter: what stands before must not decide that it is hidden."""
    data = f"{before}\x1b[pass password.".encode()
    masker = Masker(["pass password"])
    masked = masker.mask(data)
    assert b"ass password" not in masked
    assert masked.endswith(b"\x1b[[masked:value].")
    for at in range(len(data)):
        assert in_pieces(masker, data, [at]) == masked


def test_a_value_inside_a_token_takes_the_whole_token(samples):
    """One mark, labelled by what begins first; masking the value does not destroy the token's anchor."""
    token = samples.token("github-pat")
    assert Masker([token[10:20]]).mask_text(f"a {token} b") == "a [masked:github-pat] b"
    assert Masker([token[:20]]).mask_text(f"a {token} b") == "a [masked:github-pat] b"
    assert Masker(["prefix-" + token[:9]]).mask_text(f"a prefix-{token} b") == "a [masked:value] b"


def test_a_value_of_several_lines_is_found_however_it_is_broken():
    """Line feeds, CRLF, spaces, escaped; and each long enough line by itself."""
    masker = Masker(["first line 1\nsecond line 2\nx\n"])
    for between in ("\n", "\r\n", " ", "\\n"):
        text = f"a first line 1{between}second line 2{between}x b"
        assert masker.mask_text(text) == "a [masked:value] b"
    assert masker.mask_text("a second line 2 b") == "a [masked:value] b"
    assert masker.mask_text("a x b") == "a x b"


def test_a_very_long_value_is_found(samples):
    """A form of more than 4096 bytes is looked for in pieces; whole, it leaves one mark."""
    value = samples.letters(30_000)
    masker = Masker([value])
    assert masker.mask_text(f"a {value} b") == "a [masked:value] b"
    stream = masker.stream()
    shown = b""
    for at in range(0, len(value), 500):
        shown += stream.feed(value[at : at + 500].encode())
        assert stream.held <= 4096
    assert shown + stream.finish() == b"[masked:value]"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "shorter"), ("short77", "shorter"), ("  short77  \n", "shorter"), ("éééé777", "shorter"),
        ("aaaaaaaaaaaa", "one character"), ("password", "common"), ("LocalHost", "common"), (b"1234567", "shorter"),
        ("github-pat", "marks"), ("[masked:value]", "marks"),
    ],
)  # fmt: skip
def test_harmful_values_are_refused(value, reason):
    """The reason is told, the position is named, and the value is not in the message."""
    assert reason in (Masker.refusal(value) or "")
    with pytest.raises(InvalidInput, match=r"values\[1\]") as caught:
        Masker(["a-good-secret-1", value])
    shown = value if isinstance(value, str) else value.decode()
    assert not shown.strip() or shown.strip() not in str(caught.value)


def test_good_values_are_not_refused():
    """Eight characters of which two differ are enough."""
    assert Masker.refusal("hunter22") is None
    assert Masker.refusal(b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8") is None
    assert Masker(["hunter22"]).mask(b"xhunter22x") == b"x[masked:value]x"


def test_a_plain_value_has_no_form_twice():
    """A value that nothing quotes is looked for as itself and encoded as a whole, no more."""
    found = forms("jklmnoz-1234")
    assert len(found) == 13
    assert {form for form in found if len(form) == 12} == {b"jklmnoz-1234"}


@pytest.mark.parametrize("data", ["text", 7, None, ["a"], memoryview(b"abcdef")[::2]], ids=str)
def test_what_is_no_bytes_is_refused_by_name(data):
    """Text, numbers and a view with gaps are refused with a message that says what to do, by `mask` and by streams."""
    masker = Masker()
    for method in (masker.mask, masker.stream().feed):
        with pytest.raises(InvalidInput, match="data: "):
            method(data)


def test_every_contiguous_buffer_is_taken():
    """Bytes, bytearray, memoryview and arrays of other items than bytes are masked alike."""
    text = b"password=correct-horse-1 abcdefg"
    masked = b"password=[masked:password] abcdefg"
    masker = Masker()
    for data in (text, bytearray(text), memoryview(text), memoryview(text).cast("I"), array.array("B", text)):
        assert masker.mask(data) == masked


def naive(values: list[str], text: str) -> str:
    """Marks every character that lies in an occurrence of a value, and joins neighbours."""
    hit = [False] * len(text)
    for value in values:
        at = text.find(value)
        while at >= 0:
            hit[at : at + len(value)] = [True] * len(value)
            at = text.find(value, at + 1)
    output = ""
    for at, character in enumerate(text):
        if not hit[at]:
            output += character
        elif at == 0 or not hit[at - 1]:
            output += "[masked:value]"
    return output


@settings(max_examples=400, deadline=None)
@given(
    values=st.lists(st.text("ab", min_size=8, max_size=14).filter(lambda v: len(set(v)) > 1), min_size=1, max_size=6),
    text=st.text("ab", max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=5),
)
def test_the_naive_oracle_agrees(in_pieces, values, text, cuts):
    """On two letters everything overlaps everything; whole and in pieces the automaton finds the same places."""
    masker = Masker(values)
    encoded = [value.encode() for value in values]
    forms = [*values, *(item.hex() for item in encoded)]
    assert masker.mask_text(text) == naive(forms, text)
    places = sorted(min(cut, len(text)) for cut in cuts)
    assert in_pieces(masker, text.encode(), places).decode() == naive(forms, text)


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.binary(min_size=8, max_size=40).filter(lambda v: Masker.refusal(v) is None), max_size=20))
def test_every_registered_value_disappears(values):
    """Arbitrary bytes as values: none of them is left in a text of all of them."""
    masked = Masker(values).mask(b"\n--\n".join(values))
    for value in values:
        assert value.strip() not in masked or value.strip() in b"\n--\n[masked:value]"
