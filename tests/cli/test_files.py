"""`hstore files`: scan a folder, list what is tracked."""

from __future__ import annotations

import os

import pytest

from hstore.models.files import ScanReport, TrackedFile


@pytest.fixture
def folder(tmp_path):
    """A folder with two files."""
    made = tmp_path / "folder"
    made.mkdir()
    (made / "a.py").write_text("a")
    (made / "b\x1b[31m.md").write_text("b")
    return made


def test_scan_has_the_documented_shape_and_says_what_changed(hstore, folder):
    """New at first, then changed and gone; a relative folder is that of the working directory."""
    found = hstore.json("files", "scan", "folder")
    assert found.keys() == set(ScanReport._fields)
    assert (found["added"], found["paths"]["added"][0]) == (2, str(folder / "a.py"))
    (folder / "a.py").write_text("changed")
    (folder / "b\x1b[31m.md").unlink()
    done = hstore("files", "scan", str(folder))
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"~ {folder}/a.py"
    assert lines[1].startswith(f"- {folder}/b")
    assert "\x1b" not in done.stdout.decode()
    assert lines[2] == "0 added, 1 changed, 0 returned, 1 missing, 0 unchanged; 1 read"


def test_patterns_and_verification(hstore, folder):
    """Only what fits is looked at; every such file is read."""
    assert hstore.json("files", "scan", str(folder), "--pattern", "*.py")["added"] == 1
    found = hstore.json("files", "scan", str(folder), "--pattern", "*.py", "--pattern", "*.md", "--verify")
    assert (found["added"], found["unchanged"], found["read"]) == (1, 1, 2)


def test_what_cannot_be_read_is_said_and_gives_one(hstore, folder):
    """On stderr, after what was found; the rest is tracked."""
    os.mkdir(folder / "deep")
    here = os.open(folder / "deep", os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    done = hstore("files", "scan", str(folder))
    assert done.returncode == 1
    assert b"File name too long" in done.stderr
    assert done.stdout.decode().splitlines()[-1].startswith("2 added")


def test_unknown_folder_is_refused(hstore, tmp_path):
    """With 2, and what is wrong."""
    done = hstore("files", "scan", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert b"folder: there is no such folder" in done.stderr


def test_list_has_the_documented_shape(hstore, folder):
    """By type, status and whether it is gone; a table for people."""
    hstore.json("files", "scan", str(folder))
    found = hstore.json("files", "list")
    assert len(found) == 2
    assert all(each.keys() == set(TrackedFile._fields) for each in found)
    assert [each["name"] for each in hstore.json("files", "list", "--type", "py")] == ["a.py"]
    assert len(hstore.json("files", "list", "--status", "pending", "--since", "1h")) == 2
    assert hstore.json("files", "list", "--status", "failed") == []
    (folder / "a.py").unlink()
    hstore("files", "scan", str(folder))
    assert [each["name"] for each in hstore.json("files", "list", "--missing")] == ["a.py"]
    table = hstore("files", "list").stdout.decode()
    assert "missing" in table
    assert "\x1b" not in table
