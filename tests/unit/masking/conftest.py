"""What the masking tests share: secrets of every type, drawn at run time so that none stands in the repository."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

import pytest

from hstore._masker import ffi, lib
from hstore.masking import Masker

DIGITS, LOWER, UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase
ALNUM, HEX = DIGITS + UPPER + LOWER, DIGITS + "abcdef"
URL, WORD = ALNUM + "-_", ALNUM + "_"

# type -> (pieces of the anchor, characters, documented length behind the anchor)
TOKENS: dict[str, tuple[str, str, int]] = {
    "github-pat": ("gh|p_", ALNUM, 36),
    "github-oauth": ("gh|o_", ALNUM, 36),
    "github-app-token": ("gh|s_", ALNUM, 36),
    "github-refresh-token": ("gh|r_", ALNUM, 36),
    "github-fine-grained-pat": ("github|_pat_", WORD, 82),
    "gitlab-pat": ("gl|pat-", URL, 20),
    "gitlab-deploy-token": ("gl|dt-", URL, 20),
    "gitlab-runner-authentication-token": ("gl|rt-", URL, 20),
    "gitlab-rrt": ("GR13|48941", URL, 20),
    "gitlab-cicd-job-token": ("gl|cbt-", URL, 22),
    "gitlab-ptt": ("gl|ptt-", HEX, 40),
    "gitlab-feed-token": ("gl|ft-", URL, 20),
    "gitlab-incoming-mail-token": ("gl|imt-", URL, 25),
    "gitlab-kubernetes-agent-token": ("gl|agent-", URL, 50),
    "gitlab-oauth-app-secret": ("gl|oas-", HEX, 64),
    "gitlab-scim-token": ("gl|soat-", URL, 20),
    "gitlab-feature-flag-client-token": ("gl|ffct-", URL, 20),
    "aws-access-token": ("AK|IA", UPPER + "234567", 16),
    "anthropic-api-key": ("sk-|ant-api03-", URL, 95),
    "anthropic-admin-api-key": ("sk-|ant-admin01-", URL, 95),
    "openai-api-key": ("sk-|proj-", URL, 120),
    "openai-legacy-api-key": ("s|k-", ALNUM, 48),
    "gcp-api-key": ("AI|za", URL, 35),
    "gcp-oauth-client-secret": ("GOC|SPX-", URL, 28),
    "gcp-oauth-access-token": ("ya|29.", URL, 120),
    "slack-bot-token": ("xo|xb-1234567890-", ALNUM, 36),
    "slack-user-token": ("xo|xp-1234567890-", ALNUM, 60),
    "slack-config-token": ("xox|e.xoxp-1-", ALNUM, 140),
    "slack-legacy-token": ("xo|xs-1234567890-", ALNUM, 30),
    "slack-app-token": ("xa|pp-1-A0123456789-", HEX, 60),
    "slack-webhook-url": ("hooks.sl|ack.com/services/T0/B0/", ALNUM, 36),
    "stripe-access-token": ("sk_|live_", ALNUM, 24),
    "npm-access-token": ("np|m_", ALNUM, 36),
    "pypi-upload-token": ("pypi-|AgEIcHlwaS5vcmc", URL, 120),
    "huggingface-access-token": ("h|f_", ALNUM, 34),
    "huggingface-organization-api-token": ("api|_org_", ALNUM, 34),
    "sendgrid-api-token": ("S|G.aBcDeFgHiJkLmNoPqRsTuV.", URL, 43),
    "sendinblue-api-token": ("xkey|sib-", HEX, 64),
    "digitalocean-pat": ("dop|_v1_", HEX, 64),
    "digitalocean-access-token": ("doo|_v1_", HEX, 64),
    "digitalocean-refresh-token": ("dor|_v1_", HEX, 64),
    "shopify-access-token": ("shp|at_", HEX, 32),
    "shopify-custom-access-token": ("shp|ca_", HEX, 32),
    "shopify-private-app-access-token": ("shp|pa_", HEX, 32),
    "shopify-shared-secret": ("shp|ss_", HEX, 32),
    "twilio-api-key": ("S|K", HEX, 32),
    "databricks-api-token": ("da|pi", HEX, 32),
    "doppler-api-token": ("dp|.pt.", ALNUM, 43),
    "linear-api-key": ("lin|_api_", ALNUM, 40),
    "notion-api-token": ("nt|n_12345678901", ALNUM, 35),
    "postman-api-token": ("PM|AK-", HEX, 59),
    "rubygems-api-token": ("ruby|gems_", HEX, 48),
    "vault-service-token": ("hv|s.", URL, 95),
    "vault-batch-token": ("hv|b.", URL, 150),
    "grafana-service-account-token": ("gl|sa_", ALNUM, 41),
    "grafana-cloud-api-token": ("gl|c_", ALNUM, 80),
    "sentry-org-token": ("sn|trys_", ALNUM, 100),
    "sentry-user-token": ("sn|tryu_", HEX, 64),
    "pulumi-api-token": ("pu|l-", HEX, 40),
    "planetscale-api-token": ("pscale|_tkn_", URL, 43),
    "planetscale-oauth-token": ("pscale|_oauth_", URL, 43),
    "planetscale-password": ("pscale|_pw_", URL, 43),
    "flyio-access-token": ("fo|1_", URL, 43),
    "age-secret-key": ("AGE-SECRET|-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "telegram-bot-api-token": ("1234567890:|AA", URL, 33),
    "perplexity-api-key": ("pp|lx-", ALNUM, 48),
    "replicate-api-token": ("r|8_", ALNUM, 37),
    "groq-api-key": ("gs|k_", ALNUM, 52),
    "dynatrace-api-token": ("dt0|c01.", UPPER + "234567", 64),
    "atlassian-api-token": ("ATA|TT3", URL, 180),
    "1password-service-account-token": ("ops_|eyJ", ALNUM, 250),
    "square-access-token": ("sq0|atp-", URL, 22),
    "prefect-api-token": ("pn|u_", ALNUM, 36),
    "jwt": ("ey|JhbGciOiJIUzI1NiJ9.ey" + "J", URL, 100),
}


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
        anchor, characters, length = TOKENS[kind]
        return anchor.replace("|", "") + self.letters(length, characters)

    def anchor(self, kind: str) -> str:
        """What may be shown of a token while nothing behind it is known."""
        return TOKENS[kind][0].replace("|", "")

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


LEVELS = (
    [ffi.string(lib.hstore_level_name(number)).decode() for number in range(lib.hstore_level_count())]
    if hasattr(lib, "hstore_level_count")
    else ["only"]
)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Forces one level of the prefilter after the other; those that this machine does not have are skipped."""
    number = LEVELS.index(request.param)
    if LEVELS != ["only"]:
        if not lib.hstore_level_supported(number):
            pytest.skip(f"no {request.param} here")
        assert lib.hstore_force_level(number) == 0
    yield request.param
    if LEVELS != ["only"]:
        lib.hstore_force_level(-1)
