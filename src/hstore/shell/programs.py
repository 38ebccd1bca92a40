"""Which program a typed line starts: a name for the list of runs, read as a shell would read the line's beginning."""

from __future__ import annotations

LONGEST = 128
"""Characters; what is longer is no program's name."""
_BLANK = " \t\n"
_ENDS = frozenset(" \t\n;|&<>()")
_OPENING = frozenset(("!", "{", "("))


def program_of(line: str, shell: str) -> str:
    """The name of the first program of a line (already masked); where there is none, that of the shell.

    Assignments before it are passed over, quotes and the folders of a path are taken off.
    """
    place = 0
    while True:
        word, place = _next_word(line, place)
        if not word:
            return shell
        if word not in _OPENING and not _is_assignment(word):
            break
    name = word.replace("\\", "").replace('"', "").replace("'", "")
    if not name.endswith("/"):
        name = name.rpartition("/")[2]
    return name if 0 < len(name) <= LONGEST else shell


def records_itself(line: str) -> bool:
    """Say whether a line is one `hstore run …` and nothing else: that records its command, with its output."""
    words = line.split()
    if not words or words[0].rpartition("/")[2] not in ("hstore", "heimdal"):
        return False
    if words[1:2] == ["--db"]:
        del words[1:3]
    elif len(words) > 1 and words[1].startswith("--db="):
        del words[1]
    return words[1:2] == ["run"] and not any(each in line for each in ";|&\n")


def _next_word(line: str, place: int) -> tuple[str, int]:
    while place < len(line) and line[place] in _BLANK:
        place += 1
    if line[place : place + 1] in _OPENING:
        return line[place], place + 1
    begin, quote = place, ""
    while place < len(line) and (quote or line[place] not in _ENDS):
        if line[place] == "\\" and quote != "'":
            place += 1
        elif quote:
            quote = "" if line[place] == quote else quote
        elif line[place] in "'\"":
            quote = line[place]
        place += 1
    return line[begin:place], place


def _is_assignment(word: str) -> bool:
    name, given, _ = word.partition("=")
    return bool(given) and name.rstrip("+").isidentifier()
