"""What recording costs a command that prints a lot: whole commands with and without hstore, in turn.

`python benchmarks/recording.py [--megabytes N] [--rounds N] [--text] [--profile]` prints medians and quartiles of wall
time, processor time and peak memory, what is stored, the ratios to `cat | zstd -1` of the same rounds, which masks
nothing, and how late a follower sees the lines of a slow command. The targets stand beside the figures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from collect import default_folder

LINE = "2026-11-20T15:23:{second:02} INFO worker-{number} processed request {number} of user {user} in {took} ms\n"
TALKER = """
import sys, time
for _ in range(int(sys.argv[1])):
    print(f"{time.time():.6f}", flush=True)
    time.sleep(float(sys.argv[2]))
"""
TARGETS = {"wall": 1.4, "processor": 1.6, "stored": 1.05}
MEMORY = 64
"""MB at most."""
DELAY = 250
"""Milliseconds at most until a follower sees a line."""

Figures = tuple[float, float, float, int]


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


def environment() -> dict[str, str]:
    """Without what would have every process compile the library anew, which an installed one does not."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measured(command: str, kept: Path) -> Figures:
    """Wall seconds, processor seconds and peak MB of a shell command and its children, and bytes in the file `kept`."""
    begin = time.perf_counter()
    child = os.posix_spawnp("sh", ["sh", "-c", command], environment())
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    assert status == 0, command
    stored = sum(file.stat().st_size for file in kept.parent.glob(kept.name + "*"))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, stored


def compared(log: Path, folder: Path, rounds: int) -> dict[str, list[Figures]]:
    """All commands in each round, in another order each time, with files of their own."""
    database, packed = folder / "project.db", folder / "log.zst"
    hstore = f"{sys.executable} -m hstore --db {database} run -- cat {log} > /dev/null"
    commands = {
        "cat | cat": (f"cat {log} | cat > /dev/null", folder / "nothing"),
        "cat | zstd -1": (f"cat {log} | zstd -q -1 -T1 > {packed}", packed),
        "hstore run": (hstore, database),
    }
    if not shutil.which("zstd"):
        del commands["cat | zstd -1"]
    found: dict[str, list[Figures]] = {name: [] for name in commands}
    for number in range(rounds):
        names = list(commands)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            for file in folder.glob("*.db*"):
                file.unlink()
            packed.unlink(missing_ok=True)
            found[name].append(measured(*commands[name]))
    return found


def shown(found: dict[str, list[Figures]], size: int) -> None:
    """Print the medians of each command and the ratios of each round to the peer."""
    print(f"medians of {len(found['hstore run'])} rounds")
    for name, runs in found.items():
        wall, cpu, peak, stored = (statistics.median(figures) for figures in zip(*runs, strict=True))
        print(f"{name:14} {wall:6.2f} s wall {cpu:6.2f} s processor {peak:6.1f} MB peak {stored:12,.0f} bytes stored")
    peak = max(run[2] for run in found["hstore run"])
    print(f"hstore run: {size / 1e6 / statistics.median(run[0] for run in found['hstore run']):.0f} MB/s,", end=" ")
    print(f"peak memory at most {peak:.1f} MB (target {MEMORY})")
    peer = found.get("cat | zstd -1")
    if peer is None:
        print("no zstd here, so nothing to compare with")
        return
    for title, column in (("wall", 0), ("processor", 1), ("stored", 3)):
        ratios = [one[column] / other[column] for one, other in zip(found["hstore run"], peer, strict=True)]
        print(f"hstore run / cat | zstd -1, {title:9} {spread(ratios)}   target {TARGETS[title]}")


def spread(values: list[float]) -> str:
    """The median with quartiles and extremes."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return f"{middle:6.3f}   quartiles {low:.3f} … {high:.3f}   extremes {min(values):.3f} … {max(values):.3f}"


def delays(folder: Path, lines: int, pause: float) -> list[float]:
    """Milliseconds from the printing of each line to its arrival at `hstore log tail -f`."""
    hstore = [sys.executable, "-m", "hstore", "--db", str(folder / "followed.db")]
    talking = subprocess.Popen(
        [*hstore, "run", "--", sys.executable, "-c", TALKER, str(lines + 4), str(pause)],
        stdout=subprocess.DEVNULL,
        env=environment(),
    )
    time.sleep(2 * pause)
    following = subprocess.Popen([*hstore, "log", "tail", "-f"], stdout=subprocess.PIPE, env=environment())
    assert following.stdout is not None
    late = [(time.time() - float(line)) * 1000 for line in following.stdout]
    assert (talking.wait(), following.wait()) == (0, 0)
    assert len(late) == lines + 4
    return late[4:]  # those before had been printed when the follower began


def profile(log: Path, folder: Path) -> None:
    """Print where the time goes, by library and by function, as `perf` sees it."""
    if not shutil.which("perf"):
        print("no perf here; `strace -cf` and valgrind's callgrind tell parts of it")
        return
    data, database = folder / "perf.data", folder / "profiled.db"
    command = ["perf", "record", "-q", "-o", data, "--", sys.executable, "-m", "hstore", "--db", database]
    with open(os.devnull, "wb") as nowhere:
        subprocess.run([*command, "run", "--", "cat", log], stdout=nowhere, env=environment(), check=True)
    for keys, most in (("comm,dso", 12), ("dso,sym", 30)):
        report = ["perf", "report", "-q", "--stdio", "-g", "none", "--sort", keys, "-i", data]
        lines = subprocess.run(report, capture_output=True, text=True, check=True).stdout.splitlines()
        print("\n".join([line.rstrip() for line in lines if line.strip()][:most]), end="\n\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000, help="of the log that is made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--text", action="store_true", help="measure the text of collect.py too")
    parser.add_argument("--lines", type=int, default=20, help="that a follower is timed with, one in half a second")
    parser.add_argument("--profile", action="store_true", help="only show where the time goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "log"
        write_log(log, options.megabytes)
        texts = {"log lines": log}
        if options.text:
            texts["text of this machine"] = default_folder() / "text"
        for title, text in texts.items():
            print(f"{title}: {text.stat().st_size:,} bytes")
            if options.profile:
                profile(text, folder)
            else:
                shown(compared(text, folder, options.rounds), text.stat().st_size)
            print()
        if not options.profile and options.lines:
            late = delays(folder, options.lines, 0.5)
            print(f"a follower sees a line after {statistics.median(late):.0f} ms, at most {max(late):.0f}", end=" ")
            print(f"({len(late)} lines, one in half a second; target {DELAY})")
        print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
