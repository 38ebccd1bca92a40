"""Instructions of a verb by library, for hot_path.py: callgrind on a few and on more items, and the difference.

Usage: python benchmarks/hot_path_instructions.py VERB ITEMS runs the verb alone, as callgrind is to see it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

FEW, MORE = 100, 600


def instructions(verb: str) -> dict[str, float]:
    """Instructions for an item, by library and function, as `library: function`.

    Raises:
        SystemExit: there is no valgrind.
    """
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is needed to count instructions")
    few, more = counted(verb, FEW), counted(verb, MORE)
    found = {name: (more[name] - few[name]) / (MORE - FEW) for name in more}
    return {name: figure for name, figure in found.items() if figure >= 1}


def libraries(found: dict[str, float]) -> list[tuple[str, float, list[tuple[str, float]]]]:
    """Each library with its instructions and its dearest functions, the dearest first."""
    totals: Counter[str] = Counter()
    for name, figure in found.items():
        totals[name.partition(": ")[0]] += figure  # type: ignore[assignment] # shares of instructions
    order = sorted(found.items(), key=lambda pair: -pair[1])
    return [
        (library, total, [(name.partition(": ")[2], one) for name, one in order if name.startswith(f"{library}: ")])
        for library, total in totals.most_common()
    ]


def counted(verb: str, items: int) -> Counter[str]:
    """Of a whole process that does the verb for so many items."""
    with tempfile.TemporaryDirectory(prefix="hot-path-") as folder:
        out = Path(folder, "callgrind.out")
        command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", "--trace-children=no"]
        program = [sys.executable, __file__, verb, str(items)]
        subprocess.run([*command, *program], check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
        return by_function(out.read_text(encoding="utf-8", errors="replace"))


def by_function(profile: str) -> Counter[str]:
    """What each function costs itself, from a file in callgrind's format."""
    names: dict[tuple[str, str], str] = {}
    found: Counter[str] = Counter()
    place, called = {"ob": "", "fn": ""}, False
    for line in profile.splitlines():
        match = re.match(r"(c?)(ob|fn)=(\(\d+\))(?: (.*))?", line)
        if match:
            if match[4]:
                names[match[2], match[3]] = Path(match[4]).name if match[2] == "ob" else match[4].partition("'")[0]
            if not match[1]:
                place[match[2]] = names[match[2], match[3]]
        elif line.startswith("calls="):
            called = True
        elif re.match(r"[+*\-\d]", line):
            if not called:  # the line behind `calls=` is what the called function costs, which is counted there
                found[f"{place['ob']}: {place['fn']}"] += int(line.split()[1])
            called = False
    return found


def main() -> None:
    """Do the verb, nothing else."""
    from hot_path import VERBS, ready

    verb = VERBS[sys.argv[1]]
    items = verb.draw(MORE)
    with ready(verb, items) as store:
        verb.run(store, items[: int(sys.argv[2])])


if __name__ == "__main__":
    main()
