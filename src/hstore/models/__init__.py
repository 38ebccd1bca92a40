"""What the store gives back: immutable, typed results. Imported only when something is read.

Take fields by name: later versions may add some. The dicts in them are copies of your own.
Times are timezone-aware UTC `datetime`s, durations seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Union


class MigrationState(NamedTuple):
    """A migration; `applied_at` is None while it is due."""

    version: int
    name: str
    sha256: str
    applied_at: datetime | None


class Info(NamedTuple):
    """A store at a glance; `counts`: rows of each table; `stored_bytes`: what `logical_bytes` take compressed."""

    path: str
    root: str
    store_id: str
    schema_version: int
    app_version: str
    created_at: datetime
    journal_mode: str
    file_bytes: int
    wal_bytes: int
    logical_bytes: int
    stored_bytes: int
    counts: dict[str, int]


class Session(NamedTuple):
    """Somebody's stretch of work, under the caller's own `key`.

    `message_count` and `tool_execution_count` say how many there were; those that retention has removed count too.
    """

    id: int
    key: str
    project: str
    profile: str
    context_dir: str | None
    device: str | None
    agent: str | None
    sender: str | None
    channel: str | None
    context: dict[str, Any]
    started_at: datetime
    last_active_at: datetime
    ended_at: datetime | None
    message_count: int
    tool_execution_count: int


Reference = Union[Session, str, int]
"""How a session is named: as it was returned, by its key, or by its id."""


class Run(NamedTuple):
    """One execution of a command or task; `status` is running, ok, failed, killed, or lost (its recorder died)."""

    id: int
    key: str | None
    name: str | None
    app: str
    cmdline: str
    argv: tuple[str, ...] | None
    session: str | None
    cwd: str | None
    git_sha: str | None
    config_hash: str | None
    pid: int | None
    started_at: datetime
    finished_at: datetime | None
    duration: float | None
    exit_code: int | None
    signal: int | None
    status: str


class Step(NamedTuple):
    """A named part of a run; `status` is running, ok, failed, skipped, or lost (as its run)."""

    id: int
    run: int
    name: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    stats: dict[str, Any]


class Artifact(NamedTuple):
    """What a run left: `size` bytes as kept (masked), from `source_size` as they came in; `masked` counts by type.

    `left_out`: bytes of its middle that a budget did not keep; a line in their place says so.
    """

    id: int
    run: int
    kind: str
    name: str | None
    path: str | None
    size: int
    source_size: int
    stored_size: int
    masked: dict[str, int]
    complete: bool
    created_at: datetime
    left_out: int


class Part(NamedTuple):
    """A stretch of one artifact's bytes, read from the command at `at`.

    `offset` is where it begins, counted with what a budget left out.
    """

    at: datetime
    artifact: int
    name: str | None
    offset: int
    data: bytes


class WikiRef(NamedTuple):
    """A wiki page that was consulted, with the passage used."""

    id: int
    session: str | None
    run: int | None
    title: str
    selection: str | None
    created_at: datetime


class AuditEntry(NamedTuple):
    """One line of the append-only log."""

    id: int
    at: datetime
    level: str
    run: int | None
    scope: str | None
    event: str
    message: str
    data: Any


class Memory(NamedTuple):
    """A remembered value; `owner` is the device, session or project that its scope belongs to, empty for global.

    `version` counts the values that the key has held.
    """

    id: int
    key: str
    value: Any
    scope: str
    owner: str
    category: str | None
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    version: int


class Progress(NamedTuple):
    """How far a long piece of work has come: `done` of `total` in a `step`.

    The steps of masking anew are a table, content, unused, dictionaries, rebuild, wal, search; those of compaction
    unused, chunks, space.
    """

    step: str
    done: int
    total: int


RemaskProgress = Progress
"""The name that it had when only masking anew had it."""


class CompactReport(NamedTuple):
    """What compaction did, or would do if `dry_run`: chunks and the bytes of their data, before and after.

    `plain_bytes` is what is in the chunks. `unused_chunks` were not needed any more, as a whole or in part;
    `damaged_chunks` could not be read and stay as they are. `free_pages` could not be given back to the file system
    yet; the next commits use them.
    """

    dry_run: bool
    chunks_before: int
    chunks_after: int
    plain_bytes: int
    stored_before: int
    stored_after: int
    unused_chunks: int
    damaged_chunks: int
    free_pages: int


class RemaskedTable(NamedTuple):
    """Rows of a table: `looked` at, `changed`, and `left` though they hold something; `found` counts by type."""

    name: str
    looked: int
    changed: int
    left: int
    left_ids: tuple[int, ...]
    found: dict[str, int]


class RemaskReport(NamedTuple):
    """What masking anew did; `clean`: nothing is left, and no bytes of it.

    `resumed`: an interrupted one was gone on with, in which `changed_before` rows and artifacts had been changed.
    `tables` has the content of artifacts as `content`. `scrubbed`: only live rows are in the file, because it was
    `rebuilt` from them now, or nothing was changed or deleted since the last time, and nothing old is in the WAL.
    `wal_bytes` still are in it because another process reads an older state. `searched` secrets and forms of values
    were looked for in the file's bytes, `unsearched` are too short or too common for that, and `still_standing` of
    them were found: they stand where the rules do not see them, or in what was left.
    """

    dry_run: bool
    clean: bool
    resumed: bool
    changed_before: int
    tables: tuple[RemaskedTable, ...]
    unused_chunks: int
    scrubbed: bool
    rebuilt: bool
    free_pages: int
    wal_bytes: int
    searched: int
    unsearched: int
    still_standing: int

    @property
    def changed(self) -> int:
        """Rows and artifacts that were changed now, or would be."""
        return sum(table.changed for table in self.tables)

    @property
    def left(self) -> int:
        """Rows and artifacts that hold something, or may, and were left."""
        return sum(table.left for table in self.tables)


class Rows(tuple[tuple[Any, ...], ...]):
    """The rows of a query, as a tuple of tuples, with the names of its `columns`."""

    _columns: tuple[str, ...]

    def __new__(cls, rows: Iterable[tuple[Any, ...]], columns: tuple[str, ...]) -> Rows:
        """Keep `rows` in their order."""
        made = super().__new__(cls, rows)
        made._columns = columns
        return made

    def __getnewargs__(self) -> tuple[tuple[tuple[Any, ...], ...], tuple[str, ...]]:
        return tuple(self), self._columns

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of each row's values."""
        return self._columns
