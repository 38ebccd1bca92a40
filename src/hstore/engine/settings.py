"""The settings of a connection: each a named function whose docstring is the reason, gathered in `WRITER` and `READER`.

What `apsw.bestpractice` teaches is taken over; the module itself is not imported because that costs about 40 ms.
"""

from __future__ import annotations

import apsw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

APPLICATION_ID = 0x68737430
"""`hst0`: what `file(1)` and `PRAGMA application_id` show of an hstore database."""
PAGE_SIZE = 4096
"""Bytes. SQLite's default and the block size of common file systems: a page is never torn over two blocks."""
WAL_INTERVAL = 4000
"""Pages between two checkpoints, just under 16 MiB: one commit in a thousand waits for one, about 15 ms on a disk that
syncs in 4. With SQLite's 1000 it is one in 250, and all commits together pay more."""
WAL_LIMIT = 262_144
"""Pages, 1 GiB: a WAL that has come to this size, because somebody does not end reading, is written no further."""
JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes that a WAL may keep on disk after a checkpoint has emptied it."""


_SYNCHRONOUS = {"normal": "NORMAL", "full": "FULL", "journal": "EXTRA"}


def foreign_keys(connection: apsw.Connection) -> None:
    """References are enforced; SQLite leaves that off by default for compatibility with files of 2009."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)


def recursive_triggers(connection: apsw.Connection) -> None:
    """A delete done by `INSERT OR REPLACE` fires delete triggers too: the audit log depends on it."""
    connection.execute("PRAGMA recursive_triggers = ON")


def untrusted_schema(connection: apsw.Connection) -> None:
    """A file that somebody prepared cannot make its views and triggers call functions with side effects."""
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)


def defensive(connection: apsw.Connection) -> None:
    """No statement can write the schema table, shadow tables or the journal directly."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)


def schema_text_writable(connection: apsw.Connection) -> None:
    """For a migration that changes the text of the schema: shipped ones alone are run, and their hash is checked."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)


def no_double_quoted_strings(connection: apsw.Connection) -> None:
    """A misspelt column in double quotes is an error, not a silent string."""
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)


def cell_size_check(connection: apsw.Connection) -> None:
    """Damage in a page is noticed when the page is read, not when it has already spread."""
    connection.execute("PRAGMA cell_size_check = ON")


def temporaries_in_memory(connection: apsw.Connection) -> None:
    """Sorting never puts rows into temporary files outside the private folder."""
    connection.execute("PRAGMA temp_store = MEMORY")


def no_memory_map(connection: apsw.Connection) -> None:
    """An I/O error is an error code, not a SIGBUS, and a stray write of the host cannot reach the file."""
    connection.execute("PRAGMA mmap_size = 0")


def limited_journal(connection: apsw.Connection) -> None:
    """A WAL that one huge transaction made large is cut back once it has been checkpointed."""
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT}")


def query_only(connection: apsw.Connection) -> None:
    """A reader's statement that would write is refused by SQLite itself."""
    connection.execute("PRAGMA query_only = ON")


READER = (
    foreign_keys,
    untrusted_schema,
    defensive,
    no_double_quoted_strings,
    cell_size_check,
    temporaries_in_memory,
    no_memory_map,
    query_only,
)
WRITER: tuple[Callable[[apsw.Connection], None], ...] = (
    foreign_keys,
    recursive_triggers,
    untrusted_schema,
    defensive,
    no_double_quoted_strings,
    cell_size_check,
    temporaries_in_memory,
    no_memory_map,
    limited_journal,
)


def durability(connection: apsw.Connection, level: str) -> None:
    """Set `synchronous` explicitly: builds differ (APSW's wheels default to FULL in WAL mode).

    NORMAL survives a killed process and can lose the last commits at a power cut, but never harms the file; FULL syncs
    at each commit. With a rollback journal FULL is not enough: a commit is the journal's removal, and without a sync of
    its folder, which EXTRA adds, a journal that comes back undoes the commit.
    https://sqlite.org/pragma.html#pragma_synchronous
    """
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[level]}")


def no_spilling(connection: apsw.Connection) -> None:
    """With a rollback journal: pages of an open transaction stay in memory until it is committed.

    Past the cache's size SQLite would write them into the database, which nobody may be reading then: it waits for
    readers, once for each page, each time for as long as waiting is allowed at all.
    """
    connection.execute("PRAGMA cache_spill = OFF")


def new_file(connection: apsw.Connection) -> None:
    """What can be chosen only before the first page is written; without effect on a file that has one."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def apply(connection: apsw.Connection, *, readonly: bool) -> None:
    """Apply every setting of a reader or a writer."""
    for setting in READER if readonly else WRITER:
        setting(connection)
