"""`hstore devices`: which devices there are, and which of them may work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from hstore.cli.escapes import json_safe, visible
from hstore.cli.formats import plain, size_text, time_text
from hstore.cli.grammar import AFTER, JSON, Command, Group, argument, limit
from hstore.cli.opening import existing, readable
from hstore.cli.quantities import span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hstore.cli.output import Output
    from hstore.models.devices import Device

ROLES = ("client", "node", "admin")
STATUSES = ("online", "offline", "unseen")
_COLOURS = {"online": "green", "offline": "yellow", "revoked": "red", "waiting": "yellow"}


class ListOptions(NamedTuple):
    """`devices list`."""

    db: str | None
    role: str | None
    status: str | None
    approved: bool | None
    offline_after: float
    limit: int
    after: int | None
    json: bool


class ShowOptions(NamedTuple):
    """`devices show`."""

    db: str | None
    key: str
    offline_after: float
    json: bool


class DecideOptions(NamedTuple):
    """`devices approve` and `devices revoke`."""

    db: str | None
    key: str


def list_devices(options: ListOptions, output: Output) -> int:
    """List devices, those registered last first."""
    with readable(options.db) as store:
        found = store.devices.list(
            role=options.role,
            status=options.status,
            approved=options.approved,
            offline_after=options.offline_after,
            limit=options.limit,
            after=options.after,
        )
    if options.json:
        output.json(plain(found))
        return 0
    rows = [
        [
            str(each.id),
            each.role,
            each.status,
            time_text(each.last_seen_at),
            _permission(each),
            each.key,
            each.hostname or "",
        ]
        for each in found
    ]
    output.table(("ID", "ROLE", "STATUS", "LAST SEEN", "PERMISSION", "KEY", "HOSTNAME"), rows, _COLOURS)
    return 0


def show(options: ShowOptions, output: Output) -> int:
    """Show all that is known of a device."""
    with readable(options.db) as store:
        found = store.devices.get(options.key, offline_after=options.offline_after)
    if options.json:
        output.json(plain(found))
    else:
        for name, value in _lines(found):
            output.line(f"{name + ':':<15}{visible(value)}")
    return 0


def approve(options: DecideOptions, output: Output) -> int:
    """Let a device work."""
    with existing(options.db) as store:
        store.devices.approve(options.key)
    return 0


def revoke(options: DecideOptions, output: Output) -> int:
    """Let a device work no longer."""
    with existing(options.db) as store:
        store.devices.revoke(options.key)
    return 0


def _permission(device: Device) -> str:
    if device.revoked_at is not None:
        return "revoked"
    return "approved" if device.approved else "waiting"


def _lines(device: Device) -> Iterable[tuple[str, str]]:
    yield "key", device.key
    yield "id", str(device.id)
    yield "role", device.role
    yield "status", device.status
    yield "last seen", time_text(device.last_seen_at)
    yield "permission", _permission(device)
    yield "approved", time_text(device.approved_at)
    yield "revoked", time_text(device.revoked_at)
    yield "secret", "set" if device.has_secret else "none"
    yield "registered", time_text(device.registered_at)
    yield "hostname", device.hostname or ""
    yield "system", " ".join(filter(None, (device.os_type, device.os_version)))
    yield "cpu", device.cpu or ""
    yield "memory", "" if device.memory is None else size_text(device.memory)
    yield "disk", "" if device.disk is None else size_text(device.disk)
    yield "allowed tools", ", ".join(device.allowed_tools)
    yield "allowed paths", ", ".join(device.allowed_paths)
    yield "allowed apps", ", ".join(device.allowed_apps)
    yield "capabilities", json_safe(json.dumps(device.capabilities, ensure_ascii=False))
    yield "metadata", json_safe(json.dumps(device.metadata, ensure_ascii=False))


_KEY = argument("key", metavar="KEY", help="the device's key, as it was registered")
_OFFLINE_AFTER = argument(
    "--offline-after",
    type=span,
    default=90.0,
    metavar="SPAN",
    help="how long a device may be silent until it counts as offline (default: 90s)",
)

GROUP = Group(
    "devices",
    "devices that registered, and which of them may work",
    (
        Command(
            "list",
            "list devices, those registered last first",
            ListOptions,
            list_devices,
            (
                argument("--role", choices=ROLES, help="only these"),
                argument("--status", choices=STATUSES, help="only these"),
                argument("--approved", action="store_const", const=True, default=None, help="only those that may work"),
                argument(
                    "--not-approved",
                    action="store_const",
                    const=False,
                    dest="approved",
                    help="only those that may not: they wait, or were revoked",
                ),
                _OFFLINE_AFTER,
                limit(100),
                AFTER,
                JSON,
            ),
            examples=(
                ("hstore devices list --not-approved", "who waits"),
                ("hstore devices list --status offline --offline-after 1h", "silent for an hour"),
            ),
        ),
        Command(
            "show",
            "show all that is known of a device",
            ShowOptions,
            show,
            (_KEY, _OFFLINE_AFTER, JSON),
            "Exit code 3: there is none of that key.",
            (("hstore devices show laptop-123", ""),),
        ),
        Command(
            "approve",
            "let a device work, also one that was revoked",
            DecideOptions,
            approve,
            (_KEY,),
            "The audit log says so. Exit code 3: there is none of that key.",
            (("hstore devices approve laptop-123", ""),),
        ),
        Command(
            "revoke",
            "let a device work no longer",
            DecideOptions,
            revoke,
            (_KEY,),
            "The audit log says so. Exit code 3: there is none of that key.",
            (("hstore devices revoke laptop-123", ""),),
        ),
    ),
)
