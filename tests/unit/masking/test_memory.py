"""Memory and time: no read behind the input, no leak of held bytes, no crash without memory, no quadratic flood."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import subprocess
import sys
import threading

import pytest

from hstore._masker import ffi, lib
from hstore.masking import Masker


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect is called through glibc")
def test_nothing_behind_the_input_is_read(all_kinds, with_values):
    """Each input ends right before a page that must not be read, whole and cut at every place."""
    libc = ctypes.CDLL(None, use_errno=True)
    size = mmap.PAGESIZE * 2
    area = mmap.mmap(-1, size + mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    assert libc.mprotect(ctypes.c_void_p(address + size), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    for text in [*all_kinds, "\x1b[31", "[masked:", "pass", "a\x1b", "http://u:p", "sk-", "\x1b]8;;"]:
        data = text.encode()[:2000]
        for length in range(len(data) + 1):
            ctypes.memmove(address + size - length, data[:length], length)
            view = memoryview(area)[size - length : size]
            assert with_values.mask(view) == with_values.mask(data[:length])
            stream = with_values.stream()
            output = stream.feed(view) + stream.finish()
            assert output == with_values.mask(data[:length])
            view.release()


def test_running_out_of_memory_is_an_error_and_can_be_restored(all_kinds):
    """Every allocation fails once: MemoryError, never a crash or a wrong output; a saved state goes on."""
    data = "\n".join([*all_kinds, "a-registered-value"]).encode() * 2
    masker = Masker(["a-registered-value"])
    whole = masker.mask(data)
    failures = 0
    for successes in itertools.count():
        stream = masker.stream()
        output = stream.feed(data[:70])
        state = stream.save()
        lib.hstore_fail_allocation(successes)
        try:
            rest = stream.feed(data[70:]) + stream.finish()
        except MemoryError:
            failures += 1
            lib.hstore_fail_allocation(-1)
            with pytest.raises(MemoryError):
                stream.feed(b"x")
            stream.restore(state)
            rest = stream.feed(data[70:]) + stream.finish()
            assert output + rest == whole
        else:
            lib.hstore_fail_allocation(-1)
            assert output + rest == whole
            break
    assert failures >= 3


def test_making_a_masker_without_memory_is_an_error():
    """The automaton is released again, whichever allocation failed."""
    for successes in range(12):
        lib.hstore_fail_allocation(successes)
        try:
            Masker(["a-registered-value"]).stream()
        except MemoryError:
            continue
        finally:
            lib.hstore_fail_allocation(-1)
        break
    assert successes >= 4


def test_a_malformed_list_of_forms_is_refused():
    """Lengths that reach too far, or forms shorter than the filter needs, give no masker."""
    for blob in (b"\x01", b"\xff\xff\xff\xffabcdefgh", b"\x09\0\0\0abcdefgh", b"\x04\0\0\0abcd", b"\0\0\0\0"):
        error = ffi.new("int *")
        assert lib.hstore_masker_new(ffi.NULL, blob, len(blob), error) == ffi.NULL
        assert error[0] == lib.HSTORE_BAD_FORMS


HELD = """
import gc, sys
from hstore.masking import Masker

def heap():
    for line in open("/proc/self/maps"):
        if "[heap]" in line:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            with open("/proc/self/mem", "rb", buffering=0) as memory:  # the heap may shrink meanwhile: no pointers
                memory.seek(start)
                return memory.read(end - start)

stream = Masker().stream()
stream.feed(b'password="')
for i in range(40):
    stream.feed(bytes([48 + i * 7 % 60]))
held = stream.held
before = heap()
if sys.argv[1] == "close":
    stream.close()
else:
    del stream
    gc.collect()
