"""Masking: every byte that is stored passes through a `Masker`, which replaces secrets by typed marks.

The work is done in C (csrc/masker.h). This package makes the forms of registered values, carries text and
JSON in and out, and counts. docs/masking.md says what is found and what is not.
"""

from __future__ import annotations

from _thread import allocate_lock

from hstore._masker import ffi, lib
from hstore.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hstore.masking._rule_file import Paths
    from hstore.masking.rules import Rules

    Data = bytes | bytearray | memoryview

__all__ = ["RULES_DIGEST", "SEPARATOR", "Masker", "Stream", "rule_ids", "telling_name"]

SEPARATOR = "\x1e"
"""Between the texts given to `Masker.leaves`: ASCII's record separator, which stands in next to no text."""
_SEPARATOR = ord(SEPARATOR)
_LAST, _REST = lib.HSTORE_LAST, lib.HSTORE_REST
_feed_stream = lib.hstore_stream_feed

RULES_DIGEST: str = ffi.string(lib.hstore_rules_digest(ffi.NULL)).decode()
"""Of the rules compiled in: what was masked with another digest may have been masked by other rules."""


def _types_of(masker: Any) -> tuple[str, ...]:
    count = lib.hstore_type_count(masker)
    return tuple(ffi.string(lib.hstore_type_name(masker, number)).decode() for number in range(count))


_TYPES = _types_of(ffi.NULL)


def rule_ids() -> tuple[str, ...]:
    """The types that can stand in a mark, in the order of the rules; registered values are `value`."""
    return _TYPES


