"""The rules: what each finds in how many notations, and what it leaves alone."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.corpus.kinds import KINDS
from benchmarks.corpus.lookalikes_tokens import draw_lookalikes

from hstore.masking import RULES_DIGEST, Masker, rule_ids

from .conftest import BEHIND

ROOT = Path(__file__).parents[3]
NOTATIONS = (
    "{}", "x {} y", '"{}"', "'{}'", "TOKEN={}", "token: {}", '{{"a":"{}"}}', "<t>{}</t>", "({})", "[{}]",
    "{},next", "{};",
    "\x1b[31m{}\x1b[0m", "\t{}\r\n", "https://host/{}/x", "a\\n{}\\nb", "%20{}", "é{}é", "\0{}\0", "key=`{}`",
    "{}\n\nmore",
)  # fmt: skip
UNTESTED = {
    "private-key", "url-password", "curl-user", "curl", "mark", "password", "secret", "token", "api-key",
    "authorization", "signature", "session", "value", "command-password", "kubernetes-secret",
}  # fmt: skip
"""Types that are no tokens: found by what stands around them, tested in test_names.py and test_structures.py."""
BY_NAMES = {
    "airtable-personnal-access-token": "its anchor would be the word 'pat'",
    "facebook-access-token": "digits, a bar and a run: no anchor at all",
    "freemius-secret-key": "only the name beside it says what it is",
    "maxmind-license-key": "what says what it is stands at its end, when the rest may have been shown",
    "curl-auth-header": "a header", "curl-auth-user": "an option", "gitlab-session-cookie": "a cookie",
    "kubernetes-secret-yaml": "a structure", "nuget-config-password": "a structure",
    "azure-storage-account-key": "a name", "azure-shared-access-key": "a name",
}  # fmt: skip
"""Self-identifying types that have no rule of a token, and why; names and structures find them."""
SHOWN = {
    "hashicorp-tf-api-token": 14, "azure-ad-client-secret": 4, "firebase-cloud-messaging-key": 22,
    "authress-service-client-access-key": 47, "microsoft-teams-webhook": 14, "slack-webhook-url": 8,
    "telegram-bot-api-token": 20, "aws-amazon-bedrock-api-key-short-lived": 12, "discord-webhook-url": 16,
    "feishu-webhook-url": 28,
}  # fmt: skip
"""How many characters of a token stay visible before its anchor, at most."""
OTHER_TYPE = {
    "aws-access-token": {"aws-legacy-access-token"}, "flyio-access-token": {"flyio-macaroon-token"},
    "openai-api-key": {"openai-legacy-api-key"}, "slack-bot-token": {"slack-legacy-bot-token"},
}  # fmt: skip
"""Where one type of the corpus has several rules."""
PLACES = ("see {} there", '"{}"', "'{}'", "key={}", "x={}\n", '{{"a": "{}"}}', "{}")


def test_every_token_type_has_a_sample(samples):
    """The tests below reach every rule of the form `token`."""
    assert set(samples.types) | BEHIND | UNTESTED == set(rule_ids())


def test_every_type_of_the_corpus_has_a_rule():
    """All 221 listed types and the further ones: each has a rule, or is found by its name or by a structure."""
    self_identifying = {kind.id for kind in KINDS if kind.group == "self-identifying"}
    assert len(KINDS) >= 221 + 40
    assert self_identifying - set(rule_ids()) == set(BY_NAMES)
    assert not {kind.id for kind in KINDS if kind.id in BY_NAMES} & set(rule_ids())


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.group == "self-identifying" and kind.id not in BY_NAMES], ids=lambda k: k.id
)
def test_each_self_identifying_type_is_found_anywhere(kind, masker):
    """In prose, in quotes, behind an operator, at a line's end, in JSON: nothing behind the anchor is left."""
    drawn = random.Random(kind.id)
    for place in PLACES * 4:
        secret = kind.draw(drawn)
        if kind.id == "vault-service-token" and secret.startswith("s."):
            continue  # the form of before Vault 1.10 says too little: only names find it
        masked = masker.mask_text(place.format(kind.frame.format(secret)))
        left = masked.partition("[masked:")[0] + masked.rpartition("]")[2]
        assert "[masked:" in masked, (place, secret)
        types = {kind.id, "api-key"} | OTHER_TYPE.get(kind.id, set())
        assert set(re.findall(r"\[masked:([a-z0-9-]+)\]", masked)) <= types
        assert secret[SHOWN.get(kind.id, 0) :][:8] not in left, (place, secret, masked)
        assert secret[-8:] not in masked, (place, secret, masked)


def test_each_token_is_found_in_every_notation(samples, masker):
    """Not one character of the token's random part is left, whatever stands around it."""
    for kind in samples.types:
        for notation in NOTATIONS:
            token = samples.token(kind)
            masked = masker.mask_text(notation.format(token))
            assert token[-12:] not in masked, (kind, notation)
            assert masked.count("[masked:") == 1, (kind, notation, masked)


def test_the_mark_names_the_type(samples, masker):
    """A token is marked by its own type, and what stands around it is untouched."""
    for kind in samples.types:
        shown = "1234567890:AA" if kind == "telegram-bot-api-token" else ""
        assert masker.mask_text(f"before {samples.token(kind)} after") == f"before {shown}[masked:{kind}] after"


def test_what_stands_before_an_anchor_stays(samples, masker):
    """The identifier of a Terraform token is shown, the token is not, and without the identifier it is none."""
    identifier, rest = samples.letters(14), "." + "atlas" + "v1." + samples.letters(67)
    assert masker.mask_text(f"a {identifier}{rest} b") == f"a {identifier}[masked:hashicorp-tf-api-token] b"
    for text in (f"a {rest} b", f"a {identifier[1:]}{rest} b", f"a x{identifier}{rest} b"):
        assert masker.mask_text(text) == text


