"""`hstore log tail` without its database: the newest output that waits to be recorded."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from hstore.cli.messages import complain
from hstore.config import settings
from hstore.errors import HstoreError
from hstore.fallback.files import Reader, waiting
from hstore.location import locate

if TYPE_CHECKING:
    from hstore.cli.log import TailOptions
    from hstore.cli.output import Output

_POLL_SECONDS = 0.1


def tail_waiting(options: TailOptions, output: Output, reason: HstoreError) -> bool:
    """Print the last lines of what waits for the database, and follow it; False if nothing does.

    `reason`, why the database cannot be opened, goes to standard error.
    """
    file = _newest(options)
    if file is None:
        return False
    with file:
        complain(f"{reason}\nthis is output that waits to be recorded, of {' '.join(file.header['argv'])}")
        output.write(_last_lines(file.read(), options.lines))
        while options.follow and file.is_written:
            output.flush()
            time.sleep(_POLL_SECONDS)
            output.write(file.read())
        output.write(file.read())
        output.write(file.rest())
        output.flush()
    return True


def _newest(options: TailOptions) -> Reader | None:
    """The newest file of the run that is meant."""
    try:
        place = locate(None if options.db is None else os.path.expanduser(options.db), settings())
    except HstoreError:
        return None
    for path in reversed(waiting(place.path, settings())):
        try:
            file = Reader(path)
        except (OSError, ValueError):
            continue
        names = ("latest", file.header["key"], file.header["app"], file.header.get("name"))
        if options.run in names:
            return file
        file.close()
    return None


def _last_lines(content: bytes, lines: int) -> bytes:
    place = len(content) - content.endswith(b"\n")
    for _ in range(lines):
        place = content.rfind(b"\n", 0, max(place, 0))
        if place < 0:
            return content
    return content[place + 1 :] if lines else b""
