"""Runs a command, shows its output unchanged and at once, and records it: what `hstore run` does.

::

    record ── Wiring (pipes, pseudo-terminals)  ── spawn
          └── Relay (child → here, then → store) ── Recording (the store's side; its failures only warn)

The command comes first: it starts before the store is opened, its bytes are passed on before they are
recorded, and whatever goes wrong with the recording changes neither its output nor its exit code.
"""

from __future__ import annotations

from hstore.recorder.recorder import record

__all__ = ["record"]
