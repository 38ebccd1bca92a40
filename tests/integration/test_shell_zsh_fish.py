"""What a person has set up in zsh and fish goes on working with `hstore init`."""

from __future__ import annotations

import shutil
import sys

import pytest

from shells import Typist, lines, recorded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shells are watched through /proc here")
has_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
has_fish = pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")


@pytest.fixture
def typist(terminal, environment, tmp_path):
    """Starts a shell whose commands are recorded: `typist("zsh", before=…, after=…)`."""

    def start(shell, **options):
        return Typist(terminal, environment, tmp_path, shell, **options)

    return start


def at(tmp_path):
    return tmp_path / "project.db"


@has_zsh
@pytest.mark.parametrize("where", ["before", "after"])
def test_hooks_of_zsh_are_kept(typist, tmp_path, where):
    """Functions `precmd` and `preexec`, and those of the arrays, find the command, `$?` and pipestatus."""
    hooks = (
        "precmd() { print -r -- 'own' $? $pipestatus }\n"
        "second() { print -r -- 'array' $? $pipestatus }\n"
        'preexec() { print -r -- "runs $1" }\n'
        "precmd_functions+=(second)\n"
    )
    person = typist("zsh", **{where: hooks})
    person.enter("false | true | sh -c 'exit 3'")
    person.enter("echo one")
    seen = person.leave()
    for each in ("own 3 1 0 3", "array 3 1 0 3", "runs echo one", "own 0 0"):
        assert each in seen
    assert [run.exit_code for run in recorded(at(tmp_path))][:2] == [3, 0]


@has_zsh
@pytest.mark.parametrize(
    "option",
    [
        *("nounset", "ksharrays", "shwordsplit", "noclobber", "extendedglob", "globsubst", "warncreateglobal"),
        *("histignorespace", "histignorealldups", "histreduceblanks", "nomultios", "posixbuiltins", "rcquotes"),
    ],
)
def test_options_of_zsh_do_no_harm(typist, tmp_path, option):
    """Options that change the language or the history neither print anything nor change what is recorded."""
    person = typist("zsh", before=f"HISTSIZE=100 SAVEHIST=100; setopt {option}\n")
    for line in ("echo one", "", " echo hidden", "echo one", "echo hidden )", "echo 'two three'"):
        person.enter(line)
    seen = person.leave()
    assert "hstore" not in seen
    assert [line for line in lines(at(tmp_path)) if line.startswith("echo")] == [
        "echo one",
        "echo one",
        "echo 'two three'",
    ]


@has_zsh
def test_history_of_zsh_is_as_it_would_be(typist, tmp_path):
    """What the person's own zshaddhistory keeps out of the history is recorded all the same, and stays out."""
    person = typist("zsh", before="HISTSIZE=100; zshaddhistory() { [[ $1 != *secretly* ]] }\n")
    person.enter("echo secretly")
    person.enter("echo   openly")
    person.enter(f"fc -l 1 >{tmp_path}/history")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["echo secretly", "echo   openly"]
    assert "secretly" not in (tmp_path / "history").read_text()
    assert "echo   openly" in (tmp_path / "history").read_text()


@has_zsh
def test_zsh_with_errexit_lives_on(typist, tmp_path):
    """With `setopt errexit` nothing of ours ends the shell."""
    person = typist("zsh")
    for line in ("setopt errexit", "echo one", "", "true && echo two"):
        person.enter(line)
    person.leave()
    assert lines(at(tmp_path))[:3] == ["setopt errexit", "echo one", "true && echo two"]


@has_fish
def test_hooks_of_fish_are_kept(typist, tmp_path):
    """Handlers of the same events, and the prompt, find the status and the pipe's."""
    handlers = (
        "function own_postexec --on-event fish_postexec\n    echo own $status $pipestatus $argv\nend\n"
        'function fish_right_prompt\n    echo "right-$status-$pipestatus"\nend\n'
    )
    person = typist("fish", after=handlers)
    person.enter("false | true | sh -c 'exit 3'")
    person.enter("echo one")
    seen = person.leave()
    assert "own 3 1 0 3 false | true | sh -c 'exit 3'" in seen
    assert "own 0 0 echo one" in seen
    assert [run.exit_code for run in recorded(at(tmp_path))][:2] == [3, 0]


@has_fish
def test_private_mode_of_fish(typist, tmp_path):
    """While fish is told to be private, nothing is recorded."""
    person = typist("fish")
    for line in ("echo one", "set -g fish_private_mode 1", "echo hidden", "set -e fish_private_mode", "echo two"):
        person.enter(line)
    person.leave()
    assert [line for line in lines(at(tmp_path)) if line.startswith("echo")] == ["echo one", "echo two"]


@has_fish
def test_fish_records_its_end(typist, tmp_path):
    """In fish even `exit` is seen."""
    person = typist("fish")
    person.enter("echo one")
    person.leave()
    assert lines(at(tmp_path)) == ["echo one", "exit"]
