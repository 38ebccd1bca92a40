"""Draws a secret by its shape: `"gh p_{alnum:36}"` is an anchor and 36 letters or digits.

Spaces are dropped: they cut an anchor in two, so that no scanner takes the source for a leak.
`{class:n}` draws n characters, `{class:n-m}` between n and m; `{/a/b/c}` takes one of the texts; `||` stands
between whole shapes of which one is taken.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Callable

DIGITS, LOWER, UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase
ALPHABETS = {
    "digit": DIGITS,
    "letter": LOWER + UPPER,
    "lower": LOWER,
    "alnum": DIGITS + UPPER + LOWER,
    "small": DIGITS + LOWER,
    "capital": DIGITS + UPPER,
    "hex": DIGITS + "abcdef",
    "a-h": DIGITS + "abcdefgh",
    "bighex": DIGITS + "ABCDEF",
    "word": DIGITS + UPPER + LOWER + "_",
    "url": DIGITS + UPPER + LOWER + "-_",
    "url-equals": DIGITS + UPPER + LOWER + "-_=",
    "base64": DIGITS + UPPER + LOWER + "+/",
    "base32": UPPER + "234567",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
PIECE = re.compile(r"\{(?:/(?P<choice>[^}]*)|(?P<name>[a-z0-9-]+):(?P<low>\d+)(?:-(?P<high>\d+))?)\}")
Draw = Callable[[random.Random], str]
UUID = "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"


def draw_shape(shape: str, drawn: random.Random) -> str:
    """A text of this shape.

    Raises:
        KeyError: the shape names a class that is not in ALPHABETS.
    """

    def piece(match: re.Match[str]) -> str:
        if match["choice"] is not None:
            return drawn.choice(match["choice"].split("/"))
        count = drawn.randint(int(match["low"]), int(match["high"] or match["low"]))
        return "".join(drawn.choices(ALPHABETS[match["name"]], k=count))

    return PIECE.sub(piece, drawn.choice(shape.replace(" ", "").split("||")))


def encode(value: object, alphabet: bytes = b"-_") -> str:
    """JSON in base64url without padding, or in another base64."""
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(text, alphabet).decode().rstrip("=")


def draw_jwt(drawn: random.Random) -> str:
    """A signed JSON Web Token."""
    header = {"alg": drawn.choice(("HS256", "RS256", "ES256")), "typ": "JWT"}
    claims = {"sub": draw_shape("{digit:10}", drawn), "name": draw_shape("{letter:8}", drawn), "iat": 1700000000}
    return f"{encode(header)}.{encode(claims)}.{draw_shape('{url:43}', drawn)}"


def draw_jwt_base64(drawn: random.Random) -> str:
    """A JSON Web Token that was encoded once more."""
    return base64.b64encode(draw_jwt(drawn).encode()).decode()


def draw_private_key(drawn: random.Random) -> str:
    """A block like a private key in PEM."""
    label = drawn.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    lines = [draw_shape("{base64:64}", drawn) for _ in range(drawn.randint(3, 8))]
    dashes = "-" * 5
    return "\n".join([f"{dashes}BEGIN {label}{dashes}", *lines, f"{dashes}END {label}{dashes}"])


def draw_grafana_key(drawn: random.Random) -> str:
    """A Grafana key of before 2022: base64 of an object with a key, a name and an organisation."""
    return encode({"k": draw_shape("{alnum:32}", drawn), "n": draw_shape("{lower:6}", drawn), "id": 1}, b"+/")


def draw_sentry_organization(drawn: random.Random) -> str:
    """A Sentry organization token: a prefix, facts in base64, a secret."""
    facts = {
        "iat": 1700000000.5, "url": "https://sentry.io", "region_url": "https://us.sentry.io",
        "org": draw_shape("{lower:8}", drawn),
    }  # fmt: skip
    return "sn" + f"trys_{encode(facts, b'+/')}_{draw_shape('{base64:43}', drawn)}"


def draw_one_password(drawn: random.Random) -> str:
    """A 1Password service account token: an object with keys in base64."""
    facts = {
        "signInAddress": "my.1password.com", "userAuth": {"method": "SRPg-4096", "alg": "PBES2g-HS256"},
        "email": draw_shape("{small:13}", drawn), "srpX": draw_shape("{hex:64}", drawn),
        "secretKey": draw_shape("A 3-{capital:6}-{capital:6}-{capital:5}-{capital:5}-{capital:5}-{capital:5}", drawn),
    }  # fmt: skip
    return "op" + f"s_{encode(facts, b'+/')}"
