"""`hstore completion`: what bash, zsh and fish need to complete the program's words, made from its own grammar."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli.grammar import Command, argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hstore.cli.output import Output

PROGRAMS = ("hstore", "heimdal")


class CompletionOptions(NamedTuple):
    """`completion`."""

    shell: str


class Node(NamedTuple):
    """A place in the grammar: the `words` that lead there, and what may follow."""

    words: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    choices: tuple[str, ...]


def completion(options: CompletionOptions, output: Output) -> int:
    """Print the script."""
    from hstore.cli.program import parser

    nodes = list(_nodes(parser(), ()))
    output.write(_SHELLS[options.shell](nodes).encode())
    return 0


def _nodes(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[Node]:
    """The grammar as a list, each place before those below it."""
    below: dict[str, argparse.ArgumentParser] = {}
    summaries: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    choices: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below = dict(action.choices)
            summaries = [(each.dest, _plain(each.help)) for each in action._choices_actions]
        elif action.option_strings:
            options += [(option, _plain(action.help)) for option in action.option_strings]
        elif action.choices is not None:
            choices += [str(choice) for choice in action.choices]
    yield Node(words, tuple(summaries), tuple(options), tuple(choices))
    for name, each in below.items():
        yield from _nodes(each, (*words, name))


def _plain(text: Any) -> str:
    """A summary that can stand in single quotes in every shell."""
    return str(text or "").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").replace("\\", "/")


def _bash(nodes: list[Node]) -> str:
    cases = "\n".join(f'        "{" ".join(node.words)}") echo "{_words(node)}" ;;' for node in nodes)
    return f"""\
# bash completion for hstore; use it with:  source <(hstore completion bash)
_hstore_words() {{
    case "$1" in
{cases}
    esac
}}
_hstore() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" place="" word index
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="${{COMP_WORDS[index]}}"
        if [[ $word == --db ]]; then
            ((index++))
            continue
        fi
        if [[ $place == run && $word != -* ]]; then
            COMPREPLY=($(compgen -f -- "$current"))
            return
        fi
        if [[ -n $(_hstore_words "${{place:+$place }}$word") ]]; then
            place="${{place:+$place }}$word"
        fi
    done
    if [[ ${{COMP_WORDS[COMP_CWORD - 1]}} == --db ]]; then
        COMPREPLY=($(compgen -f -- "$current"))
    elif [[ $place == run && $current != -* ]]; then
        COMPREPLY=($(compgen -c -- "$current"))
    else
        COMPREPLY=($(compgen -W "$(_hstore_words "$place")" -- "$current"))
    fi
}}
complete -o filenames -F _hstore {" ".join(PROGRAMS)}
"""


def _words(node: Node) -> str:
    return " ".join([*(name for name, _ in node.commands), *node.choices, *(option for option, _ in node.options)])


def _zsh(nodes: list[Node]) -> str:
    cases = "\n".join(f"        '{' '.join(node.words)}') words_here=({_described(node)}) ;;" for node in nodes)
    return f"""\
#compdef {" ".join(PROGRAMS)}
# zsh completion for hstore; use it with:  source <(hstore completion zsh)
_hstore_place() {{
    words_here=()
    case "$1" in
{cases}
    esac
}}
_hstore() {{
    local place='' word index
    local -a words_here
    for ((index = 2; index < CURRENT; index++)); do
        word="${{words[index]}}"
        if [[ $word == --db ]]; then
            ((index++))
            continue
        fi
        if [[ $place == run && $word != -* ]]; then
            shift $((index - 1)) words
            ((CURRENT -= index - 1))
            _normal
            return
        fi
        _hstore_place "${{place:+$place }}$word"
        if (( ${{#words_here}} )); then
            place="${{place:+$place }}$word"
        fi
    done
    if [[ ${{words[CURRENT - 1]}} == --db ]]; then
        _files
    elif [[ $place == run && ${{words[CURRENT]}} != -* ]]; then
        _command_names
    else
        _hstore_place "$place"
        _describe 'hstore' words_here
    fi
}}
compdef _hstore {" ".join(PROGRAMS)}
"""


def _described(node: Node) -> str:
    pairs = [*node.commands, *((choice, "") for choice in node.choices), *node.options]
    return " ".join(f"'{name}:{text.replace(':', ' -')}'" for name, text in pairs)


def _fish(nodes: list[Node]) -> str:
    lines = [
        "# fish completion for hstore; use it with:  hstore completion fish | source",
        "function __hstore_plain",
        "    set -l words (commandline -opc)",
        "    set -e words[1]",
        "    if test (count $words) -ge 2; and test $words[1] = --db",
        "        set -e words[1..2]",
        "    end",
        "    string match -v -- '-*' $words",
        "end",
        "function __hstore_at",
        "    set -l plain (__hstore_plain)",
        '    test "$plain" = "$argv"',
        "end",
        "function __hstore_in",
        "    set -l plain (__hstore_plain)",
        "    test (count $plain) -ge (count $argv); or return 1",
        '    test "$plain[1..$(count $argv)]" = "$argv"',
        "end",
    ]
    for program in PROGRAMS:
        lines.append(f"complete -c {program} -l db -r -F -d 'the database'")
        for node in nodes:
            lines += _fish_lines(program, node)
    return "\n".join(lines) + "\n"


def _fish_lines(program: str, node: Node) -> Iterator[str]:
    test = "__hstore_at" if node.commands else "__hstore_in"
    start = f"complete -c {program} -n '{' '.join((test, *node.words))}'"
    if node.commands or node.choices:
        yield f"{start} -f"
    for name, text in (*node.commands, *((choice, "") for choice in node.choices)):
        yield f"{start} -a {name} -d '{text}'"
    for option, text in node.options:
        if option != "--db":
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            yield f"{start} {flag} -d '{text}'"
    if node.words == ("run",):
        yield f"{start} -a '(__fish_complete_subcommand --fcs-skip=2)'"


_SHELLS = {"bash": _bash, "fish": _fish, "zsh": _zsh}

COMMAND = Command(
    "completion",
    "print the completion script of a shell",
    CompletionOptions,
    completion,
    (argument("shell", choices=tuple(sorted(_SHELLS)), help="the shell"),),
    examples=(
        ("source <(hstore completion bash)", "in ~/.bashrc"),
        ("source <(hstore completion zsh)", "in ~/.zshrc, behind compinit"),
        ("hstore completion fish | source", "in ~/.config/fish/config.fish"),
    ),
)
