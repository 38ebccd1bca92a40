"""What a shell says to its recorder, and what is made of a typed line."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstore.shell.commands import Command
from hstore.shell.messages import FIELDS, LIMIT, MARK, Message, Messages
from hstore.shell.programs import program_of, records_itself
from hstore.shell.script import SHELLS, script

FIELD = st.binary(max_size=40).map(lambda data: data.replace(b"\0", b"")).filter(lambda data: data != MARK[1:-1])
RUN = st.lists(FIELD, min_size=7, max_size=7)


def said(kind: bytes, fields: list[bytes]) -> bytes:
    return MARK + b"".join(each + b"\0" for each in (kind, *fields))


def plain(messages: list[Message]) -> list[tuple[bytes, list[bytes]]]:
    return [(message.kind, message.fields) for message in messages]


@given(st.lists(RUN, max_size=5), st.integers(min_value=1, max_value=50))
def test_messages_arrive_however_they_are_cut(runs: list[list[bytes]], step: int) -> None:
    """The same messages come out of pieces of any size, with every byte of every field."""
    stream = b"".join(said(b"run", fields) for fields in runs)
    reader, found = Messages(), []
    for place in range(0, len(stream), step):
        found += reader.feed(stream[place : place + step])
    assert plain(found) == [(b"run", fields) for fields in runs]


@given(RUN, RUN, st.data())
def test_message_after_one_that_was_cut_off_is_whole(
    first: list[bytes], second: list[bytes], data: st.DataObject
) -> None:
    """An interrupted write loses itself and nothing behind it."""
    whole = said(b"run", first)
    cut = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    found = plain(Messages().feed(whole[:cut] + said(b"run", second) + said(b"end", [])))
    assert found == [(b"run", second), (b"end", [])]


def test_noise_and_unknown_kinds_are_passed_over() -> None:
    """What is no message, or one of a later version, is no obstacle."""
    stream = b"noise\0\0" + said(b"later", [b"a", b"b"]) + b"\0\0more" + said(b"shell", [b"12", b"bash"])
    assert plain(Messages().feed(stream)) == [(b"shell", [b"12", b"bash"])]


def test_endless_message_is_dropped() -> None:
    """A message beyond the limit takes no more memory than that, and the next is found."""
    reader = Messages()
    reader.feed(MARK + b"run\0")
    for _ in range(LIMIT // 65536 + 2):
        assert reader.feed(b"x" * 65536) == []
        assert len(reader._rest) <= LIMIT + 65536
    assert plain(reader.feed(b"\0" + said(b"end", []))) == [(b"end", [])]


def test_every_kind_is_known() -> None:
    """The hooks send these kinds with so many fields."""
    assert FIELDS == {b"shell": 2, b"exports": 1, b"run": 7, b"end": 0}


def test_command_is_read_from_its_fields() -> None:
    """Times, codes and texts, bytes that are no UTF-8 included."""
    now = time.time()
    fields = [f"{now:.6f}".encode(), b"1500000", b"130", b"/tmp/\xff", b"", b"x.db", b"echo \xfe"]
    command = Command(fields)
    assert abs(command.ended - now) < 0.001
    assert (command.duration, command.exit_code, command.session, command.database) == (1.5, 130, None, "x.db")
    assert (command.directory, command.line) == ("/tmp/\udcff", "echo \udcfe")


@pytest.mark.parametrize("ended", [b"", b"12.5", b"99999999999.0", b"nonsense"])
def test_end_that_no_clock_shows_is_now(ended: bytes) -> None:
    """Where the shell has no such clock, or another one, the recorder's own holds."""
    command = Command([ended, b"5", b"0", b"/", b"", b"", b"true"])
    assert abs(command.ended - time.time()) < 60


def test_locale_with_a_comma() -> None:
    """Some locales write the time with a comma."""
    now = time.time()
    command = Command([f"{now - 10:.6f}".replace(".", ",").encode(), b"5", b"0", b"/", b"", b"", b"true"])
    assert abs(command.ended - now + 10) < 0.001


def test_negative_duration_is_none() -> None:
    """A clock that was set back makes no negative duration."""
    assert Command([b"", b"-5", b"0", b"/", b"", b"", b"true"]).duration == 0


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("make -j8", "make"),
        ("/usr/bin/make all", "make"),
        ("A=1 B='two words' make", "make"),
        ("(cd /; make)", "cd"),
        ("{ make; }", "make"),
        ("! make", "make"),
        ("'my program' x", "my program"),
        ("my\\ program x", "my program"),
        ("make;ls", "make"),
        ("make|ls", "make"),
        ("for x in 1 2; do make; done", "for"),
        ("A=1", "bash"),
        ("", "bash"),
        (";", "bash"),
        ("x" * 500, "bash"),
        ("echo", "echo"),
        ("~/bin/", "~/bin/"),
        ("'unfinished", "unfinished"),
        ("\\", "bash"),
    ],
)
def test_program_of_a_line(line: str, program: str) -> None:
    """The word that a shell would run first."""
    assert program_of(line, "bash") == program


@given(st.text())
def test_program_of_any_line(line: str) -> None:
    """Every text gives a name that a store takes."""
    assert 0 < len(program_of(line, "bash")) <= 128


@pytest.mark.parametrize(
    ("line", "itself"),
    [
        ("hstore run -- make", True),
        ("heimdal run make --record", True),
        ("/opt/bin/hstore --db x run make", True),
        ("hstore --db=x run make", True),
        ("hstore run -- make; ls", False),
        ("hstore run -- make && ls", False),
        ("hstore run -- make | tee log", False),
        ("hstore log list", False),
        ("hstore", False),
        ("hstore --db", False),
        ("time hstore run make", False),
        ("", False),
    ],
)
def test_what_records_itself(line: str, itself: bool) -> None:
    """Only a line that is one `hstore run` is left to that."""
    assert records_itself(line) is itself


@pytest.mark.parametrize("shell", SHELLS)
def test_script_quotes_every_path(shell: str) -> None:
    """A program in a folder with an odd name is named so that the shell reads it back."""
    text = script(shell, ("/it's a\\folder/hstore",), ())
    quoted = "'/it\\'s a\\\\folder/hstore'" if shell == "fish" else "'/it'\\''s a\\folder/hstore'"
    assert quoted in text.splitlines()[0]
