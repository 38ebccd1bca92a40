"""Cleaning: what is due by rules, found and deleted in small steps, each in the transaction that finds it."""

from __future__ import annotations

from hstore.codec import CHUNK
from hstore.retention.rules import Rule, lapsed, rules_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hstore.engine import Connection
    from hstore.retention.families import Families
    from hstore.retention.policies import Bounds, Policies
    from hstore.retention.subjects import Subject

_ROW = 256
"""Bytes that each row counts with besides its weight, when it is decided how many are deleted at once."""


class Cleaning:
    """Deletes what is due of one subject.

    A step finds some rows that are due and deletes them, in one transaction: nothing can change between the two. What
    needs several transactions, because much goes with a row, is asked again in each of them.

    Attributes:
        rules: why something may be due.
        rows: how many rows went, and `bytes` what they counted with, where sizes are kept.
        looked_everywhere: whether rows were looked through to the end where no index leads to those that are due.
    """

    def __init__(
        self,
        connection: Connection,
        subject: Subject,
        policies: Policies,
        families: Families,
        began: Callable[[Cleaning], None] = lambda _: None,
        seconds: float = 86_400.0,
    ) -> None:
        self.subject = subject
        self.rows = self.bytes = 0
        self._connection = connection
        self._policies = policies
        self._families = families
        self._began = began
        self._bounds: Bounds | None = None if subject.lapses else policies.bounds(subject.name)
        self.rules = self._rules(seconds)
        self._begun = -1
        self._holds = False
        self._due = (-1, 0)

    def _rules(self, seconds: float) -> list[Rule]:
        if self.subject.lapses:
            return [lapsed(self.subject)]
        return [] if self._bounds is None else rules_of(self._connection, self.subject, self._bounds, seconds)

    @property
    def why(self) -> str:
        """All reasons together."""
        return " or ".join(rule.why for rule in self.rules)

    def steps(self, *, everywhere: bool = True) -> Iterator[None]:
        """Delete what is due; the transaction may end after each step.

        Args:
            everywhere: where no index leads to what is due, look to the end; else as far as something is found.
        """
        for rule in self.rules:
            yield from self._found(rule) if rule.is_indexed else self._looked_through(rule, everywhere)

    def _found(self, rule: Rule) -> Iterator[None]:
        while self._policy_holds() and (found := self._connection.rows(rule.due, (rule.limit(),))):
            yield from self._delete(rule, found)

    def _looked_through(self, rule: Rule, everywhere: bool) -> Iterator[None]:
        last = 0
        while page := self._connection.rows(rule.due, (rule.limit(), last)):
            due = [row for row in page if row[2]]
            if not self._policy_holds() or not (due or everywhere):
                return
            last = page[-1][0]
            yield from self._delete(rule, due)
            yield

    def _delete(self, rule: Rule, found: list[tuple[int, int, int]]) -> Iterator[None]:
        """Delete rows, at once as many as are quickly deleted."""
        if self.subject.is_family:
            for number, _, _ in found:
                yield from self._delete_family(rule, number)
            return
        chosen: list[int] = []
        room = CHUNK
        for number, weight, _ in found:
            room -= weight + _ROW
            if chosen and room < 0:
                yield from self._delete_rows(rule, chosen)
                chosen, room = [], CHUNK - weight
            chosen.append(number)
        yield from self._delete_rows(rule, chosen)

    def _delete_rows(self, rule: Rule, numbers: list[int]) -> Iterator[None]:
        if not numbers or not self._policy_holds():
            return
        gone = self._connection.write(rule.delete, (rule.limit(), str(numbers)))
        self._count(gone)
        yield

    def _delete_family(self, rule: Rule, number: int) -> Iterator[None]:
        """Delete a row with all that belongs to it, as long as it is due."""
        content, before = self._families.content, self._families.content.gone
        steps = self._family(number)
        while self._is_still_due(rule, number):
            if not next(steps, True):
                yield
                continue
            if self.subject.name == "artifacts":
                self._count([(content.gone - before,)])
            else:
                self._count(self._connection.write(rule.delete_one, (rule.limit(), number)))
            yield
            return

    def _family(self, number: int) -> Iterator[None]:
        families = self._families
        steps = {"artifacts": families.of_artifact, "runs": families.of_run, "sessions": families.of_session}
        return steps[self.subject.name](number)

    def _is_still_due(self, rule: Rule, number: int) -> bool:
        """Whether a row may go; asked once in each transaction."""
        if self._due != (self._connection.begun, number):
            if not self._policy_holds() or not self._connection.row(rule.still_due, (rule.limit(), number)):
                return False
            self._due = (self._connection.begun, number)
        return True

    def _policy_holds(self) -> bool:
        """Whether the policy is what it was; asked once in each transaction, which keeps it from being changed."""
        if not self.subject.lapses and self._begun != self._connection.begun:
            self._begun = self._connection.begun
            self._holds = self._policies.bounds(self.subject.name) == self._bounds
        return self._holds or self.subject.lapses

    def _count(self, gone: list[tuple[int]]) -> None:
        if gone and not self.rows:
            self._began(self)
        self.rows += len(gone)
        self.bytes += sum(row[0] for row in gone)
