"""Where a project's database and the masking rules live: found by path alone, without touching any file's content."""

from __future__ import annotations

import os
import stat

from hstore.errors import InvalidInput, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hstore.config import Settings

FOLDER = ".heimdall"
FILE = "project.db"
RULES = "masking.toml"
SHELL = "shell.db"
FALLBACK = "fallback"


class Location:
    """A database's absolute `path`, and the `root` of the project whose memory it is."""

    __slots__ = ("path", "root")

    def __init__(self, path: str, root: str) -> None:
        self.path = path
        self.root = root


def locate(path: str | os.PathLike[str] | None, settings: Settings) -> Location:
    """Say which database is meant.

    In order: `path`; `HSTORE_DB`; the nearest `.heimdall/` upward from the working directory;
    `.heimdall/project.db` in the repository's root; else `~/.heimdall/projects/<hash of the root>.db`.

    Raises:
        InvalidInput: the path is empty, `:memory:`, or holds a NUL.
        StoreError: there is no place at all: no writable repository and no home.
    """
    if path is None and settings.database is not None:
        path = settings.database
    if path is not None:
        return _named(path)
    here = _working_directory()
    found = _nearest_folder(here, settings)
    if found is not None:
        return Location(os.path.realpath(os.path.join(found, FILE)), os.path.dirname(found))
    repository = _repository(here)
    if repository is not None and os.access(repository, os.W_OK):
        return Location(os.path.join(repository, FOLDER, FILE), repository)
    return _fallback(repository or here, settings)


def existing_store(here: str, settings: Settings) -> str | None:
    """The database that `locate` means in the directory `here` without a path, if it is there already."""
    here = os.path.realpath(here)
    found = _nearest_folder(here, settings)
    if found is not None:
        path = os.path.realpath(os.path.join(found, FILE))
    elif settings.home is not None:
        path = _fallback(_repository(here) or here, settings).path
    else:
        return None
    return path if os.path.isfile(path) else None


def shell_store(settings: Settings) -> str | None:
    """The user's database of what is typed into shells outside of all projects; None without a home."""
    return None if settings.home is None else os.path.realpath(os.path.join(settings.home, FOLDER, SHELL))


def project_rules(database: str) -> str:
    """The file of a database's masking rules: `.heimdall/masking.toml`, or `NAME.masking.toml` beside NAME.db."""
    folder, name = os.path.split(database)
    if os.path.basename(folder) == FOLDER and name == FILE:
        return os.path.join(folder, RULES)
    return f"{os.path.splitext(database)[0]}.{RULES}"


def user_rules(settings: Settings) -> str | None:
    """The user's file of masking rules, `~/.heimdall/masking.toml`; None without a home."""
    return None if settings.home is None else os.path.join(settings.home, FOLDER, RULES)


def fallback_folders(database: str, settings: Settings) -> list[str]:
    """Where output waits that this database cannot take: beside it, else in the home."""
    folders = [os.path.join(os.path.dirname(database), FALLBACK)]
    if settings.home is not None:
        folders.append(os.path.realpath(os.path.join(settings.home, FOLDER, FALLBACK)))
    return list(dict.fromkeys(folders))


def rule_files(database: str | None, settings: Settings) -> list[str]:
    """Every file of masking rules that holds here: the user's and the project's where they exist, and those named.

    Raises:
        InvalidInput: one that nobody named belongs to another user, who could switch masking off with it.
    """
    given = [user_rules(settings), None if database is None else project_rules(database)]
    found = [path for path in given if path is not None and os.path.lexists(path)]
    for path in found:
        if not _is_ours(path, stat.S_ISREG):
            raise InvalidInput(
                f"{path}: no file, or another user's, so its masking rules are not used; remove it, or name it in"
                " HSTORE_MASK_RULES"
            )
    return [*found, *settings.mask_rules]


def _named(given: str | os.PathLike[str]) -> Location:
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(path, str):
        raise InvalidInput(f"path: the database's path as str or os.PathLike[str], not {type(given).__name__}")
    if path == ":memory:":
        raise InvalidInput("path: a store is a file, ':memory:' is not; use a temporary directory")
    if not path or "\0" in path:
        raise InvalidInput("path: empty, or with a NUL in it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidInput("path: with a lone surrogate in it, which no file name can have") from None
    path = os.path.realpath(os.path.expanduser(path))
    folder = os.path.dirname(path)
    root = os.path.dirname(folder) if os.path.basename(folder) == FOLDER else _repository(folder) or folder
    return Location(path, root)


def _working_directory() -> str:
    try:
        return os.path.realpath(os.getcwd())
    except FileNotFoundError:
        raise StoreError("the working directory no longer exists; name a database by path or HSTORE_DB") from None


def _upward(directory: str) -> list[str]:
    found = [directory]
    while os.path.dirname(directory) != directory:
        directory = os.path.dirname(directory)
        found.append(directory)
    return found


def _nearest_folder(here: str, settings: Settings) -> str | None:
    for directory in _upward(here):
        folder = os.path.join(directory, FOLDER)
        # The fallback's own folder in the home is a project only if somebody made it one.
        if directory == settings.home and not os.path.exists(os.path.join(folder, FILE)):
            continue
        if _is_ours(folder, stat.S_ISDIR):
            return folder
    return None


def _is_ours(path: str, kind: Callable[[int], bool]) -> bool:
    """Say whether `path` is of a kind and this user's: another's, say in /tmp, could be a trap for our output."""
    try:
        named, found = os.lstat(path), os.stat(path)
    except OSError:
        return False
    if not kind(found.st_mode):
        return False
    return not hasattr(os, "geteuid") or all(os.geteuid() in (0, owner) for owner in (named.st_uid, found.st_uid))


def _repository(here: str) -> str | None:
    for directory in _upward(here):
        if os.path.exists(os.path.join(directory, ".git")):
            return directory
    return None


def _fallback(root: str, settings: Settings) -> Location:
    if settings.home is None:
        raise StoreError(
            "no database: this is no writable repository and there is no home directory;"
            " name one by path, HSTORE_DB or --db"
        )
    from hashlib import sha256

    name = sha256(os.fsencode(root)).hexdigest()[:32]
    return Location(os.path.join(settings.home, FOLDER, "projects", name + ".db"), root)
