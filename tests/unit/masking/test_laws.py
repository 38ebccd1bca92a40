"""The laws of the stream, S1 to S8 of docs/masking.md, as properties over texts made of every rule's anchors."""

from __future__ import annotations

import random
import re
import sys

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hstore._masker import ffi, lib
from hstore.masking import Masker, Stream
from hstore.masking._values import blob_of

if sys.version_info < (3, 11):
    pytest.skip("the rules are read with tomllib, which Python 3.10 does not have", allow_module_level=True)

from masking_oracle import forms_of, load, sample

RULES = load()
ANCHORS = sorted({anchor for rule in RULES.tokens for anchor in rule.anchors})
ODD = [
    b"\x1b[31m",
    b"\x1b[",
    b"\x1b",
    b"\x1b]8;;",
    b"\x07",
    b"[masked:token]",
    b"[masked:",
    b"]",
    b"\0",
    b"\r\n",
    b"\xff",
]
GLUE = [b"=", b": ", b'"', b" ", b"\n", b"(", b"'", b"]"]
NAMES = [b"password", b"token=", b'"api_key": "', b"Secret: ", b"://u:", b"@h/", b"Bearer ", b"-u a:", b"--password "]
MARK = re.compile(rb"\[masked:[a-z0-9-]+\]")
SHOWN = re.compile(rb"[A-Z0-9]{3}")
VALUE = "pass password"

VALUE_PIECES = [VALUE.encode(), VALUE[:7].encode(), VALUE[7:].encode()]
runs = st.integers(0, 1 << 30).map(lambda seed: drawn(random.Random(seed), 4 + seed % 60))
tokens = st.integers(0, 1 << 30).map(random.Random).map(lambda r: sample(r.choice(RULES.tokens), RULES, r))
shared = [st.sampled_from(group) for group in ([*GLUE, *NAMES], ODD, VALUE_PIECES, ANCHORS)]
pieces = st.one_of(*shared, tokens, runs, st.binary(max_size=3))
texts = st.lists(pieces, max_size=12).map(b"".join)


def drawn(source: random.Random, length: int) -> bytes:
    """Capitals and digits, so that a test sees what is shown of it between words of small letters."""
    return "".join(source.choice("ABCDEF0123456789") for _ in range(length)).encode()


@pytest.fixture(scope="module")
def masker() -> Masker:
    """The built-in rules and a value that begins like itself."""
    return Masker([VALUE])


# No sequence, but it may be one as long as it is cut: an anchor begins in it.
CUT_SEQUENCE = b"\x1b[1/" + b"/0HJhK0mNsxKj_BkmqqgewKU-aLTYIoyG2grIDcdOLT89idTsjkO5TJ7vxIA-b"


@settings(max_examples=400, deadline=None)
@given(text=texts, at=st.lists(st.integers(0, 1000), max_size=5))
@example(text=CUT_SEQUENCE, at=[3])
@example(text=b"\x1b[3;://user:hunter2x9@host/", at=[5])
def test_s1_cuts_change_nothing(masker, in_pieces, text, at):
    """S1 split invariance: the joined output is that of the whole, cut anywhere and at every byte."""
    whole = masker.mask(text)
    assert in_pieces(masker, text, sorted(cut % (len(text) + 1) for cut in at)) == whole
    assert in_pieces(masker, text, list(range(1, len(text)))) == whole


STRUCTURES = (
    b'password="%s"', b"api_key: %s\n", b"https://user:%s@host/", b"authorization: bearer %s\n", b"--token %s ",
    b"<password>%s</password>", b'{"secret": "%s"}', b"curl -u user:%s ", b"gh" + b"p_%s ", b"gl" + b"pat-%s ",
    VALUE.encode(),
)  # fmt: skip
around = st.text("abc .,;\n\té", max_size=12).map(str.encode)


@st.composite
def texts_with_a_secret(draw: st.DrawFn) -> bytes:
    """Words of small letters around secrets of capitals and digits."""
    found = []
    for structure in draw(st.lists(st.sampled_from(STRUCTURES), min_size=1, max_size=3)):
        run = drawn(random.Random(draw(st.integers(0, 1 << 30))), 40)
        found += [draw(around), b" ", structure % run if b"%s" in structure else structure, b" "]
    return b"".join(found)


@settings(max_examples=300, deadline=None)
@given(text=texts_with_a_secret(), step=st.integers(1, 9))
def test_s2_no_prefix_of_the_output_shows_a_secret(masker, text, step):
    """S2 prefix safety: after every write what has been shown holds no three characters of the drawn part."""
    stream, shown = masker.stream(), b""
    for at in range(0, len(text), step):
        shown += stream.feed(text[at : at + step])
        assert not SHOWN.search(MARK.sub(b" ", shown)), shown
        assert VALUE.encode() not in shown
    assert not SHOWN.search(MARK.sub(b" ", shown + stream.finish()))


FIRST = {anchor[0] for anchor in ANCHORS} | {form[0] for form in forms_of(blob_of([VALUE]))} | set(b"\x1b[-e")
FREE = "".join(chr(byte) for byte in range(32, 127) if byte not in FIRST and not chr(byte).isalpha()) + "\n\t"


@settings(max_examples=200, deadline=None)
@given(text=st.text(FREE, max_size=200), step=st.integers(1, 70))
def test_s3_nothing_is_held_where_nothing_begins(masker, text, step):
    """S3 bounded hold-back: with no beginning of an anchor in sight every write comes out at once, as it is."""
    data, stream = text.encode(), masker.stream()
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        assert stream.feed(piece) is piece
        assert stream.held == 0


