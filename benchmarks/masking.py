"""Measures the masker on this machine's own logs: GB/s by size of write, and its share of a compressed write.

Usage: python benchmarks/masking.py [FILE ...]

Each figure is the median of several rounds, with the spread between the lower and the upper quartile. The
last lines mask and compress in the same run, because only a ratio from one run says what masking costs.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hstore.masking import Masker

SIZE = 8_000_000
ROUNDS = 9


def sample(paths: list[str]) -> bytes:
    """Real text: the given files, or this machine's logs and the output of its package tools."""
    places = [Path(path) for path in paths] or [*Path("/var/log").glob("*.log"), *Path("/var/log/apt").glob("*.log")]
    pieces = []
    for place in places:
        try:
            pieces.append(place.read_bytes())
        except OSError:
            continue
    if not paths:
        for command in (["pip", "list", "-v"], ["pip", "--help"], ["apt-cache", "stats"], ["ps", "aux"], ["env"]):
            try:
                pieces.append(subprocess.run(command, capture_output=True, check=False).stdout)
            except OSError:
                continue
    text = b"".join(pieces)
    if not text:
        sys.exit("no text to measure with: name some files")
    return (text * (SIZE // len(text) + 1))[:SIZE]


def rate(work: Callable[[], object], size: int) -> tuple[float, float, float]:
    """Median, lower and upper quartile in GB/s."""
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        rates.append(size / (time.perf_counter() - start) / 1e9)
    low, middle, high = statistics.quantiles(rates, n=4)
    return middle, low, high


def streamed(masker: Masker, pieces: list[bytes]) -> None:
    """One stream from its first to its last byte."""
    stream = masker.stream()
    feed = stream.feed
    for piece in pieces:
        feed(piece)
    stream.finish()


def show(name: str, figures: tuple[float, float, float]) -> None:
    """One row of the table."""
    print(f"{name:34} {figures[0]:7.3f}   {figures[1]:7.3f} … {figures[2]:.3f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="*", help="text to mask (default: this machine's logs)")
    text = sample(parser.parse_args().file)
    print(f"{len(text):,} bytes\n{'GB/s':>41}   quartiles")
    for values in (0, 10, 100):
        masker = Masker([secrets.token_urlsafe(24) for _ in range(values)])
        show(f"whole, {values} values", rate(lambda masker=masker: masker.mask(text), len(text)))  # type: ignore[misc] # bound now
    masker = Masker([secrets.token_urlsafe(24) for _ in range(10)])
    for size in (64, 4096, 65536):
        part = text[: SIZE // 8] if size == 64 else text
        pieces = [part[at : at + size] for at in range(0, len(part), size)]
        show(f"stream, writes of {size}", rate(lambda pieces=pieces: streamed(masker, pieces), len(part)))  # type: ignore[misc] # bound now
    compressed(masker, text)
    print(f"marks in this text: {masker.counts or 'none'}")


def compressed(masker: Masker, text: bytes) -> None:
    """Compression alone and behind the masker, in writes of 64 KiB."""
    try:
        from zstandard import ZstdCompressor
    except ImportError:
        return
    squeeze = ZstdCompressor(level=1).compress
    pieces = [text[at : at + 65536] for at in range(0, len(text), 65536)]

    def both() -> None:
        stream = masker.stream()
        for piece in pieces:
            squeeze(stream.feed(piece))

    alone = rate(lambda: [squeeze(piece) for piece in pieces], len(text))
    masked = rate(both, len(text))
    show("zstd level 1 alone", alone)
    show("masked, then zstd level 1", masked)
    print(f"time of both by time of zstd alone: {alone[0] / masked[0]:.2f}")


if __name__ == "__main__":
    main()
