"""`hstore connections`: databases that a host knows how to reach."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli.formats import plain, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.opening import existing, readable, writable
from hstore.errors import InvalidInput

if TYPE_CHECKING:
    from hstore.cli.output import Output
    from hstore.models.connections import SavedConnection

TYPES = ("sqlite", "postgresql", "mysql", "sqlserver")
AUTHS = ("sql", "windows", "certificate")


class AddOptions(NamedTuple):
    """`connections add`."""

    db: str | None
    name: str
    type: str
    database: str
    host: str | None
    port: int | None
    username: str | None
    ask_password: bool
    auth: str
    ssl: str | None
    options: str | None


class ListOptions(NamedTuple):
    """`connections list`."""

    db: str | None
    type: str | None
    active: bool | None
    limit: int
    after: int | None
    json: bool


class RemoveOptions(NamedTuple):
    """`connections remove`."""

    db: str | None
    name: str


def add(options: AddOptions, output: Output) -> int:
    """Save a connection."""
    ssl, more = _object("--ssl", options.ssl), _object("--options", options.options)
    password = _password() if options.ask_password else None
    with writable(options.db) as store:
        store.connections.save(
            options.name,
            options.type,
            options.database,
            host=options.host,
            port=options.port,
            username=options.username,
            password=password,
            auth=options.auth,
            ssl=ssl,
            options=more,
        )
    return 0


def list_connections(options: ListOptions, output: Output) -> int:
    """List connections."""
    with readable(options.db) as store:
        found = store.connections.list(
            type=options.type, active=options.active, limit=options.limit, after=options.after
        )
    if options.json:
        output.json(plain(found))
        return 0
    rows = [
        [
            str(each.id),
            each.name,
            each.type,
            "yes" if each.active else "no",
            "sealed" if each.has_password else "",
            time_text(each.last_connected_at),
            _place(each),
            each.last_error or "",
        ]
        for each in found
    ]
    output.table(("ID", "NAME", "TYPE", "ACTIVE", "PASSWORD", "LAST CONNECTED", "PLACE", "LAST ERROR"), rows)
    return 0


def remove(options: RemoveOptions, output: Output) -> int:
    """Delete a connection."""
    with existing(options.db) as store:
        store.connections.delete(options.name)
    return 0


def _place(connection: SavedConnection) -> str:
    user = f"{connection.username}@" if connection.username else ""
    port = f":{connection.port}" if connection.port else ""
    return f"{user}{connection.host or ''}{port}{'/' if connection.host else ''}{connection.database}"


def _password() -> str:
    """Typed unseen on a terminal, else all of standard input without a last line end."""
    if sys.stdin is None:
        raise InvalidInput("connections add: standard input is closed, so no password can be read")
    try:
        found = _typed() if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("connections add: the password on standard input is not UTF-8 text") from None
    password = found.removesuffix("\n").removesuffix("\r")
    if not password:
        raise InvalidInput("connections add: the password is empty; leave --ask-password out where there is none")
    return password


def _typed() -> str:
    from getpass import getpass

    try:
        return getpass("Password: ", sys.stderr)
    except EOFError:
        return ""


def _object(option: str, text: str | None) -> Any:
    import json

    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(f"connections add: {option} is not JSON") from None


GROUP = Group(
    "connections",
    "saved connections to databases",
    (
        Command(
            "add",
            "save a connection",
            AddOptions,
            add,
            (
                argument("name", metavar="NAME", help="a name of your own"),
                argument("type", metavar="TYPE", choices=TYPES, help=", ".join(TYPES)),
                argument("database", metavar="DATABASE", help="its name; for sqlite the path of its file"),
                argument("--host", help="where its server is"),
                argument("--port", type=int, help="where it listens"),
                argument("--username", metavar="USER", help="for whom"),
                argument(
                    "--ask-password",
                    action="store_true",
                    help="ask for a password, or read it from standard input where that is no terminal",
                ),
                argument("--auth", choices=AUTHS, default="sql", help="the kind of authentication (default: sql)"),
                argument("--ssl", metavar="JSON", help="how it is encrypted, as a JSON object"),
                argument("--options", metavar="JSON", help="more for its driver, as a JSON object"),
            ),
            "The password is sealed with the key in HSTORE_KEY, or the one in the system's keyring (see `hstore key"
            " new`). Everything else is masked, as what is stored always is: a password in a URL is lost.",
            (
                ("hstore connections add shop postgresql shop --host db1 --username ann --ask-password", ""),
                ("pass show shop | hstore connections add shop postgresql shop --host db1 --ask-password", ""),
                ("hstore connections add local sqlite data/app.db", "a file"),
            ),
        ),
        Command(
            "list",
            "list connections, newest first",
            ListOptions,
            list_connections,
            (
                argument("--type", choices=TYPES, help="only these"),
                argument(
                    "--active", action="store_const", const=True, default=None, help="only those that are to be used"
                ),
                limit(100),
                AFTER,
                JSON,
            ),
            examples=(("hstore connections list --type postgresql", "all of one type"),),
        ),
        Command(
            "remove",
            "delete a connection, with what is cached of its schema",
            RemoveOptions,
            remove,
            (argument("name", metavar="NAME", help="its name"),),
            "Exit code 3: there is none of that name.",
            (("hstore connections remove shop", ""),),
        ),
    ),
)
