"""The settings that come from outside: one frozen object, the only place that reads the environment.

| variable | meaning |
|---|---|
| `HSTORE_DB` | path of the database; wins over every search for a project |
| `HSTORE_MASK_RULES` | files of masking rules besides the user's and the project's, joined like `PATH` |
| `HSTORE_KEY` | key that seals passwords and sensitive settings; several, joined by commas: the first seals, all open |
| `HSTORE_MAX_OUTPUT` | how much of each output `hstore run` keeps at most, as `10M`; default: all |
| `HEIMDAL_SESSION` | key of the session that runs and references belong to |
| `HEIMDAL_PROFILE` | `permissive` or `restricted`, for a session made by `HEIMDAL_SESSION` |
| `HEIMDAL_CONTEXT_DIR` | directory of context of that session |
| `NO_COLOR` | no colours, see https://no-color.org |
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PROFILES = ("permissive", "restricted")


class Settings:
    """What the environment says, read once and never changed. Attributes are `None` where it is silent."""

    __slots__ = (
        "context_dir",
        "database",
        "home",
        "keys",
        "mask_rules",
        "max_output",
        "no_color",
        "profile",
        "session",
    )

    database: str | None
    session: str | None
    profile: str | None
    context_dir: str | None
    home: str | None
    mask_rules: tuple[str, ...]
    keys: tuple[str, ...]
    max_output: str | None
    no_color: bool

    def __init__(self, environ: Mapping[str, str]) -> None:
        fill = super().__setattr__
        fill("database", environ.get("HSTORE_DB") or None)
        fill("mask_rules", tuple(filter(None, environ.get("HSTORE_MASK_RULES", "").split(os.pathsep))))
        fill("keys", sealing_keys(environ))
        fill("max_output", environ.get("HSTORE_MAX_OUTPUT") or None)
        fill("session", environ.get("HEIMDAL_SESSION") or None)
        fill("profile", environ.get("HEIMDAL_PROFILE") or None)
        fill("context_dir", environ.get("HEIMDAL_CONTEXT_DIR") or None)
        fill("no_color", bool(environ.get("NO_COLOR")))
        home = os.path.expanduser("~")
        fill("home", home if os.path.isabs(home) else None)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"settings are frozen: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings are frozen: {name}")


def sealing_keys(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that `HSTORE_KEY` names, the one that seals first."""
    given = environ.get("HSTORE_KEY")
    return tuple(filter(None, [key.strip() for key in given.split(",")])) if given else ()


def environment() -> Mapping[str, str]:
    """All variables of this process, as they are now: among them are the values to mask."""
    return os.environ


def settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: this process's environment, as it is now)."""
    return Settings(os.environ if environ is None else environ)


def ascii_only() -> bool:
    """Whether the terminal shows nothing but ASCII, as far as `TERM` and the locale of the environment say."""
    environ = os.environ
    if environ.get("TERM") == "dumb":
        return True
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return bool(locale) and "utf" not in locale.lower()
