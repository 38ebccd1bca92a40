"""Texts to measure the masker with, the same ones for the same seed: clean logs, named values, secrets, floods."""

from __future__ import annotations

import random
import string

ALNUM = string.ascii_letters + string.digits
WORDS = (
    "request", "response", "worker", "thread", "pool", "cache", "miss", "hit", "retry", "backoff", "queue", "depth",
    "flush", "segment", "index", "shard", "replica", "leader", "follower", "heartbeat", "lease", "connection", "closed",
    "opened", "accepted", "refused", "timeout", "deadline", "exceeded", "completed", "started", "stopping", "config",
    "loaded", "schema", "migrated", "table", "rows", "scanned", "deleted", "inserted", "updated", "compaction",
    "snapshot", "upload", "download", "build", "compile", "link", "test", "passed", "skipped", "coverage", "warning",
    "deprecated", "module", "package", "version",
)  # fmt: skip
LINES = (
    "2024-05-{d:02} {h:02}:{m:02}:{s:02},{ms:03} INFO  [{w}-{n}] app.{w2}.{w3} - {w4} {w5} in {ms} ms (id={hex8})",
    "May {d:2} {h:02}:{m:02}:{s:02} host{n} systemd[{pid}]: {w}-{w2}.service: {w3} {w4}, status=0/SUCCESS",
    '10.{n}.{d}.{m} - - [0{h}/May/2024:{h:02}:{m:02}:{s:02} +0000] "GET /{w}/{w2}/{pid}?page={n} HTTP/1.1" 200 {pid}',
    "gcc -O2 -Wall -fPIC -I/usr/include/{w} -DVERSION={n}.{d} -c src/{w2}/{w3}.c -o build/{w2}/{w3}.o",
    "Collecting {w}-{w2}=={n}.{d}.{m} (from {w3}>={n}.0)",
    "tests/{w}/test_{w2}.py::test_{w3}_{w4} PASSED                                   [ {s:02}%]",
    "  File \"/usr/lib/python3/dist-packages/{w}/{w2}.py\", line {pid}, in {w3}_{w4}",
    "{h:02}:{m:02}:{s:02}.{ms:03} [{hex8}] DEBUG {w} {w2}={n} {w3}={pid} {w4}=true path=/var/lib/{w}/{hex8}.sst",
    "",
    "    {w} {w2} {w3} {w4} {w5} {w} {w3}",
)  # fmt: skip
NAMED = (
    "MAX_TOKENS={n} key={w} token_type={w2} password_file=/run/{w}/{w3}\n",
    'export {u}_KEY="${{{u}_KEY}}" {u}_TOKEN=<your-token> password: {{{{ {w} }}}}\n',
    '{{"{w}_key": "{w2}", "public_key": "{hex8}", "api_key": null, "{w3}": {n}}}\n',
    "<password></password> <{w}>{w2}</{w}> --token-file {w3} Authorization: none\n",
)
FLOODS = {
    "anchors": "gh" + "p_", "names": "password=", "names without end": "password", "user names": "https://u:",
    "JWT beginnings": "ey" + "J", "begin lines": "-----BEGIN ", "colour codes": "\x1b[31m", "marks": "[masked:",
    "open quotes": 'token="', "curl": "curl -u ", "one letter": "a", "near misses": "gh" + "p_abc sk-x AK" + "IAx ",
}  # fmt: skip


def _fields(drawn: random.Random) -> dict[str, object]:
    fields: dict[str, object] = {f"w{n or ''}": drawn.choice(WORDS) for n in (0, 2, 3, 4, 5)}
    fields["u"] = drawn.choice(WORDS).upper()
    fields["hex8"] = f"{drawn.getrandbits(32):08x}"
    fields |= {
        "d": drawn.randrange(1, 29),
        "h": drawn.randrange(24),
        "m": drawn.randrange(60),
        "s": drawn.randrange(60),
    }
    return fields | {"ms": drawn.randrange(1000), "n": drawn.randrange(10), "pid": drawn.randrange(300, 40000)}


def clean(size: int, seed: int = 1) -> bytes:
    """Lines as programs write them, without a secret."""
    drawn, lines, length = random.Random(seed), [], 0
    while length < size:
        lines.append((drawn.choice(LINES).format_map(_fields(drawn)) + "\n").encode())
        length += len(lines[-1])
    return b"".join(lines)[:size]


def named(size: int, seed: int = 2) -> bytes:
    """A telling name in every few words, and no value that is a secret."""
    drawn, lines, length = random.Random(seed), [], 0
    while length < size:
        lines.append(drawn.choice(NAMED).format_map(_fields(drawn)).encode())
        length += len(lines[-1])
    return b"".join(lines)[:size]


def secret(drawn: random.Random) -> bytes:
    """A line with a secret of one of the four kinds that hang on an anchor."""
    run = "".join(drawn.choice(ALNUM) for _ in range(35)) + "7"
    forms = (
        "token gh" + f"p_{run}", f"api_key={run}", f"https://user:{run[:16]}@host/", f"Authorization: Bearer {run}",
        f'"password": "{run[:12]}"', "key AK" + "IA" + "".join(drawn.choice(string.ascii_uppercase) for _ in range(16)),
    )  # fmt: skip
    return drawn.choice(forms).encode() + b"\n"


def with_secrets(text: bytes, every: int, seed: int = 3) -> bytes:
    """The text with one secret in every so many bytes, each on a line of its own."""
    drawn, pieces, at = random.Random(seed), [], 0
    while at < len(text):
        end = text.find(b"\n", at + every)
        end = len(text) if end < 0 else end + 1
        pieces += [text[at:end], secret(drawn)]
        at = end
    return b"".join(pieces)


def flood(name: str, size: int) -> bytes:
    """One unit of `FLOODS` over and over."""
    unit = FLOODS[name].encode()
    return (unit * (size // len(unit) + 1))[:size]


def values(count: int, seed: int = 4) -> list[str]:
    """So many values to register, of 24 to 40 characters."""
    drawn = random.Random(seed)
    return ["".join(drawn.choice(ALNUM) for _ in range(drawn.randrange(24, 41))) for _ in range(count)]
