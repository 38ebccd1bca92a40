"""Masking anew what is stored already: by present rules and values, in batches, to be interrupted and gone on with."""

from __future__ import annotations

from hstore.remasking.noun import Remasking

__all__ = ["Remasking"]
