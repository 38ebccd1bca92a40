"""What the chain over the audit log comes back as: its head, and what a look at all of it found."""

from __future__ import annotations

from typing import NamedTuple


class ChainHead(NamedTuple):
    """The last line of the chain and its hash, in hex; kept elsewhere, it proves all lines up to that one."""

    line: int
    hash: str


class ChainProblem(NamedTuple):
    """Lines `first` to `last` of the audit log that are not as they were written.

    `kind` is changed, removed, inserted, moved, record (what the file says of the chain itself), or head (the hash that
    was kept elsewhere is not there).
    """

    kind: str
    first: int
    last: int
    message: str


class ChainReport(NamedTuple):
    """What a look at the chain found; `ok` where there is none, too: `chained` tells.

    `lines` were looked at, from `first` to `last`; `head` is the last one's hash, in hex. `known_line` is the line that
    has the hash that was asked for. `problems` are the first hundred of `problem_count`.
    """

    ok: bool
    chained: bool
    first: int | None
    last: int | None
    head: str | None
    lines: int
    known_line: int | None
    problems: tuple[ChainProblem, ...]
    problem_count: int
