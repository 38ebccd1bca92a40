"""Secrets made for one test, and the search for them in every file and every value of a store."""

from __future__ import annotations

import base64
import secrets
import string
from pathlib import Path

import apsw

from hstore.codec import Codec, Dictionary

ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


class Secrets:
    """Three secrets of this sweep: one that is registered, one of a known type, one with a telling name."""

    def __init__(self) -> None:
        self.registered = random_text(24)
        self.token = "gh" + "p_" + random_text(36)
        self.named = random_text(28) + "7"

    def all(self) -> list[str]:
        """Every secret of this sweep."""
        return [self.registered, self.token, self.named]

    def text(self) -> str:
        """A text that holds all of them."""
        return f"a {self.registered} b {self.token} c password={self.named} d"


def forms(secret: str) -> set[bytes]:
    """The secret as bytes, hex and base64 at its three alignments, without the characters its neighbours decide."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        found.add(encoded[(0, 2, 3)[shift] : len(encoded) // 4 * 4 - 4])
    return found


def look(where: str, content: bytes, hidden: Secrets) -> None:
    for secret in hidden.all():
        for form in forms(secret):
            assert form not in content, f"{where} holds a planted secret"


def look_at_files(folder: Path, hidden: Secrets, planted: Path) -> None:
    """Every file beside the database: the database, WAL, shared memory, journals, temporary ones."""
    for file in folder.rglob("*"):
        if file.is_file() and file != planted:
            look(str(file), file.read_bytes(), hidden)


def look_at_content(path: Path, hidden: Secrets) -> None:
    """Every value of every row, and every chunk decompressed: compression hides nothing from the sweep."""
    connection = apsw.Connection(str(path))
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():
            for value in row:
                look(table, value if isinstance(value, bytes) else str(value).encode(), hidden)
    codec = Codec()
    dictionaries = {row[0]: Dictionary(*row) for row in connection.execute("SELECT id, data FROM dictionaries")}
    chunks = connection.execute("SELECT codec, data, size, dictionary_id FROM chunks").fetchall()
    assert chunks
    for number, data, size, dictionary in chunks:
        look("chunks", codec.decode(number, data, size, dictionaries.get(dictionary)), hidden)
    connection.close()
