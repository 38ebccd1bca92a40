"""Caches of what an AI answered and what processing files gave: bounded, and the least recently used goes first."""

from __future__ import annotations

from hstore.domains.caches.files import FileCache
from hstore.domains.caches.responses import ResponseCache

__all__ = ["FileCache", "ResponseCache"]
