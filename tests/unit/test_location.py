"""Which database is meant."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hstore.config import settings
from hstore.errors import InvalidInput
from hstore.location import locate

posix_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="needs root to give a folder to another user"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a folder inside, where the test stands."""
    inside = tmp_path / "repository" / "a" / "b"
    inside.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    monkeypatch.chdir(inside)
    return tmp_path / "repository"


def test_named_path_wins_over_environment_and_search(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, then HSTORE_DB, then the search."""
    monkeypatch.setenv("HSTORE_DB", str(project / "environment.db"))
    assert locate(project / "argument.db", settings()).path == str(project / "argument.db")
    assert locate(None, settings()).path == str(project / "environment.db")


def test_nearest_folder_upward_else_the_repositorys_root(project: Path) -> None:
    """A `.heimdall` on the way up is taken; without one it will be made in the repository's root."""
    assert locate(None, settings()).path == str(project / ".heimdall" / "project.db")
    (project / "a" / ".heimdall").mkdir()
    found = locate(None, settings())
    assert (found.path, found.root) == (str(project / "a" / ".heimdall" / "project.db"), str(project / "a"))


def test_without_a_repository_it_lies_in_the_home_by_the_roots_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each directory has one of its own; the folder of these in the home is not taken for a project."""
    home = Path(os.environ["HOME"])
    places = set()
    for name in ("one", "two"):
        (home / name).mkdir()
        (home / ".heimdall" / "projects").mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(home / name)
        place = locate(None, settings())
        assert Path(place.path).parent == home / ".heimdall" / "projects"
        assert place.root == str(home / name)
        places.add(place.path)
    assert len(places) == 2
    (home / ".heimdall" / "project.db").touch()
    assert locate(None, settings()).path == str(home / ".heimdall" / "project.db")


@posix_root
def test_folder_of_another_user_is_not_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.heimdall` that somebody else put on the way up would collect our output."""
    trap = project / "a" / ".heimdall"
    trap.mkdir()
    os.chown(trap, 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert locate(None, settings()).path != str(trap / "project.db")
    link = project / "a" / "b" / ".heimdall"
    link.symlink_to(project)
    assert not locate(None, settings()).path.startswith(str(project / "a" / "b"))


def test_links_lead_to_the_same_place(project: Path, tmp_path: Path) -> None:
    """A database is known by its real path, so its WAL is looked for beside the file and not beside a link."""
    (tmp_path / "link").symlink_to(project)
    (project / "real.db").touch()
    (project / "link.db").symlink_to(project / "real.db")
    assert locate(tmp_path / "link" / "link.db", settings()).path == str(project / "real.db")


@pytest.mark.parametrize("path", [5, b"bytes", "", "a\0b", ":memory:", "\ud800.db", 1.5, ["x"]])
def test_what_is_no_path_is_refused(path: object) -> None:
    """A clear error, never a TypeError or UnicodeEncodeError."""
    with pytest.raises(InvalidInput, match="path"):
        locate(path, settings())
