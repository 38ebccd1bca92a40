"""Rules of one's own: what they find, what they leave, and that the laws of the stream hold for them too."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstore._masker import ffi, lib
from hstore.errors import InvalidInput
from hstore.masking import RULES_DIGEST, Masker, rule_ids
from hstore.masking._rule_blob import FORM_NAME, FORM_TOKEN
from hstore.masking.rules import Rules

CODE = "7XK29PQM4Z"
ALLOWED = "acme_" + "abcdefghij0123456789XYZ"
RULES = f"""
[[token]]
id = "acme-key"
description = "Key of the deploy service"
anchors = ["acme_", "acme.test."]
class = "alnum"
min = 20

[[token]]
id = "acme-code"
anchors = ["AC-"]
characters = "A-Z0-9"
min = 10
max = 12
digit = true

[[token]]
id = "acme-link"
anchors = ["acme.example/s/"]
characters = "-_0-9a-z"
min = 8
shown = true

[[token]]
id = "acme-file"
anchors = ["Acme-x"]
class = "alnum"
min = 8
max = 12
any_case = true
lone = true

[[name]]
id = "acme-pin"
names = ["acme_pin", "Kennwort"]
kind = "password"

[[name]]
id = "acme-seed"
names = ["seedWord"]
kind = "token"

[[allow]]
text = "{ALLOWED}"

