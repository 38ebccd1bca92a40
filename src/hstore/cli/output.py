"""Standard output and standard error of a command: bytes, lines, JSON and tables, in one order."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from hstore.cli.escapes import json_safe, visible
from hstore.cli.messages import write_all
from hstore.errors import HstoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}


_GATHERED = 64 * 1024  # bytes that are written together


class _Channel:
    """Bytes on their way to a descriptor.

    Not the interpreter's own buffer: when the reader of a pipe leaves in the middle of a large write, that one was
    seen to drop the rest without an error (CPython 3.11 and 3.13, 19 times in 150), where a shell expects SIGPIPE.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Take bytes; write them when enough have come together."""
        self._waiting += data
        if len(self._waiting) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write everything taken so far."""
        data = bytes(self._waiting)
        self._waiting.clear()
        write_all(self._descriptor, data)


class Output:
    """Where results go. Text is UTF-8 whatever the locale says: what is stored may hold any character."""

    def __init__(self, *, colours_allowed: bool) -> None:
        self._error_used = False
        self._out: _Channel | None = None
        self._err: _Channel | None = None
        self.is_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._colours = colours_allowed and self.is_terminal

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        if self._error_used:
            self._error_stream().flush()
            self._error_used = False
        self._stream().write(data)

    def write_error(self, data: bytes) -> None:
        """Write bytes to standard error, behind everything written so far."""
        self._stream().flush()
        self._error_stream().write(data)
        self._error_used = True

    def line(self, text: str = "") -> None:
        """Write a line of text; the caller has made stored text visible."""
        self.write(text.encode("utf-8", "backslashreplace") + b"\n")

    def json(self, value: Any) -> None:
        """Write a JSON value, indented, on lines of its own."""
        import json

        self.line(json_safe(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)))

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], colours: dict[str, str] | None = None
    ) -> None:
        """Write a table of plain texts; `colours` says which cells are shown in which colour.

        On a terminal, lines are cut at its width: the last column holds what may be long.
        """
        safe = [[visible(cell) for cell in row] for row in rows]
        widths = [max([_width(columns[i]), *(_width(row[i]) for row in safe)]) for i in range(len(columns))]
        room = self.width
        self.line(self.paint("bold", _joined(columns, widths, room)))
        for row in safe:
            text = _joined(row, widths, room)
            for cell in row:
                if colours and cell in colours:
                    text = text.replace(cell, self.paint(colours[cell], cell), 1)
            self.line(text)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None where it has no size, or there is none."""
        if not self.is_terminal:
            return None
        return os.get_terminal_size(sys.stdout.fileno()).columns or None

    def paint(self, colour: str, text: str) -> str:
        """`text` in a colour, where colours are wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colours else text

    def flush(self) -> None:
        """Bring everything to its reader."""
        if self._out is not None:
            self._out.flush()
        if self._error_used:
            self._error_stream().flush()

    def _stream(self) -> _Channel:
        if sys.stdout is None:
            raise HstoreError("standard output is closed, there is nowhere to print to")
        if self._out is None:
            self._out = _Channel(sys.stdout.fileno())
        return self._out

    def _error_stream(self) -> _Channel:
        if sys.stderr is None:
            raise HstoreError("standard error is closed, there is nowhere to print to")
        if self._err is None:
            self._err = _Channel(sys.stderr.fileno())
        return self._err


def _joined(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    text = "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)).rstrip()
    if room is None or _width(text) <= room:
        return text
    while text and _width(text) >= room:
        text = text[:-1]
    return text + "…"


def _width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)
