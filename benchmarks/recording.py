"""What recording costs a command that prints a lot: whole commands with and without hstore, in turn.

`python benchmarks/recording.py [--megabytes N] [--rounds N]` prints medians of wall time, processor time and peak
memory, and their ratios in the same run. The peer is `cat | zstd -1`, which compresses and masks nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINE = "2026-11-20T15:23:{second:02} INFO worker-{number} processed request {number} of user {user} in {took} ms\n"


def write_log(path: Path, megabytes: int) -> None:
    """A log whose lines differ as those of a server do."""
    with path.open("w") as file:
        number = 0
        while file.tell() < megabytes * 1_000_000:
            block = "".join(
                LINE.format(second=one % 60, number=one, user=one * 7919 % 5003, took=one * 31 % 977)
                for one in range(number, number + 10_000)
            )
            file.write(block)
            number += 10_000


def measured(command: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MB of one shell command and all its children."""
    begin = time.perf_counter()
    child = os.posix_spawnp("sh", ["sh", "-c", command], os.environ)
    _, status, usage = os.wait4(child, 0)
    assert status == 0, command
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        write_log(log, options.megabytes)
        hstore = f"{sys.executable} -m hstore --db {folder}/project.db run -- cat {log} > /dev/null"
        commands = {"plain": f"cat {log} | cat > /dev/null", "hstore run": hstore}
        if shutil.which("zstd"):
            commands["zstd -1"] = f"cat {log} | zstd -q -1 -T1 > {folder}/log.zst"
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                subprocess.run(["rm", "-f", f"{folder}/project.db", f"{folder}/log.zst"], check=True)
                found[name].append(measured(command))
        print(f"{log.stat().st_size / 1e6:.0f} MB of log lines, {options.rounds} rounds, medians")
        for name, runs in found.items():
            wall, cpu, peak = (statistics.median(figures) for figures in zip(*runs, strict=True))
            print(f"{name:12} {wall:6.2f} s wall   {cpu:6.2f} s cpu   {peak:6.1f} MB peak")
        peer = "zstd -1" if "zstd -1" in found else "plain"
        ratios = [one[0] / other[0] for one, other in zip(found["hstore run"], found[peer], strict=True)]
        print(f"hstore run / {peer}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) wall")
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"(this program itself: {own:.0f} MB)")


if __name__ == "__main__":
    main()
