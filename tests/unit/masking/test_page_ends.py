"""No byte beside the input is read: inputs between two pages that must not be touched, on every level."""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from hstore._masker import ffi, lib

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mprotect is called through glibc")

LENGTHS = range(257)
PAGE = mmap.PAGESIZE
Placed = Callable[[bytes], memoryview]


class Enclosed:
    """Some pages of memory with one before and one behind that end the process when they are read."""

    def __init__(self, pages: int = 2) -> None:
        self.size = pages * PAGE
        self.area = mmap.mmap(-1, self.size + 2 * PAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.area))
        self.protect(0)

    def protect(self, mode: int) -> None:
        """0: the pages before and behind must not be touched any more."""
        libc = ctypes.CDLL(None, use_errno=True)
        for at in (0, PAGE + self.size):
            assert libc.mprotect(ctypes.c_void_p(self.address + at), ctypes.c_size_t(PAGE), mode) == 0

    def at_the_end(self, data: bytes) -> memoryview:
        """The data right before the page behind."""
        return self._put(PAGE + self.size - len(data), data)

    def at_the_beginning(self, data: bytes) -> memoryview:
        """The data right behind the page before."""
        return self._put(PAGE, data)

    def _put(self, at: int, data: bytes) -> memoryview:
        ctypes.memmove(self.address + PAGE, b"\xa5" * self.size, self.size)
        ctypes.memmove(self.address + at, data, len(data))
        return memoryview(self.area)[at : at + len(data)]


@pytest.fixture(scope="module")
def enclosed() -> Iterator[Enclosed]:
    """One area for all tests of this module."""
    area = Enclosed()
    yield area
    area.protect(mmap.PROT_READ | mmap.PROT_WRITE)


@pytest.fixture(scope="module")
def long_texts(all_kinds) -> list[bytes]:
    """Texts of at least 256 bytes: every kind of secret, and bytes that nothing is looked for in."""
    joined, pieces = b"", []
    for text in all_kinds:
        joined += text.encode()
        if len(joined) >= 300:
            pieces.append(joined)
            joined = b""
    anchors = b" gh" + b"p_ sk-" + b" AK" + b"IA eyJ :// -----BEGIN pass token= \x1b[3"
    return [*pieces, anchors * 8, b"a clean line of a log, 200 OK\n" * 10, b"\0" * 300, b"\xff" * 300, b"\x1b[" * 150]


def test_the_pages_beside_the_input_are_deadly() -> None:
    """Without this the tests below could not fail: a read of one byte behind the input ends a process."""
    area = Enclosed()
    view = area.at_the_end(b"x")
    child = os.fork()
    if child == 0:
        try:
            faulthandler.disable()
            ctypes.string_at(area.address + PAGE + area.size - 1, 2)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    view.release()
    area.protect(mmap.PROT_READ | mmap.PROT_WRITE)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) != 0


@pytest.mark.parametrize("place", ["at_the_end", "at_the_beginning"])
def test_nothing_beside_the_input_is_read_at_any_length(enclosed, long_texts, with_values, level, place):
    """Heads and tails of 0 to 256 bytes, so that their beginnings and ends have every alignment."""
    put: Placed = getattr(enclosed, place)
    for text in long_texts:
        for length in LENGTHS:
            for data in (text[:length], text[len(text) - length :]):
                view = put(data)
                assert with_values.mask(view) == with_values.mask(data)
                view.release()


def test_nothing_beside_a_later_write_is_read(enclosed, long_texts, with_values, level):
    """The same in the middle of a stream: the write is read in place as soon as nothing before it is needed."""
    head = b"a line before\n" * 60
    for text in long_texts[::3]:
        for length in LENGTHS:
            data = text[:length]
            stream = with_values.stream()
            view = enclosed.at_the_end(data)
            shown = stream.feed(head) + stream.feed(view)
            view.release()
            view = enclosed.at_the_beginning(data)
            shown += stream.feed(view) + stream.finish()
            view.release()
            assert shown == with_values.mask(head + data + data)


def test_nothing_beside_a_page_full_of_input_is_read(enclosed, with_values, level):
    """Inputs of about a page, that touch both forbidden pages or nearly do."""
    text = (b"a clean line of a log, 200 OK gh" + b"p_ \n") * 400
    for length in (*range(PAGE - 70, PAGE + 70), enclosed.size - 1, enclosed.size):
        for put in (enclosed.at_the_end, enclosed.at_the_beginning):
            view = put(text[:length])
            assert with_values.mask(view) == with_values.mask(text[:length])
            view.release()


def test_masker_values_end_where_they_are_told(enclosed):
    """The list of forms is read no further than its length."""
    for size in (8, 9, 31, 32, 33, 100):
        blob = size.to_bytes(4, "little") + b"v" * (size - 1) + b"w"
        for cut in range(len(blob) + 1):
            view = enclosed.at_the_end(blob[:cut])
            handle = lib.hstore_masker_new(ffi.NULL, ffi.from_buffer(view), cut, ffi.new("int *"))
            assert (handle != ffi.NULL) == (cut in {0, len(blob)})
            lib.hstore_masker_free(handle)
            view.release()
