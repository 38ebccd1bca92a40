"""One engine in a process of its own, for peers.py: answers requests on its input, a JSON object on each line.

Usage: python benchmarks/peer_worker.py ENGINE DIRECTORY

The directory holds `samples.json`, `patterns.json` and `text`. Runs in the environment with the peers' packages, or in
the project's own for `hstore`. It imports nothing of this project but hstore itself.
"""

from __future__ import annotations

import json
import mmap
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Span = tuple[int, int]
WRITE = 65536
MARK = "[masked]"


class Engine:
    """What a peer does: finds spans, or masks."""

    about = ""
    """What of it is used, for the table."""
    masks = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def patterns(self) -> list[str]:
        """Those generated from the rules."""
        found: list[str] = json.loads((self.folder / "patterns.json").read_text(encoding="utf-8"))
        return found

    def find(self, data: bytes) -> list[Span]:
        """Where something was found; an engine that knows only the end gives the last character."""
        raise NotImplementedError

    def mask(self, data: bytes) -> bytes:
        """The text with what was found replaced."""
        raise NotImplementedError

    def work(self, pieces: Iterator[bytes]) -> Iterator[int]:
        """Go through the pieces as a stream, as fast as the engine can; yields the size of each."""
        for piece in pieces:
            self.find(piece)
            yield len(piece)


class Hstore(Engine):
    """This project."""

    about = "masks a stream, all rules, 10 values"
    masks = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import secrets

        from hstore import Masker

        self.plain = Masker()
        self.masker = Masker([secrets.token_urlsafe(24) for _ in range(10)])

    def mask(self, data: bytes) -> bytes:
        return self.plain.mask(data)

    def work(self, pieces: Iterator[bytes]) -> Iterator[int]:
        stream = self.masker.stream()
        for piece in pieces:
            stream.feed(piece)
            yield len(piece)
        stream.finish()


class HstoreZstd(Hstore):
    """What a masked write costs in all."""

    about = "the same, then zstd -1"

    def work(self, pieces: Iterator[bytes]) -> Iterator[int]:
        from zstandard import ZstdCompressor

        squeeze, stream = ZstdCompressor(level=1).compress, self.masker.stream()
        for piece in pieces:
            squeeze(stream.feed(piece))
            yield len(piece)


class Zstd(Engine):
    """The yardstick; finds nothing."""

    about = "compresses"

    def work(self, pieces: Iterator[bytes]) -> Iterator[int]:
        from zstandard import ZstdCompressor

        squeeze = ZstdCompressor(level=1).compress
        for piece in pieces:
            squeeze(piece)
            yield len(piece)


class Hyperscan(Engine):
    """All patterns in one database; a match is known by its end."""

    about = "detects, patterns of the rules"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import hyperscan

        self.database = hyperscan.Database()
        patterns = [pattern.encode() for pattern in self.patterns()]
        self.database.compile(expressions=patterns, ids=list(range(len(patterns))), flags=[0] * len(patterns))
        self.found: list[Span] = []

    def _note(self, number: int, start: int, end: int, flags: int, context: object) -> None:
        self.found.append((end - 1, end))

    def find(self, data: bytes) -> list[Span]:
        self.found = []
        self.database.scan(data, match_event_handler=self._note)
        return self.found


class Re2(Engine):
    """All patterns in one set; it says which match, and those are then searched for."""

    about = "detects, patterns of the rules"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import re2

        options = re2.Options()
        options.max_mem = 1 << 29
        options.encoding = re2.Options.Encoding.LATIN1
        self.single = [re2.compile(pattern.encode(), options) for pattern in self.patterns()]
        self.all = re2.Set.SearchSet(options)
        for pattern in self.patterns():
            self.all.Add(pattern.encode())
        self.all.Compile()

    def find(self, data: bytes) -> list[Span]:
        return [match.span() for number in self.all.Match(data) or () for match in self.single[number].finditer(data)]

    def work(self, pieces: Iterator[bytes]) -> Iterator[int]:
        for piece in pieces:
            self.all.Match(piece)
            yield len(piece)


class Re(Engine):
    """Python's own, one pattern after the other."""

    about = "detects, patterns of the rules"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import re

        self.compiled = [re.compile(pattern.encode()) for pattern in self.patterns()]

    def find(self, data: bytes) -> list[Span]:
        return [match.span() for pattern in self.compiled for match in pattern.finditer(data)]


