"""Measures the masker's speed: by instruction set, size of write, values, secrets, floods, and beside zstd -1.

Usage: python benchmarks/masking.py [--rounds N] [--size BYTES] [--json FILE] [--synthetic | FILE ...]

All measurements take turns in each round, so that what disturbs the machine disturbs all of them; a figure is the
median of the rounds, with the quartiles. The text is what collect.py found on this machine, or the named files, or
with --synthetic the log lines of inputs.py. The cost beside zstd -1 is a ratio of times from the same rounds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import inputs  # noqa: E402 # a script's neighbours are found through the line above
from collect import text_file  # noqa: E402 # likewise

from hstore._masker import ffi, lib  # noqa: E402 # after the line that is needed above
from hstore.masking import Masker  # noqa: E402 # likewise

SIZE = 16_000_000
FLOOD_SIZE = 2_000_000
WRITES = (64, 1024, 4096, 65536, 1 << 20)
VALUES = (0, 10, 100, 1000)
SECRETS = (1, 10, 100)
USUAL = 65536
BEST = -1
LOADING = """
import time
import _cffi_backend, hstore
start = time.perf_counter()
import hstore._masker
loaded = time.perf_counter()
from hstore._masker import ffi, lib
masker = lib.hstore_masker_new(ffi.NULL, ffi.NULL, 0, ffi.new("int *"))
stream = lib.hstore_stream_new(masker)
lib.hstore_stream_feed(stream, b"x", 1, 1)
print((loaded - start) * 1e3, (time.perf_counter() - loaded) * 1e3)
"""
"""A process that has the binding's own library loads the extension; then the first byte is masked."""


class Job(NamedTuple):
    """One thing to measure."""

    name: str
    work: Callable[[], object]
    size: int
    level: int = BEST


def cut(text: bytes, write: int) -> list[bytes]:
    """The writes of a stream."""
    return [text[at : at + write] for at in range(0, len(text), write)]


def streamed(masker: Masker, pieces: list[bytes]) -> Callable[[], object]:
    """One stream from its first to its last byte."""

    def work() -> None:
        stream = masker.stream()
        feed = stream.feed
        for piece in pieces:
            feed(piece)
        stream.finish()

    return work


def masker_of(count: int) -> Masker:
    """The built-in rules and so many values."""
    return Masker(inputs.values(count))


def level_jobs(text: bytes) -> list[Job]:
    """Every instruction set that this machine has."""
    work = streamed(masker_of(10), cut(text, USUAL))
    names = {number: ffi.string(lib.hstore_level_name(number)).decode() for number in range(lib.hstore_level_count())}
    return [
        Job(f"level {name}", work, len(text), number)
        for number, name in names.items()
        if lib.hstore_level_supported(number)
    ]


