"""Libraries that keep things in SQLite files, for compare_worker.py: used as their documents say."""

from __future__ import annotations

from typing import Any, ClassVar

from compare_worker import Engine


class Diskcache(Engine):
    """A `Cache` with its default settings."""

    labels: ClassVar[dict[str, str]] = {"remember": "set", "recall": "get"}

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        return []

    def open(self, path: str) -> None:
        from diskcache import Cache

        self.cache = Cache(path)
        self.set, self.get = self.cache.set, self.cache.get

    def close(self) -> None:
        self.cache.close()

    def remember(self, key: str, value: Any) -> None:
        self.set(key, value)

    def recall(self, key: str) -> Any:
        return self.get(key)


ENGINES: dict[str, type[Engine]] = {"diskcache": Diskcache}