[[allow]]
text = "hunter2-hunter2"
rule = "password"
reason = "in the tests"
"""
TOKEN = '[[token]]\nid = "acme-key"\nanchors = ["acme_"]\nclass = "alnum"\nmin = 20\n'
OFF = '[rules]\noff = ["url-password", "token", "github-pat"]\n'


@pytest.fixture(scope="session")
def own(tmp_path_factory):
    """A masker with the rules above."""
    path = tmp_path_factory.mktemp("rules") / "masking.toml"
    path.write_text(RULES)
    return Masker(["a-registered-value"], rules=path)


@pytest.fixture
def rules_in(tmp_path):
    """Writes a file of rules and reads it."""

    def read(text):
        path = tmp_path / "masking.toml"
        path.write_text(text)
        return Rules.read(path)

    return read


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a acme_abcdefghij0123456789 b", "a [masked:acme-key] b"),
        ("x=acme.test.abcdefghij0123456789", "x=[masked:acme-key]"),
        ("macme_abcdefghij0123456789 b", "macme_abcdefghij0123456789 b"),
        ("ACME_abcdefghij0123456789 b", "ACME_abcdefghij0123456789 b"),
        ("acme_abcdefghij01234", "acme_abcdefghij01234"),
        ("acme_aaaaaaaaaaaaaaaaaaaa", "acme_aaaaaaaaaaaaaaaaaaaa"),
        (f"AC-{CODE}: AC-{CODE}12, AC-{CODE}123", f"[masked:acme-code]: [masked:acme-code], AC-{CODE}123"),
        ("AC-ABCDEFGHIJ", "AC-ABCDEFGHIJ"),
        ("https://acme.example/s/ab3-de_fg9 x", "https://acme.example/s/[masked:acme-link] x"),
        ("\x1b[1macme_abcde\x1b[0mfghij0123456789\x1b[0m", "\x1b[1m[masked:acme-key]\x1b[0m"),
        ("Acme-x12ab34cd ACME-X12ab34cd acme-x12ab34cd aCme-x12ab34cd", "[masked:acme-file] " * 3 + "aCme-x12ab34cd"),
        (
            "Acme-x12ab34cd.txt Acme-x12ab34cd. Acme-x12ab34cd",
            "Acme-x12ab34cd.txt [masked:acme-file]. [masked:acme-file]",
        ),
        ("acme_pin=4711zq", "acme_pin=[masked:acme-pin]"),
        ("prod-ACME-PIN: '4711zq'", "prod-ACME-PIN: '[masked:acme-pin]'"),
        ('{"acmePin": "4711zq"}', '{"acmePin": "[masked:acme-pin]"}'),
        ("ACMEPIN_2=4711zq", "ACMEPIN_2=[masked:acme-pin]"),
        ("<kennwort>geheim-1x</kennwort>", "<kennwort>[masked:acme-pin]</kennwort>"),
        ("acme_pin_length=99xx1", "acme_pin_length=99xx1"),
        ("myacmepin=4711zq", "myacmepin=4711zq"),
        ("acme_pin=${PIN}", "acme_pin=${PIN}"),
        ("SEED_WORD=plain", "SEED_WORD=plain"),
        ("SEED_WORD=q7Zk20fX9mLp", "SEED_WORD=[masked:acme-seed]"),
        ("a-registered-value", "[masked:value]"),
        ("password=correct-horse-1", "password=[masked:password]"),
    ],
)
def test_own_rules_find_what_they_say(own, text, masked):
    """Anchors, classes, lengths, digits, names in every notation; the built-in rules and values go on beside them."""
    assert own.mask_text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"a {ALLOWED} b", f"a {ALLOWED} b"),
        (f"a {ALLOWED}", f"a {ALLOWED}"),
        (f"a {ALLOWED}1 b", "a [masked:acme-key] b"),
        (f"a {ALLOWED[:-1]} b", "a [masked:acme-key] b"),
        (f"a {ALLOWED[:-1]}W b", "a [masked:acme-key] b"),
        (f"token={ALLOWED}", f"token={ALLOWED}"),
        ("password=hunter2-hunter2", "password=hunter2-hunter2"),
        ("password='hunter2-hunter2'", "password='hunter2-hunter2'"),
        ("password=hunter2-hunter2x", "password=[masked:password]"),
        ("password=hunter2-hunter", "password=[masked:password]"),
        ("acme_pin=hunter2-hunter2", "acme_pin=[masked:acme-pin]"),
    ],
)
def test_only_the_whole_allowed_text_is_shown(own, text, masked):
    """A false alarm is the exact text, by the rule it was allowed for; one character more or less is a secret again."""
    assert own.mask_text(text) == masked


def test_every_split_gives_the_same(own, in_pieces):
    """S1 with rules and false alarms of one's own: whole, cut at every place, and one byte at a time."""
    data = (
        f"x {ALLOWED} y {ALLOWED}z acme_pin=4711zq AC-{CODE} password=hunter2-hunter2 password='hunter2-hunter2x' "
        f"acme.example/s/ab3-de_fg9 \x1b[1m{ALLOWED[:9]}\x1b[0m{ALLOWED[9:]}\x1b[0m a-registered-value {ALLOWED}"
    ).encode()
    whole = own.mask(data)
    assert whole.count(b"[masked:") == 6
    assert whole.count(ALLOWED.encode()) == 2
    for at in range(len(data) + 1):
        assert in_pieces(own, data, [at]) == whole, at
    assert in_pieces(own, data, list(range(1, len(data)))) == whole


PIECES = [
    ALLOWED, ALLOWED[:-1], ALLOWED[:9], ALLOWED[9:], "acme_", "AC-", CODE, "acme_pin=", "acmePin", ": ", "=", '"', " ",
    "password=", "hunter2-hunter2", "-", "x", "\n", "\x1b[31m", "\x1b[", "[masked:acme-key]", "[", "]", "\0", "token=",
    "a-registered-value", "acme.example/s/", "Acme-x", "ACME-X", ".t", "12ab34cd", "gh" + "p_", "https://", "u:", "@h",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.lists(st.integers(0, 300), max_size=6))
def test_the_laws_hold_for_own_rules(in_pieces, own, pieces, cuts):
    """S1 and S5: however it is cut the output is the same, and masking it again changes nothing."""
    data = "".join(pieces).encode()
    whole = own.mask(data)
    assert in_pieces(own, data, sorted(min(cut, len(data)) for cut in cuts)) == whole
    assert own.mask(whole) == whole


