"""`hstore key`: the keys that passwords and sensitive settings are sealed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.grammar import JSON, Command, Group, argument
from hstore.cli.opening import existing, writable

if TYPE_CHECKING:
    from hstore.cli.output import Output


class NewOptions(NamedTuple):
    """`key new`."""

    db: str | None
    keyring: bool


class ResealOptions(NamedTuple):
    """`key reseal`."""

    db: str | None
    json: bool


def new(options: NewOptions, output: Output) -> int:
    """Print a key, or put it into the keyring."""
    from hstore.sealing import Sealing, new_key

    if not options.keyring:
        output.line(new_key())
        return 0
    with writable(options.db) as store:
        Sealing((), lambda: store.store_id, lambda keys: None).keep_new(store.batch)
    return 0


def reseal(options: ResealOptions, output: Output) -> int:
    """Seal everything with the first key."""
    with existing(options.db) as store, store.batch():
        counts = {
            "connections": store.connections.reseal(),
            "preferences": store.preferences.reseal(),
            "config": store.config.reseal(),
        }
    if options.json:
        output.json(counts)
    else:
        output.table(("SEALED IN", "VALUES"), [[name, str(count)] for name, count in counts.items()])
    return 0


GROUP = Group(
    "key",
    "keys for passwords and sensitive settings",
    (
        Command(
            "new",
            "make a key",
            NewOptions,
            new,
            (
                argument(
                    "--keyring",
                    action="store_true",
                    help="keep it in the system's keyring, for this database, before the keys that are there",
                ),
            ),
            "Without --keyring it is printed: put it into HSTORE_KEY, and keep a copy. What was sealed with a lost key"
            " is lost.",
            (
                ("export HSTORE_KEY=$(hstore key new)", "a key for this shell"),
                ("hstore key new --keyring", "one in the keyring"),
            ),
        ),
        Command(
            "reseal",
            "seal everything that is sealed with the first key",
            ResealOptions,
            reseal,
            (JSON,),
            "All or nothing, in one transaction. To change keys, put the new one before the old one in HSTORE_KEY,"
            " joined by a comma; reseal; and take the old one away.",
            (("HSTORE_KEY=$new,$old hstore key reseal", "then $new alone opens all"),),
        ),
    ),
)
