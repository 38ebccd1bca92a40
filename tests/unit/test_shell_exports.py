"""What a shell exports, read from the listing that the real shell prints."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstore.shell.exports import exports

LISTING = {"bash": ["bash", "--norc", "-c", "export -p"], "zsh": ["zsh", "-fc", "export -p"]}
LISTING["fish"] = ["fish", "--no-config", "-c", "set -xL"]
SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"), id=name)
    for name in LISTING
]
VALUES = {
    "SIMPLE": "value",
    "EMPTY": "",
    "BLANKS": "  two  words ",
    "QUOTES": 'it\'s "quoted" `so`',
    "DOLLARS": "$HOME \\ \\n %s",
    "SEVERAL": "first\nsecond\n",
    "LOOKALIKE": 'x\ndeclare -x OTHER="y"\nexport THIRD=z\nFOURTH w',
    "CONTROLS": "\x01\x1b[31m\t\x7f",
    "LETTERS": "\u00e9\u2603\U0001f600",
    "EQUALS": "a=b=c",
    "SIGNS": "~#!*?[]{}()<>|;&",
}


def listed(shell: str, environment: dict[str, str]) -> dict[str, str]:
    minimal = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(LISTING[shell], env={**minimal, **environment}, capture_output=True, check=True)
    return exports(done.stdout.decode("utf-8", "surrogateescape"), shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_listing_of_the_shell_is_read_back(shell: str) -> None:
    """Every value comes back as it was set, whatever is in it; nothing is taken for a variable that is none."""
    found = listed(shell, VALUES)
    assert {name: found.get(name) for name in VALUES} == VALUES
    assert {"OTHER", "THIRD", "FOURTH"} & set(found) == set()


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=15, deadline=None)
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_any_text_is_read_back(shell: str, value: str) -> None:
    """The same for texts that nobody thought of."""
    assert listed(shell, {"VALUE": value})["VALUE"] == value


@given(listing=st.text(), shell=st.sampled_from(list(LISTING)))
def test_no_listing_is_an_error(listing: str, shell: str) -> None:
    """What is no listing is passed over."""
    assert all(isinstance(value, str) for value in exports(listing, shell).values())


@pytest.mark.parametrize("flags", ["declare -x", "declare -rx", "declare -ix", "export", "export -i", "typeset -x"])
def test_variables_with_other_attributes(flags: str) -> None:
    """Read-only and whole numbers are exported too; what is declared without a value has none."""
    assert exports(f'{flags} NUMBER="5"\n{flags} NOTHING\n{flags} LAST="6"\n', "bash") == {"NUMBER": "5", "LAST": "6"}


def test_list_of_fish_is_joined() -> None:
    """A list is its words with blanks between them."""
    assert exports("WORDS 'a'  'b c'  'it's'\nNEXT x\n", "fish") == {"WORDS": "a b c it's", "NEXT": "x"}
