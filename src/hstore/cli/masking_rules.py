"""Which files of masking rules hold where a command is run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hstore.config import settings
from hstore.errors import StoreError
from hstore.location import locate, project_rules, rule_files, user_rules

if TYPE_CHECKING:
    from collections.abc import Sequence


def files_here(db: str | None, more: Sequence[str] = ()) -> list[str]:
    """Every file that holds here, and `more` of them."""
    return [*rule_files(_database(db), settings()), *more]


def projects_file(db: str | None) -> str:
    """The project's own, whether it exists or not.

    Raises:
        StoreError: there is no place for a project's database here.
    """
    return project_rules(locate(_expanded(db), settings()).path)


def users_file() -> str:
    """The user's own, whether it exists or not.

    Raises:
        StoreError: there is no home directory.
    """
    found = user_rules(settings())
    if found is None:
        raise StoreError("mask: there is no home directory for rules of your own; name a file in HSTORE_MASK_RULES")
    return found


def _database(db: str | None) -> str | None:
    """Where the project's database is or would be; a filter works without any place for one."""
    try:
        return locate(_expanded(db), settings()).path
    except StoreError:
        return None


def _expanded(path: str | None) -> str | None:
    return None if path is None else os.path.expanduser(path)
