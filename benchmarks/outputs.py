"""Small outputs as a project's tools print them, the same ones for the same seed.

One project, as a store has: 150 files, 1,200 tests, a dozen people. Eight kinds of output in equal parts (test runner,
C compiler's warnings, `git log`, `git diff --stat`, a linter, a traceback, a server's log, JSON of a package list)
with drawn names, numbers, times and hashes; each has 200 to 2,000 bytes. No two are the same.
"""

from __future__ import annotations

import json
import random

WORDS = (
    "request", "response", "worker", "thread", "pool", "cache", "miss", "retry", "queue", "flush", "segment",
    "index", "shard", "replica", "leader", "lease", "connection", "closed", "timeout", "config", "schema",
    "table", "rows", "scanned", "snapshot", "upload", "build", "compile", "link", "parser", "lexer", "session",
    "token", "memory", "store", "artifact", "chunk", "masker", "codec", "engine", "reader", "writer",
)  # fmt: skip
LEAST, MOST = 200, 2000


class Project:
    """Draws outputs; what a project has a fixed set of is drawn once."""

    def __init__(self, seed: int = 1) -> None:
        fixed = random.Random(5)
        self.drawn = random.Random(seed)
        self.files = [
            "/".join(fixed.choices(WORDS, k=fixed.randrange(1, 4))) + "_" + fixed.choice(WORDS) for _ in range(150)
        ]
        self.tests = ["_".join(fixed.choices(WORDS, k=3)) for _ in range(1200)]
        self.people = [
            f"{first.title()} {last.title()} <{first}@example.org>"
            for first, last in zip(WORDS, WORDS[12:24], strict=False)
        ]
        self.kinds = (
            self.pytest,
            self.compiler,
            self.history,
            self.difference,
            self.linter,
            self.traceback,
            self.log,
            self.packages,
        )

    def outputs(self, number: int) -> list[bytes]:
        """So many outputs."""
        found: list[bytes] = []
        while len(found) < number:
            output = self.drawn.choice(self.kinds)().encode()
            if LEAST <= len(output) <= MOST:
                found.append(output)
        return found

    def word(self) -> str:
        """One of the words."""
        return self.drawn.choice(WORDS)

    def file(self, ending: str) -> str:
        """One of the files."""
        return self.drawn.choice(self.files) + ending

    def clock(self) -> str:
        """A time of day."""
        return f"{self.drawn.randrange(24):02}:{self.drawn.randrange(60):02}:{self.drawn.randrange(60):02}"

    def pytest(self) -> str:
        """A test runner, told to say each test."""
        number = self.drawn.randrange(2, 14)
        lines = [
            "=" * 29 + " test session starts " + "=" * 30,
            "platform linux -- Python 3.11.7, pytest-8.4.2, pluggy-1.5.0",
            "rootdir: /home/ada/src/storage",
            f"collected {number} items",
            "",
        ]
        for one in range(1, number + 1):
            result = "FAILED" if self.drawn.random() < 0.1 else "PASSED"
            lines.append(
                f"tests/{self.file('.py')}::test_{self.drawn.choice(self.tests)} {result} [{100 * one // number:3}%]"
            )
        lines.append("=" * 20 + f" {number} passed in {self.drawn.random() * 9:.2f}s " + "=" * 20)
        return "\n".join(lines) + "\n"

    def compiler(self) -> str:
        """A C compiler's warnings."""
        file = self.file(".c")
        lines = [f"gcc -O2 -Wall -fPIC -I/usr/include/{self.word()} -c {file} -o {file[:-2]}.o"]
        for _ in range(self.drawn.randrange(1, 6)):
            line, name = self.drawn.randrange(1, 2000), f"{self.word()}_{self.word()}"
            message = self.drawn.choice(
                (
                    f"unused variable '{name}' [-Wunused-variable]",
                    f"implicit declaration of function '{name}' [-Wimplicit-function-declaration]",
                    f"'{name}' may be used uninitialized [-Wmaybe-uninitialized]",
                )
            )
            lines += [
                f"{file}: In function '{self.word()}_{self.word()}':",
                f"{file}:{line}:{self.drawn.randrange(1, 80)}: warning: {message}",
                f"{line:5} |     int {name} = {self.word()}({self.drawn.randrange(9999)});",
                "      |         ^" + "~" * len(name),
            ]
        return "\n".join(lines) + "\n"

    def history(self) -> str:
        """`git log`."""
        lines = []
        for _ in range(self.drawn.randrange(1, 6)):
            day = self.drawn.choice(("Mon", "Tue", "Wed", "Thu", "Fri"))
            lines += [
                f"commit {self.drawn.getrandbits(160):040x}",
                f"Author: {self.drawn.choice(self.people)}",
                f"Date:   {day} Nov {self.drawn.randrange(1, 30)} {self.clock()} 2026 +0100",
                "",
                "    " + " ".join(self.drawn.choices(WORDS, k=self.drawn.randrange(4, 9))).capitalize(),
                "",
            ]
        return "\n".join(lines)

    def difference(self) -> str:
        """`git diff --stat`."""
        lines = []
        for _ in range(self.drawn.randrange(4, 20)):
            number = self.drawn.randrange(1, 60)
            name = self.file(self.drawn.choice((".py", ".c", ".md", ".toml")))
            lines.append(f" {name:50} | {number:4} {'+' * (number // 2)}{'-' * (number // 3)}")
        changed = f"{self.drawn.randrange(999)} insertions(+), {self.drawn.randrange(999)} deletions(-)"
        return "\n".join(lines) + f"\n {len(lines)} files changed, {changed}\n"

    def linter(self) -> str:
        """A linter's findings."""
        lines: list[str] = []
        for _ in range(self.drawn.randrange(3, 20)):
            message = self.drawn.choice(
                (
                    f"F401 [*] `{self.word()}.{self.word()}` imported but unused",
                    f"E501 Line too long ({self.drawn.randrange(121, 190)} > 120)",
                    f"F841 Local variable `{self.word()}` is assigned to but never used",
                    "D103 Missing docstring in public function",
                    f"B007 Loop control variable `{self.word()}` not used within loop body",
                )
            )
            lines.append(f"{self.file('.py')}:{self.drawn.randrange(1, 900)}:{self.drawn.randrange(1, 120)}: {message}")
        return "\n".join(lines) + f"\nFound {len(lines)} errors.\n"

    def traceback(self) -> str:
        """What Python says when nobody catches."""
        lines = ["Traceback (most recent call last):"]
        for _ in range(self.drawn.randrange(2, 9)):
            lines += [
                f'  File "/usr/lib/python3/dist-packages/{self.file(".py")}", line {self.drawn.randrange(1, 900)},'
                f" in {self.word()}_{self.word()}",
                f"    return self._{self.word()}({self.word()}, {self.word()}={self.drawn.randrange(99)})",
            ]
        errors = ("ValueError: invalid literal for int() with base 10: '{}'", "KeyError: '{}'", "TimeoutError: {}")
        return "\n".join(lines) + "\n" + self.drawn.choice(errors).format(self.word()) + "\n"

    def log(self) -> str:
        """A server's log."""
        return "".join(
            f"2026-11-{self.drawn.randrange(1, 30):02} {self.clock()},{self.drawn.randrange(1000):03}"
            f" {self.drawn.choice(('INFO', 'DEBUG', 'WARNING')):7} {self.word()}.{self.word()}: {self.word()}"
            f" {self.word()} id={self.drawn.getrandbits(32):08x} took={self.drawn.randrange(2000)}ms\n"
            for _ in range(self.drawn.randrange(3, 22))
        )

    def packages(self) -> str:
        """JSON, as a package manager lists what it has."""
        return json.dumps(
            [
                {
                    "name": f"{self.word()}-{self.word()}",
                    "version": f"{self.drawn.randrange(9)}.{self.drawn.randrange(30)}.{self.drawn.randrange(9)}",
                    "size": self.drawn.randrange(10**6),
                    "ok": True,
                    "digest": f"{self.drawn.getrandbits(64):016x}",
                }
                for _ in range(self.drawn.randrange(3, 16))
            ]
        )
