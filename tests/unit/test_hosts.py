"""docs/hosts.md is true: every test, table, column, verb and command that it names is there; no table is forgotten."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hstore.errors
from hstore import Store
from hstore.cli.program import parser

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "hosts.md"
HOSTS = ("Heimdall", "Durandal", "Orion", "Phase 2", "homeagent")

LINE = re.compile(r"^\|.*", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")


class Project:
    """What a document may name: parts of the schema, verbs, commands, errors, settings, files, tests."""

    def __init__(self, store: Store) -> None:
        self.store = store
        names = store.query(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
        )
        self.columns = {name: store.query(f"SELECT * FROM {name} LIMIT 0").columns for (name,) in names}
        others = store.query("SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger')")
        self.others = {name for (name,) in others}
        self.settings = (ROOT / "src" / "hstore" / "config.py").read_text()
        self.parser = parser()
        self.tests = {
            f"{path.relative_to(ROOT).as_posix()}::{name}"
            for path in (ROOT / "tests").rglob("test_*.py")
            for name in names_of_tests(ast.parse(path.read_text()).body)
        }

    def has(self, name: str) -> bool:
        """Whether a name of the document is one of this project's."""
        if name.startswith("hstore "):
            return self.has_command(name.split()[1:])
        if name.startswith(("store.", "Store.")):
            return self.has_verb(name.split(".")[1:])
        if "/" in name:
            return (ROOT / name).exists()
        if name.isupper():
            return f'"{name}"' in self.settings
        table, _, column = name.partition(".")
        if column:
            return column in self.columns.get(table, ())
        return name in self.columns or name in self.others or hasattr(hstore.errors, name)

    def has_verb(self, names: list[str]) -> bool:
        """Whether a store has a verb or property, or a noun with it; a noun alone is none."""
        thing: object = self.store
        for name in names:
            if name.startswith("_") or not hasattr(thing, name):
                return False
            owner, thing = thing, getattr(thing, name)
        return callable(thing) or isinstance(getattr(type(owner), names[-1], None), property)

    def has_command(self, words: list[str]) -> bool:
        """Whether the command line knows a command, by all of its words, and the options shown with it."""
        at: argparse.ArgumentParser = self.parser
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


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """This project, with a new store."""
    with Store.open(tmp_path_factory.mktemp("store") / "project.db") as store:
        yield Project(store)


def test_everything_that_the_document_names_exists(project: Project) -> None:
    """Each row names something that is here and a test that is here, or says that it is not yet or not kept."""
    assert problems(DOCUMENT.read_text(), project) == []


def test_every_table_and_view_is_spoken_of(project: Project) -> None:
    """No part of the schema is without a host that needs it, or a word on why it is there."""
    text = DOCUMENT.read_text()
    assert [name for name in project.columns if f"`{name}`" not in text and f"`{name}." not in text] == []


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
        ("`store.runs.get` | and more", "{there}"),
    ],
)
def test_a_wrong_row_is_found(project: Project, here: str, proof: str) -> None:
    """The check can fail: one wrong name in an otherwise right row, and a row without anything."""
    proof = proof.format(there="`tests/integration/test_runs.py::test_unknown_session_is_refused`")
    assert len(problems(f"| theirs | {here} | {proof} |", project)) == 1


def test_right_rows_are_accepted(project: Project) -> None:
    """Every kind of thing that a row may name."""
    here = "`Store.open`, `store.batch`, `store.runs.get`, `runs`, `runs.app`, `runs_app`, `hstore log list --json`, "
    here += "`HSTORE_DB`, `docs/masking.md`, `NotFound`, `productivity_summary`"
    proof = "`tests/integration/test_runs.py::test_unknown_session_is_refused`"
    rows = [f"| theirs | {here} | {proof} |", "| theirs | export | not yet: a later part |"]
    assert problems("\n".join(rows), project) == []


def rows_of(text: str) -> list[list[str]]:
    """The rows of all tables as their cells, without their heads."""
    rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in LINE.findall(text)]
    return [row for row in rows if row != ["|---|---|---|"] and row[-1] != "proof"]


def problems(text: str, project: Project) -> list[str]:
    """What is wrong in the rows of a document."""
    found = []
    for row in rows_of(text):
        if len(row) != 3:
            found.append(f"{row[0]}: three cells, not {len(row)}")
            continue
        theirs, here, proof = row
        wrong = [name for name in SPAN.findall(here) if not project.has(name)]
        absent = re.match(r"not (yet|kept): \w", proof)
        wrong += [name for name in SPAN.findall(proof) if name not in project.tests and not absent]
        if not absent and not (SPAN.search(here) and SPAN.search(proof)):
            wrong.append("nothing that could be checked")
        found += [f"{theirs}: {name}" for name in wrong]
    return found


def names_of_tests(body: list[ast.stmt], prefix: str = "") -> list[str]:
    """Tests in a module or class."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.append(prefix + node.name)
        elif isinstance(node, ast.ClassDef):
            found += names_of_tests(node.body, f"{node.name}::")
    return found
