"""A device's columns: checked and masked on the way in, made a `Device` on the way out."""

from __future__ import annotations

from hstore.clock import optional_datetime, to_datetime
from hstore.door import several_texts
from hstore.listing import one_of, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from hstore.door import Door
    from hstore.models.devices import Device

ROLES = ("client", "node", "admin")

COLUMNS = """
    SELECT d.id, d.key, d.role, d.hostname, d.os_type, d.os_version, d.capabilities, d.allowed_tools, d.allowed_paths,
           d.allowed_apps, d.cpu, d.memory, d.disk, d.metadata, p.said, p.last_seen_at, d.approved_at, d.revoked_at,
           (SELECT count(*) FROM device_secrets AS s WHERE s.device_id = d.id), d.registered_at, d.updated_at
    FROM devices AS d LEFT JOIN device_presence AS p ON p.device_id = d.id
"""
REGISTER = """
    INSERT INTO devices (key, role, hostname, os_type, os_version, capabilities, allowed_tools, allowed_paths,
                         allowed_apps, cpu, memory, disk, metadata, registered_at, updated_at)
    VALUES ($1, coalesce($2, 'client'), $3, $4, $5, coalesce($6, '{}'), coalesce($7, '[]'), coalesce($8, '[]'),
            coalesce($9, '[]'), $10, $11, $12, coalesce($13, '{}'), $14, $14)
    ON CONFLICT (key) DO UPDATE SET
        role = coalesce($2, devices.role), hostname = coalesce($3, devices.hostname),
        os_type = coalesce($4, devices.os_type), os_version = coalesce($5, devices.os_version),
        capabilities = coalesce($6, devices.capabilities), allowed_tools = coalesce($7, devices.allowed_tools),
        allowed_paths = coalesce($8, devices.allowed_paths), allowed_apps = coalesce($9, devices.allowed_apps),
        cpu = coalesce($10, devices.cpu), memory = coalesce($11, devices.memory), disk = coalesce($12, devices.disk),
        metadata = coalesce($13, devices.metadata), updated_at = max($14, devices.updated_at)
    RETURNING id
"""
UPDATE = """
    UPDATE devices SET
        role = coalesce($1, role), hostname = coalesce($2, hostname), os_type = coalesce($3, os_type),
        os_version = coalesce($4, os_version), capabilities = coalesce($5, capabilities),
        allowed_tools = coalesce($6, allowed_tools), allowed_paths = coalesce($7, allowed_paths),
        allowed_apps = coalesce($8, allowed_apps), cpu = coalesce($9, cpu), memory = coalesce($10, memory),
        disk = coalesce($11, disk), metadata = coalesce($12, metadata), updated_at = max($13, updated_at)
    WHERE id = $14
"""


def given(
    door: Door,
    role: str | None,
    hostname: str | None,
    os_type: str | None,
    os_version: str | None,
    capabilities: Mapping[str, Any] | None,
    allowed_tools: Iterable[str] | None,
    allowed_paths: Iterable[str] | None,
    allowed_apps: Iterable[str] | None,
    cpu: str | None,
    memory: int | None,
    disk: int | None,
    metadata: Mapping[str, Any] | None,
) -> tuple[str | int | None, ...]:
    """What a caller says of a device, as its columns; None for what is not given.

    Raises:
        InvalidInput: an unknown role, a negative size, what is no text, no list of texts, or no JSON object.
    """
    return (
        None if role is None else one_of("role", role, ROLES),
        door.optional("hostname", hostname),
        door.optional("os_type", os_type),
        door.optional("os_version", os_version),
        None if capabilities is None else door.json_object("capabilities", capabilities),
        _texts(door, "allowed_tools", allowed_tools),
        _texts(door, "allowed_paths", allowed_paths),
        _texts(door, "allowed_apps", allowed_apps),
        door.optional("cpu", cpu),
        None if memory is None else whole("memory", memory),
        None if disk is None else whole("disk", disk),
        None if metadata is None else door.json_object("metadata", metadata),
    )


def _texts(door: Door, field: str, values: Iterable[str] | None) -> str | None:
    return None if values is None else door.json(field, several_texts(field, values))


def to_device(row: tuple[Any, ...], online_from: int) -> Device:
    """The result for a row of `COLUMNS`; who was seen before `online_from` is offline."""
    from json import loads

    from hstore.models.devices import Device

    said, seen, approved_at, revoked_at = row[14:18]
    return Device._make(
        (
            *row[:6],
            loads(row[6]),
            *(tuple(loads(listed)) for listed in row[7:10]),
            *row[10:13],
            loads(row[13]),
            _status(said, seen, online_from),
            optional_datetime(seen),
            approved_at is not None and revoked_at is None,
            optional_datetime(approved_at),
            optional_datetime(revoked_at),
            row[18] > 0,
            to_datetime(row[19]),
            to_datetime(row[20]),
        )
    )


def _status(said: str | None, seen: int | None, online_from: int) -> str:
    if seen is None:
        return "unseen"
    return "online" if said == "online" and seen > online_from else "offline"
