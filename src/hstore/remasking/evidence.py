"""What was replaced, kept in memory only, to look for it in the file's bytes afterwards."""

from __future__ import annotations

from hstore.masking import Masker
from hstore.masking.replaced import forms_of, replaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 2000
"""Pieces of bytes that are looked for; each costs a pass over the file at memory speed."""
_WHOLE = 40
"""Bytes below which a secret is looked for as a whole only: parts of it would be found by chance."""
_PIECE = 64


class Evidence:
    """The bytes of secrets that were replaced, and of the values that must not stand in the file at all.

    Nothing of it is ever written. A text in the database may be cut where it goes on on another page, so a longer
    secret is looked for by pieces that do not overlap: one cut leaves one of them whole.
    """

    def __init__(self, values: Iterable[str | bytes]) -> None:
        self._values = {form: _pieces(form) for form in forms_of(values)}
        self._secrets: dict[bytes, tuple[bytes, ...]] = {}
        self._pieces = 0
        self._skipped: set[int] = set()

    def add(self, before: bytes, after: bytes) -> None:
        """Take in what of `before` has become marks in `after`."""
        for span in replaced(before, after):
            if span in self._secrets:
                continue
            pieces = () if Masker.refusal(span) else _pieces(span)
            if pieces and self._pieces + len(pieces) <= MOST:
                self._secrets[span] = pieces
                self._pieces += len(pieces)
            else:
                self._skipped.add(hash(span))

    @property
    def searched(self) -> int:
        """Different secrets and forms of values that are looked for."""
        return len(self._values) + len(self._secrets)

    @property
    def unsearched(self) -> int:
        """Different secrets that are not: too short or too common to tell from other bytes, or too many."""
        return len(self._skipped)

    @property
    def longest(self) -> int:
        """Bytes of the longest piece."""
        known = (self._values, self._secrets)
        return max((len(piece) for each in known for pieces in each.values() for piece in pieces), default=1)

    def standing_in(self, stretch: bytes) -> list[bytes]:
        """The secrets of which a piece stands in a stretch of bytes."""
        return [
            secret
            for known in (self._values, self._secrets)
            for secret, pieces in known.items()
            if any(piece in stretch for piece in pieces)
        ]


def _pieces(secret: bytes) -> tuple[bytes, ...]:
    if len(secret) < _WHOLE:
        return (secret,)
    if len(secret) < 4 * _PIECE:
        half = len(secret) // 2
        return (secret[:half], secret[half:])
    # The first and last line of a key are the same for all keys.
    return tuple(secret[at : at + _PIECE] for at in (len(secret) // 3, len(secret) // 3 + _PIECE, len(secret) // 2))
