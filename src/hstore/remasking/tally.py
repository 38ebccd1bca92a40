"""What was looked at and replaced, table by table."""

from __future__ import annotations

from hstore.masking.replaced import marks_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hstore.models import RemaskedTable

_NAMED_AT_MOST = 1000  # ids that are listed; the count goes on


class Tally:
    """Counts for one table, or for the content of artifacts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.looked = 0
        self.changed = 0
        self.left = 0
        self.left_ids: list[int] = []
        self.found: dict[str, int] = {}

    def note(self, number: int, *, left: bool) -> None:
        """A row holds something to mask, and was changed or left."""
        if left:
            self.left += 1
            if len(self.left_ids) < _NAMED_AT_MOST:
                self.left_ids.append(number)
        else:
            self.changed += 1

    def count(self, before: bytes, after: bytes) -> None:
        """Count the marks that are new."""
        add_marks(self.found, marks_in(after), 1)
        add_marks(self.found, marks_in(before), -1)

    def result(self) -> RemaskedTable:
        """As the report shows it; what a larger mark has taken in does not count."""
        from hstore.models import RemaskedTable

        found = {kind: number for kind, number in sorted(self.found.items()) if number > 0}
        return RemaskedTable(self.name, self.looked, self.changed, self.left, tuple(self.left_ids), found)


def add_marks(counts: dict[str, int], more: dict[str, int], sign: int) -> None:
    """Add counts of marks by type to others."""
    for kind, number in more.items():
        counts[kind] = counts.get(kind, 0) + sign * number
