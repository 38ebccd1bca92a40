"""The rules: what each finds in how many notations, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hstore.masking import RULES_DIGEST, Masker, rule_ids

ROOT = Path(__file__).parents[3]
NOTATIONS = (
    "{}", "x {} y", '"{}"', "'{}'", "TOKEN={}", "token: {}", '{{"a":"{}"}}', "<t>{}</t>", "({})", "[{}]",
    "{},next", "{};",
    "\x1b[31m{}\x1b[0m", "\t{}\r\n", "https://host/{}/x", "a\\n{}\\nb", "%20{}", "é{}é", "\0{}\0", "key=`{}`",
    "{}\n\nmore",
)  # fmt: skip
UNTESTED = {
    "private-key", "url-password", "curl-user", "curl", "mark", "password", "secret", "token", "api-key",
    "authorization", "signature", "session", "value",
}  # fmt: skip
"""Types that are no tokens: found by what stands around them, tested in test_names.py and test_structures.py."""


def test_every_token_type_has_a_sample(samples):
    """The tests below reach every rule of the form `token`."""
    assert set(samples.types) | UNTESTED == set(rule_ids())


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
        shown = "https://" if kind == "slack-webhook-url" else shown
        text = f"before {'https://' if kind == 'slack-webhook-url' else ''}{samples.token(kind)} after"
        assert masker.mask_text(text) == f"before {shown}[masked:{kind}] after"


def test_a_coloured_token_is_found(samples, masker):
    """Colour codes in the anchor, in the run and around them neither hide the token nor survive inside it."""
    token = samples.token("github-pat")
    for at in range(1, len(token)):
        text = f"a \x1b[1m{token[:at]}\x1b[31;1m{token[at:]}\x1b[0m b"
        assert masker.mask_text(text) == "a \x1b[1m[masked:github-pat]\x1b[0m b"


def test_look_alikes_stay(samples, masker):
    """Too short, of other letters, glued to a word, or a placeholder: not a token."""
    drawn = samples.letters
    for kind in samples.types:
        anchor = samples.anchor(kind)
        if kind not in {"jwt", "slack-webhook-url"}:
            assert masker.mask_text(f"{anchor} and") == f"{anchor} and"
            assert masker.mask_text(f"({anchor}x)") == f"({anchor}x)"
    for text in (
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
