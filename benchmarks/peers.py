"""Recall, precision and speed of this masker beside its peers, in one run, on one machine, on the same texts.

Usage: python benchmarks/peers.py --install [--json FILE] [--rounds N] [--seconds S] [--engine NAME ...]

The peers are installed from the package index into an environment of their own in the user's cache folder (--install;
once is enough); one that does not install or start is listed as missing. hyperscan, google-re2 and Python's `re` get
patterns made from this project's own rules, so that they are compared as engines; detect-secrets, secrethider and
kingfisher come with their own rules. zstd -1 is the yardstick. A secret counts as found when a masker leaves neither
it nor half of it, and when a detector reports something that overlaps it.

Speeds are medians over rounds in which the engines take turns, each in a process of its own, with quartiles. The text
is what collect.py finds on this machine; nobody has looked for real secrets in it, so the lines in which something is
found are an upper bound of the wrong ones.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from collect import default_folder, text_file  # noqa: E402 # a script's neighbours are found through the line above
from peer_patterns import patterns  # noqa: E402 # likewise
from quality import corpus  # noqa: E402 # likewise

PACKAGES = ("hyperscan", "google-re2", "detect-secrets", "secrethider", "kingfisher-secret-scanner", "zstandard")
OWN = ("hstore", "hstore + zstd -1")
ENGINES = (*OWN, "zstd -1", "hyperscan", "google-re2", "re", "detect-secrets", "secrethider", "kingfisher")
CLEAN_LINES = 32_000
MiB = 1 << 20


@dataclass
class Peer:
    """A running engine and what was measured of it."""

    name: str
    process: subprocess.Popen[str]
    about: str = ""
    loaded: float = 0.0
    rates: list[float] = field(default_factory=list)
    seen: int = 0
    quality: dict[str, int] = field(default_factory=dict)
    clean: dict[str, int] = field(default_factory=dict)

    def ask(self, **request: object) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            RuntimeError: the engine has ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def row(self) -> dict[str, Any]:
        """Everything measured."""
        low, middle, high = statistics.quantiles(self.rates, n=4) if len(self.rates) > 1 else self.rates * 3
        row: dict[str, Any] = {"engine": self.name, "about": self.about, "load s": round(self.loaded, 3)}
        if self.name not in {"zstd -1", "hstore + zstd -1"}:
            row["recall %"] = round(100 * self.quality["found"] / self.quality["secrets"], 2)
            row["look-alikes untouched %"] = round(100 * self.quality["untouched"] / self.quality["look-alikes"], 2)
            row["lines hit in 32,000"] = round(self.clean["touched"] * CLEAN_LINES / self.clean["lines"], 1)
        row |= {"GB/s": middle, "quartiles": [low, high], "bytes seen": self.seen}
        return row


def environment() -> Path:
    """Where the peers are installed."""
    return default_folder() / "peers"


def install() -> None:
    """Make the environment; each package by itself, so that one that fails takes no other with it."""
    subprocess.run([sys.executable, "-m", "venv", str(environment())], check=True)
    for package in PACKAGES:
        command = [environment() / "bin" / "python", "-m", "pip", "install", "-q", package]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        print(f"{package}: {'installed' if done.returncode == 0 else 'does not install'}", file=sys.stderr)


def versions() -> dict[str, str]:
    """Of the packages in the environment."""
    command = [str(environment() / "bin" / "python"), "-m", "pip", "list", "--format", "json"]
    listed = json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))
    return {entry["name"]: entry["version"] for entry in listed if entry["name"].lower() in PACKAGES}


def start(name: str, folder: Path) -> Peer | None:
    """The engine in a process of its own, or None where it does not start."""
    python = sys.executable if name in OWN else str(environment() / "bin" / "python")
    variables = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")} if name in OWN else _plain_environment()
    command = [python, str(HERE / "peer_worker.py"), name, str(folder)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)
    except OSError:
        return None
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.communicate()
        print(f"{name} does not start", file=sys.stderr)
        return None
    hello = json.loads(line)
    return Peer(name, process, hello["about"], hello["loaded"])


def _plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def prepare(folder: Path, seed: int) -> dict[str, object]:
    """Write what the engines read: samples, patterns, the text and some lines of it; returns what the text is."""
    samples = [(sample.text, sample.secret) for sample in corpus(seed)]
    (folder / "samples.json").write_text(json.dumps(samples), encoding="utf-8")
    (folder / "patterns.json").write_text(json.dumps(patterns()), encoding="utf-8")
    path, listing = text_file()
    (folder / "text").symlink_to(path)
    lines = path.read_bytes()[: int(str(listing["distinct bytes"]))].split(b"\n")
    chosen = random.Random(seed).sample(range(len(lines)), min(CLEAN_LINES, len(lines)))
    (folder / "lines").write_bytes(b"\n".join(lines[number] for number in sorted(chosen)))
    return {"samples": len(samples), **listing}


def measure(peers: list[Peer], rounds: int, seconds: float) -> None:
    """Quality once, then speed in turns, each round from another place of the text."""
    for peer in peers:
        if "zstd" not in peer.name:
            print(f"{peer.name}: quality", file=sys.stderr)
            peer.quality, peer.clean = peer.ask(do="quality"), peer.ask(do="clean")
    for number in range(rounds):
        for peer in peers:
            answer = peer.ask(do="speed", start=number * 37 * MiB, seconds=seconds)
            peer.rates.append(answer["bytes"] / answer["seconds"] / 1e9)
            peer.seen += answer["bytes"]
        print(f"round {number + 1} of {rounds}", file=sys.stderr)


def show(rows: list[dict[str, Any]]) -> None:
    """The table."""
    head = f"{'engine':18} {'recall':>7} {'untouched':>9} {'lines hit':>9} {'GB/s':>9} {'quartiles':>17}  what it does"
    print(head)
    for row in rows:
        figures = [row.get(key) for key in ("recall %", "look-alikes untouched %", "lines hit in 32,000")]
        shown = [
            f"{'' if figure is None else figure:>{width}}" for figure, width in zip(figures, (7, 9, 9), strict=True)
        ]
        low, high = row["quartiles"]
        print(f"{row['engine']:18} {' '.join(shown)} {row['GB/s']:9.4f} {low:7.4f} … {high:7.4f}  {row['about']}")


def main() -> None:
    """Install if asked, measure what starts, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="install the peers first")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="for each engine in each round (default: %(default)s)"
    )
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only these")
    parser.add_argument("--seed", type=int, default=1, help="of the samples")
    options = parser.parse_args()
    if options.install or not environment().exists():
        install()
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        text = prepare(Path(name), options.seed)
        wanted = options.engine or ENGINES
        peers = [peer for peer in (start(engine, Path(name)) for engine in wanted) if peer is not None]
        missing = sorted(set(wanted) - {peer.name for peer in peers})
        measure(peers, options.rounds, options.seconds)
        for peer in peers:
            peer.process.communicate()
    rows = [peer.row() for peer in peers]
    show(rows)
    print(f"{text['samples']} samples; {text['bytes']:,} bytes of text, {text['distinct bytes']:,} of them distinct,")
    print(f"{text['distinct lines']:,} of {text['lines']:,} lines distinct; missing: {', '.join(missing) or 'none'}")
    if options.json:
        about = {"machine": platform.platform(), "versions": versions(), "text": text, "missing": missing}
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
