"""The audit log, and the chain that each line's hash forms with the one before."""

from __future__ import annotations

from hstore.domains.audit.noun import Audit

__all__ = ["Audit"]
