"""What starting costs: imports counted, and whole processes against the bare interpreter in the same run.

`python benchmarks/startup.py [--rounds N]` prints the `-X importtime` figure of `import hstore` and of the recording
path, and the time of whole processes as a ratio to `python -c pass`, medians with their spread.
"""

from __future__ import annotations

import argparse
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


def import_time(statement: str) -> tuple[float, list[str]]:
    """Milliseconds of all imports beyond those of the bare interpreter, and the five dearest modules."""
    rows = []
    for source in ("pass", statement):
        result = subprocess.run([sys.executable, "-X", "importtime", "-c", source], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        fields = [line.removeprefix("import time:").split("|") for line in result.stderr.splitlines()[1:]]
        rows.append({field[2].strip(): int(field[0]) for field in fields if len(field) == 3})
    own = {name: cost for name, cost in rows[1].items() if name not in rows[0]}
    dearest = sorted(own, key=lambda name: -own[name])[:5]
    return sum(own.values()) / 1000, [f"{name} {own[name] / 1000:.1f}" for name in dearest]


def timed(command: list[str]) -> float:
    """Milliseconds of one process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "project.db"))
        record = RECORD.format(path=path)
        for name, statement in (("import hstore", "import hstore"), ("open, record, close", record)):
            cost, dearest = import_time(statement)
            print(f"{name}: imports {cost:.1f} ms ({', '.join(dearest)})")
        commands = {
            "bare interpreter": [sys.executable, "-c", "pass"],
            "open, record, close": [sys.executable, "-c", record],
            "hstore run -- true": [sys.executable, "-m", "hstore", "--db", path, "run", "--", "true"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                times[name].append(timed(command))
        base = times["bare interpreter"][1:]
        for name, found in times.items():
            ratios = [one / other for one, other in zip(found[1:], base, strict=True)]
            print(
                f"{name:20} {statistics.median(found[1:]):6.1f} ms   {statistics.median(ratios):5.2f} x bare"
                f"   ({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds)"
            )


if __name__ == "__main__":
    main()
