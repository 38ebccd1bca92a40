"""What a caller's words stand in: every table and column that is masked anew, and how a value of each is masked."""

from __future__ import annotations

from hstore.door import command_line, json_array
from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from hstore.door import Door

    Row = dict[str, Any]


class Table:
    """A table by its `name`, and its columns that hold what callers gave.

    Attributes:
        texts: columns of plain text.
        json: columns of JSON, each with the column that holds the name its value is known by, or None.
        words: columns of a command's words as a JSON array.
        unique: of `texts`, those that must stay unique, each with the columns within which.
        append_only: whether the database refuses to change a row.
        batch: rows that are looked at together.
    """

    def __init__(
        self,
        name: str,
        texts: Sequence[str],
        *,
        json: dict[str, str | None] | None = None,
        words: Sequence[str] = (),
        unique: dict[str, tuple[str, ...]] | None = None,
        append_only: bool = False,
        batch: int = 200,
    ) -> None:
        self.name = name
        self.texts = tuple(texts)
        self.json = json or {}
        self.words = tuple(words)
        self.unique = unique or {}
        self.append_only = append_only
        self.batch = batch
        within = [column for columns in self.unique.values() for column in columns]
        self.columns = tuple(dict.fromkeys((*self.texts, *self.json, *self.words, *within)))
        listed = ", ".join(self.columns)
        # Names of tables and columns are constants of this module, never a caller's text.
        self.page = f"SELECT id, {listed} FROM {name} WHERE id > $1 ORDER BY id LIMIT {batch}"  # noqa: S608 - constants
        self.row = f"SELECT id, {listed} FROM {name} WHERE id = $1"  # noqa: S608 - constants
        self.count = f"SELECT count(*) FROM {name}"  # noqa: S608 - constants

    def update(self, columns: Sequence[str]) -> str:
        """The statement that sets `columns` of the row whose id comes last."""
        settings = ", ".join(f"{column} = ${number}" for number, column in enumerate(columns, 1))
        return f"UPDATE {self.name} SET {settings} WHERE id = ${len(columns) + 1}"  # noqa: S608 - constants, as above

    def taken(self, column: str) -> str:
        """The statement that finds another row with a value of a unique column: value, own id, what it is within."""
        within = "".join(f" AND {name} = ${number}" for number, name in enumerate(self.unique[column], 3))
        return f"SELECT 1 FROM {self.name} WHERE {column} = $1 AND id <> $2{within}"  # noqa: S608 - constants, as above


