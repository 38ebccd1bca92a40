"""A host's tables as SQLAlchemy models, for compare_libraries.py: devices, sessions, tool executions, memory.

As an assistant with many devices has them on SQLite: lists are JSON there, because it knows no arrays, and ids are
UUIDs as text.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from sqlalchemy import JSON, TIMESTAMP, Boolean, Column, ForeignKey, Integer, String, Text
from sqlalchemy.orm import declarative_base

Base = declarative_base()


def _uuid() -> str:
    return str(uuid.uuid4())


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Device(Base):
    """A device that is registered."""

    __tablename__ = "devices"
    id = Column(String, primary_key=True, default=_uuid)
    device_id = Column(String, unique=True, nullable=False)
    hostname = Column(String, nullable=False)
    os_type = Column(String, nullable=False)
    os_version = Column(String)
    capabilities = Column(JSON, default=dict)
    allowed_tools = Column(JSON, default=list)
    allowed_paths = Column(JSON, default=list)
    allowed_apps = Column(JSON, default=list)
    status = Column(String, default="online", index=True)
    last_heartbeat = Column(TIMESTAMP, index=True)
    registered_at = Column(TIMESTAMP, default=_now)
    updated_at = Column(TIMESTAMP, default=_now)


class SessionOfDevice(Base):
    """A conversation on a device."""

    __tablename__ = "sessions"
    id = Column(String, primary_key=True, default=_uuid)
    device_id = Column(String, ForeignKey("devices.device_id"), index=True)
    started_at = Column(TIMESTAMP, default=_now, index=True)
    ended_at = Column(TIMESTAMP)
    is_active = Column(Boolean, default=True, index=True)
    context = Column(JSON, default=dict)


class ToolExecution(Base):
    """What ran: the counterpart of a run."""

    __tablename__ = "tool_executions"
    id = Column(String, primary_key=True, default=_uuid)
    session_id = Column(String, ForeignKey("sessions.id"))
    device_id = Column(String, ForeignKey("devices.device_id"), index=True)
    tool_name = Column(String, nullable=False, index=True)
    parameters = Column(JSON, nullable=False)
    success = Column(Boolean, nullable=False, index=True)
    result = Column(JSON)
    error_message = Column(Text)
    executed_at = Column(TIMESTAMP, default=_now, index=True)
    duration_ms = Column(Integer)
    user_query = Column(Text)
    llm_reasoning = Column(Text)


class ContextMemory(Base):
    """What is remembered under a key."""

    __tablename__ = "context_memory"
    id = Column(String, primary_key=True, default=_uuid)
    key = Column(String, nullable=False, index=True)
    value = Column(JSON, nullable=False)
    device_id = Column(String, ForeignKey("devices.device_id"), index=True)
    scope = Column(String, default="global", index=True)
    category = Column(String, index=True)
    tags = Column(JSON)
    expires_at = Column(TIMESTAMP)
    created_at = Column(TIMESTAMP, default=_now)
    updated_at = Column(TIMESTAMP, default=_now)
