"""Opens the store a command works on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hstore.config import settings
from hstore.errors import MigrationError, NotInitialised, ReadOnly
from hstore.location import shell_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hstore.store import Store


def writable(path: str | None) -> Store:
    """Open for writing; a database that does not exist is made."""
    from hstore.store import Store

    return Store.open(_expanded(path))


def existing(path: str | None, values: Sequence[str] = ()) -> Store:
    """Open to change what is there; `values` are masked besides those of the environment.

    Raises:
        NotInitialised: there is no database yet; a question or a deletion is no reason to make one.
    """
    from hstore.store import Store

    try:
        return Store.open(_expanded(path), create=False, values=values)
    except NotInitialised as error:
        typed = shell_store(settings())
        if path is not None or typed is None or not os.path.exists(typed):
            raise
        raise NotInitialised(f"{error}; what is typed into shells outside of projects is in --db {typed}") from None


def readable(path: str | None, values: Sequence[str] = ()) -> Store:
    """Open to look something up, also where the file cannot be written; `values` as in `existing`.

    Raises:
        NotInitialised: there is no database yet.
    """
    from hstore.store import Store

    try:
        return existing(path, values)  # brings an older file up to date, which a read-only opening could not
    except ReadOnly:
        return Store.open(_expanded(path), readonly=True, values=values)


def untouched(path: str | None) -> Store:
    """Open to look something up so that not even closing it changes anything; an older file is brought up to date.

    Raises:
        NotInitialised: there is no database yet.
    """
    from hstore.store import Store

    try:
        return Store.open(_expanded(path), readonly=True)
    except (MigrationError, NotInitialised):
        return readable(path)


def _expanded(path: str | None) -> str | None:
    return None if path is None else os.path.expanduser(path)