def test_an_allowed_text_is_held_no_longer_than_it_takes(own):
    """Held is what may become the allowed text; the first other character decides."""
    stream = own.stream()
    assert stream.feed(b"a " + ALLOWED.encode()) == b"a "
    assert stream.held == len(ALLOWED)
    assert stream.feed(b" b ") == ALLOWED.encode() + b" b "
    assert stream.feed(b"acme_" + b"abcdefghij0123456789X") == b""
    assert stream.feed(b"x") == b"[masked:acme-key]"
    assert stream.held == 0


def test_rules_switched_off_find_nothing(rules_in, samples):
    """Tokens, structures and named values by id; a name that says two things is still found by the other."""
    masker = Masker(rules=rules_in(OFF))
    pat = samples.token("github-pat")
    for text in (f"a {pat} b", "https://u:geheim77@host/", "token=abcdef0123456789"):
        assert masker.mask_text(text) == text
        assert Masker().mask_text(text) != text
    assert masker.mask_text("secret_token=abcdef0123456789q") == "secret_token=[masked:secret]"
    assert masker.mask_text("password=" + "geheim-77x") == "password=[masked:password]"


def test_own_rules_can_be_switched_off_too(rules_in):
    """A project may not want what the user's file brings."""
    masker = Masker(rules=rules_in(RULES + '[rules]\noff = ["acme-pin", "acme-key"]\n'))
    text = "acme_pin=4711zq acme_abcdefghij0123456789"
    assert masker.mask_text(text) == text
    assert masker.mask_text(f"AC-{CODE}") == "[masked:acme-code]"


def test_counts_name_own_rules(own):
    """Marks of own rules are counted under their ids, by masker and stream."""
    masker = Masker(rules=Rules.read(()))
    assert masker.counts == {}
    stream = own.stream()
    stream.feed(b"acme_pin=4711zq\n")
    assert stream.counts == {"acme-pin": 1}


def test_values_that_stand_in_own_marks_are_refused(rules_in):
    """Masking a part of one's own marks would spoil them as well."""
    with pytest.raises(InvalidInput, match="part of the marks"):
        Masker(["acme-key"], rules=rules_in(RULES))


def test_a_saved_state_fits_only_the_same_rules(own, rules_in):
    """A state saved with other rules is refused; with the same ones, read again, it is taken."""
    stream = own.stream()
    stream.feed(b"acme_abc")
    state = stream.save()
    with pytest.raises(InvalidInput, match="state"):
        Masker(["a-registered-value"]).stream().restore(state)
    with pytest.raises(InvalidInput, match="state"):
        Masker(["a-registered-value"], rules=rules_in(RULES + OFF)).stream().restore(state)
    again = Masker(["a-registered-value"], rules=rules_in(RULES)).stream()
    again.restore(state)
    assert again.feed(b"defghij0123456789 ,") == b"[masked:acme-key] ,"


# --- values that are added later ------------------------------------------------------------------------------------

LATER = "later-secret-77"


def added(masker, before, behind, cuts_before, cuts_behind):
    """The output of a stream to whose masker a value is added between two inputs, each cut somewhere."""
    stream, output = masker.stream(), []
    for data, cuts in ((before, cuts_before), (behind, cuts_behind)):
        at = 0
        for end in [*sorted(cuts), len(data)]:
            output.append(stream.feed(data[at:end]))
            at = end
        if data is before:
            masker.add_values([LATER])
    return b"".join([*output, stream.finish()])


def test_a_value_added_in_mid_stream_is_found_from_there_on():
    """What was fed stays, what follows is masked, in the stream and in the masker."""
    masker = Masker(["a-registered-value"])
    stream = masker.stream()
    assert stream.feed(f"{LATER} a-registered-value ".encode()) == f"{LATER} [masked:value] ".encode()
    masker.add_values([LATER])
    assert stream.feed(f"{LATER} a-registered-value ".encode()) == b"[masked:value] [masked:value] "
    assert masker.mask_text(f"{LATER} a-registered-value") == "[masked:value] [masked:value]"
    assert masker.stream().feed(f"{LATER}\n".encode()) == b"[masked:value]\n"
    assert stream.counts == {"value": 3}


