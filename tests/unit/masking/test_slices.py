"""Findings of a review: texts longer than the detectors' steps, colours inside values, damaged states."""

from __future__ import annotations

import random
import string

import pytest

from hstore.errors import HstoreError
from hstore.masking import Masker

STEP = 32768  # SLICE in csrc/internal.h: the detectors take turns in steps of this size


def drawn(length: int) -> str:
    return "".join(random.choice(string.ascii_letters + string.digits) for _ in range(length))


STRUCTURES = {
    "named": lambda: f' password="{drawn(8)}7" ',
    "open": lambda: ' password="password="password="hX7!qZ2m"\n',
    "token": lambda: " gh" + "p_" + drawn(36) + " ",
    "url": lambda: f" https://user:{drawn(12)}@host/ ",
    "header": lambda: f"Authorization: Bearer {drawn(30)}\n",
    "block": lambda: "-----BEGIN RSA PRIVATE " + "KEY-----\n" + drawn(64) + "\n-----END RSA PRIVATE " + "KEY-----\n",
    "value": lambda: " supersecretvalue9 ",
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_across_the_end_of_a_step_ends_and_is_masked_as_elsewhere(name: str) -> None:
    """At every place around the end of a step: mask() comes back, and gives what a stream gives."""
    structure = STRUCTURES[name]().encode()
    masker = Masker(["supersecretvalue9"])
    expected = masker.mask(structure + b"b " * 90)
    for offset in range(STEP - len(structure) - 4, STEP + 4):
        text = b"a\n" * (offset // 2) + b" " * (offset % 2) + structure + b"b " * 90
        masked = masker.mask(text)
        assert masked.endswith(expected)
        stream = masker.stream()
        assert stream.feed(text[:offset]) + stream.feed(text[offset:]) + stream.finish() == masked


def test_flood_longer_than_a_step_comes_back() -> None:
    """What looped for ever: an anchor in every few bytes, beyond the first step."""
    for text in (b'password="' * 8000, b"a" * 32758 + b' password="hX7!qZ2m" ' + b"b " * 90):
        assert Masker().mask(text)


def test_colour_codes_inside_a_registered_value_do_not_hide_it() -> None:
    """One code at every place, several, one before each letter; at every split the same."""
    value = "supersecretvalue9"
    masker = Masker([value])
    texts = [f"x {value[:place]}\x1b[1;31m{value[place:]} y".encode() for place in range(1, len(value))]
    texts.append(("x " + "".join(f"\x1b[3{place % 8}m{letter}" for place, letter in enumerate(value)) + " y").encode())
    for text in texts:
        masked = masker.mask(text)
        assert b"[masked:value]" in masked
        assert not any(piece.encode() in masked for piece in (value[:4], value[-4:], value[6:10]))
        assert masked.endswith(b" y")
        for split in range(len(text)):
            stream = masker.stream()
            assert stream.feed(text[:split]) + stream.feed(text[split:]) + stream.finish() == masked


def test_damaged_state_is_refused() -> None:
    """A saved state with any flipped byte is an error, never a crash or another result."""
    masker = Masker(["supersecretvalue9"])
    stream = masker.stream()
    stream.feed(b'text password="abc')
    state = stream.save()
    expected = masker.stream()
    expected.restore(state)
    rest = expected.feed(b'def7"') + expected.finish()
    for place in range(0, len(state), 7):
        damaged = bytearray(state)
        damaged[place] ^= 0x41
        other = masker.stream()
        try:
            other.restore(bytes(damaged))
            assert other.feed(b'def7"') + other.finish() == rest
        except (HstoreError, ValueError):
            continue  # refused, or taken for a stream that is finished


@pytest.mark.parametrize(
    "value",
    [
        {"password": {"value": "hX7!qZ2m"}},
        {"env": [{"name": "API_KEY", "value": "hX7!qZ2mhX7!qZ2m1"}]},
        {"value": "hX7!qZ2mhX7!qZ2m1", "name": "DB_PASSWORD"},
        {"password": {"data": ["hX7!qZ2m"]}},
    ],
    ids=str,
)
def test_name_one_level_up_or_beside_makes_a_value_secret(value: object) -> None:
    """`value` and its like go by the name around or beside them."""
    assert "hX7!" not in Masker().mask_json(value)


def test_harmless_neighbours_stay() -> None:
    """A name that tells nothing makes nothing secret."""
    value = {"env": [{"name": "EDITOR", "value": "vim9deluxe"}], "limit": {"value": "a1b2c3d4"}}
    assert Masker().mask_json(value) == '{"env":[{"name":"EDITOR","value":"vim9deluxe"}],"limit":{"value":"a1b2c3d4"}}'


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_value_under_its_name_in_a_container_environment(line_end: str, quote: str) -> None:
    """`- name: API_KEY` with `value:` on the next line, quoted or not, with either line end, at every split."""
    # Letters and digits in turn: how random a value must look is another test's claim.
    value = "".join(letter + random.choice(string.digits) for letter in drawn(12))
    text = f"- name: {quote}API_KEY{quote}{line_end}  value: {quote}{value}{quote}{line_end}".encode()
    masker = Masker()
    masked = masker.mask(text)
    assert (
        masked == f"- name: {quote}API_KEY{quote}{line_end}  value: {quote}[masked:api-key]{quote}{line_end}".encode()
    )
    for split in range(len(text)):
        stream = masker.stream()
        assert stream.feed(text[:split]) + stream.feed(text[split:]) + stream.finish() == masked


@pytest.mark.parametrize("head", ["https://u:", "password=", "Authorization: Bearer "])
def test_colour_codes_in_and_behind_a_very_long_value(in_pieces, head: str) -> None:
    """Those inside go with the value, which does not end there; the one behind it stays whole. Any cut is the same."""
    value = "".join(letter + random.choice(string.digits) for letter in drawn(300))
    masker = Masker()
    data = f"{head}{value}\x1b[31m{value[:40]}\x1b[0m\n".encode()
    masked = masker.mask(data)
    assert masked.startswith(head.encode() + b"[masked:")
    assert masked.endswith(b"]\x1b[0m\n")
    assert len(masked) < len(head) + 40
    for at in range(0, len(data), 7):
        assert in_pieces(masker, data, [at]) == masked


def test_many_pieces_at_once_are_as_each_by_itself(with_values, all_kinds, in_pieces):
    """`feed_many` gives what `feed` of each gives, joined; a finished stream takes neither."""
    data = "\n".join(all_kinds).encode()
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    stream = with_values.stream()
    shown = stream.feed_many(pieces[:50]) + stream.feed_many(memoryview(piece) for piece in pieces[50:])
    assert shown + stream.feed_many([]) + stream.finish() == with_values.mask(data)
    for late in (lambda: stream.feed(b"x"), lambda: stream.feed_many([b"x"])):
        with pytest.raises(ValueError, match="finished"):
            late()
