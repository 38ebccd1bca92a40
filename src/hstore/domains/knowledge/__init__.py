"""Knowledge: what is known, from where and how surely, and how one thing relates to another."""

from __future__ import annotations

from hstore.domains.knowledge.noun import Knowledge

__all__ = ["Knowledge"]