after = heap()
secret = bytes(48 + i * 7 % 60 for i in range(12, 40))
print(held, before.count(secret), after.count(secret))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads its own heap through /proc")
@pytest.mark.skipif(lib.hstore_sanitized(0), reason="the sanitizer's allocator has a heap of its own")
@pytest.mark.parametrize("way", ["close", "dealloc"])
def test_held_bytes_are_zeroed(way):
    """S8: what an open candidate held is in the process's heap before, and nowhere in it afterwards."""
    held, before, after = map(int, subprocess.check_output([sys.executable, "-c", HELD, way], text=True).split())
    assert held == 40
    assert before >= 1
    assert after == 0


def flood_texts() -> dict[str, bytes]:
    """Unkind inputs, each repeated to the asked size."""
    return {
        "anchors": b"gh" + b"p_", "near misses": b"gh" + b"p_abc ", "names": b"token=",
        "names without end": b"password",
        "keys": b"key", "urls": b"https://", "users": b"https://u:", "escapes": b"\x1b[31m", "open escapes": b"\x1b[",
        "links": b"\x1b]8;;", "marks": b"[masked:", "marks in values": b"token=[masked:", "dashes": b"-",
        "begin lines": b"-----BEGIN ", "jwt": b"eyJ", "long line": b"a", "values": b"registered-valu",
        "curl": b"curl -u ",
        "quotes": b'password="', "words": b"--password\0", "digits": b"1234567:A" + b"A", "newlines": b"\n",
        "zeros": b"\0",
        "open key": b"-----BEGIN PRIVATE KEY-----\nMIIE",
    }  # fmt: skip


@pytest.mark.parametrize("name", flood_texts())
def test_work_grows_with_the_input_and_no_faster(name):
    """S7: floods of several megabytes complete; twice the input is twice the work, and little of it for a byte."""
    masker = Masker(["registered-value", "registered-valuregistered-valu!"])
    unit = flood_texts()[name]
    work = []
    for size in (1_500_000, 3_000_000):
        stream = masker.stream()
        data = (unit * (size // len(unit) + 1))[:size]
        for at in range(0, size, 65536):
            stream.feed(data[at : at + 65536])
            assert stream.held <= 4096 + 512
        stream.finish()
        work.append(lib.hstore_stream_work(stream._handle))
    assert work[1] <= 2.1 * work[0] + 1000
    assert work[1] <= 100 * 3_000_000


@pytest.mark.parametrize("name", ["anchors", "names", "users", "quotes", "open escapes", "jwt", "curl", "words"])
def test_small_writes_do_not_multiply_the_work(name):
    """S7: an open candidate that is looked at again for every byte stays cheap."""
    unit = flood_texts()[name]
    stream = Masker().stream()
    data = (unit * (60_000 // len(unit) + 1))[:60_000]
    for at in range(len(data)):
        stream.feed(data[at : at + 1])
    stream.finish()
    assert lib.hstore_stream_work(stream._handle) <= 600 * len(data)


def test_threads_share_a_masker(all_kinds, with_values):
    """Each gets its own answers, and every mark is counted once."""
    masker = Masker(["supersecretvalue"])
    data = "\n".join(all_kinds).encode()
    whole, wrong = masker.mask(data), []
    marks = sum(masker.counts.values())

    def work() -> None:
        for _ in range(40):
            if masker.mask(data) != whole:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sum(masker.counts.values()) == marks * 161


def test_importing_is_cheap():
    """The masker brings none of the modules that cost milliseconds with it."""
    heavy = ["typing", "json", "re", "dataclasses", "collections", "enum", "base64", "hstore.store"]
    report = f"print([m for m in {heavy} if m in sys.modules])"
    program = f"import sys, hstore.masking; hstore.masking.Masker(['a-good-secret-1']); {report}"
    baseline = f"import sys; {report}"
    shown = [subprocess.check_output([sys.executable, "-c", code], text=True) for code in (program, baseline)]
    assert set(ast_list(shown[0])) <= set(ast_list(shown[1]))


def ast_list(text: str) -> list[str]:
    return [word.strip(" '") for word in text.strip().strip("[]").split(",") if word.strip()]
