"""What is recorded and remembered in the benchmarks: command lines of 60 to 200 characters, and small JSON values.

The same for the same seed, but for the three registered values, which are drawn anew by each run of a benchmark and
stand in one command line of a hundred: that they are gone afterwards shows that masking was on.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = tuple[str, str, str, float, float, int]
"""App, command line, working directory, start in seconds since the epoch, duration in seconds, exit code."""
Item = tuple[str, dict[str, Any]]
"""A key and its value."""

START = 1_780_000_000.0
SHORTEST, LONGEST = 60, 200
ROOM = 58
"""Characters for what may follow a template: the place of a log, or a registered value."""
VALUE_EVERY = 100
WORDS = (
    "request", "worker", "cache", "queue", "segment", "index", "replica", "leader", "lease", "ticket", "schema",
    "table", "rows", "snapshot", "upload", "build", "parser", "router", "ledger", "invoice", "catalog", "search",
    "profile", "billing", "gateway", "metrics", "storage", "stream", "planner", "notifier",
)  # fmt: skip
TEMPLATES = (
    "gcc -O2 -g -Wall -Wextra -fPIC -Iinclude -Isrc/{a} -DVERSION={n}.{m} -c src/{a}/{b}.c -o build/{a}/{b}.o",
    "g++ -std=c++20 -O3 -march=x86-64-v3 -Ithird_party/{a}/include -c {b}/{c}_{a}.cpp -o out/{b}/{c}_{a}.o",
    "clang -fsanitize=address,undefined -O1 -fno-omit-frame-pointer src/{a}.c src/{b}.c -o build/{c} -lm -lpthread",
    "python -m pytest -q -x --maxfail={n} tests/{a}/test_{b}.py::test_{c}_{a}_{b} --junitxml=build/{a}-{m}.xml",
    "python -m pytest tests/{a} tests/{b} -k '{c} and not slow' -p no:cacheprovider --durations={n} --tb=short",
    "python -m build --wheel --no-isolation --outdir dist/{a} packages/{a}-{b} --config-setting=jobs={n}",
    "python scripts/{a}_{b}.py --input data/{c}/part-{m:05}.jsonl --output out/{a}/{b}.parquet --workers {n}",
    "git commit -m 'Fix the {a} of the {b} after a {c} was lost (#{m})' --author='{a} <{a}@example.org>'",
    "git log --oneline --since={n}.weeks -- src/{a}/{b}.py tests/{a}/test_{b}.py docs/{c}.md",
    "git status --short --branch -- src/{a}/{b} tests/{a}/test_{b}_{c}.py",
    "git diff --stat HEAD~{n} -- src/{a}/{b}.py docs/{c}.md",
    "python -m {a}.{b} --{c} --jobs {n} data/{a}/{b}-{m}.jsonl",
    "git fetch --prune --depth={n} origin refs/heads/{a}/{b}-{c}:refs/remotes/origin/{a}/{b}-{c}",
    "docker build --pull -f docker/{a}.Dockerfile -t registry.example.org/{b}/{c}:{n}.{m} --build-arg JOBS={n} .",
    "docker run --rm -v /srv/{a}:/data:ro -e LEVEL=info -p {m}:8080 registry.example.org/{a}/{b}:{n} serve --{c}",
    "docker compose -f deploy/{a}.yml -p {b} up -d --scale {c}={n} --remove-orphans --wait --timeout {m}",
    "curl -fsSL --retry {n} -H 'Accept: application/json' https://{a}.example.org/api/v{n}/{b}/{m}?expand={c}",
    "curl -X POST -H 'Content-Type: application/json' -d '{{\"{a}\": {m}, \"{b}\": \"{c}\"}}' http://localhost:{m}/{b}",
    "cargo test --release --package {a}-{b} --features {c},tracing -- --test-threads={n} {b}::{c}_{m}",
    "npm run build --workspace packages/{a}-{b} -- --mode production --out-dir dist/{c} --chunk-limit {m}",
    "make -C services/{a} -j{n} {b} TARGET=x86_64-linux-gnu VERSION={n}.{m} PREFIX=/opt/{c} install",
    "kubectl -n {a} rollout status deployment/{b}-{c} --timeout={m}s --context staging-{n}",
    "rsync -az --delete --exclude=.git --exclude=build ./{a}/{b}/ deploy@{c}.example.org:/srv/{a}/releases/{m}/",
)  # fmt: skip
WITH_A_LOG = "{line} --log-file /var/log/{word}/{number:08x}.log"
WITH_A_VALUE = "{line} --label {value}"


def values() -> list[str]:
    """Three values such as an environment holds, never the same twice."""
    return [secrets.token_urlsafe(size) for size in (24, 30, 36)]


def _line(drawn: random.Random) -> str:
    line = ""
    while not SHORTEST <= len(line) <= LONGEST - ROOM:
        a, b, c = drawn.sample(WORDS, 3)
        line = drawn.choice(TEMPLATES).format(a=a, b=b, c=c, n=drawn.randrange(2, 17), m=drawn.randrange(1000, 65000))
    return line


def rows(count: int, seed: int, registered: list[str]) -> list[Row]:
    """Runs, oldest first."""
    drawn, found, moment = random.Random(seed), [], START
    for number in range(count):
        line = _line(drawn)
        if number % VALUE_EVERY == VALUE_EVERY - 1:
            line = WITH_A_VALUE.format(line=line, value=registered[number // VALUE_EVERY % len(registered)])
        elif drawn.random() < 0.3:
            line = WITH_A_LOG.format(line=line, word=drawn.choice(WORDS), number=drawn.getrandbits(32))
        moment += drawn.expovariate(0.5)
        folder = f"/home/dev/projects/{drawn.choice(WORDS)}/{drawn.choice(WORDS)}"
        code = drawn.choice((0, 0, 0, 0, 0, 0, 0, 1, 2, 130))
        found.append((line.split(" ", 1)[0], line, folder, moment, round(drawn.expovariate(0.7), 6), code))
    return found


def items(count: int, seed: int) -> list[Item]:
    """Values of about 100 to 200 bytes as JSON under `count` different keys."""
    drawn = random.Random(seed)
    return [(f"{drawn.choice(WORDS)}:{drawn.choice(WORDS)}:{number}", _value(drawn)) for number in range(count)]


def _value(drawn: random.Random) -> dict[str, Any]:
    a, b, c = drawn.sample(WORDS, 3)
    return {
        "path": f"/srv/{a}/{b}/{drawn.getrandbits(32):08x}.zip",
        "size_bytes": drawn.randrange(1 << 30),
        "status": drawn.choice(("online", "offline", "degraded")),
        "tags": [a, b, c][: drawn.randrange(1, 4)],
        "checked": drawn.random() < 0.5,
        "ratio": round(drawn.random(), 4),
    }


def calls(stored: list[Item], count: int, seed: int) -> Iterator[Item]:
    """`count` times one of the items, so that about half of as many writes as there are items are replacements."""
    drawn = random.Random(seed)
    return (stored[drawn.randrange(len(stored))] for _ in range(count))


def content(count: int, keys: int = 1, writes: int = 1, reads: int = 1, seed: int = 1) -> dict[str, Any]:
    """Everything that the engines of compare.py are given."""
    registered, stored = values(), items(keys, seed)
    return {
        "values": registered,
        "rows": rows(count, seed, registered),
        "writes": list(calls(stored, writes, seed)),
        "items": stored,
        "reads": [key for key, _ in calls(stored, reads, seed + 1)],
    }


def write(path: Path, count: int, keys: int, writes: int, reads: int, seed: int) -> None:
    """The same in a file."""
    path.write_text(json.dumps(content(count, keys, writes, reads, seed)), encoding="utf-8")
