"""What the store gives back of devices and agents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Union


class Device(NamedTuple):
    """A device under its own `key`; `approved` says whether it may work now.

    `status` is online, offline (it said so, or was not seen for too long), or unseen (it never gave a heartbeat).
    `memory` and `disk` are bytes. A device that was revoked keeps `approved_at` until it is approved again.
    """

    id: int
    key: str
    role: str
    hostname: str | None
    os_type: str | None
    os_version: str | None
    capabilities: dict[str, Any]
    allowed_tools: tuple[str, ...]
    allowed_paths: tuple[str, ...]
    allowed_apps: tuple[str, ...]
    cpu: str | None
    memory: int | None
    disk: int | None
    metadata: dict[str, Any]
    status: str
    last_seen_at: datetime | None
    approved: bool
    approved_at: datetime | None
    revoked_at: datetime | None
    has_secret: bool
    registered_at: datetime
    updated_at: datetime


DeviceReference = Union[Device, str, int]
"""How a device is named: as it was returned, by its key, or by its id."""


class Agent(NamedTuple):
    """An agent under its own `key`, with its configuration."""

    id: int
    key: str
    name: str
    workspace_path: str | None
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


AgentReference = Union[Agent, str, int]
"""How an agent is named: as it was returned, by its key, or by its id."""
