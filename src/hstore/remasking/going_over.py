"""One going over the store: rows, content, chunks that nobody needs, and then the scrubbing with its proof."""

from __future__ import annotations

from hstore.codec import Codec
from hstore.domains.artifacts.chunks import Chunks
from hstore.domains.artifacts.remasker import ArtifactRemasker
from hstore.engine import scrubbing
from hstore.errors import CorruptDatabase, HstoreError
from hstore.models import RemaskProgress, RemaskReport
from hstore.remasking.evidence import Evidence
from hstore.remasking.passes import CONTENT, Pass
from hstore.remasking.rows import RowMasker
from hstore.remasking.tables import TABLES
from hstore.remasking.tally import Tally, add_marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.remasking.tables import Table

    Watch = Callable[[RemaskProgress], None]

_OFTEN = 16  # artifacts after which the place is written down even if nothing was found
_TRIES = 3  # to put an artifact in place while others change it


class GoingOver:
    """The state of one `Remasking.apply`."""

    def __init__(self, connection: Connection, door: Door, values: Sequence[str | bytes], watch: Watch) -> None:
        self._connection = connection
        self._door = door
        self._values = values
        self._watch = watch
        self._content = ArtifactRemasker(connection, door, Chunks(connection, Codec()))
        self._tallies: list[Tally] = []
        self._pass: Pass | None = None
        self._evidence: Evidence | None = None

    def dry_run(self) -> RemaskReport:
        """Count what would be changed."""
        for table in TABLES:
            self._rows(table)
        self._contents()
        return self._report(dry_run=True)

    def run(self, *, everything: bool, patience: float) -> RemaskReport:
        """Change it, scrub, and look whether it is gone."""
        scrubbing.overwrite_deleted(self._connection)
        rules = self._door.masker.rules_digest
        going = self._pass = Pass(self._connection, rules, self._values, everything=everything)
        evidence = self._evidence = Evidence(self._values)
        try:
            for table in TABLES:
                self._rows(table)
            self._contents()
            self._tell("unused", 0, 0)
            unused = self._content.sweep(lambda last: self._tell("unused", last, last))
            if going.replaced or not going.repeated:
                self._tell("dictionaries", 0, 0)
                unused += self._content.renew_dictionaries(lambda last: self._tell("dictionaries", last, last))
            return self._scrub(going, evidence, unused, patience)
        finally:
            self._release()

    def _release(self) -> None:
        try:
            if self._pass is not None:
                self._pass.release()
        except HstoreError:
            return  # a process that is gone, or this one, is no hindrance to the next

    # --- rows --------------------------------------------------------------------------------------------------------

    def _rows(self, table: Table) -> None:
        tally = self._tally(table.name)
        masker = RowMasker(self._connection, self._door, self._evidence)
        total = int(self._connection.value(table.count))
        place = 0 if self._pass is None else self._pass.place(table.name)
        while (
            last := masker.batch(table, place, tally, lambda at, changed: self._keep(table.name, at, changed))
        ) is not None:
            place = last
            # Each time: beside a writer that is quicker than it, a pass that is killed again and again would else
            # look at the same rows, and those that have come since, for ever.
            self._keep(table.name, place)
            self._tell(table.name, tally.looked, total)

    # --- content -----------------------------------------------------------------------------------------------------

    def _contents(self) -> None:
        tally = self._tally(CONTENT)
        begin = 0 if self._pass is None else self._pass.place(CONTENT)
        total = self._content.count(begin)
        place = begin
        for artifact, is_written in self._artifacts(begin):
            place = max(place, artifact)
            if is_written:
                self._leave(artifact, tally)
            else:
                self._artifact(artifact, place, tally)
            tally.looked += 1
            if tally.looked % _OFTEN == 0:
                self._keep(CONTENT, place)
            self._tell(CONTENT, tally.looked, total)
        if tally.looked:
            self._keep(CONTENT, place)

    def _artifacts(self, begin: int) -> Iterator[tuple[int, bool]]:
        """Artifacts that were left the last time, then those behind the place."""
        for artifact in [] if self._pass is None else list(self._pass.left_out):
            if artifact <= begin:
                yield from self._content.one(artifact)
        after = begin
        while page := self._content.page(after):
            yield from page
            after = page[-1][0]

    def _artifact(self, artifact: int, place: int, tally: Tally) -> None:
        try:
            if not self._content.changes(artifact):
                self._done(artifact)
            elif self._pass is None:
                self._content.look(artifact, tally.count)
                tally.note(artifact, left=False)
            elif self._replace(artifact, place, tally):
                tally.note(artifact, left=False)
            elif self._content.one(artifact):
                self._leave(artifact, tally)
        except CorruptDatabase:
            self._leave(artifact, tally)

    def _replace(self, artifact: int, place: int, tally: Tally) -> bool:
        for _ in range(_TRIES):
            marks = Tally(CONTENT)
            if self._content.rewrite(
                artifact,
                lambda before, after: self._saw(marks, before, after),  # noqa: B023 - called before the next turn
                lambda: marks.found,  # noqa: B023 - as above
                lambda: self._done(artifact, place),
            ):
                add_marks(tally.found, marks.found, 1)
                return True
        return False

    def _saw(self, tally: Tally, before: bytes, after: bytes) -> None:
        tally.count(before, after)
        if self._evidence is not None:
            self._evidence.add(before, after)

    def _done(self, artifact: int, place: int | None = None) -> None:
        """An artifact needs no other look."""
        if self._pass is not None:
            if artifact in self._pass.left_out:
                self._pass.left_out.remove(artifact)
            if place is not None:
                self._keep(CONTENT, place, changed=1)

    def _leave(self, artifact: int, tally: Tally) -> None:
        tally.note(artifact, left=True)
        if self._pass is not None and artifact not in self._pass.left_out:
            self._pass.left_out.append(artifact)

    # --- scrubbing ---------------------------------------------------------------------------------------------------

    def _scrub(self, going: Pass, evidence: Evidence, unused: int, patience: float) -> RemaskReport:
        connection = self._connection
        changed = any(tally.changed for tally in self._tallies) or unused or scrubbing.free_pages(connection)
        rebuilt = bool(changed or not going.repeated) and self._rebuild()
        left = self._empty(patience)
        found = self._search(evidence)
        if found and not rebuilt:
            rebuilt = self._rebuild()
            left = self._empty(patience)
            found = self._search(evidence)
        scrubbed = not left and (rebuilt or (going.repeated and not changed))
        if scrubbed:
            going.finish()
            going.release()
            scrubbing.empty_wal(connection, 0)
        return self._report(
            unused=unused, rebuilt=rebuilt, scrubbed=scrubbed, wal_bytes=left, still_standing=len(found)
        )

    def _rebuild(self) -> bool:
        self._tell("rebuild", 0, 1)
        if scrubbing.fits_in_memory(self._connection):
            scrubbing.rebuild(self._connection)
            return True
        scrubbing.give_free_pages_back(self._connection)
        return False

    def _empty(self, patience: float) -> int:
        self._tell("wal", 0, 1)
        return scrubbing.empty_wal(self._connection, patience)

    def _search(self, evidence: Evidence) -> set[bytes]:
        self._tell("search", 0, 1)
        connection = self._connection
        return scrubbing.search(
            connection.path, evidence.standing_in, evidence.longest, scrubbing.page_size(connection)
        )

    # --- what all share ----------------------------------------------------------------------------------------------

    def _report(
        self,
        *,
        dry_run: bool = False,
        unused: int = 0,
        rebuilt: bool = False,
        scrubbed: bool = False,
        wal_bytes: int = 0,
        still_standing: int = 0,
    ) -> RemaskReport:
        tables = tuple(tally.result() for tally in self._tallies)
        left = any(table.left for table in tables)
        found = left or (dry_run and any(table.changed for table in tables))
        going, evidence = self._pass, self._evidence
        return RemaskReport(
            dry_run=dry_run,
            clean=not found and not still_standing and (dry_run or scrubbed),
            resumed=going is not None and going.resumed,
            changed_before=0 if going is None else going.changed_before,
            tables=tables,
            unused_chunks=unused,
            scrubbed=scrubbed,
            rebuilt=rebuilt,
            free_pages=scrubbing.free_pages(self._connection),
            wal_bytes=wal_bytes,
            searched=0 if evidence is None else evidence.searched,
            unsearched=0 if evidence is None else evidence.unsearched,
            still_standing=still_standing,
        )

    def _tally(self, name: str) -> Tally:
        self._tallies.append(Tally(name))
        return self._tallies[-1]

    def _keep(self, name: str, place: int, changed: int = 0) -> None:
        if self._pass is not None:
            self._pass.replaced += changed
            self._pass.keep(name, place)

    def _tell(self, step: str, done: int, total: int) -> None:
        self._watch(RemaskProgress(step, done, total))
