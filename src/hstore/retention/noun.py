"""`store.retention`: how long things stay, and taking away what is due, at once or a little at a time."""

from __future__ import annotations

from hstore.clock import from_seconds, optional_datetime
from hstore.engine import scrubbing
from hstore.engine.pacing import Pace
from hstore.errors import Busy, HstoreError, InvalidInput, ReadOnly
from hstore.listing import to_call, truth
from hstore.retention.cleaning import Cleaning
from hstore.retention.families import Families
from hstore.retention.policies import Policies, whole_bound
from hstore.retention.rules import survey
from hstore.retention.subjects import DEFAULTS, SUBJECTS, known_subject, policy_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from hstore.engine import Connection
    from hstore.models import Progress
    from hstore.models.retention import Cleaned, CleanReport, DefaultPolicy, Policy
    from hstore.retention.policies import Bounds
    from hstore.retention.subjects import Subject

_EVER = 1e12
"""Milliseconds that nothing takes."""
_MOST_FREE = 4
"""A little at a time, pages are given back while more than one in so many is free: the others are soon used again."""


class Retention:
    """`store.retention`: policies, and cleaning by them.

    Args:
        connection: the store's.
        audit: writes a line to the audit log: event, message, data.
        lose_dead: has runs whose recorder died be lost, so that they do not count as running.
        forget_sessions: sessions that are known may be gone.
        is_due: whether something may be due, quickly.
        readonly: whether the store may not be written.
    """

    def __init__(
        self,
        connection: Connection,
        audit: Callable[[str, str, Any], object],
        lose_dead: Callable[[], object],
        forget_sessions: Callable[[], None],
        is_due: Callable[[], bool],
        readonly: bool,
    ) -> None:
        self._connection = connection
        self._audit = audit
        self._lose_dead = lose_dead
        self._forget_sessions = forget_sessions
        self._is_due = is_due
        self._readonly = readonly
        self._policies = Policies(connection)

    # --- policies ----------------------------------------------------------------------------------------------------

    def set(
        self,
        subject: str,
        *,
        max_age: float | None = None,
        max_count: int | None = None,
        max_bytes: int | None = None,
    ) -> Policy:
        """Say how long a subject's rows stay, in place of what was said before; what is beyond any bound goes.

        It goes by `clean`, or by itself when the policy is an hour old: until then `clean(dry_run=True)` shows what.

        Args:
            subject: what it is about, see docs/retention.md.
            max_age: seconds.
            max_count: how many of the newest stay; of the caches, of those used last.
            max_bytes: how many bytes stay together, of the newest: of caches as they count them, of artifacts as they
                are stored.

        Raises:
            InvalidInput: an unknown subject, one that needs no policy or can have none, a bound that it cannot have,
                none at all, or a negative one.
        """
        known = policy_subject(subject)
        age = None if max_age is None else from_seconds("max_age", max_age)
        if age == 0:
            raise InvalidInput("max_age: zero; to keep nothing, say max_count=0")
        bounds = (age, whole_bound("max_count", max_count), whole_bound("max_bytes", max_bytes))
        if bounds == (None, None, None):
            raise InvalidInput("max_age, max_count, max_bytes: give one of them; `remove` takes a policy away")
        if max_bytes is not None and known.size is None:
            raise InvalidInput(f"max_bytes: the rows of {known.name} have no size; artifacts and caches have")
        with self._connection.transaction():
            self._note("retention.set", f"the policy for {known.name} was set", known.name, bounds)
            return self._policies.put(known.name, bounds)

    def get(self, subject: str) -> Policy | None:
        """A subject's policy, or None.

        Raises:
            InvalidInput: an unknown subject, or one that needs no policy or can have none.
        """
        return self._policies.get(policy_subject(subject).name)

    def list(self) -> list[Policy]:
        """All policies, by subject."""
        return self._policies.list()

    def remove(self, subject: str) -> bool:
        """Have a subject's rows stay for ever again; say whether there was a policy.

        Raises:
            InvalidInput: an unknown subject, or one that needs no policy or can have none.
        """
        name = policy_subject(subject).name
        with self._connection.transaction():
            removed = self._policies.remove(name)
            if removed:
                self._note("retention.removed", f"the policy for {name} was taken away", name, (None, None, None))
        return removed

    def defaults(self) -> tuple[DefaultPolicy, ...]:
        """What the hosts' own designs keep, and where that is written; nothing of it holds before it is applied."""
        from hstore.models.retention import DefaultPolicy

        return tuple(DefaultPolicy(name, age / 1_000_000, source) for name, age, source in DEFAULTS)

    def apply_defaults(self) -> tuple[Policy, ...]:
        """Set the default policies for subjects that have none yet; return those that were set."""
        found = []
        with self._connection.transaction():
            for name, age, source in DEFAULTS:
                policy = self._policies.add(name, age)
                if policy is not None:
                    self._note("retention.set", f"the policy for {name} was set: {source}", name, (age, None, None))
                    found.append(policy)
        return tuple(found)

    def _note(self, event: str, message: str, name: str, bounds: Bounds) -> None:
        age = None if bounds[0] is None else bounds[0] / 1_000_000
        data = {"subject": name, "max_age": age, "max_count": bounds[1], "max_bytes": bounds[2]}
        self._audit(event, message, data)

    # --- cleaning ----------------------------------------------------------------------------------------------------

    def clean(
        self,
        *,
        dry_run: bool = False,
        subjects: Iterable[str] | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> CleanReport:
        """Take away what has expired and what the policies do not keep, and give the space back.

        It works in transactions of some milliseconds beside other writers. An interruption of any kind leaves what is
        done done, and the next call goes on. A run goes with its steps and artifacts, a session with all that was done
        in it; content that nobody needs any more goes too.

        Args:
            dry_run: only say what would go, and why; nothing is written.
            subjects: their names, to look at no others.
            progress: is told of each step.

        Raises:
            InvalidInput: an unknown subject, or an argument of the wrong type.
            ReadOnly: the store was opened for reading, and it is no dry run.
            Busy: another process holds the lock for too long; what was done is kept. HstoreError: called in a batch.
        """
        chosen, tell = _chosen(subjects), _unwatched if progress is None else progress
        to_call("progress", tell)
        truth("dry_run", dry_run)
        if self._readonly and not dry_run:
            raise ReadOnly("this store was opened for reading only, so nothing in it can be cleaned")
        if self._connection.in_transaction:
            raise HstoreError("cleaning commits its own steps; call it outside of batch()")
        families = Families(self._connection)
        if not dry_run and any(subject.is_family for subject in chosen):
            self._lose_dead()
        try:
            found = [each for subject in chosen if (each := self._clean(subject, families, dry_run, tell)) is not None]
        finally:
            self._forget_sessions()
        unused = 0
        if not dry_run:
            if any(subject.is_family for subject in chosen):
                self._tell(tell, "unused", 0, 1)
                unused = families.sweep()
            self._tell(tell, "space", 0, 1)
            scrubbing.give_free_pages_back(self._connection)
        return self._report(found, dry_run, unused)

    def tick(self, milliseconds: float = 5) -> bool:
        """Clean a little of what is due, for a host that has nothing else to do; closing a store does the same.

        It waits for nobody, and does nothing where another process or thread is writing or has been cleaning within
        the last minute. Whether something of a policy is due is looked at once an hour.

        Args:
            milliseconds: about how long it may take.

        Returns:
            Whether something is left that could be done at once.

        Raises:
            InvalidInput: no number, or a negative one. ReadOnly: the store was opened for reading.
            HstoreError: called in a batch.
        """
        if not isinstance(milliseconds, (int, float)) or isinstance(milliseconds, bool) or not milliseconds >= 0:
            raise InvalidInput("milliseconds: a number from 0")
        seconds = min(milliseconds, _EVER) / 1000
        if self._readonly:
            raise ReadOnly("this store was opened for reading only, so nothing in it can be cleaned")
        if self._connection.in_transaction:
            raise HstoreError("cleaning commits its own steps; call it outside of batch()")
        if self._connection.others_transaction or not (self._policies.has_turn or self._is_due()):
            return False
        try:
            return Pace(self._connection).try_for(self._little(seconds), seconds)
        except Busy:
            return True
        finally:
            self._forget_sessions()

    def _little(self, seconds: float) -> Iterator[None]:
        """The steps of that, if nobody else is at it."""
        if not self._policies.take_turn():
            return
        unseen = self._policies.unseen()
        families = Families(self._connection)
        if unseen & {subject.name for subject in SUBJECTS if subject.is_family}:
            self._lose_dead()
        for subject in SUBJECTS:
            if subject.lapses or subject.name in unseen:
                yield from Cleaning(self._connection, subject, self._policies, families, seconds=seconds).steps(
                    everywhere=False
                )
            if subject.name in unseen:
                self._policies.looked(subject.name)
        if scrubbing.free_pages(self._connection) * _MOST_FREE > scrubbing.pages(self._connection):
            yield from scrubbing.fewer_pages(self._connection)
        self._policies.end_turn()

    def _clean(
        self, subject: Subject, families: Families, dry_run: bool, tell: Callable[[Progress], None]
    ) -> Cleaned | None:
        from hstore.models.retention import Cleaned

        connection = self._connection
        cleaning = Cleaning(connection, subject, self._policies, families, self._began)
        if not cleaning.rules:
            return None
        limits = [rule.limit() for rule in cleaning.rules]
        due, oldest, size = connection.rows(survey(cleaning.rules), limits)[0]
        if not dry_run:
            Pace(connection).carry_out(
                cleaning.steps(), lambda: self._tell(tell, subject.name, min(cleaning.rows, due), due)
            )
            due, size = cleaning.rows, cleaning.bytes
        left = int(connection.value(subject.count)) - (due if dry_run else 0)
        return Cleaned(
            subject=subject.name,
            rows=due,
            bytes=None if subject.size is None else size,
            oldest=optional_datetime(oldest),
            why=cleaning.why,
            left=left,
        )

    def _began(self, cleaning: Cleaning) -> None:
        """Something goes by a policy: that is written down in the same transaction."""
        name = cleaning.subject.name
        if not cleaning.subject.lapses:
            self._audit("retention.cleaned", f"{name}: {cleaning.why}", {"subject": name, "why": cleaning.why})

    def _report(self, found: Sequence[Cleaned], dry_run: bool, unused: int) -> CleanReport:
        from hstore.models.retention import CleanReport

        connection = self._connection
        return CleanReport(
            dry_run=dry_run,
            subjects=tuple(found),
            unused_chunks=unused,
            free_pages=scrubbing.free_pages(connection),
            file_bytes=scrubbing.pages(connection) * scrubbing.page_size(connection),
        )

    @staticmethod
    def _tell(tell: Callable[[Progress], None], step: str, done: int, total: int) -> None:
        from hstore.models import Progress

        tell(Progress(step, done, total))


def _chosen(names: Iterable[str] | None) -> list[Subject]:
    if names is None:
        return list(SUBJECTS)
    if isinstance(names, str):
        raise InvalidInput("subjects: several names, as in ['metrics'], not one text")
    try:
        wanted = {known_subject(name).name for name in names}
    except TypeError:
        raise InvalidInput("subjects: several names, as in ['metrics']") from None
    return [subject for subject in SUBJECTS if subject.name in wanted]


def _unwatched(_: Progress) -> None:
    return None
