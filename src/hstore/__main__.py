"""The program `hstore` (also `heimdal`, and `python -m hstore`): chooses the command line's fast or full half."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words `argv` (default: the process's own) say and return the exit code.

    `hstore run` is parsed by hand before anything heavy is imported: it stands before every command that
    someone wants recorded, and argparse alone would cost it 9 ms. `hstore init SHELL` stands in the start of every
    shell.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        from hstore.cli import run

        command = run.split(words)
        if command is not None:
            code = run.main(*command)
            if argv is None:
                run.leave(code)
            return code
        if len(words) == 2 and words[0] == "init" and not words[1].startswith("-"):
            from hstore.cli import init

            return init.main(words[1])
        from hstore.cli import program

        return program.main(words)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
