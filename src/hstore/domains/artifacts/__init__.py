"""Artifacts: what runs left behind, on chunks that are stored once each. `store.artifacts` is `Artifacts`."""

from __future__ import annotations

from hstore.domains.artifacts.noun import Artifacts
from hstore.domains.artifacts.writer import ArtifactWriter

__all__ = ["ArtifactWriter", "Artifacts"]