@settings(max_examples=200, deadline=None)
@given(text=texts, step=st.integers(1, 300), times=st.integers(1, 300))
def test_s3_little_is_held_whatever_comes(masker, text, step, times):
    """S3 bounded hold-back: at most 4 KiB, and the escape sequences before a candidate's first character."""
    stream, data = masker.stream(), (text * times)[:20_000]
    for at in range(0, len(data), step):
        stream.feed(data[at : at + step])
        assert stream.held <= 4096 + 512


def test_s4_a_token_cut_off_is_masked(masker):
    """S4 fail closed: from its shortest length on, a token whose run may go on is masked at the end of the input."""
    source = random.Random(5)
    seen = 0
    for rule in RULES.tokens:
        entry = rule.entry
        if "shapes" in entry or entry.get("max") or rule.before is not None:
            continue
        letters = bytes.fromhex(RULES.classes[entry["class"]].decode().replace("\\x", ""))
        for _ in range(20):
            run = bytes(source.choice(letters) for _ in range(entry["min"] + 40))
            token = rule.anchors[0] + run
            if masker.mask(token) != token:
                break
        for length in range(entry["min"], len(run) + 1):
            masked = masker.mask(rule.anchors[0] + run[:length])
            assert MARK.sub(b"", masked) == b"", (rule.id, length)
        seen += 1
    assert seen >= 20


@pytest.mark.parametrize("head", [b"https://u:", b'password="', b"gh" + b"p_", b"glpat" + b"-"])
def test_s4_undecided_at_the_bound_is_masked(masker, head):
    """S4 fail closed: more than a candidate's bytes without an end: nothing of it is shown, from the first on."""
    run = drawn(random.Random(6), 9000)
    coloured = b"".join(run[at : at + 1] + b"\x1b[0m" * 60 for at in range(100))
    for text in (head + run, head + coloured):
        for size in (1, 100, 5000, 20_000):
            stream, shown = masker.stream(), b""
            for at in range(0, len(text), size):
                shown += stream.feed(text[at : at + size])
                assert stream.held <= 4096 + 512
            shown = MARK.sub(b"", shown + stream.finish()).replace(b"\x1b[0m", b"").replace(head.strip(), b"")
            assert not SHOWN.search(shown)


@settings(max_examples=400, deadline=None)
@given(text=texts)
def test_s5_masking_twice_changes_nothing(text):
    """S5 fixed point: with the built-in rules, whatever marks, halves of marks and escape codes stand in the text."""
    masker = Masker()
    once = masker.mask(text)
    assert masker.mask(once) is once


def stretches(stream: Stream) -> list[tuple[int, int, bytes]]:
    """What each mark of a traced stream stands for: start, end, and the mark."""
    handle, found = stream._handle, []
    start, end = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    for number in range(lib.hstore_stream_traced(handle)):
        kind = lib.hstore_stream_mark(handle, number, start, end)
        name = ffi.string(lib.hstore_type_name(ffi.NULL, kind))
        found.append((start[0], end[0], b"[masked:" + name + b"]"))
    return found


@settings(max_examples=300, deadline=None)
@given(text=texts, at=st.integers(0, 1000))
def test_s6_all_but_the_masked_stretches_is_kept(masker, text, at):
    """S6 transparency: the output is the input with each noted stretch replaced by its mark; no character is cut."""
    stream = masker.stream()
    lib.hstore_stream_trace(stream._handle)
    place = at % (len(text) + 1)
    masked = stream.feed(text[:place]) + stream.feed(text[place:]) + stream.finish()
    expected, behind = [], 0
    for start, end, mark in stretches(stream):
        expected += [text[behind:start], mark]
        behind = end
        assert behind > start
    assert masked == b"".join([*expected, text[behind:]])
    try:
        text.decode()
    except UnicodeDecodeError:
        return
    masked.decode()


@settings(max_examples=100, deadline=None)
@given(unit=texts)
@example(unit=b"sswordsswordNRII-")  # a name without end, which was read byte by byte from the second step on
@example(unit=b"autologinsk-")
@example(unit=b"CTT")
def test_s7_the_work_grows_with_the_input(masker, unit):
    """S7 linear time: any text over and over, twice as often is at most twice the work, and little for each byte."""
    assume(unit)
    work = []
    for size in (20_000, 40_000):
        stream = masker.stream()
        stream.feed((unit * (size // len(unit) + 1))[:size])
        stream.finish()
        work.append(lib.hstore_stream_work(stream._handle))
    assert work[1] <= 2.1 * work[0] + 5000
    assert work[1] <= 150 * 40_000


@settings(max_examples=300, deadline=None)
@given(text=texts, other=texts, at=st.integers(0, 1000))
def test_s8_a_restored_stream_goes_on_as_if_nothing_had_been(masker, text, other, at):
    """S8 copyable state: saved anywhere, disturbed by anything, restored here and elsewhere; both go on alike."""
    place = at % (len(text) + 1)
    stream, second = masker.stream(), masker.stream()
    shown = stream.feed(text[:place])
    state = stream.save()
    assert len(state) < 16_384 + len(text)
    stream.feed(other)
    second.feed(other[::-1])
    for back in (stream, second):
        back.restore(state)
        assert shown + back.feed(text[place:]) + back.finish() == masker.mask(text)