TABLES = (
    Table("projects", ["root"], unique={"root": ()}),
    Table(
        "sessions",
        ["key", "context_dir", "device", "agent", "sender", "channel"],
        json={"context": None},
        unique={"key": ()},
        batch=32,
    ),
    Table("runs", ["key", "name", "app", "cmdline", "cwd", "git_sha"], words=["argv"], unique={"key": ()}),
    Table("run_steps", ["name"], json={"stats": None}, batch=32),
    Table("artifacts", ["name", "path"]),
    Table("wiki_refs", ["title", "selection"], batch=32),
    Table(
        "memory",
        ["owner", "key", "category"],
        json={"value": "key", "tags": None},
        unique={"key": ("scope", "owner")},
        batch=32,
    ),
    Table("memory_history", ["category"], json={"value": None, "tags": None}, batch=32),
    Table(
        "devices",
        ["key", "hostname", "os_type", "os_version", "cpu"],
        json=dict.fromkeys(("capabilities", "allowed_tools", "allowed_paths", "allowed_apps", "metadata")),
        unique={"key": ()},
        batch=32,
    ),
    Table("agents", ["key", "name", "workspace_path"], json={"config": None}, unique={"key": ()}, batch=32),
    Table("nonces", ["device"]),
    Table("idempotency_keys", ["method", "device"], json={"result": None}, batch=32),
    Table(
        "tool_executions",
        ["tool", "error", "user_query", "reasoning"],
        json={"parameters": None, "result": None},
        batch=32,
    ),
    Table("events", ["type"], json={"data": None}, batch=32),
    Table(
        "conversations",
        ["key", "question", "response"],
        json={"context_files": None, "context_databases": None},
        unique={"key": ()},
        batch=16,
    ),
    Table("tracked_files", ["path", "name", "type", "error"], unique={"path": ()}),
    Table(
        "knowledge_items",
        ["key", "source_id", "type", "title", "content"],
        json={"tags": None, "metadata": None},
        unique={"key": ()},
        batch=32,
    ),
    Table(
        "database_connections",
        ["name", "host", "database", "username", "last_error"],
        json={"ssl": None, "options": None},
        unique={"name": ()},
    ),
    Table(
        "database_schemas",
        ["schema", "name"],
        json={"columns": None, "relationships": None, "indexes": None},
        unique={"name": ("connection_id", "schema")},
        batch=32,
    ),
    Table(
        "preferences",
        ["user_hash", "category", "key"],
        json={"value": "key"},
        unique={"key": ("user_hash", "category")},
        batch=32,
    ),
    Table("config", ["key", "description"], json={"value": "key"}, unique={"key": ()}, batch=32),
    Table("response_cache", ["preview", "response", "model"], batch=16),
    Table("file_cache", ["path"], json={"options": None, "result": None}, batch=16),
    Table("feature_usage", ["feature", "error"], json={"context": None}, batch=32),
    Table("performance_metrics", ["operation", "error_type"], json={"details": None}, batch=32),
    Table("productivity_events", ["type"], json={"context": None}, batch=32),
    Table("audit_log", ["scope", "event", "message"], json={"data": None}, append_only=True, batch=32),
)
WITHOUT_WORDS = {
    "meta": "written by hstore itself",
    "schema_migrations": "written by hstore itself",
    "remaskings": "written by hstore itself",
    "chunks": "the content of artifacts, which is masked as their stream",
    "artifact_pieces": "numbers",
    "device_secrets": "salted hashes",
    "device_presence": "numbers and enumerated words",
    "knowledge_relationships": "numbers and enumerated words",
    "audit_chain": "hashes",
    "cache_totals": "numbers",
    "retention_policies": "enumerated words and numbers",
    "dictionaries": "pieces of content, all made anew when content was replaced",
}
"""Tables that are not in the list above, and why."""


def masked_row(door: Door, table: Table, row: Row) -> Row:
    """The columns that change, with what the door would store today."""
    mask_text = door.masker.mask_text
    found: Row = {}
    for column in table.texts:
        if row[column] is not None:
            found[column] = mask_text(row[column])
    for column, name in table.json.items():
        if row[column] is not None:
            found[column] = masked_json(door, row[column], None if name is None else row[name])
    for column in table.words:
        if row[column] is not None:
            found |= _masked_words(door, column, row[column])
    return {column: value for column, value in found.items() if value != row[column]}


def masked_json(door: Door, text: str, name: str | None) -> str:
    """A stored JSON text, masked; what is no JSON, as only another program's could be, is masked as text."""
    from json import loads

    try:
        return door.masker.mask_json(loads(text), name)
    except (ValueError, InvalidInput, RecursionError):
        return door.masker.mask_text(text)


def _masked_words(door: Door, column: str, text: str) -> Row:
    """A command's words, and the line made of them where they change: it quotes them, so it may hide what they show."""
    from json import loads

    try:
        words = door.words(column, loads(text))
    except (ValueError, InvalidInput, RecursionError):
        return {column: door.masker.mask_text(text)}
    masked = json_array(words)
    return {} if masked == text else {column: masked, "cmdline": door.shortened("cmdline", command_line(words))}


def free_name(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """`wanted`, or with the first number behind it that nobody has: two secrets used as keys are still two keys."""
    shown, number = wanted, 1
    while is_taken(shown):
        number += 1
        shown = f"{wanted} ({number})"
    return shown