def telling_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: `GITHUB_TOKEN` does, `MAX_TOKENS` and `KEY_FILE` do not."""
    raw = name.encode("utf-8", "replace")
    return bool(lib.hstore_telling_name(raw, len(raw)))


def _contiguous(data: object) -> Any:
    """The bytes of a buffer, where they lie."""
    try:
        view = memoryview(data)  # type: ignore[arg-type] # what is none is refused below
    except TypeError:
        raise InvalidInput(f"data: bytes, not {type(data).__name__}; for text there is mask_text") from None
    if not view.c_contiguous:
        raise InvalidInput("data: a memoryview with gaps; make it bytes first")
    return ffi.from_buffer(view)


class _Compiled:
    """What a masker is made of at a time: replaced as a whole when values are added, while others go on using it."""

    __slots__ = ("forms", "idle", "masker", "ruleset", "types")

    def __init__(self, ruleset: Any, forms: bytes, old: _Compiled | None = None) -> None:
        error = ffi.new("int *")
        if old is None:
            handle = lib.hstore_masker_new(ruleset, forms, len(forms), error)
        else:
            handle = lib.hstore_masker_extended(old.masker, forms, len(forms), error)
        if error[0] == lib.HSTORE_NO_MEMORY:
            raise MemoryError("no memory for the masker")
        assert error[0] == 0, "the forms are malformed"  # noqa: S101 # blob_of makes them
        self.masker: Any = ffi.gc(handle, lib.hstore_masker_free)
        self.ruleset = ruleset
        self.forms = forms
        self.idle: list[Any] = []
        self.types = _TYPES if ruleset == ffi.NULL else _types_of(handle)

    def new_stream(self) -> Any:
        """A stream in C; this object must outlive it."""
        handle = lib.hstore_stream_new(self.masker)
        if handle == ffi.NULL:
            raise MemoryError("no memory for masking")
        return ffi.gc(handle, lib.hstore_stream_free)

    def counts_of(self, handle: Any) -> dict[str, int]:
        """Marks that a stream has written, by type."""
        found: dict[str, int] = {}
        kind = lib.hstore_stream_next_type(handle, 0)
        while kind >= 0:  # a call for each of two hundred types would take longer than the masking
            found[self.types[kind]] = lib.hstore_stream_count(handle, kind)
            kind = lib.hstore_stream_next_type(handle, kind + 1)
        return found


def _all_forms(values: Iterable[str | bytes], own_types: tuple[str, ...]) -> bytes:
    values = [values] if isinstance(values, str | bytes) else list(values)
    if not values:
        return b""
    from hstore.masking._values import blob_of

    return blob_of(values, own_types)


def _output(handle: Any, result: int, data: Data) -> bytes:
    """What a stream has put out of `data`, when it is not `data` as it was.

    Raises:
        MemoryError: `result` says so.
    """
    if result < 0:
        raise MemoryError("no memory for masking")
    copied: bytes = ffi.buffer(lib.hstore_stream_output(handle), lib.hstore_stream_output_length(handle))[:]
    if result == 1:
        return copied
    start = lib.hstore_stream_rest_start(handle)
    rest = memoryview(data).cast("B")[start : start + lib.hstore_stream_rest_length(handle)]
    return b"".join((copied, rest))


class Masker:
    """Finds secrets by the built-in rules, a user's own and the values given; may be shared by threads."""

    __slots__ = ("__weakref__", "_compiled", "_counts", "_lock")

    def __init__(self, values: Iterable[str | bytes] = (), rules: Rules | Paths | None = None) -> None:
        """Register `values`, each found raw and in the forms in which it leaks, and read the files `rules`.

        Args:
            values: the secrets; they are found wherever they stand.
            rules: the path of a file of rules as docs/masking.md describes it, several, or `Rules` read before. None:
                only the built-in ones; the files of the user and the project are `Store`'s and the command line's.

        Raises:
            InvalidInput: a value that `refusal` refuses (named by its position), or rules that cannot be expressed
                (named by file, line, rule and field).
        """
        own = None
        if rules is not None:
            from hstore.masking.rules import rules_of

            own = rules_of(rules)
        self._lock = allocate_lock()
        self._counts: dict[str, int] = {}
        self._compiled = _Compiled(
            ffi.NULL if own is None else own.ruleset(), _all_forms(values, () if own is None else own.ids())
        )

    def add_values(self, values: Iterable[str | bytes]) -> None:
        """Register more values; what is masked from now on is searched for them, in running streams too.

        A stream takes them up at its next call. What it has been fed by then stays as it is: a value is found where
        it begins behind that. (Bytes that were held because an earlier value may begin there count as not fed yet.)

        Raises:
            InvalidInput: a value that `refusal` refuses, named by its position; none of them is registered then.
        """
        more = _all_forms(values, self._compiled.types[len(_TYPES) :])
        if more:
            with self._lock:
                old = self._compiled
                self._compiled = _Compiled(old.ruleset, old.forms + more, old)

    @staticmethod
    def refusal(value: str | bytes) -> str | None:
        """Why the value would not be registered, or None: masking it would spoil every log."""
        from hstore.masking._values import refusal

        return refusal(value)

    def mask(self, data: Data) -> bytes:
        """The bytes with every secret replaced; the same object when there is none.

        Raises:
            InvalidInput: no bytes: text (that is for `mask_text`), or a memoryview with gaps.
        """
        raw = data if isinstance(data, bytes) else _contiguous(data)
        compiled = self._compiled
        try:
            handle = compiled.idle.pop()
        except IndexError:
            handle = compiled.new_stream()
        result = lib.hstore_stream_feed(handle, raw, len(raw), _LAST | _REST)
        if result == 0:
            masked = data if isinstance(data, bytes) else bytes(data)
        else:
            masked = _output(handle, result, data)
            self._count({}, compiled.counts_of(handle))
        lib.hstore_stream_reset(handle)
        compiled.idle.append(handle)
        return masked

    def mask_text(self, text: str) -> str:
        """As `mask`, for text. A NUL stands between the words of a command line and is never masked away."""
        raw = text.encode("utf-8", "surrogatepass")
        masked = self.mask(raw)
        return text if masked is raw else masked.decode("utf-8", "surrogatepass")

    def leaves(self, texts: bytes) -> bool:
        """Whether each of many short texts, with `SEPARATOR` between them, is left as it is: all in one call.

        Each is looked at by itself, as `mask` would. True is the answer for nearly all that programs record; then
        nothing else has to be done. A text that holds the separator counts as two, which the caller must rule out.
        """
        return self._changes(texts, ffi.NULL, 0) == 0

    def changes(self, texts: bytes, count: int) -> list[int]:
        """Which of `count` such texts would be changed, by number from 0."""
        found = ffi.new("uint32_t[]", count)
        return list(found[0 : self._changes(texts, found, count)])

    def _changes(self, texts: bytes, found: Any, room: int) -> int:
        compiled = self._compiled
        try:
            handle = compiled.idle.pop()
        except IndexError:
            handle = compiled.new_stream()
        count = lib.hstore_stream_changes(handle, texts, len(texts), _SEPARATOR, found, room)
        compiled.idle.append(handle)
        if count < 0:
            raise MemoryError("no memory for masking")
        return int(count)

    def mask_json(self, value: object, name: str | None = None) -> str:
        """The value as compact JSON, every string and key in it masked; always valid JSON.

        `name` is the key under which the value will stand: `mask_json("…", name="api_token")` masks as
        `{"api_token": "…"}` does. A secret number under a telling name becomes a mark, which is a string.

        Raises:
            InvalidInput: not JSON (NaN, infinity, lone surrogates, keys that are not text, other types), or
                nested too deeply.
        """
        from hstore.masking._json import mask_json

        return mask_json(self.mask_text, value, name)

    def stream(self) -> Stream:
        """A stream of bytes masked piece by piece; each output of a command has its own."""
        return Stream(self)

    @property
    def state(self) -> object:
        """The same object as long as the same is masked: what was found plain then is plain still."""
        return self._compiled

    @property
    def rules_digest(self) -> str:
        """Of all its rules: `RULES_DIGEST` without any of one's own."""
        return str(ffi.string(lib.hstore_rules_digest(self._compiled.masker)).decode())

    @property
    def counts(self) -> dict[str, int]:
        """Marks written by this masker and its streams, by type."""
        with self._lock:
            return {kind: number for kind, number in self._counts.items() if number}

    def _count(self, before: dict[str, int], after: dict[str, int]) -> None:
        with self._lock:
            for kind in {*before, *after}:
                self._counts[kind] = self._counts.get(kind, 0) + after.get(kind, 0) - before.get(kind, 0)


