"""A store that masks nothing, as one written by an older hstore or without the values that are named later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hstore import Store


class BlindStream:
    """A stream that lets everything through."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.held = 0

    def feed(self, data: Any) -> bytes:
        """All of it."""
        return bytes(data)

    def finish(self) -> bytes:
        """Nothing is held."""
        return b""

    def close(self) -> None:
        """Nothing to do."""


class BlindMasker:
    """A masker that knows no secret."""

    rules_digest = "none"
    state = None

    def mask(self, data: bytes) -> bytes:
        """The same object."""
        return data

    def mask_text(self, text: str) -> str:
        """The same object."""
        return text

    def leaves(self, texts: bytes) -> bool:
        """Anything."""
        return True

    def changes(self, texts: bytes, count: int) -> list[int]:
        """None."""
        return []

    def mask_json(self, value: object, name: str | None = None) -> str:
        """As it comes."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def stream(self) -> BlindStream:
        """One that lets everything through."""
        return BlindStream()


@contextmanager
def unmasked(path: Path, **options: Any) -> Iterator[Store]:
    """The store at `path`, open so that whatever is put into it is stored as it comes."""
    with Store.open(path, **options) as store:
        store._door.masker = BlindMasker()  # type: ignore[assignment] # stands in for one
        yield store
