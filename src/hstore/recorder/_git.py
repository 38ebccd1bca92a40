"""The commit that a directory's repository has checked out, read from git's files without running git."""

from __future__ import annotations

import os

_LONGEST_LINE = 4096


def head_commit(directory: str) -> str | None:
    """The full hash of HEAD in the repository around `directory`; None outside of one or before a commit."""
    try:
        git_dir = _git_dir(directory)
        return None if git_dir is None else _resolve(git_dir)
    except (OSError, ValueError):
        return None  # a repository that cannot be read is not worth a word: the command matters


def _git_dir(directory: str) -> str | None:
    while True:
        candidate = os.path.join(directory, ".git")
        if os.path.isdir(candidate):
            return candidate
        if os.path.isfile(candidate):  # a worktree or a submodule
            return os.path.join(directory, _first_line(candidate).removeprefix("gitdir:").strip())
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _resolve(git_dir: str) -> str | None:
    head = _first_line(os.path.join(git_dir, "HEAD"))
    if not head.startswith("ref:"):
        return _hash(head)
    ref = head[len("ref:") :].strip()
    for folder in (git_dir, _shared_dir(git_dir)):
        loose = os.path.join(folder, ref)
        if os.path.isfile(loose):
            return _hash(_first_line(loose))
    return _packed(os.path.join(_shared_dir(git_dir), "packed-refs"), ref)


def _shared_dir(git_dir: str) -> str:
    """A worktree keeps its HEAD by itself and shares the branches."""
    pointer = os.path.join(git_dir, "commondir")
    return os.path.join(git_dir, _first_line(pointer)) if os.path.isfile(pointer) else git_dir


def _packed(path: str, ref: str) -> str | None:
    if not os.path.isfile(path):
        return None
    ending = f" {ref}".encode()
    with open(path, "rb") as lines:
        for line in lines:
            if line.rstrip().endswith(ending):
                return _hash(line.split(b" ", 1)[0].decode("ascii"))
    return None


def _first_line(path: str) -> str:
    with open(path, "rb") as file:
        return file.readline(_LONGEST_LINE).decode("utf-8").strip()


def _hash(text: str) -> str | None:
    """SHA-1 and SHA-256 repositories have 40 and 64 digits; anything else is not a commit."""
    return text if len(text) in (40, 64) and not text.strip("0123456789abcdef") else None