class Stream:
    """Masks one stream of bytes; however it is cut, the joined output is the same. For one thread at a time."""

    __slots__ = ("_compiled", "_counts", "_finished", "_handle", "_live", "_marks", "_masker")

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._compiled = masker._compiled  # keeps the tables alive
        self._handle = self._compiled.new_stream()
        self._live = self._handle  # None once finished or closed: small writes look at nothing else
        self._counts: dict[str, int] = {}
        self._marks = 0
        self._finished = False

    def feed(self, data: Data) -> bytes:
        """What can be shown now; the same object when nothing is masked or held.

        Raises:
            InvalidInput: no bytes, or a memoryview with gaps.
            ValueError: the stream is finished or closed.
            MemoryError: the stream must be restored before it goes on.
        """
        handle = self._live
        if handle is None or data.__class__ is not bytes or self._masker._compiled is not self._compiled:
            return self._feed(data, 0)
        result = _feed_stream(handle, data, len(data), _REST)
        return data if result == 0 else self._put_out(handle, result, data)

    def feed_many(self, pieces: Iterable[Data]) -> bytes:
        """As `feed` of each and its outputs joined, at the cost of one: for many small pieces at hand.

        Raises:
            ValueError: the stream is finished or closed.
            MemoryError: the stream must be restored before it goes on.
        """
        return self._feed(b"".join(pieces), 0)

    def finish(self) -> bytes:
        """What was held: the input is over."""
        output = self._feed(b"", _LAST)
        self._finished, self._live = True, None
        return output

    def trace(self) -> None:
        """From now on keep what each mark stands for, for `traced`. `save` leaves that out."""
        lib.hstore_stream_trace(self._open_handle())

    def traced(self) -> list[tuple[int, int, str]]:
        """The marks so far: offsets in the input of the first byte and of the one behind the last, and the type."""
        handle, start, end = self._open_handle(), ffi.new("uint64_t *"), ffi.new("uint64_t *")
        found = []
        for number in range(lib.hstore_stream_traced(handle)):
            kind = lib.hstore_stream_mark(handle, number, start, end)
            found.append((int(start[0]), int(end[0]), self._compiled.types[kind]))
        return found

    def save(self) -> bytes:
        """The state, for `restore` after a write that failed. It holds bytes that are not masked yet."""
        handle = self._open_handle()
        size = lib.hstore_stream_save(handle, ffi.NULL, 0)
        state = ffi.new("uint8_t[]", size)
        lib.hstore_stream_save(handle, state, size)
        kept: bytes = ffi.buffer(state)[:]
        return bytes([self._finished]) + kept

    def restore(self, state: bytes) -> None:
        """Go back to a saved state of a stream of the same masker.

        Raises:
            InvalidInput: another masker's state, or none at all; the stream is as before.
        """
        result = (
            lib.hstore_stream_restore(self._open_handle(), state[1:], len(state) - 1) if state else lib.HSTORE_BAD_STATE
        )
        if result == lib.HSTORE_BAD_STATE:
            raise InvalidInput("state: not a saved state of a stream of this masker")
        if result < 0:
            raise MemoryError("no memory for masking")
        self._finished = bool(state[0])
        self._live = None if self._finished else self._handle
        self._take_counts()

    def close(self) -> None:
        """Zero and release what is held; nothing of it comes out any more. Closing twice is fine."""
        handle, self._handle, self._live = self._handle, None, None
        if handle is not None:
            ffi.release(handle)

    @property
    def counts(self) -> dict[str, int]:
        """Marks written by this stream, by type."""
        return dict(self._counts)

    @property
    def held(self) -> int:
        """Bytes taken and not given back yet."""
        return 0 if self._handle is None else int(lib.hstore_stream_held(self._handle))

    def _open_handle(self) -> Any:
        if self._handle is None:
            raise ValueError("the stream is closed")
        compiled = self._masker._compiled
        if compiled is not self._compiled:
            lib.hstore_stream_adopt(self._handle, compiled.masker)
            self._compiled = compiled
        return self._handle

    def _feed(self, data: Data, last: int) -> bytes:
        handle = self._open_handle()
        if self._finished:
            raise ValueError("the stream is finished")
        raw = data if isinstance(data, bytes) else _contiguous(data)
        result = _feed_stream(handle, raw, len(raw), last | _REST)
        if result == 0:
            return data if isinstance(data, bytes) else bytes(data)
        return self._put_out(handle, result, data)

    def _put_out(self, handle: Any, result: int, data: Data) -> bytes:
        masked = _output(handle, result, data)
        if lib.hstore_stream_marks(handle) != self._marks:
            self._take_counts()
        return masked

    def _take_counts(self) -> None:
        after = self._compiled.counts_of(self._handle)
        self._masker._count(self._counts, after)
        self._counts = after
        self._marks = lib.hstore_stream_marks(self._handle)
