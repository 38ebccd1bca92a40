"""Inputs that once broke a law, by harness, each with what was wrong; every run begins with them."""

from __future__ import annotations

INPUTS: dict[str, list[bytes]] = {}
