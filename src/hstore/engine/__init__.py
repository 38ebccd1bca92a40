"""The engine: connections, settings, the one write path, migrations. It knows no domain, and APSW stays inside it."""

from __future__ import annotations

from hstore.engine.connection import Connection
from hstore.engine.forking import is_open_here
from hstore.engine.opening import Opened, open_foreign, open_reader, open_writer
from hstore.engine.transaction import Transaction

__all__ = ["Connection", "Opened", "Transaction", "is_open_here", "open_foreign", "open_reader", "open_writer"]
