r"""Messages of a shell to its recorder: `\0\1hstore\1\0KIND\0FIELD\0…`, each ended by the NUL that no command can hold.

The NUL in front ends whatever an interrupted write has left, so that the next message is found again. One writer sends
them, the shell itself: what its subshells and jobs do is no message.
"""

from __future__ import annotations

MARK = b"\0\1hstore\1\0"
FIELDS = {b"shell": 2, b"exports": 1, b"run": 7, b"end": 0}
"""How many fields follow each kind."""
LIMIT = 8 << 20
"""Bytes of one message; a longer one, such as a file pasted by mistake, is left out."""


class Message:
    """What a shell says: its `kind` and its `fields`, as bytes."""

    __slots__ = ("fields", "kind")

    def __init__(self, kind: bytes, fields: list[bytes]) -> None:
        self.kind = kind
        self.fields = fields


class Messages:
    """Finds messages in a stream of bytes that comes in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes."""
        self._rest += data
        found: list[Message] = []
        while True:
            begin = self._rest.find(MARK)
            if begin < 0:
                self._rest = self._rest[1 - len(MARK) :]
                return found
            message, end = _message(self._rest, begin + len(MARK))
            if end is None:
                self._rest = self._rest[begin:] if len(self._rest) - begin <= LIMIT else b""
                return found
            self._rest = self._rest[end:]
            if message is not None:
                found.append(message)


def _message(data: bytes, begin: int) -> tuple[Message | None, int | None]:
    """The message whose kind begins there, and where it ends; None where there is none, or it has not ended."""
    end = data.find(b"\0", begin)
    if end < 0:
        return None, None
    kind, fields = data[begin:end], []
    number = FIELDS.get(kind)
    if number is None:
        return None, begin - 1  # the NUL in front may be that of the next one
    for _ in range(number):
        start = end + 1
        end = data.find(b"\0", start)
        if end < 0:
            return None, None
        # Cut off, and this is the next one: within a field, or between two.
        if data.startswith(MARK, end):
            return None, end
        if data.startswith(MARK, start - 1):
            return None, start - 1
        fields.append(data[start:end])
    return Message(kind, fields), end + 1