def test_what_was_open_stays_open_when_a_value_is_added():
    """A token, a name and a value that began before the addition are found as they would have been."""
    for text in (
        "gh" + "p_" + CODE * 4,
        "password=correct-horse-1 ",
        "a-registered-value",
        "-----BEGIN RSA PRIVATE KEY-----\nab",
    ):
        whole = Masker(["a-registered-value"]).mask(text.encode())
        for at in range(len(text) + 1):
            masker = Masker(["a-registered-value"])
            assert added(masker, text[:at].encode(), text[at:].encode(), [], []) == whole, (text, at)


ADDED = [
    "a-registered-value",
    "a-regis",
    LATER,
    LATER[:5],
    LATER[5:],
    " ",
    "\x1b[31m",
    "\x1b[",
    "password=",
    "x",
    "[masked:value]",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(ADDED), max_size=6),
    st.lists(st.sampled_from(ADDED), max_size=6),
    st.lists(st.integers(0, 80), max_size=4),
    st.lists(st.integers(0, 80), max_size=4),
)
def test_between_additions_every_split_gives_the_same(before, behind, cuts_before, cuts_behind):
    """S1 holds on both sides of an addition, and no later value is left that begins behind it."""
    first, second = "".join(before).encode(), "".join(behind).encode()
    whole = added(Masker(["a-registered-value"]), first, second, [], [])
    cuts = [min(cut, len(first)) for cut in cuts_before], [min(cut, len(second)) for cut in cuts_behind]
    assert added(Masker(["a-registered-value"]), first, second, *cuts) == whole
    assert whole.count(LATER.encode()) <= (first + second).count(LATER.encode()) - second.count(LATER.encode())


def test_a_state_saved_before_an_addition_can_be_restored_behind_it():
    """A write that failed is repeated though a value was added meanwhile; the value is found in what follows."""
    masker = Masker(["a-registered-value"])
    stream = masker.stream()
    assert stream.feed(b"x a-regis") == b"x "
    state = stream.save()
    masker.add_values([LATER])
    masker.add_values(["much-later-secret"])
    stream.feed(b"lost")
    stream.restore(state)
    assert stream.feed(f"tered-value {LATER} much-later-secret".encode()) + stream.finish() == (
        b"[masked:value] [masked:value] [masked:value]"
    )
    with pytest.raises(InvalidInput, match="state"):
        Masker([LATER]).stream().restore(state)


def test_a_refused_value_adds_none(own):
    """All or nothing, with the position of the refused one."""
    masker = Masker()
    with pytest.raises(InvalidInput, match=r"values\[1\]: shorter"):
        masker.add_values([LATER, "short"])
    assert masker.mask_text(LATER) == LATER


def test_threads_go_on_masking_while_values_are_added():
    """No call fails or loses a mark while another thread adds values."""
    masker = Masker(["a-registered-value"])
    wrong = []

    def work():
        for _ in range(300):
            if masker.mask(b"a-registered-value") != b"[masked:value]":
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(40):
        masker.add_values([f"{LATER}-{number}"])
    for thread in threads:
        thread.join()
    assert wrong == []
    assert masker.counts == {"value": 1200}
    assert masker.mask_text(f"{LATER}-39") == "[masked:value]"


# --- the tables ---------------------------------------------------------------------------------------------------

EMPTY = b"HSR1" + bytes(12)


def built(blob):
    """The ruleset of a blob, or the error."""
    error = ffi.new("int *")
    handle = lib.hstore_ruleset_new(blob, len(blob), error)
    return error[0] if handle == ffi.NULL else ffi.gc(handle, lib.hstore_ruleset_free)


def test_building_nothing_more_gives_the_generated_tables():
    """Byte for byte: the builder in C and the generator in Python write the same automaton."""
    assert lib.hstore_ruleset_is_builtin(built(EMPTY)) == 1


def test_building_with_a_rule_gives_other_tables(own, rules_in):
    """So that the test above can fail."""
    assert lib.hstore_ruleset_is_builtin(rules_in(RULES).ruleset()) == 0
    assert lib.hstore_ruleset_is_builtin(rules_in("").ruleset()) == 1


