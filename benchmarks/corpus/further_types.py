"""Types beyond the usual lists: model providers, cloud, registries, chat, payment, observability, databases."""

from __future__ import annotations

from .shapes import Draw

FURTHER_TYPES: tuple[tuple[str, str, str | Draw], ...] = (("groq-api-key", "groq", "gs k_{alnum:52}"),)
