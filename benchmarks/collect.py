"""Collects real text of this machine for the benchmarks: what package tools, compilers, test runs and the system print.

Usage: python benchmarks/collect.py [--folder FOLDER] [--size BYTES]

The text is kept outside the repository, in the user's cache folder, since nobody has read all of it. Beside it stands
a list of what came from where. If the machine has less than --size, all of it is repeated, and the list says how much
is distinct.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIZE = 100_000_000
MOST_OF_ONE = 25_000_000
"""No source may fill the text alone."""
PATIENCE = 120
LOGS = ("/var/log/**/*.log", "/var/log/dmesg*", "/var/log/syslog*", "/var/log/messages*", "~/.npm/_logs/*.log")


def default_folder() -> Path:
    """In the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "hstore-benchmarks"


def commands(work: Path) -> dict[str, list[str]]:
    """What is run, by name. Builds and installs go to a folder that is thrown away."""
    return {**build_commands(work), **package_commands(), **system_commands()}


def shell(script: str, *words: str) -> list[str]:
    """A command of the shell, with words that it sees as "$@"."""
    return ["sh", "-c", script, "sh", *words]


def build_commands(work: Path) -> dict[str, list[str]]:
    """Compilers, builds and tests, as talkative as they can be."""
    python, include = sys.executable, f"-I{ROOT / 'csrc'}"
    files = [str(path) for path in sorted((ROOT / "csrc").glob("*.c")) if path.name != "_masker.c"]
    talk = f"gcc -O3 -Wall -Wextra -Wconversion -v -fopt-info-all {include} -c $f -o /dev/null"
    tests = ["-vv", "--durations=0", "-p", "no:cacheprovider", str(ROOT / "tests" / "unit" / "masking")]
    pip = [python, "-m", "pip"]
    return {
        "compiler, every optimisation told": shell(f'for f in "$@"; do {talk}; done', *files),
        "linker, verbose": ["gcc", "-Wl,--verbose", "-Wl,-t", "-x", "c", "/dev/null", "-o", os.devnull],
        "tests of the masker": [python, "-m", "pytest", *tests],
        "wheel built, verbose": [*pip, "wheel", "-vvv", "--no-deps", "-w", str(work / "wheels"), str(ROOT)],
        "pip, verbose": [*pip, "install", "-vvv", "--dry-run", "--ignore-installed", "hypothesis", "cffi"],
        "imports, verbose": [python, "-v", "-X", "importtime", "-c", "import asyncio, email, sqlite3, unittest"],
        "make's database": ["make", "-p", "-f", "/dev/null"],
        "history of this repository": ["git", "-C", str(ROOT), "log", "--stat", "-p"],
    }


def package_commands() -> dict[str, list[str]]:
    """What Debian's package tools say; elsewhere they are not there."""
    return {
        "apt, simulated": ["apt-get", "-s", "-V", "-o", "Debug::pkgProblemResolver=1", "dist-upgrade"],
        "apt, every package": ["apt-cache", "dumpavail"],
        "dpkg list": ["dpkg", "-l"],
        "dpkg status": ["cat", "/var/lib/dpkg/status"],
    }


def system_commands() -> dict[str, list[str]]:
    """Lists of files, libraries and symbols, and what the kernel tells."""
    return {
        "files of /usr, long": ["find", "/usr", "-xdev", "-ls"],
        "files of /usr, recursive": ["ls", "-lR", "/usr/lib", "/usr/share"],
        "checksums": shell("md5sum /usr/bin/* /usr/lib/*/*.so* 2>&1"),
        "shared libraries": shell("ldconfig -v; ldd /usr/bin/* 2>&1"),
        "symbols": shell("nm -D --with-symbol-versions /usr/lib/*/*.so 2>&1"),
        "kernel": ["dmesg"],
        "journal": ["journalctl", "--no-pager"],
        "memory and mounts": shell("cat /proc/meminfo /proc/mounts /proc/interrupts /proc/vmstat /proc/self/smaps"),
    }


def output_of(command: list[str]) -> bytes:
    """Both outputs of a command, at most so much and for so long; what was printed until then, if it takes longer."""
    with tempfile.TemporaryFile() as out:
        try:
            subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as problem:
            print(f"  {command[0]}: {type(problem).__name__}", file=sys.stderr)
        out.seek(0)
        return out.read(MOST_OF_ONE)


def logs() -> bytes:
    """The files in /var/log and of npm that this user may read."""
    pieces = []
    for pattern in LOGS:
        root, _, rest = str(Path(pattern).expanduser()).partition("*")
        folder = Path(root if root.endswith("/") else str(Path(root).parent))
        for path in sorted(folder.glob("**/*.log" if "**" in pattern else Path(root).name + "*" + rest)):
            try:
                pieces.append(path.read_bytes())
            except OSError:
                continue
    return b"\n".join(pieces)[:MOST_OF_ONE]


def sources(work: Path) -> Iterator[tuple[str, bytes]]:
    """Name and text of everything this machine can tell."""
    yield "log files", logs()
    for name, command in commands(work).items():
        yield name, output_of(command)


def collect(folder: Path, size: int) -> dict[str, object]:
    """Write the text and the list of what is in it; returns the list."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pieces: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="collect-") as work:
        for name, text in sources(Path(work)):
            if text.strip():
                pieces[name] = text if text.endswith(b"\n") else text + b"\n"
                print(f"  {name}: {len(text):,} bytes", file=sys.stderr)
    once = b"".join(pieces.values())
    repeats = -(-size // len(once))
    target = folder / "text"
    with open(target, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        for _ in range(repeats):
            out.write(once)
    lines = once.splitlines()
    listing: dict[str, object] = {
        "bytes": len(once) * repeats,
        "distinct bytes": len(once),
        "repeated": repeats,
        "lines": len(lines),
        "distinct lines": len(set(lines)),
        "sources": {name: len(text) for name, text in pieces.items()},
    }
    (folder / "text.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
    return listing


def text_file(folder: Path | None = None, size: int = SIZE) -> tuple[Path, dict[str, object]]:
    """The collected text, collected now if it never was, and the list of what is in it."""
    folder = folder or default_folder()
    listing = folder / "text.json"
    if not listing.exists():
        print(f"collecting text in {folder}", file=sys.stderr)
        collect(folder, size)
    return folder / "text", json.loads(listing.read_text(encoding="utf-8"))


def main() -> None:
    """Collect anew and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=default_folder(), help="default: %(default)s")
    parser.add_argument("--size", type=int, default=SIZE, help="bytes at least (default: %(default)s)")
    options = parser.parse_args()
    print(json.dumps(collect(options.folder, options.size), indent=1))


if __name__ == "__main__":
    main()
