"""Runs: what was executed, when, where, and how it ended."""

from __future__ import annotations

from hstore.domains.runs.noun import Runs

__all__ = ["Runs"]
