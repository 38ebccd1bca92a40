"""Measures what a masker finds, what it leaves alone, and where it is wrong in clean text.

Usage: python benchmarks/quality.py [--seed N] [--misses N] [--lines N] [--recall P --untouched P --wrong N]

Three tables: recall per type and per notation over secrets that are drawn at run time, look-alikes untouched per
group, and marks per 32,000 lines of real text without secrets that this machine has. With the last three options
it fails where a figure misses what they ask for. `corpus` and `measure` take any masker, for comparisons.
"""

from __future__ import annotations

import argparse
import re
import sys

from corpus.clean import LOGS, clean_text, wrong_marks
from corpus.measuring import Mask, Report, corpus, measure

from hstore.masking import Masker

CLEAN_LINES = 32_000


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
