"""Devices: who they are, what they may do, when they were last there. `store.devices` is `Devices`."""

from __future__ import annotations

from hstore.domains.devices.noun import Devices

__all__ = ["Devices"]
