"""Measures what a masker finds, what it leaves alone, and where it is wrong in clean text.

Usage: python benchmarks/quality.py [--seed N] [--misses N] [--lines N] [--recall P --untouched P --wrong N]

Three tables: recall per type and per notation over secrets that are drawn at run time, look-alikes untouched per
group, and marks per 32,000 lines of real text without secrets that this machine has. With the last three options
it fails where a figure misses what they ask for. `corpus` and `measure` take any masker, for comparisons.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from corpus.clean import LOGS, clean_text, wrong_marks
from corpus.kinds import KINDS, Kind
from corpus.lookalikes import draw_lookalikes
from corpus.notations import NOTATIONS, Notation, write

from hstore.masking import Masker, telling_name

CLEAN_LINES = 32_000
FRAMED = 12
"""How often a type is drawn that fits its own surroundings only."""
Mask = Callable[[bytes], bytes]


class Sample(NamedTuple):
    """A text; with a secret in it, or a look-alike without one (`secret` is empty then)."""

    kind: str
    """The secret's type, or the look-alike's group."""
    notation: str
    text: str
    secret: str = ""


@dataclass
class Report:
    """What was counted."""

    secrets: Counter[str] = field(default_factory=Counter)
    """Secrets by type, and under `*` all of them."""
    missed: Counter[str] = field(default_factory=Counter)
    notations: Counter[str] = field(default_factory=Counter)
    missed_notations: Counter[str] = field(default_factory=Counter)
    lookalikes: Counter[str] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Sample, str]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Per cent of the secrets that are gone."""
        return 100 - 100 * self.missed["*"] / max(1, self.secrets["*"])

    @property
    def untouched(self) -> float:
        """Per cent of the look-alikes that came out as they went in."""
        return 100 - 100 * self.touched["*"] / max(1, self.lookalikes["*"])


SUFFIXES = {
    "client-id": "client_id", "access-id": "access_id", "api-id": "user_api_id", "client-secret": "client_secret",
    "secret": "secret", "password": "password", "token": "token",
}  # fmt: skip
"""What a name ends in, by the first of these that the type's id holds; `api_key` where there is none."""


def names_of(kind: Kind) -> list[str]:
    """Identifiers that hold such a secret: as the type is called, and the vendor's name with `token`."""
    suffix = next((word for part, word in SUFFIXES.items() if part in kind.id), "api_key")
    names = []
    for name in kind.names:
        names += [name] if telling_name(name) else [f"{name}_{suffix}", f"{name}_token"]
    return names


def fits(notation: Notation, value: str) -> bool:
    """Whether the value can stand in this notation as it is."""
    return "\n" not in value or (notation.group in {"go", "javascript", "python"} and "{s}" in notation.template)


def corpus(seed: int = 1) -> list[Sample]:
    """Secrets of every type in every notation, and the look-alikes."""
    drawn = random.Random(seed)
    samples = []
    for kind in KINDS:
        if kind.frame != "{}":
            values = [kind.draw(drawn) for _ in range(FRAMED)]
            samples += [Sample(kind.id, "frame", kind.frame.replace("{}", value), value) for value in values]
            continue
        for notation in NOTATIONS:
            value = kind.draw(drawn)
            if fits(notation, value):
                samples.append(
                    Sample(kind.id, notation.id, write(notation, drawn.choice(names_of(kind)), value), value)
                )
    return samples + [Sample(group, "look-alike", text) for group, text in draw_lookalikes(drawn)]


def is_gone(secret: str, output: str) -> bool:
    """Neither the secret nor half of it is left."""
    half = max(6, len(secret) // 2)
    return secret not in output and secret[:half] not in output and secret[-half:] not in output


def measure(mask: Mask, samples: Iterable[Sample]) -> Report:
    """Run each sample through the masker by itself."""
    report = Report()
    for sample in samples:
        output = mask(sample.text.encode()).decode(errors="replace")
        if sample.secret:
            tables = (
                (report.secrets, report.missed, sample.kind),
                (report.notations, report.missed_notations, sample.notation),
            )
            failed = not is_gone(sample.secret, output)
        else:
            tables = ((report.lookalikes, report.touched, sample.kind),)
            failed = output != sample.text
        for total, bad, name in tables:
            total.update((name, "*"))
            if failed:
                bad.update((name, "*"))
        if failed:
            report.failures.append((sample, output))
    return report


def show_report(report: Report, misses: int) -> None:
    """Recall by type where it is not whole, by notation, and look-alikes by group."""
    count, notations = report.secrets["*"], len(report.notations) - 1
    print(f"secrets gone            {report.recall:7.2f} %  of {count:,} in {notations} notations")
    for title, total, bad in (
        ("type", report.secrets, report.missed),
        ("notation", report.notations, report.missed_notations),
    ):
        for name, count in sorted(bad.items(), key=lambda pair: -pair[1] / total[pair[0]]):
            if name != "*":
                print(f"  {title:8} {name:40} {100 - 100 * count / total[name]:6.1f} %  of {total[name]}")
    print(f"look-alikes untouched   {report.untouched:7.2f} %  of {report.lookalikes['*']}")
    for name, count in sorted(report.lookalikes.items()):
        if name != "*":
            print(f"  {name:20} {100 - 100 * report.touched[name] / count:6.1f} %  of {count}")
    for sample, output in report.failures[:misses]:
        print(f"  {sample.kind} / {sample.notation}: {sample.text!r}\n      -> {output!r}")


def printable(line: bytes) -> str:
    """The beginning of a line, safe to print."""
    return re.sub(rb"[^ -~]", b"?", line)[:150].decode()


def show_clean(mask: Mask, limit: int, misses: int) -> float:
    """Wrong marks by source; returns those in logs per 32,000 lines."""
    lines = wrong = 0
    print(f"{'wrong marks in real text':34} lines   marks")
    for name, text in clean_text().items():
        count, changed = wrong_marks(mask, text, limit)
        if name in LOGS:
            lines, wrong = lines + count, wrong + len(changed)
        print(f"  {name:26} {'log' if name in LOGS else '':4} {count:8,} {len(changed):4}")
        for old, new in changed[:misses]:
            print(f"      {printable(old)}\n   -> {printable(new)}")
    rate = wrong * CLEAN_LINES / max(1, lines)
    print(f"in logs: {wrong} in {lines:,} lines, {rate:.2f} per {CLEAN_LINES:,}")
    return rate


def main() -> int:
    """Print the tables; 1 when a figure misses what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (default: 1)")
    parser.add_argument("--misses", type=int, default=0, help="how many failures to show")
    parser.add_argument(
        "--lines", type=int, default=200_000, help="of each clean source at most (default: 200,000; 0: none)"
    )
    parser.add_argument("--recall", type=float, default=0.0, help="fail below so many per cent of secrets gone")
    parser.add_argument(
        "--untouched", type=float, default=0.0, help="fail below so many per cent of look-alikes untouched"
    )
    parser.add_argument(
        "--wrong", type=float, default=float("inf"), help="fail above so many wrong marks per 32,000 lines"
    )
    given = parser.parse_args()
    mask = Masker().mask
    report = measure(mask, corpus(given.seed))
    show_report(report, given.misses)
    rate = show_clean(mask, given.lines, given.misses) if given.lines else 0.0
    met = report.recall >= given.recall and report.untouched >= given.untouched and rate <= given.wrong
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