def test_what_stands_before_an_anchor_is_seen_across_writes(samples, masker, in_pieces):
    """S1 for the rules that look back: the anchor is held from its first character, at every cut."""
    kinds = {kind.id: kind for kind in KINDS}
    for name in sorted(BEHIND):
        kind = kinds[name]
        data = f"a {kind.frame.format(kind.draw(samples.random))} b".encode()
        whole = masker.mask(data)
        assert b"[masked:" + name.encode() in whole
        assert in_pieces(masker, data, list(range(1, len(data)))) == whole
        for at in range(len(data)):
            assert in_pieces(masker, data, [at]) == whole, (name, at)


def test_a_coloured_token_is_found(samples, masker):
    """Colour codes in the anchor, in the run and around them neither hide the token nor survive inside it."""
    token = samples.token("github-pat")
    for at in range(1, len(token)):
        text = f"a \x1b[1m{token[:at]}\x1b[31;1m{token[at:]}\x1b[0m b"
        assert masker.mask_text(text) == "a \x1b[1m[masked:github-pat]\x1b[0m b"


def test_anchors_alone_are_no_tokens(samples, masker):
    """An anchor with little behind it is talked about, not used."""
    for kind in samples.types:
        anchor = samples.anchor(kind)
        if kind not in {"jwt", "slack-webhook-url"}:
            assert masker.mask_text(f"{anchor} and") == f"{anchor} and"
            assert masker.mask_text(f"({anchor}x)") == f"({anchor}x)"


def test_look_alikes_stay(samples, masker):
    """Too short, too long, of other letters, glued to a word, or a placeholder: not a token."""
    drawn = samples.letters
    for text in (
        *draw_lookalikes(random.Random(3)),
        "gh" + "p_" + "x" * 36,
        "gh" + "p_short",
        "my" + "gh" + "p_" + drawn(36),
        "AK" + "IAIOSFODNN7EXAMPLE",
        "AK" + "IA" + drawn(30, "ABCDEFGH2345"),
        "S" + "K" + drawn(33, "0123456789abcdef"),
        "task-" + drawn(40),
        "ey" + "JhbGciOi" + drawn(200),
        "12:30:AA" + drawn(33),
        "sk-learn-contrib-compatible-version-one",
    ):
        assert masker.mask_text(text) == text


@pytest.mark.parametrize("kind", ["gcp-api-key", "anthropic-api-key", "pulumi-api-token", "npm-access-token"])
def test_near_misses_of_a_fixed_length_stay(kind, samples, masker):
    """One character too few or too many is something else, where the vendor documents one length."""
    for _ in range(20):
        token = samples.token(kind)
        assert masker.mask_text(f"a {token[:-1]} b") == f"a {token[:-1]} b"
        assert masker.mask_text(f"a {token}a b") == f"a {token}a b"
        assert masker.mask_text(f"a {token} b") == f"a [masked:{kind}] b"


def test_a_token_may_be_longer_than_any_buffer(samples, masker):
    """The run is masked to its end, and what stands behind it is shown."""
    text = "a " + "gh" + "p_" + samples.letters(200_000) + " b"
    assert masker.mask_text(text) == "a [masked:github-pat] b"


def test_the_naive_oracle_agrees_on_simple_tokens(samples, masker):
    """Where a rule is only anchor, class and length, a few lines of Python find the same places."""
    drawn = samples.random
    alphabet = "gh" + "p_ aB3-\n"
    for _ in range(3000):
        text = "".join(drawn.choice(alphabet) for _ in range(drawn.randrange(60)))
        if drawn.random() < 0.5:
            at = drawn.randrange(len(text) + 1)
            text = text[:at] + "gh" + "p_" + samples.letters(drawn.choice((20, 29, 30, 36))) + text[at:]
        assert masker.mask_text(text) == naive(text), repr(text)


def naive(text: str) -> str:
    """The rule for GitHub's classic tokens, written down once more."""
    output, at = "", 0
    while at < len(text):
        before = text[at - 1] if at else " "
        end = at + 4
        if text.startswith("gh" + "p_", at) and not (before.isalnum() or before == "_" or output.endswith("]")):
            while end < len(text) and text[end].isalnum():
                end += 1
            if end - at - 4 >= 30 and len(set(text[at + 4 : at + 34])) >= 6:
                output += "[masked:github-pat]"
                at = end
                continue
        output += text[at]
        at += 1
    return output


def test_the_committed_tables_are_current():
    """rules_table.h is what the generator makes of the TOML files today, byte for byte."""
    if sys.version_info < (3, 11):
        pytest.skip("the generator needs tomllib, which Python 3.10 does not have")
    program = ROOT / "csrc" / "generate_rules.py"
    assert subprocess.run([sys.executable, program, "--check"], check=False).returncode == 0
    assert RULES_DIGEST in (ROOT / "csrc" / "rules_table.h").read_text(encoding="utf-8")


def test_counts_are_kept_by_type(samples, masker):
    """A masker and its streams count every mark once; types that did not occur are not listed."""
    stream = masker.stream()
    token = samples.token("gitlab-pat").encode()
    stream.feed(b"a " + token + b" b " + token + b" c")
    masker.mask(samples.token("github-pat").encode())
    assert stream.counts == {"gitlab-pat": 2}
    assert masker.counts == {"gitlab-pat": 2, "github-pat": 1}
    assert Masker().counts == {}
