"""Plain messages: `hstore: …` on standard error, and texts on standard output, by bare descriptors.

The fast path of `hstore run` needs no more than this, and bare descriptors cannot leave a half-written
buffer behind that the interpreter complains about at its end.
"""

from __future__ import annotations

import os

from hstore.cli.escapes import visible

BROKEN_PIPE = 141
"""What a shell shows for a program that SIGPIPE ended; so ends every command whose reader leaves."""


def complain(message: str) -> None:
    """Write a message to standard error; where that is closed, nobody wants it."""
    text = "\n".join(visible(line) for line in message.split("\n"))
    try:
        write_all(2, f"hstore: {text}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        return


def show(text: str) -> int:
    """Write a text to standard output and return the exit code."""
    try:
        write_all(1, text.encode())
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as error:
        complain(f"cannot write to standard output: {error.strerror}")
        return 1
    return 0


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, also to a descriptor that takes them in pieces.

    Raises:
        OSError: it takes no more.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            _wait_until_writable(fd)


def _wait_until_writable(fd: int) -> None:
    import select

    select.select([], [fd], [])