def test_forms_have_the_numbers_that_c_gives_them():
    """The numbers of `enum form` written down in Python are those compiled in."""
    ids = rule_ids()
    assert lib.hstore_rule_form(ffi.NULL, ids.index("github-pat")) == FORM_TOKEN
    assert lib.hstore_rule_form(ffi.NULL, ids.index("password")) == FORM_NAME


@pytest.mark.parametrize("cut", range(len(EMPTY)))
def test_a_cut_description_is_refused(cut):
    """C does not trust what it is given: every beginning of a description is refused."""
    assert built(EMPTY[:cut]) == lib.HSTORE_BAD_RULES


def test_damaged_descriptions_are_refused_or_harmless(rules_in):
    """Every single byte changed, and every length cut: a ruleset or an error, never a crash."""
    from hstore.masking._rule_blob import blob_of

    blob = blob_of(rules_in(RULES + OFF))
    assert not isinstance(built(blob), int)
    for at in range(len(blob)):
        assert built(blob[:at]) == lib.HSTORE_BAD_RULES
        for value in (0, 1, 0x7F, 0xFF):
            built(blob[:at] + bytes([value]) + blob[at + 1 :])
    assert built(blob + b"\0") == lib.HSTORE_BAD_RULES


def test_making_rules_without_memory_is_an_error(rules_in):
    """Whichever allocation fails, what was made before is released and MemoryError raised."""
    rules = rules_in(RULES)
    for successes in range(12):
        lib.hstore_fail_allocation(successes)
        try:
            Masker(rules=rules).stream()
        except MemoryError:
            continue
        finally:
            lib.hstore_fail_allocation(-1)
        break
    assert successes >= 5


@pytest.mark.parametrize(
    "level", [level for level in range(lib.hstore_level_count()) if lib.hstore_level_supported(level)]
)
def test_every_level_finds_own_anchors_everywhere(own, level):
    """Each instruction set, at each place of a block, and behind words that the prefilter drops by themselves."""
    assert lib.hstore_force_level(level) == 0
    try:
        for text, masked in (
            ("acme_abcdefghij0123456789", "[masked:acme-key]"),
            ("KennWort: 4711zq", "KennWort: [masked:acme-pin]"),
        ):
            for place in range(140):
                for before in ("." * place, "authentication " * (place // 10) + "x" * (place % 10)):
                    assert own.mask_text(f"{before} {text} authentication") == f"{before} {masked} authentication"
    finally:
        lib.hstore_force_level(-1)


WINDOWS = ["assw", "token", "secret", "authent", "keybo", "credi", "passwor", "http", "://ho", "curl"]


@pytest.mark.parametrize("window", WINDOWS)
def test_an_anchor_of_words_that_are_dropped_is_found(rules_in, window):
    """An own anchor may be made of the very bytes by which a harmless word is known."""
    masker = Masker(rules=rules_in(TOKEN.replace("acme_", f"{window}9")))
    for level in range(lib.hstore_level_count()):
        if lib.hstore_force_level(level) == 0:
            assert masker.mask_text(f"a harmless line of text {window}9abcdefghij0123456789 and a harmless end") == (
                "a harmless line of text [masked:acme-key] and a harmless end"
            )
    lib.hstore_force_level(-1)


def test_the_built_in_tables_stay_as_they_are(own):
    """Making rulesets changes nothing for maskers without rules."""
    assert Masker().mask_text(f"acme_pin=4711zq AC-{CODE}") == f"acme_pin=4711zq AC-{CODE}"


def test_the_digest_tells_rules_apart(own, rules_in):
    """What goes over a store again knows whether it has done so with the same rules."""
    digests = [Masker().rules_digest, own.rules_digest, Masker(rules=rules_in(RULES + OFF)).rules_digest]
    assert len(set(digests)) == 3
    assert digests[0] == RULES_DIGEST
    assert digests[1] == Masker(rules=rules_in(RULES)).rules_digest
