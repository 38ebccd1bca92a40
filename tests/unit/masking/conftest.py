"""What the masking tests share: secrets of every type, drawn at run time so that none stands in the repository."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator

import pytest
from benchmarks.corpus.further_types import FURTHER_TYPES
from benchmarks.corpus.named_values import NEWER_FORMS
from benchmarks.corpus.self_identifying import SELF_IDENTIFYING
from benchmarks.corpus.shapes import UUID, draw_shape

from hstore._masker import ffi, lib
from hstore.masking import Masker, rule_ids

ALNUM = string.digits + string.ascii_uppercase + string.ascii_lowercase

# Tokens whose rule asks for something before the anchor, which stays visible; tested apart, in test_rules.py.
BEHIND = {
    "hashicorp-tf-api-token", "azure-ad-client-secret", "authress-service-client-access-key",
    "firebase-cloud-messaging-key", "microsoft-teams-webhook", "sidekiq-sensitive-url",
}  # fmt: skip
# One form where the corpus draws several types or surroundings.
ONE_FORM = {
    "aws-access-token": "AK IA{base32:16}",
    "aws-amazon-bedrock-api-key-long-lived": "AB SK{base64:120}",
    "aws-amazon-bedrock-api-key-short-lived": "key -YmVkcm9jay5hbWF6{base64:80}",
    "discord-webhook-url": "com/ap i/webhooks/{digit:18}/{url:68}",
    "feishu-webhook-url": "apis/bo t/v2/hook/" + UUID,
    "flyio-access-token": "fo 1_{url:43}",
    "jwt-base64": "ZXl KaGJHY2lPaU{base64:120}",
    "jwt": "ey JhbGciOiJIUzI1NiJ9.eyJ{url:100}",
    "openai-api-key": "sk- proj-{url:74}T3Blbk FJ{url:74}",
    "slack-bot-token": "xo xb-{digit:11}-{digit:12}-{alnum:24}",
    "slack-webhook-url": "hooks.sl ack.com/services/T0{capital:8}/B0{capital:8}/{alnum:24}",
    "telegram-bot-api-token": "1234567890: AA{url:33}",
    "vault-service-token": "hv s.{url:95}",
    "1password-service-account-token": "op s_eyJ{base64:250}",
    "grafana-api-key": "ey JrIjoi{base64:80}",
    "sentry-org-token": "sn trys_eyJ{base64:100}_{base64:43}",
}


def shapes_of_tokens() -> dict[str, str]:
    """The shape of each type that has a rule of tokens, without those of BEHIND."""
    rows = [row for row in (*SELF_IDENTIFYING, *FURTHER_TYPES) if isinstance(row[2], str)]
    shapes = {kind: str(shape) for kind, _, shape in rows} | NEWER_FORMS | ONE_FORM
    return {kind: shapes[kind] for kind in rule_ids() if kind in shapes and kind not in BEHIND}


TOKENS = shapes_of_tokens()


RANDOM_PART = re.compile(r"\{[a-z]")
CHOICE = re.compile(r"\{/([^}]*)\}")


def longest_choice(beginning: str) -> str:
    """The fixed characters of a shape, with the longest where it leaves a choice."""
    return CHOICE.sub(lambda match: max(match[1].split("/"), key=len), beginning.replace(" ", ""))


class Samples:
    """Draws secrets, always the same ones for the same seed."""

    types = tuple(TOKENS)

    def __init__(self, seed: int = 20240501) -> None:
        self.random = random.Random(seed)

    def letters(self, length: int, characters: str = ALNUM) -> str:
        """So many characters, with a digit among them and a letter at either end."""
        while True:
            drawn = "".join(self.random.choice(characters) for _ in range(length))
            if drawn[0] not in "-_" and drawn[-1] not in "-_" and any(c.isdigit() for c in drawn[:-2]):
                return drawn

    def token(self, kind: str) -> str:
        """A token of a type, as its vendor writes it."""
        return draw_shape(TOKENS[kind], self.random)

    def anchor(self, kind: str) -> str:
        """What may be shown of a token while nothing behind it is known: the fixed characters that it begins with."""
        beginnings = [form.partition(RANDOM_PART.search(form)[0])[0] for form in TOKENS[kind].split("||")]
        return max((longest_choice(beginning) for beginning in beginnings), key=len)

    def pem(self, label: str = "RSA PRIVATE KEY", newline: str = "\n", lines: int = 4) -> str:
        """A block like a private key, without a line break at its end."""
        body = [self.letters(64, ALNUM + "+/") for _ in range(lines)]
        return newline.join([f"-----BEGIN {label}-----", *body, f"-----END {label}-----"])

    def structures(self) -> list[str]:
        """One text of each structure that is found by what stands around the secret."""
        drawn = self.letters
        return [
            f'export API_KEY="{drawn(32)}"',
            f"password: {drawn(10)}",
            f'{{"client_secret": "{drawn(24)}", "user": "me"}}',
            f"<password>{drawn(12)}</password>",
            f"--token {drawn(24)} --verbose",
            f"--password\0{drawn(9)}\0next",
            f"- name: DB_PASSWORD\n  value: {drawn(12)}",
            f"postgres://admin:{drawn(12)}@db.internal:5432/app",
            f"Authorization: Bearer {drawn(40)}",
            f"Authorization: Basic {drawn(24)}",
            f"curl -u admin:{drawn(8)} https://host/path",
            f"GET /a?access_token={drawn(30)}&page=2",
            f"Set-Cookie: sessionid={drawn(32)}; Path=/",
            self.pem(),
            self.pem("PGP PRIVATE KEY BLOCK", "\r\n"),
            f'{{"key": "{self.pem("PRIVATE KEY", chr(92) + "n")}"}}',
        ]


@pytest.fixture
def samples() -> Samples:
    """A new source of secrets."""
    return Samples()


@pytest.fixture(scope="session")
def all_kinds() -> list[str]:
    """A text for every token type and every structure, the same in each session."""
    drawn = Samples()
    return [f"x {drawn.token(kind)} y\n" for kind in drawn.types] + drawn.structures()


@pytest.fixture
def masker() -> Masker:
    """The built-in rules, no values."""
    return Masker()


def cut(masker: Masker, data: bytes, cuts: list[int]) -> bytes:
    """The joined output of a stream fed in pieces."""
    stream, at, output = masker.stream(), 0, []
    for end in [*cuts, len(data)]:
        output.append(stream.feed(data[at:end]))
        at = end
    return b"".join([*output, stream.finish()])


@pytest.fixture(scope="session")
def in_pieces() -> Callable[[Masker, bytes, list[int]], bytes]:
    """Masks bytes cut at the given places."""
    return cut


# What the properties put together: pieces of secrets and of what stands around them.
GLUE = (
    "=", ": ", '"', "'", "\n", "\r\n", " ", "\0", "\x1b[31m", "\x1b[0m", "\x1b]8;;http://x/", "\x07", "\x1b\\",
    "\x1b[",
    "\x1b", "[masked:github-pat]", "[masked:", "]", "password", "pass ", "token", "api_key", "PRIVATE_KEY",
    "--password ",
    "https://", "user:", "@host", "curl", " -u ", "Authorization: Bearer ", "hunter2", "x", "gh", "sk-", "-----",
    "\\n",
    "%20", "é", "\U0001f511", "--", "-", "_", "(", ")", "[", "<", ">", ",", "/", "ey" + "Jab",
    "-----END RSA PRIVATE KEY-----",
)  # fmt: skip
VALUES = ("supersecretvalue", "pass password", "Zq9!multi\nline-two-x\nabc")


@pytest.fixture(scope="session")
def fragments() -> list[str]:
    """Pieces for texts that no one would write and every masker must stand."""
    drawn = Samples(7)
    kinds = ("github-pat", "gitlab-pat", "aws-access-token", "twilio-api-key", "telegram-bot-api-token", "jwt")
    lines = ["-----BEGIN RSA PRIVATE KEY-----\n", drawn.letters(64) + "\n", drawn.letters(12), *VALUES, "line-two-x"]
    return [*GLUE, *(drawn.token(kind) for kind in kinds), *lines]


@pytest.fixture(scope="session")
def with_values() -> Masker:
    """The built-in rules and some values; shared, as maskers may be."""
    return Masker(VALUES)


LEVELS = [ffi.string(lib.hstore_level_name(number)).decode() for number in range(lib.hstore_level_count())]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Forces one level of the prefilter after the other; those that this machine does not have are skipped."""
    number = LEVELS.index(request.param)
    if not lib.hstore_level_supported(number):
        pytest.skip(f"no {request.param} here")
    assert lib.hstore_force_level(number) == 0
    yield request.param
    lib.hstore_force_level(-1)