class DetectSecrets(Engine):
    """Its default plugins and filters on a file, as its command line does; a finding is known by line and text."""

    about = "detects, its own rules"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import tempfile

        from detect_secrets.core.scan import scan_file
        from detect_secrets.settings import default_settings

        self.scan = scan_file
        self.settings = default_settings()
        self.settings.__enter__()  # for the life of the process
        self.folder_of_file = tempfile.TemporaryDirectory(prefix="detect-secrets-")
        self.file = Path(self.folder_of_file.name) / "sample.txt"

    def find(self, data: bytes) -> list[Span]:
        self.file.write_bytes(data)
        starts = [0]
        for line in data.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        found = []
        for secret in self.scan(str(self.file)):
            value, begin = (secret.secret_value or "").encode(), starts[secret.line_number - 1]
            start = data.find(value, begin)
            found.append((start, start + len(value)) if start >= 0 else (begin, starts[secret.line_number]))
        return found


class SecretHider(Engine):
    """Its built-in rules, with its own stream."""

    about = "masks a stream, its own rules"
    masks = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import secrethider

        self.redactor = secrethider.RedactorBuilder().build()

    def mask(self, data: bytes) -> bytes:
        masked: bytes = self.redactor.redact(data)
        return masked

    def work(self, pieces: Iterator[bytes]) -> Iterator[int]:
        stream = self.redactor.stream()
        for piece in pieces:
            stream.write(piece)
            yield len(piece)
        stream.finish_bytes()


class Kingfisher(Engine):
    """Its built-in rules, without the network; a finding is known by its text."""

    about = "detects, its own rules"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from kingfisher_sdk import Rules, Scanner

        self.scanner = Scanner(Rules())

    def find(self, data: bytes) -> list[Span]:
        found = []
        for finding in self.scanner.scan(data):
            secret = finding.secret.encode()
            start = data.find(secret)
            found.append((start, start + len(secret)) if start >= 0 else (0, len(data)))
        return found


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "hstore": Hstore,
    "hstore + zstd -1": HstoreZstd,
    "zstd -1": Zstd,
    "hyperscan": Hyperscan,
    "google-re2": Re2,
    "re": Re,
    "detect-secrets": DetectSecrets,
    "secrethider": SecretHider,
    "kingfisher": Kingfisher,
}


def is_gone(secret: str, output: str) -> bool:
    """As in quality.py: neither the secret nor half of it is left."""
    half = max(6, len(secret) // 2)
    return secret not in output and secret[:half] not in output and secret[-half:] not in output


def judge(engine: Engine, text: str, secret: str) -> bool:
    """With a secret: it was found. Without: the text was not touched."""
    data = text.encode()
    if engine.masks:
        output = engine.mask(data).decode(errors="replace")
        return is_gone(secret, output) if secret else output == text
    found = engine.find(data)
    if not secret:
        return not found
    start = data.find(secret.encode())
    end = start + len(secret.encode())
    return any(first < end and start < last for first, last in found)


def quality(engine: Engine) -> dict[str, Any]:
    """How many secrets were found and how many look-alikes left alone."""
    samples = json.loads((engine.folder / "samples.json").read_text(encoding="utf-8"))
    counts = {"secrets": 0, "found": 0, "look-alikes": 0, "untouched": 0}
    for text, secret in samples:
        good = judge(engine, text, secret)
        counts["secrets" if secret else "look-alikes"] += 1
        counts["found" if secret else "untouched"] += good
    return counts


def clean(engine: Engine) -> dict[str, Any]:
    """Lines of real text in which something was found."""
    lines = (engine.folder / "lines").read_bytes().split(b"\n")
    touched = sum(engine.mask(line) != line if engine.masks else bool(engine.find(line)) for line in lines)
    return {"lines": len(lines), "touched": touched}


def speed(engine: Engine, start: int, seconds: float) -> dict[str, Any]:
    """Bytes and seconds: from `start` on in writes of 64 KiB until the time is over or all of the text was seen."""
    with (engine.folder / "text").open("rb") as file:
        text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size, seen = len(text), 0

        def pieces() -> Iterator[bytes]:
            at = start % size
            for _ in range(size // WRITE):
                yield text[at : at + WRITE]
                at = at + WRITE if at + 2 * WRITE <= size else 0

        begin = time.perf_counter()
        for count in engine.work(pieces()):
            seen += count
            if time.perf_counter() - begin > seconds:
                break
        return {"bytes": seen, "seconds": time.perf_counter() - begin}


def main() -> None:
    """Load the engine, say so, and answer until the input ends."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    begin = time.perf_counter()
    engine = ENGINES[name](folder)
    print(json.dumps({"about": engine.about, "loaded": time.perf_counter() - begin}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "quality":
            answer = quality(engine)
        elif request["do"] == "clean":
            answer = clean(engine)
        else:
            answer = speed(engine, request["start"], request["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
