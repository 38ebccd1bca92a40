"""The instruction sets of the search for anchors: each finds what the others find."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from hstore._masker import ffi, lib
from hstore.masking import Masker

LEVELS = [level for level in range(lib.hstore_level_count()) if lib.hstore_level_supported(level)]
AUTOMATON = lib.hstore_level_count() - 1
NAMES = {level: ffi.string(lib.hstore_level_name(level)).decode() for level in range(lib.hstore_level_count())}


@pytest.fixture(autouse=True)
def _best_again() -> Iterator[None]:
    yield
    lib.hstore_force_level(-1)


def forced(level: int, masker: Masker, data: bytes, step: int) -> bytes:
    """The output of a stream at one level, in pieces of `step` bytes."""
    assert lib.hstore_force_level(level) == 0
    assert lib.hstore_level() == level
    stream = masker.stream()
    return b"".join([*(stream.feed(data[at : at + step]) for at in range(0, len(data), step)), stream.finish()])


def test_the_levels_have_names_and_one_is_chosen() -> None:
    """The best of this machine is taken; what it lacks is refused, and a wrong number too."""
    assert [NAMES[level] for level in NAMES] == ["scalar", "ssse3", "avx2", "avx512vbmi", "neon", "automaton"]
    assert 0 in LEVELS
    assert lib.hstore_force_level(-1) == 0
    best = lib.hstore_level()
    assert best == max(level for level in LEVELS if NAMES[level] != "automaton")
    for level in {*NAMES, len(NAMES), 1000} - {*LEVELS}:
        assert lib.hstore_force_level(level) == -1
        assert lib.hstore_level() == best
    assert lib.hstore_level_name(len(NAMES)) == ffi.NULL


@pytest.mark.parametrize("step", [7, 64, 4096, 1 << 20])
def test_every_level_gives_the_same_output(all_kinds, fragments, with_values, step) -> None:
    """Secrets of every kind at every place of a block, between texts of every length, and pieces of nonsense."""
    drawn = random.Random(step)
    texts = []
    for place in range(140):
        texts += ["." * place, drawn.choice(all_kinds), "é" * (place % 7), "".join(drawn.choices(fragments, k=5))]
    data = "".join(texts).encode()
    expected = forced(AUTOMATON, with_values, data, step)
    assert expected != data
    for level in LEVELS:
        assert forced(level, with_values, data, step) == expected, NAMES[level]


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
def test_an_anchor_is_found_wherever_it_stands(samples, level) -> None:
    """One token in a text without any other, at each of 200 places, with each length of text behind it."""
    token, masker = samples.token("github-pat").encode(), Masker()
    lib.hstore_force_level(level)
    for place in range(200):
        for behind in (0, 1, 3, 4, 5, 8, 30, 31, 32, 33, 63, 64, 65):
            masked = masker.mask(b"." * place + token + b"." * behind)
            assert masked == b"." * place + b"[masked:github-pat]" + b"." * behind


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
def test_hints_skip_nothing_that_the_automaton_finds(samples, fragments, level) -> None:
    """Beginnings of anchors, words around them and secrets in every order, by one that reads every byte."""
    drawn, masker = random.Random(level), Masker()
    anchors = [samples.anchor(kind) for kind in samples.types]
    words = ["--", "-", "author", "passes", "KEYBOARD", "Token", "authToken", "://a.b/", "://u:p1x9@h", "a", " ", "="]
    pieces = [
        *anchors,
        *(anchor[:3] for anchor in anchors),
        *words,
        *fragments,
        "\x1b[1m",
        *map(samples.token, samples.types),
    ]
    for _ in range(400):
        data = "".join(drawn.choices(pieces, k=drawn.randint(2, 9))).encode()
        expected = forced(AUTOMATON, masker, data, 1 << 20)
        assert forced(level, masker, data, 1 << 20) == expected, data


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
def test_all_words_of_a_name_decide_whether_it_is_looked_at(level) -> None:
    """The telling word is no anchor, the anchor stands in a word that tells nothing, and the name may be long."""
    masker, value = Masker(), "hX7" + "qZ2m" * 5
    found = 0
    for telling in ("pat", "login", "sid", "pw", "dbpw", "sig", "autologin", "PAT", "Sid"):
        for other in ("hotkey", "keyboard", "authentic", "passes", "Keyboard", "tokenizer2", "k3y", "pass-count"):
            for joint in ("-", "_", ".", ".x2-", "." + "a1-" * 16, "_" + "b" * 58 + "."):
                for name in (telling + joint + other, other + joint + telling, "-D" + other + joint + telling):
                    data = f"a line in front\n{name}: {value}\nand one behind it, long enough for blocks\n".encode()
                    expected = forced(AUTOMATON, masker, data, 1 << 20)
                    assert forced(level, masker, data, 1 << 20) == expected, name
                    found += expected != data
    assert found > 100


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
@pytest.mark.parametrize("front", ["auth", "hotkey", "keyboard", "xkey"])
def test_an_anchor_too_far_from_the_end_of_its_name_hides_no_other(level, front) -> None:
    """64 characters behind an anchor its name goes on: it is not judged by that one, but by those nearer to its end."""
    lib.hstore_force_level(level)
    for between in range(45, 63 - len(front)):
        data = f"in front\n{front}-{'b' * between}-password: hX7qZ2mhX7\nbehind it\n".encode()
        assert b"hX7" not in Masker().mask(data), between


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
def test_a_colour_code_at_every_place_of_an_anchor(samples, level) -> None:
    """The window of an interrupted anchor is nowhere in the text, and the anchor is found all the same."""
    token, masker = samples.token("github-fine-grained-pat").encode(), Masker()
    lib.hstore_force_level(level)
    for before in (0, 20, 61):
        for place in range(1, 14):
            text = b"." * before + token[:place] + b"\x1b[1;31m" + token[place:] + b"\n"
            assert masker.mask(text) == b"." * before + b"[masked:github-fine-grained-pat]\n"


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
@pytest.mark.parametrize("front", ["", "." * 40, "." * 32760], ids=len)
def test_a_colour_code_in_an_anchor_at_the_end_of_what_is_known(samples, in_pieces, level, front) -> None:
    """The text is cut before, in and behind the code, or a step of the detectors ends around it: nothing is missed."""
    masker, code = Masker(), "\x1b[31m"
    lib.hstore_force_level(level)
    for kind in ("github-fine-grained-pat", "planetscale-password", "sendinblue-api-token"):
        token = samples.token(kind)
        for place in range(1, len(samples.anchor(kind))):
            data = f"{front}{token[:place]}{code}{token[place:]}\n".encode()
            cuts = [len(front) + place + more for more in range(len(code) + 1)] if len(front) < 1000 else [0]
            for cut in cuts:
                assert in_pieces(masker, data, [cut]) == f"{front}[masked:{kind}]\n".encode(), (place, cut)
            for more in range(12) if len(front) > 1000 else ():
                moved = b"." * more + data
                assert masker.mask(moved) == f"{'.' * more}{front}[masked:{kind}]\n".encode(), (place, more)


@pytest.mark.parametrize("level", LEVELS, ids=NAMES.get)
@pytest.mark.parametrize("code", ["\x1b[31m", "\x1b[5 q", "\x1b(B", "\x1b[m"])
def test_the_last_letter_of_a_colour_code_is_no_letter_of_a_name(in_pieces, level, code) -> None:
    """`ESC [ 31 m pass` is a name and no word "mpass", in one piece and in two."""
    lib.hstore_force_level(level)
    data = f'a line in front "{code}pass : geheim-77x" and one behind it, long enough to be looked through\n'.encode()
    masker = Masker()
    for cut in range(len(data) + 1):
        assert b"geheim" not in in_pieces(masker, data, [cut]), cut
