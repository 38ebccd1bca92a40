"""Many short texts in one call: the answer is exactly that of masking each by itself."""

from __future__ import annotations

import secrets

from hypothesis import given
from hypothesis import strategies as st

from hstore._masker import lib
from hstore.masking import SEPARATOR, Masker

VALUE = "correct-horse-" + secrets.token_hex(4)
MASKER = Masker(values=[VALUE])
PIECES = [
    "",
    "gcc -c main.c",
    "password=",
    "hunter2xyz9",
    '"',
    "\x1b[31m",
    "\0",
    "é",
    "-----BEGIN",
    " PRIVATE KEY-----",
    VALUE,
]


def texts() -> st.SearchStrategy[list[str]]:
    """Texts of pieces that mean something together, without the separator."""
    return st.lists(st.lists(st.sampled_from(PIECES), max_size=5).map("".join), min_size=1, max_size=6)


def level_count() -> int:
    return int(lib.hstore_level_count())


@given(texts())
def test_all_are_left_exactly_when_each_is_left(given_texts: list[str]) -> None:
    """No text sees its neighbour, and none is overlooked, on every instruction set."""
    alone = all(MASKER.mask_text(text) == text for text in given_texts)
    raw = SEPARATOR.join(given_texts).encode()
    try:
        for level in range(level_count()):
            if lib.hstore_level_supported(level):
                lib.hstore_force_level(level)
                assert MASKER.leaves(raw) == alone
                assert MASKER.changes(raw, len(given_texts)) == [
                    number for number, text in enumerate(given_texts) if MASKER.mask_text(text) != text
                ]
    finally:
        lib.hstore_force_level(-1)


def test_a_stream_is_as_new_afterwards() -> None:
    """What one call left undecided, or marked, is not seen by the next, nor by masking with the same stream."""
    masker = Masker(values=[VALUE])
    for text in ("-----BEGIN RSA PRIVATE" + " KEY-----\nMII", f"before {VALUE[:-1]}", f"{VALUE} {VALUE}", "\x1b[3"):
        masker.leaves(text.encode())
        assert masker.leaves(b"plain" + SEPARATOR.encode() + b"text")
        assert masker.mask_text("plain") == "plain"
        assert masker.mask_text(VALUE) == "[masked:value]"


def test_no_memory_is_an_error_and_no_answer() -> None:
    """Where an allocation fails, it is said; afterwards the masker works."""
    masker = Masker(values=[VALUE])
    failed = 0
    for successes in range(20):
        lib.hstore_fail_allocation(successes)
        try:
            assert not masker.leaves(f"{VALUE} ".encode() * 3)
        except MemoryError:
            failed += 1
        finally:
            lib.hstore_fail_allocation(-1)
    assert failed > 0
    assert not masker.leaves(VALUE.encode())
