"""docs/hosts.md is true: every test, table, column, verb and command that it names is there; no table is forgotten."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from pathlib import Path

import pytest

import hstore.errors
from hstore import Store
from hstore.cli.program import parser

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "hosts.md"
HOSTS = ("Heimdall", "Durandal", "Orion", "Phase 2", "homeagent")

ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")


def test_everything_that_the_document_names_exists(store: Store) -> None:
    """Each row names something that is here and a test that is here, or says that it is not yet or not kept."""
    assert problems(DOCUMENT.read_text(), store) == []


def test_every_table_and_view_is_spoken_of(store: Store) -> None:
    """No part of the schema is without a host that needs it, or a word on why it is there."""
    text = DOCUMENT.read_text()
    assert [name for name in columns_of(store) if f"`{name}`" not in text and f"`{name}." not in text] == []


def test_each_host_has_its_tables() -> None:
    """Five sections, and none is a mere beginning."""
    sections = re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]
    rows = {section.splitlines()[0]: len(rows_of(section)) for section in sections}
    assert [host for host in HOSTS if rows.get(host, 0) < 15] == []


@pytest.mark.parametrize(
    ("here", "proof"),
    [
        ("`store.runs.get`", "`tests/integration/test_runs.py::test_nobody_wrote`"),
        ("`store.runs.get`", "`tests/integration/test_nothing.py::test_unknown_session_is_refused`"),
        ("`store.runs.get`", "tried by hand"),
        ("`store.runs.get`", "not yet"),
        ("`store.runs.fetch`", "{there}"),
        ("`store.races.get`", "{there}"),
        ("`runs.colour`", "{there}"),
        ("`races`", "{there}"),
        ("`hstore fly`", "{there}"),
        ("`hstore log list --sideways`", "{there}"),
        ("`hstore project`", "{there}"),
        ("`docs/nothing.md`", "{there}"),
        ("`HSTORE_NOTHING`", "{there}"),
        ("something", "{there}"),
    ],
)
def test_a_wrong_row_is_found(store: Store, here: str, proof: str) -> None:
    """The check can fail: one wrong name in an otherwise right row, and a row without anything."""
    proof = proof.format(there="`tests/integration/test_runs.py::test_unknown_session_is_refused`")
    assert len(problems(f"| theirs | {here} | {proof} |", store)) == 1


def test_right_rows_are_accepted(store: Store) -> None:
    """Every kind of thing that a row may name."""
    here = "`Store.open`, `store.batch`, `store.runs.get`, `runs`, `runs.app`, `runs_app`, `hstore log list --json`, "
    here += "`HSTORE_DB`, `docs/masking.md`, `NotFound`, `productivity_summary`"
    proof = "`tests/integration/test_runs.py::test_unknown_session_is_refused`"
    rows = [f"| theirs | {here} | {proof} |", "| theirs | export | not yet: a later part |"]
    assert problems("\n".join(rows), store) == []


def rows_of(text: str) -> list[tuple[str, str, str]]:
    """The rows of all tables, without their heads."""
    return [row for row in ROW.findall(text) if not row[2].startswith("---") and row[2] != "proof"]


def problems(text: str, store: Store) -> list[str]:
    """What is wrong in the rows of a document."""
    found = []
    for theirs, here, proof in rows_of(text):
        wrong = [name for name in SPAN.findall(here) if not is_here(name, store)]
        absent = re.match(r"not (yet|kept): \w", proof)
        wrong += [name for name in SPAN.findall(proof) if name not in existing_tests() and not absent]
        if not absent and not (SPAN.search(here) and SPAN.search(proof)):
            wrong.append("nothing that could be checked")
        found += [f"{theirs}: {name}" for name in wrong]
    return found


def is_here(name: str, store: Store) -> bool:
    """Whether a name of the document is one of this project's."""
    if name.startswith("hstore "):
        return is_command(name.split()[1:])
    if name.startswith(("store.", "Store.")):
        return is_verb(name.split(".")[1:], store)
    if "/" in name:
        return (ROOT / name).exists()
    if name.isupper():
        return f'"{name}"' in (ROOT / "src" / "hstore" / "config.py").read_text()
    if hasattr(hstore.errors, name):
        return True
    table, _, column = name.partition(".")
    columns = columns_of(store)
    return column in columns.get(table, ()) if column else table in columns or table in indexes_of(store)


def is_verb(names: list[str], store: Store) -> bool:
    """Whether a store has a verb or property, or a noun with it; a noun alone is none."""
    thing: object = store
    for name in names:
        if name.startswith("_") or not hasattr(thing, name):
            return False
        owner, thing = thing, getattr(thing, name)
    return callable(thing) or isinstance(getattr(type(owner), names[-1], None), property)


def is_command(words: list[str]) -> bool:
    """Whether the command line knows a command, by all of its words, and the options shown with it."""
    at: argparse.ArgumentParser = parser()
    for word in words:
        below = next((action for action in at._actions if isinstance(action, argparse._SubParsersAction)), None)
        if word.startswith("-"):
            if word not in at._option_string_actions:
                return False
        elif below is not None:
            if word not in below.choices:
                return False
            at = below.choices[word]
        elif not word.isupper():  # what stands for a word of the user's
            return False
    return at._defaults.get("command") is not None


def columns_of(store: Store) -> dict[str, tuple[str, ...]]:
    """Tables and views with their columns."""
    names = store.query("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'")
    return {name: store.query(f"SELECT * FROM {name} LIMIT 0").columns for (name,) in names}


def indexes_of(store: Store) -> set[str]:
    """Names of indexes and triggers."""
    return {name for (name,) in store.query("SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger')")}


@cache
def existing_tests() -> frozenset[str]:
    """Every test as pytest names it, without parameters."""
    return frozenset(
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in names_of_tests(ast.parse(path.read_text()).body)
    )


def names_of_tests(body: list[ast.stmt], prefix: str = "") -> list[str]:
    """Tests in a module or class."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.append(prefix + node.name)
        elif isinstance(node, ast.ClassDef):
            found += names_of_tests(node.body, f"{node.name}::")
    return found
