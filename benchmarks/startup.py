"""What starting costs: imports counted, and whole processes against the bare interpreter in the same run.

`python benchmarks/startup.py [--rounds N] [--instructions]` prints the `-X importtime` figure of `import hstore` and of
the recording path, and the time of whole processes as a ratio to `python -c pass`, medians with quartiles beside their
targets. With `--instructions` valgrind counts what each process executes: a figure that no other process disturbs.

Run it in an environment of its own with hstore installed as a wheel: an editable install puts a finder of its own into
every start of that interpreter, the bare one too, which makes the ratios look better than they are.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECORD = """
import hstore
store = hstore.Store.open({path!r})
store.record_run("true", ["true"], exit_code=0)
store.close()
"""


TARGETS = {"open, record, close": 2.2, "hstore run -- true": 3.5}


def environment() -> dict[str, str]:
    """Without what keeps compiled modules from being stored, which every installed package has."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def import_time(statement: str) -> tuple[float, list[str]]:
    """Milliseconds of all imports beyond those of the bare interpreter, and the five dearest modules."""
    rows = []
    for source in ("pass", statement):
        command = [sys.executable, "-X", "importtime", "-c", source]
        result = subprocess.run(command, capture_output=True, text=True, env=environment())
        assert result.returncode == 0, result.stderr
        fields = [line.removeprefix("import time:").split("|") for line in result.stderr.splitlines()[1:]]
        rows.append({field[2].strip(): int(field[0]) for field in fields if len(field) == 3})
    own = {name: cost for name, cost in rows[1].items() if name not in rows[0]}
    dearest = sorted(own, key=lambda name: -own[name])[:5]
    return sum(own.values()) / 1000, [f"{name} {own[name] / 1000:.1f}" for name in dearest]


def timed(command: list[str]) -> float:
    """Milliseconds of one process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    return (time.perf_counter() - begin) * 1000


def instructions(command: list[str]) -> int:
    """What one process executes in user space, without its children."""
    counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    result = subprocess.run(counted, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
    return int(re.findall(rb"refs: +([0-9,]+)", result.stderr)[0].replace(b",", b""))


def shown(name: str, ratios: list[float], middle: float) -> None:
    """Print the median with quartiles and extremes."""
    low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive")
    target = f"   target {TARGETS[name]}" if name in TARGETS else ""
    print(
        f"{name:20} {middle:6.1f} ms   {ratio:5.2f} x bare   quartiles {low:.2f} … {high:.2f}"
        f"   extremes {min(ratios):.2f} … {max(ratios):.2f}{target}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--instructions", action="store_true", help="count them too, with valgrind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "project.db"))
        record = RECORD.format(path=path)
        commands = {
            "bare interpreter": [sys.executable, "-c", "pass"],
            "open, record, close": [sys.executable, "-c", record],
            "hstore run -- true": [sys.executable, "-m", "hstore", "--db", path, "run", "--", "true"],
        }
        for command in commands.values():  # the first start stores the compiled modules, and makes the file
            timed(command)
        for name, statement in (("import hstore", "import hstore"), ("open, record, close", record)):
            cost, dearest = import_time(statement)
            print(f"{name}: imports {cost:.1f} ms ({', '.join(dearest)})")
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(max(2, options.rounds)):
            names = list(commands)
            for name in names[number % 3 :] + names[: number % 3]:
                times[name].append(timed(commands[name]))
        for name, found in times.items():
            ratios = [one / other for one, other in zip(found, times["bare interpreter"], strict=True)]
            shown(name, ratios, statistics.median(found))
        if options.instructions and shutil.which("valgrind"):
            bare = instructions(commands["bare interpreter"])
            for name, command in commands.items():
                count = instructions(command)
                print(f"{name:20} {count / 1e6:6.1f} million instructions   {count / bare:5.2f} x bare")
        print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
