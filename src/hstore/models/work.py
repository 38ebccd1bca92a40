"""What was done and what became of it: past values of memory, executions of tools, events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class PastValue(NamedTuple):
    """A value that a key held from `held_from` up to `held_until`; `version` is its place among the key's values."""

    value: Any
    category: str | None
    tags: tuple[str, ...]
    version: int
    held_from: datetime
    held_until: datetime


class ToolExecution(NamedTuple):
    """One execution of a tool; `device` and `session` are the keys of those it was for."""

    id: int
    tool: str
    parameters: Any
    success: bool
    result: Any
    error: str | None
    duration: float | None
    session: str | None
    device: str | None
    user_query: str | None
    reasoning: str | None
    executed_at: datetime


class ToolUse(NamedTuple):
    """How often a tool was executed, seconds on average where they are known, and the share that succeeded."""

    tool: str
    executions: int
    average_duration: float | None
    success_rate: float


class DeviceActivity(NamedTuple):
    """What a device executed lately, and when it last executed anything at all; None: never."""

    device: str
    hostname: str | None
    executions: int
    last_activity: datetime | None


class Failure(NamedTuple):
    """A tool that failed on a device with the same error, and how many times; `device` is None for the host itself."""

    device: str | None
    tool: str
    error: str | None
    failures: int


class Event(NamedTuple):
    """Something that happened to a device, or to the host itself where `device` is None."""

    id: int
    type: str
    severity: str
    data: Any
    device: str | None
    created_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
