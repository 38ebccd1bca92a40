"""What can be cleaned: each subject with its table, which rows of it may go, and what tells their age."""

from __future__ import annotations

from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AT_ONCE = 64
"""Rows that are deleted by one statement, if they are small."""
LOOKED_THROUGH = 256
"""Rows that are looked at by one statement where no index leads to those that are due."""

NEVER = {"audit_log": "the audit log is append-only and never cleaned"}


class Subject:
    """What a policy is about.

    Attributes:
        name: as callers give it.
        table: where its rows are.
        moment: the column of times that tells how old a row is.
        may_go: a condition that rows must meet besides; rows that do not are neither counted nor deleted.
        aged: a further one for those that go by age; $1 is the moment since which a row has to be unused.
        lapses: its rows say themselves until when they are of use, by `moment`; no policy is needed, or possible.
        is_indexed: whether rows are found by `moment`; if not, they are looked through by id, mostly the same order.
        order: what is kept longest where number or size is bounded: the newest by `id`, which no clock confuses, or
            what was used last.
        size: the bytes that a row counts with; None where their sum cannot be bounded.
        total: where that is not the sum of `size`: the newest row of those that are too much for $1 bytes.
        weight: bytes of a row that make it slow to delete.
        is_family: whether more goes with a row than can be deleted at one stroke.
    """

    def __init__(
        self,
        name: str,
        moment: str,
        *,
        table: str | None = None,
        may_go: str = "TRUE",
        aged: str = "TRUE",
        lapses: bool = False,
        is_indexed: bool = True,
        order: str = "id",
        size: str | None = None,
        total: str | None = None,
        heavy: Sequence[str] = (),
        is_family: bool = False,
    ) -> None:
        self.name = name
        self.table = table or name
        self.moment = moment
        self.may_go = may_go
        self.aged = aged
        self.lapses = lapses
        self.is_indexed = is_indexed
        self.order = order
        self.size = size
        self.weight = " + ".join(f"coalesce({each}, 0)" for each in heavy) or "0"
        self.is_family = is_family
        # Names of tables and columns, and conditions, are constants of this module, never a caller's text.
        self.count = f"SELECT count(*) FROM {self.table}"  # noqa: S608 - constants
        self.last_kept = f"SELECT {order} FROM {self.table} WHERE {may_go} ORDER BY {order} DESC LIMIT 1 OFFSET $1"  # noqa: S608 - constants
        self.too_much = total or (
            f"SELECT max(place) FROM (SELECT {order} AS place, sum({size or 0}) OVER (ORDER BY {order} DESC) AS total"  # noqa: S608 - constants
            f" FROM {self.table} WHERE {may_go}) AS sums WHERE total > $1"
        )
        self.delete_one = f"DELETE FROM {self.table} WHERE id = $1 RETURNING id"  # noqa: S608 - constants


# Content that several artifacts share counts for the newest of them.
_CONTENT_TOO_MUCH = """
    SELECT max(place) FROM (
        SELECT place, sum(stored) OVER (ORDER BY place DESC) AS total FROM (
            SELECT max(p.artifact_id) AS place, length(c.data) AS stored
            FROM pieces AS p JOIN chunks AS c ON c.id = p.chunk_id GROUP BY p.chunk_id, c.data
        ) AS chunks_by_newest
    ) AS sums WHERE total > $1
"""
_HISTORY = "(SELECT sum(octet_length(h.value)) FROM memory_history AS h WHERE h.memory_id = memory.id)"
_NEWEST_RUN = """
    coalesce((SELECT coalesce(r.finished_at, r.started_at) FROM runs AS r WHERE r.session_id = sessions.id
              ORDER BY r.id DESC LIMIT 1), 0)
"""
# The plus keeps SQLite from going through all runs of the session: few are running.
_NONE_RUNNING = "NOT EXISTS (SELECT 1 FROM runs AS r WHERE r.status = 'running' AND +r.session_id = sessions.id)"

