"""What a size budget costs a command that prints far more: `hstore run` of 1 GiB with and without one, in turn.

`python benchmarks/output_budget.py [--rounds N]` prints the medians of wall and processor time, and their ratios in the
same round: of `yes`, whose lines have two bytes and all its chunks one content, and of log lines.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from collect import default_folder
from recording import measured, write_log

BUDGET = "10M"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(dir=default_folder()) as folder:
        log = Path(folder, "log")
        write_log(log, 1000)
        for command in ("yes | head -c 1G", f"cat {log}"):
            compare(command, Path(folder), rounds)


def compare(command: str, folder: Path, rounds: int) -> None:
    """Run one command in turn without and with a budget."""
    found: dict[str, list[tuple[float, float, float, int]]] = {"none": [], BUDGET: []}
    for turn in range(rounds):
        for limit in (("none", BUDGET), (BUDGET, "none"))[turn % 2]:
            database = folder / f"{turn}{limit}.db"
            words = (
                f"{sys.executable} -m hstore --db {database} run --max-output {limit} -- sh -c '{command}' >/dev/null"
            )
            found[limit].append(measured(words, database))
            database.unlink()
    print(command.replace(str(folder), "…"))
    for limit, figures in found.items():
        wall, processor, _, stored = (statistics.median(each) for each in zip(*figures, strict=True))
        print(f"  --max-output {limit:<5} {wall:6.2f} s wall {processor:6.2f} s processor {stored:13,} bytes stored")
    for place, name in enumerate(("wall", "processor")):
        ratios = [after[place] / before[place] for before, after in zip(found["none"], found[BUDGET], strict=True)]
        print(
            f"  with / without, {name:<10} {statistics.median(ratios):.3f}  from {min(ratios):.3f} to {max(ratios):.3f}"
        )


if __name__ == "__main__":
    main()
