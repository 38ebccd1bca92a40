"""Memory that runs out: each allocation of each call fails once, and what follows is as if it had not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from hstore._masker import ffi, lib
from hstore.masking import Masker
from hstore.masking._values import blob_of


@pytest.fixture(autouse=True)
def enough_afterwards() -> Iterator[None]:
    """No test leaves the next one without memory."""
    yield
    lib.hstore_fail_allocation(-1)


def failures(call: Callable[[], object], failed: Callable[[object], bool]) -> int:
    """Calls again and again, one more allocation succeeding each time; how often it failed before it went well."""
    for successes in itertools.count():
        lib.hstore_fail_allocation(successes)
        result = call()
        lib.hstore_fail_allocation(-1)
        if not failed(result):
            return successes
    raise AssertionError


def test_making_a_masker_fails_cleanly_at_every_allocation():
    """NULL, whichever of its parts found no memory; the sanitizers see that the others are released."""
    blob = blob_of(["a-registered-value", "another\nvalue of lines"])
    error = ffi.new("int *")

    def call() -> object:
        handle = lib.hstore_masker_new(ffi.NULL, blob, len(blob), error)
        assert error[0] == (lib.HSTORE_NO_MEMORY if handle == ffi.NULL else 0)
        lib.hstore_masker_free(handle)
        return handle

    assert failures(call, lambda handle: handle == ffi.NULL) >= 5


def test_making_a_stream_fails_cleanly_at_every_allocation():
    """The same for streams."""
    masker = lib.hstore_masker_new(ffi.NULL, ffi.NULL, 0, ffi.new("int *"))

    def call() -> object:
        handle = lib.hstore_stream_new(masker)
        lib.hstore_stream_free(handle)
        return handle

    assert failures(call, lambda handle: handle == ffi.NULL) >= 2
    lib.hstore_masker_free(masker)


@pytest.fixture
def data(all_kinds) -> bytes:
    """Everything that is found, so that every list and buffer grows."""
    return "\n".join([*all_kinds, "a-registered-value", *reversed(all_kinds)]).encode()


@pytest.mark.parametrize("size", [1, 64, 1000, 100_000])
def test_every_write_fails_cleanly_at_every_allocation(data, size):
    """At each write of a stream: MemoryError, a stream that stays failed, and the saved state goes on from there."""
    data = data[:6000] if size == 1 else data
    masker = Masker(["a-registered-value"])
    whole, failed = masker.mask(data), 0
    stream = masker.stream()
    shown = b""
    for at in range(0, len(data) + size, size):
        write = stream.finish if at >= len(data) else lambda at=at: stream.feed(data[at : at + size])
        state = stream.save()
        for successes in itertools.count():
            lib.hstore_fail_allocation(successes)
            try:
                more = write()
                break
            except MemoryError:
                lib.hstore_fail_allocation(-1)
                failed += 1
                with pytest.raises(MemoryError):
                    stream.feed(b"x")
                stream.restore(state)
            finally:
                lib.hstore_fail_allocation(-1)
        shown += more
    assert shown == whole
    assert failed >= 3


OPEN = {
    "held bytes": b'password="abc' + b"x" * 600,
    "a hit in held bytes": b'password="a-registered-value',
    "an open mark": b"gh" + b"p_" + b"a1B2c3" * 6,
}


@pytest.mark.parametrize("name", OPEN)
def test_restoring_fails_cleanly_at_every_allocation(data, name):
    """A state that found no memory can be restored again; until then the stream takes nothing."""
    masker = Masker(["a-registered-value"])
    stream = masker.stream()
    shown = stream.feed(data + OPEN[name])
    state = stream.save()
    whole = masker.mask(data + OPEN[name] + b'def7"')
    for successes in itertools.count():
        other = masker.stream()
        lib.hstore_fail_allocation(successes)
        try:
            other.restore(state)
            break
        except MemoryError:
            lib.hstore_fail_allocation(-1)
            with pytest.raises(MemoryError):
                other.feed(b"x")
            other.restore(state)
            assert shown + other.feed(b'def7"') + other.finish() == whole
        finally:
            lib.hstore_fail_allocation(-1)
    assert successes >= 1
    assert shown + other.feed(b'def7"') + other.finish() == whole


def test_a_masker_of_python_fails_cleanly_at_every_allocation(data):
    """`Masker()` and `mask` raise MemoryError, and the next call is answered in full."""
    whole, failed = Masker(["a-registered-value"]).mask(data), 0
    for successes in itertools.count():
        lib.hstore_fail_allocation(successes)
        try:
            masked = Masker(["a-registered-value"]).mask(data)
            break
        except MemoryError:
            failed += 1
        finally:
            lib.hstore_fail_allocation(-1)
    assert masked == whole
    assert failed >= 8
    for successes in range(failed):
        masker = Masker(["a-registered-value"])
        lib.hstore_fail_allocation(successes)
        try:
            masked = masker.mask(data)
        except MemoryError:
            lib.hstore_fail_allocation(-1)
            masked = masker.mask(data)
        lib.hstore_fail_allocation(-1)
        assert masked == whole


def test_clean_text_allocates_nothing(with_values, level):
    """Once its buffers have grown a stream of clean text works in what it has: any allocation would fail."""
    stream = with_values.stream()
    line = b"2024-05-01 12:00:00 INFO worker finished in 12 ms, nothing to see\n"
    for size in (1, 64, 4096, 65536):
        text = (line * (size // len(line) + 1))[:size]
        for _ in range(4 + 20_000 // size):
            stream.feed(text)
        lib.hstore_fail_allocation(0)
        assert all(stream.feed(text) is text for _ in range(4 + 40_000 // size))
        lib.hstore_fail_allocation(-1)