SUBJECTS = (
    Subject("memory", "expires_at", lapses=True, heavy=["octet_length(value)", _HISTORY]),
    Subject("nonces", "expires_at", lapses=True),
    Subject(
        "idempotency_keys",
        "expires_at",
        aged="(result IS NOT NULL OR held_until < $1)",
        lapses=True,
        heavy=["octet_length(result)"],
    ),
    Subject("tool_executions", "executed_at", heavy=["octet_length(parameters)", "octet_length(result)"]),
    Subject("events", "resolved_at", may_go="resolved_at IS NOT NULL", heavy=["octet_length(data)"]),
    Subject("metrics", "started_at", table="performance_metrics", heavy=["octet_length(details)"]),
    Subject("usage", "started_at", table="feature_usage", heavy=["octet_length(context)"]),
    Subject("productivity", "created_at", table="productivity_events", heavy=["octet_length(context)"]),
    Subject("response_cache", "created_at", order="accessed_at", size="size", heavy=["octet_length(response)"]),
    Subject("file_cache", "created_at", order="accessed_at", size="size", heavy=["octet_length(result)"]),
    Subject("memory_history", "held_until", is_indexed=False, heavy=["octet_length(value)"]),
    Subject("conversations", "created_at", heavy=["octet_length(question)", "octet_length(response)"]),
    Subject("wiki_refs", "created_at", is_indexed=False, heavy=["octet_length(selection)"]),
    Subject(
        "artifacts",
        "created_at",
        may_go="(SELECT r.status FROM runs AS r WHERE r.id = artifacts.run_id) <> 'running'",
        is_indexed=False,
        size="size",
        total=_CONTENT_TOO_MUCH,
        is_family=True,
    ),
    Subject(
        "runs",
        "started_at",
        may_go="status <> 'running'",
        aged="coalesce(finished_at, started_at) < $1",
        is_family=True,
    ),
    Subject(
        "sessions",
        "ended_at",
        may_go=f"ended_at IS NOT NULL AND {_NONE_RUNNING}",
        aged=f"last_active_at < $1 AND {_NEWEST_RUN} < $1",
        is_indexed=False,
        is_family=True,
    ),
)
"""In the order in which they are cleaned: what belongs to others before those."""

BY_NAME = {subject.name: subject for subject in SUBJECTS}

_DAY = 86_400 * 1_000_000

DEFAULTS = (
    ("tool_executions", 90 * _DAY, "Orion: Maintenance, Cleanup Old Data"),
    ("events", 30 * _DAY, "Orion: Maintenance, Cleanup Old Data (resolved ones)"),
    ("metrics", 90 * _DAY, "Durandal: Data Retention and Cleanup"),
    ("response_cache", 30 * _DAY, "Durandal: Data Retention and Cleanup"),
    ("file_cache", 30 * _DAY, "Durandal: Data Retention and Cleanup"),
)
"""What the hosts' own designs keep: subject, microseconds, and where that is written."""


def policy_subject(name: str) -> Subject:
    """The subject of that name, if there can be a policy for it.

    Raises:
        InvalidInput: there is none, or it needs none.
    """
    subject = _named(name, [each.name for each in SUBJECTS if not each.lapses])
    if subject.lapses:
        raise InvalidInput(f"subject: {name} says itself when it expires, and is always cleaned then; it has no policy")
    return subject


def known_subject(name: str) -> Subject:
    """The subject of that name.

    Raises:
        InvalidInput: there is none.
    """
    return _named(name, BY_NAME)


def _named(name: str, possible: Iterable[str]) -> Subject:
    if isinstance(name, str) and name in NEVER:
        raise InvalidInput(f"subject: {NEVER[name]}")
    if not isinstance(name, str) or name not in BY_NAME:
        raise InvalidInput(f"subject: one of {', '.join(possible)}")
    return BY_NAME[name]