def write_jobs(text: bytes) -> list[Job]:
    """Writes of each size; a Python call for each 64 bytes is worth a part of the text only."""
    masker = masker_of(10)
    jobs = []
    for write in WRITES:
        part = text[: len(text) // 8] if write < 1024 else text
        jobs.append(Job(f"writes of {write:,} bytes", streamed(masker, cut(part, write)), len(part)))
    whole = Job("in one call", lambda: masker.mask(text), len(text))
    return [*jobs, whole]


def content_jobs(text: bytes) -> list[Job]:
    """More values, and secrets in the text."""
    jobs = [Job(f"{count:,} values", streamed(masker_of(count), cut(text, USUAL)), len(text)) for count in VALUES]
    for every in SECRETS:
        mixed = inputs.with_secrets(text, every * 1000)
        jobs.append(Job(f"a secret in every {every} KB", streamed(masker_of(10), cut(mixed, USUAL)), len(mixed)))
    return jobs


def flood_jobs() -> list[Job]:
    """Inputs that are as unkind as can be, each by its name."""
    masker = masker_of(10)
    found = {f"flood of {name}": inputs.flood(name, FLOOD_SIZE) for name in inputs.FLOODS}
    found["many telling names"] = inputs.named(FLOOD_SIZE)
    return [Job(name, streamed(masker, cut(text, USUAL)), len(text)) for name, text in found.items()]


def zstd_jobs(text: bytes) -> list[Job]:
    """Compression alone, and behind the masker."""
    from zstandard import ZstdCompressor

    squeeze = ZstdCompressor(level=1).compress
    pieces, masker = cut(text, USUAL), masker_of(10)

    def alone() -> None:
        for piece in pieces:
            squeeze(piece)

    def both() -> None:
        stream = masker.stream()
        for piece in pieces:
            squeeze(stream.feed(piece))

    return [Job("zstd -1", alone, len(text)), Job("masked, then zstd -1", both, len(text))]


def measure(jobs: list[Job], rounds: int) -> dict[str, list[float]]:
    """Seconds of each job in each round."""
    times: dict[str, list[float]] = {job.name: [] for job in jobs}
    for number in range(rounds + 1):
        for job in jobs:
            lib.hstore_force_level(job.level)
            start = time.perf_counter()
            job.work()
            if number:  # the first round warms up
                times[job.name].append(time.perf_counter() - start)
        print(f"round {number} of {rounds}", file=sys.stderr)
    lib.hstore_force_level(BEST)
    return times


def load_times(rounds: int) -> dict[str, float]:
    """Medians in milliseconds: loading the extension, and its first masker, stream and byte."""
    shown = [subprocess.check_output([sys.executable, "-c", LOADING], text=True).split() for _ in range(rounds)]
    loads, firsts = zip(*[(float(load), float(first)) for load, first in shown], strict=True)
    return {"load ms": round(statistics.median(loads), 3), "first byte ms": round(statistics.median(firsts), 3)}


def figures(jobs: list[Job], times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """GB/s: median and quartiles."""
    found = {}
    for job in jobs:
        rates = [job.size / seconds / 1e9 for seconds in times[job.name]]
        low, middle, high = statistics.quantiles(rates, n=4) if len(rates) > 1 else rates * 3
        found[job.name] = {"GB/s": round(middle, 4), "low": round(low, 4), "high": round(high, 4)}
    return found


def ratio(times: dict[str, list[float]], job: str, to: str) -> float:
    """Median over the rounds of one job's time by another's."""
    return round(statistics.median(a / b for a, b in zip(times[job], times[to], strict=True)), 3)


def text_of(files: list[str], synthetic: bool, size: int) -> tuple[bytes, str]:
    """The text to measure with, and what it is."""
    if synthetic:
        return inputs.clean(size), "synthetic log lines"
    if files:
        text = b"".join(Path(name).read_bytes() for name in files)
        return (text * (size // len(text) + 1))[:size], ", ".join(files)
    path, listing = text_file()
    whole = path.read_bytes()[: int(str(listing["distinct bytes"]))]
    step = max(1, len(whole) // size)
    # Every so many blocks of 64 KiB, so that each source has its share.
    return b"".join(cut(whole, USUAL)[::step])[:size], f"text of this machine, {len(whole):,} distinct bytes"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="*", help="text to mask")
    parser.add_argument("--synthetic", action="store_true", help="log lines that are the same everywhere")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=int, default=SIZE, help="bytes of text (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    options = parser.parse_args()
    text, about = text_of(options.file, options.synthetic, options.size)
    jobs = [*level_jobs(text), *write_jobs(text), *content_jobs(text), *zstd_jobs(text), *flood_jobs()]
    times = measure(jobs, options.rounds)
    rows, loading = figures(jobs, times), load_times(options.rounds)
    ratios = {
        "time of masking and zstd -1 by zstd -1 alone": ratio(times, "masked, then zstd -1", "zstd -1"),
        "time with 100 values by time with 10": ratio(times, "100 values", "10 values"),
    }
    marks = Masker()
    marks.mask(text)
    print(f"{about}; {len(text):,} bytes, marks in them: {marks.counts or 'none'}")
    print(f"{'GB/s':>36}    quartiles")
    for name, row in rows.items():
        print(f"{name:28} {row['GB/s']:7.3f}    {row['low']:.3f} … {row['high']:.3f}")
    for name, value in {**ratios, **loading}.items():
        print(f"{name}: {value}")
    if options.json:
        content = {"machine": platform.platform(), "text": about, "rows": rows, "ratios": ratios, "loading": loading}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
