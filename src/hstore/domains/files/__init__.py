"""Files: which are tracked, what they hold by size, time and SHA-256, and whether the host has parsed that."""

from __future__ import annotations

from hstore.domains.files.noun import Files

__all__ = ["Files"]
