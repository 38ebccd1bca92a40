"""The words that options take are those that the store takes: written twice, so that a command imports no domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from hstore.cli.grammar import Argument, Command, Group
from hstore.cli.program import ENTRIES
from hstore.domains import connections, files, memory, runs, schemas
from hstore.domains.audit import noun as audit
from hstore.domains.devices import noun as devices
from hstore.domains.devices import rows

TAKEN = {
    "log list --status": runs.noun.STATUSES,
    **{f"{verb} --scope": memory.SCOPES for verb in ("remember", "recall", "forget", "memory list", "memory history")},
    "audit list --level": audit.LEVELS,
    "devices list --role": rows.ROLES,
    "devices list --status": devices.STATUSES,
    "files list --status": files.noun.STATUSES,
    "connections add type": connections.TYPES,
    "connections add --auth": connections.AUTHS,
    "connections list --type": connections.TYPES,
    "schemas list --kind": schemas.KINDS,
}
OF_THE_COMMAND_LINE = {"init shell", "completion shell"}


def with_choices(entries: Sequence[Command | Group], before: str = "") -> Iterator[tuple[str, Argument]]:
    """Every argument that takes one of several words, by its command and its name."""
    for entry in entries:
        words = f"{before}{entry.name} "
        if isinstance(entry, Group):
            yield from with_choices(entry.commands, words)
            yield from with_choices([entry.alone] if entry.alone else [], before)
        else:
            for each in entry.arguments:
                if "choices" in each.settings:
                    yield words + each.flags[0], each


@pytest.mark.parametrize(("place", "option"), list(with_choices(ENTRIES)))
def test_option_takes_what_the_store_takes(place: str, option: Argument) -> None:
    """No word more and none less; an option that is not known here is to be added."""
    assert place in OF_THE_COMMAND_LINE or tuple(option.settings["choices"]) == TAKEN[place]


def test_every_option_known_here_is_there() -> None:
    """So that none of them goes unlooked at."""
    assert {place for place, _ in with_choices(ENTRIES)} == TAKEN.keys() | OF_THE_COMMAND_LINE
