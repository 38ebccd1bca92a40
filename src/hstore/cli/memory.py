"""`hstore remember`, `recall`, `forget` and `memory`: small values that outlive a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from hstore.cli.escapes import json_safe
from hstore.cli.formats import plain, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.opening import existing, readable, writable
from hstore.cli.quantities import moment, resolved, span
from hstore.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from hstore.cli.output import Output

_MISSING = object()
SCOPES = ("global", "device", "session", "project")


class RememberOptions(NamedTuple):
    """`remember`."""

    db: str | None
    key: str
    value: str | None
    json: str | None  # empty: VALUE or standard input is JSON
    stdin: bool
    scope: str
    device: str | None
    session: str | None
    category: str | None
    tags: list[str]
    ttl: float | None


class RecallOptions(NamedTuple):
    """`recall`."""

    db: str | None
    key: str
    scope: str
    device: str | None
    session: str | None
    json: bool


class ForgetOptions(NamedTuple):
    """`forget`."""

    db: str | None
    key: str
    scope: str
    device: str | None
    session: str | None


class ListOptions(NamedTuple):
    """`memory list`."""

    db: str | None
    scope: str | None
    category: str | None
    tag: str | None
    device: str | None
    session: str | None
    since: datetime | float | None
    until: datetime | float | None
    limit: int
    after: int | None
    json: bool


class HistoryOptions(NamedTuple):
    """`memory history`."""

    db: str | None
    key: str
    scope: str
    device: str | None
    session: str | None
    limit: int
    after: int | None
    json: bool


def remember(options: RememberOptions, output: Output) -> int:
    """Keep a value under a key."""
    value = _value(options)
    with writable(options.db) as store:
        store.remember(
            options.key,
            value,
            scope=options.scope,
            device=options.device,
            session=options.session,
            category=options.category,
            tags=tuple(options.tags),
            ttl=options.ttl,
        )
    return 0


def _value(options: RememberOptions) -> Any:
    """The value from the words or from standard input, as text or as JSON."""
    words = [word for word in (options.value, options.json or None) if word is not None]
    if len(words) + options.stdin > 1:
        raise InvalidInput("remember: give one value: a VALUE, --json JSON, or --stdin")
    if words:
        text = words[0]
    elif options.stdin or options.json is not None:
        text = _standard_input()
    else:
        raise InvalidInput("remember: give a VALUE, or --stdin to read it from standard input")
    return text if options.json is None else _from_json(text)


def _standard_input() -> str:
    """All of standard input, without the line end that `echo` adds."""
    if sys.stdin is None:
        raise InvalidInput("remember: standard input is closed")
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidInput("remember: standard input is not UTF-8 text; a value is text or JSON") from None


def _from_json(text: str) -> Any:
    import json

    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"remember: the value is not JSON: {_without_text(error)}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _without_text(error: Exception) -> str:
    """The reason and the place; the value itself may be secret."""
    place = f" (character {error.pos + 1})" if hasattr(error, "pos") else ""
    return f"{getattr(error, 'msg', error)}{place}"


def recall(options: RecallOptions, output: Output) -> int:
    """Print a value: a text as it is, anything else as JSON."""
    with readable(options.db) as store:
        value = store.recall(options.key, _MISSING, scope=options.scope, device=options.device, session=options.session)
    if value is _MISSING:
        raise _unknown(options.scope)
    if options.json:
        output.json(value)
    elif isinstance(value, str):
        output.line(value)
    else:
        import json

        output.line(json_safe(json.dumps(value, ensure_ascii=False)))
    return 0


def forget(options: ForgetOptions, output: Output) -> int:
    """Delete a value."""
    with existing(options.db) as store:
        gone = store.forget(options.key, scope=options.scope, device=options.device, session=options.session)
    if not gone:
        raise _unknown(options.scope)
    return 0


def list_memory(options: ListOptions, output: Output) -> int:
    """List what is remembered."""
    with readable(options.db) as store:
        found = store.memory.list(
            scope=options.scope,
            category=options.category,
            tag=options.tag,
            device=options.device,
            session=options.session,
            since=resolved(options.since),
            until=resolved(options.until),
            limit=options.limit,
            after=options.after,
        )
    if options.json:
        output.json(plain(found))
        return 0
    import json

    rows = [
        [
            str(each.id),
            each.scope + (f" {each.owner}" if each.owner else ""),
            each.category or "",
            ",".join(each.tags),
            time_text(each.expires_at) or "never",
            each.key,
            json.dumps(each.value, ensure_ascii=False),
        ]
        for each in found
    ]
    output.table(("ID", "SCOPE", "CATEGORY", "TAGS", "EXPIRES", "KEY", "VALUE"), rows)
    return 0


def history(options: HistoryOptions, output: Output) -> int:
    """List what a key held before."""
    with readable(options.db) as store:
        found = store.memory.history(
            options.key,
            scope=options.scope,
            device=options.device,
            session=options.session,
            limit=options.limit,
            after=options.after,
        )
    if options.json:
        output.json(plain(found))
        return 0
    import json

    rows = [
        [
            str(past.version),
            time_text(past.held_from),
            time_text(past.held_until),
            past.category or "",
            ",".join(past.tags),
            json.dumps(past.value, ensure_ascii=False),
        ]
        for past in found
    ]
    output.table(("VERSION", "FROM", "UNTIL", "CATEGORY", "TAGS", "VALUE"), rows)
    return 0


def _unknown(scope: str) -> NotFound:
    """Without the key, since a message holds no value that could be secret."""
    return NotFound(f"memory: nothing is remembered under that key in scope {scope}; see `hstore memory list`")


_OWNER = (
    argument("--device", metavar="ID", help="whose value it is, for --scope device"),
    argument("--session", metavar="KEY", help="whose value it is, for --scope session"),
)
_SCOPE = (
    argument("--scope", choices=SCOPES, default="global", help="where the value belongs (default: global)"),
    *_OWNER,
)
_KEY = argument("key", metavar="KEY", help="a name of your own, such as deploy:host")

COMMANDS = (
    Command(
        "remember",
        "keep a value under a key, until it is forgotten or expires",
        RememberOptions,
        remember,
        (
            _KEY,
            argument(
                "value", metavar="VALUE", nargs="?", help="the value; write -- before one that begins with a dash"
            ),
            argument(
                "--json",
                nargs="?",
                const="",
                metavar="JSON",
                help="the value as JSON; without JSON behind it, VALUE or standard input is JSON",
            ),
            argument(
                "--stdin", action="store_true", help="read the value from standard input, without a last line end"
            ),
            *_SCOPE,
            argument("--ttl", type=span, metavar="SPAN", help="forget it after 30s, 5m, 2h or 7d"),
            argument("--tag", action="append", default=[], dest="tags", metavar="TAG", help="may be given repeatedly"),
            argument("--category", help="a word to list it by"),
        ),
        "Secrets in the value are masked before it is stored: this is a memory, not a safe.",
        (
            ("hstore remember deploy:host web3 --ttl 2h", "a text for two hours"),
            ("hstore remember limits --json '{\"cpu\": 2}'", "JSON"),
            ("git log -5 | hstore remember recent --stdin", "what a command prints"),
        ),
    ),
    Command(
        "recall",
        "print the value of a key",
        RecallOptions,
        recall,
        (_KEY, *_SCOPE, JSON),
        "A text is printed as it is, any other value as JSON. Exit code 3: there is none, or it has expired.",
        (("hstore recall deploy:host", "the value"), ("hstore recall limits --json", "always as JSON")),
    ),
    Command(
        "forget",
        "delete the value of a key",
        ForgetOptions,
        forget,
        (_KEY, *_SCOPE),
        "Exit code 3: there was none.",
        (("hstore forget deploy:host", ""),),
    ),
)

GROUP = Group(
    "memory",
    "what is remembered",
    (
        Command(
            "list",
            "list what is remembered, newest first",
            ListOptions,
            list_memory,
            (
                argument("--scope", choices=SCOPES, help="only values of this scope"),
                *_OWNER,
                argument("--category", help="only values of this category"),
                argument("--tag", help="only values with this tag"),
                argument(
                    "--since", type=moment, metavar="TIME", help="remembered then or later: 2026-11-20, or 2h ago"
                ),
                argument("--until", type=moment, metavar="TIME", help="remembered before then"),
                limit(100),
                AFTER,
                JSON,
            ),
            examples=(("hstore memory list --tag deploy", "what has this tag"),),
        ),
        Command(
            "history",
            "list what a key held before its present value, newest first",
            HistoryOptions,
            history,
            (
                _KEY,
                *_SCOPE,
                limit(100),
                argument("--after", type=int, metavar="VERSION", help="go on behind this version, the last one seen"),
                JSON,
            ),
            "The last hundred values are kept. Forgetting a key forgets its history.",
            (("hstore memory history deploy:host", "where it was deployed before, and when"),),
        ),
    ),
)
