"""Runs: what was executed, when, where, and how it ended."""

from __future__ import annotations

from hstore.domains.runs.noun import Runs
from hstore.domains.runs.rows import config_hash

__all__ = ["Runs", "config_hash"]
