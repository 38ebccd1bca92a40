"""Settings: preferences of users, and the configuration of the host; sensitive values are sealed."""

from __future__ import annotations

from hstore.domains.settings.config import Config
from hstore.domains.settings.preferences import Preferences

__all__ = ["Config", "Preferences"]
