"""The store: one project's memory, its hot verbs here and everything else on its nouns."""

from __future__ import annotations

import os

from hstore.ambient import AmbientSession
from hstore.config import environment, settings
from hstore.domains.projects import Projects
from hstore.domains.runs import Runs
from hstore.door import Door
from hstore.engine import open_reader, open_writer
from hstore.location import locate, rule_files
from hstore.masking.surroundings import masker_for
from hstore.nouns import LateNouns, hot
from hstore.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Any, NoReturn

    from hstore.config import Settings
    from hstore.domains.artifacts.noun import Content
    from hstore.engine import Connection, Transaction
    from hstore.engine.connection import Value
    from hstore.engine.migrations import Migration
    from hstore.models import Info, MigrationState, Reference, Rows, Session


class Store(LateNouns):
    """One project's memory. Open it with `Store.open`; threads may share it; use it as a context manager.

    Attributes:
        path: the database file, absolute.
        created: whether this open made the file.
        migrated: the migrations that this open applied.
        runs, sessions, artifacts, memory, wiki, audit, masking, devices, agents, usage, metrics, productivity,
            connections, schemas, preferences, config, response_cache, file_cache, nonces, idempotency, tool_executions,
            events, conversations, knowledge, files, retention, statistics: the nouns.
    """

    def __init__(
        self,
        connection: Connection,
        root: str,
        given: Settings,
        *,
        values: Iterable[str | bytes] = (),
        readonly: bool = False,
        created: bool = False,
        migrated: Sequence[Migration] = (),
    ) -> None:
        self.path = connection.path
        self.created = created
        self.migrated = tuple(migrated)
        self._connection = connection
        self._reader: Connection | None = None
        self._readonly = readonly
        self._keys = given.keys
        masker, self._masked = masker_for(rule_files(connection.path, given), values, environment())
        self._door = door = Door(masker)
        self._projects = Projects(connection, door, root)
        self._ambient = ambient = AmbientSession(connection, lambda: self.sessions, given, readonly)
        projects = self._projects
        self.runs = Runs(
            connection, door, lambda: self._steps, projects.current, projects.known, ambient.id_of, self._delete_run
        )

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        readonly: bool = False,
        create: bool = True,
        durability: str = "normal",
        busy_timeout: float = 5.0,
        values: Iterable[str | bytes] = (),
        ambient: bool = True,
    ) -> Store:
        """Open a project's store: made privately (0600) if it is missing, and migrated.

        Args:
            path: the database file. None: `HSTORE_DB`, else the nearest `.heimdall/` upward, else
                `.heimdall/project.db` in the repository's root, else one for this directory under `~/.heimdall/`.
            readonly: nothing is created, migrated or written.
            create: False raises `NotInitialised` instead of making a file.
            durability: `normal` survives killed processes, `full` power cuts too, at a sync for each commit.
            busy_timeout: seconds to wait for another process or thread that is writing.
            values: secrets to mask wherever they stand, besides the values of environment variables with telling
                names (`*_TOKEN`, `*PASSWORD*`, …). Rules of one's own are read from the files of the user and the
                project and those in `HSTORE_MASK_RULES`, see docs/masking.md.
            ambient: False leaves `HEIMDAL_SESSION` aside: what names no session belongs to none.

        Raises:
            NotADatabase, CorruptDatabase, ReadOnly, StorageFull, Busy: the file cannot be used.
            NewerDatabase, MigrationError: its schema does not fit this library.
            InvalidInput: an argument is wrong, a value is too short or too common to mask, or a file of masking rules
                says what cannot be expressed.
        """
        given = settings() if ambient else settings({**environment(), "HEIMDAL_SESSION": ""})
        place = locate(path, given)
        if readonly:
            connection = open_reader(place.path, timeout=busy_timeout)
            return cls(connection, place.root, given, values=values, readonly=True)
        opened = open_writer(
            place.path, create=create, durability=durability, timeout=busy_timeout, app_version=VERSION
        )
        try:
            return cls(
                opened.connection,
                place.root,
                given,
                values=values,
                created=opened.created,
                migrated=opened.applied,
            )
        except BaseException:
            opened.connection.close()
            raise

    def close(self) -> None:
        """Close; idempotent. An open batch is rolled back. What has expired is cleaned for some milliseconds."""
        try:
            self._before_closing()
        finally:
            if self._reader is not None:
                self._reader.close()
            self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the hot verbs ---------------------------------------------------------------------------------------------

    def batch(self) -> Transaction:
        """All or nothing: `with store.batch():` commits once at the end, and any exception undoes everything.

        Batches nest (an inner one that fails undoes only itself, if its exception is caught outside of it), and
        belong to their thread: other threads of this store wait, up to `busy_timeout`.
        """
        self.artifacts.keep_learning()  # before the lock is taken, since a host may do all its work in batches
        return self._connection.transaction()

    def session(
        self,
        key: str,
        *,
        profile: str | None = None,
        context_dir: str | os.PathLike[str] | None = None,
        device: str | None = None,
        agent: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Session:
        """Create the session `key`, or go on with it: what is given is updated, what is not stays.

        Args:
            key: the caller's own name for it, such as `HEIMDAL-42`.
            profile: `permissive` (what a new session has by default) or `restricted`.
            context_dir: directory of context files.
            device, agent, sender, channel: who works, where a host knows it; they need not be registered.
            context: JSON values by name, in place of what there was.

        Raises:
            InvalidInput: an empty or too long key, an unknown profile, a context that is not JSON.
        """
        return self.sessions.open(
            key,
            profile=profile,
            context_dir=context_dir,
            device=device,
            agent=agent,
            sender=sender,
            channel=channel,
            context=context,
        )

    @hot("runs", "record")
    def record_run(
        self,
        app: str,
        cmdline: str | Sequence[str],
        *,
        session: Reference | None = None,
        name: str | None = None,
        key: str | None = None,
        cwd: str | os.PathLike[str] | None = None,
        started_at: datetime | float | None = None,
        duration: float | None = None,
        exit_code: int | None = None,
        signal: int | None = None,
        git_sha: str | None = None,
        config: Any = None,
        pid: int | None = None,
    ) -> int:
        """Record a run and return its id.

        With an exit code, a signal or a duration it is over; else it is running and belongs to this process until
        `store.runs.finish`, and shows as lost if this process dies before.

        Args:
            app: the program.
            cmdline: the command line as text, or its words.
            session: a session, its key or its id; default: the one of `HEIMDAL_SESSION`, if that is set.
            name: a name for people.
            key: the caller's own unique name for the run.
            cwd: its working directory.
            started_at: aware `datetime` or seconds since the epoch; default: now, less the duration.
            duration: seconds.
            exit_code: as a shell shows it, or -N for signal N.
            signal: the number of the signal that ended it.
            git_sha: the commit it ran on.
            config: its configuration, any JSON value; only its hash is kept.
            pid: its process id.

        Raises:
            InvalidInput: a value is of the wrong type or range, or the key is taken. NotFound: no such session.
        """
        return self.runs.record(
            app,
            cmdline,
            session=session,
            name=name,
            key=key,
            cwd=cwd,
            started_at=started_at,
            duration=duration,
            exit_code=exit_code,
            signal=signal,
            git_sha=git_sha,
            config=config,
            pid=pid,
        )

    def record_runs(self, runs: Iterable[Mapping[str, Any]]) -> list[int]:
        """Record many runs in one transaction and return their ids.

        Args:
            runs: mappings with the names of `record_run`'s arguments, `app` and `cmdline` among them.

        Raises:
            InvalidInput: one of them is wrong; the message says which, and none is recorded.
        """
        return list(self.runs.record_many(runs))

    @hot("artifacts", "attach")
    def attach_artifact(
        self,
        run: int,
        kind: str,
        content: Content,
        *,
        name: str | None = None,
        path: str | os.PathLike[str] | None = None,
        limit: int | None = None,
    ) -> int:
        """Attach content to a run, masked and compressed, and return the artifact's id.

        Content of 1 MiB and more is committed in steps, outside of a batch; if its stream fails half-way, what came
        is kept and marked incomplete, and the error is raised.

        Args:
            run: id of the run.
            kind: `log`, `file` or `note`.
            content: bytes, text, a path (`os.PathLike`) to read, or a readable binary stream.
            name: such as `stdout`; default for a path: the file's name.
            path: where it came from; default for a path: that path.
            limit: bytes to keep at most; of more, the head and the tail, as `store.artifacts.writer` does.

        Raises:
            InvalidInput: an unknown kind, a limit that is no whole number from 1, or content that cannot be read.
            NotFound: no such run.
        """
        return self.artifacts.attach(run, kind, content, name=name, path=path, limit=limit)

    def read_artifact(self, artifact: int) -> bytes:
        """All bytes of an artifact, masked as they were stored; NotFound if there is none."""
        return self.artifacts.read(artifact)

    @hot("memory", "remember")
    def remember(
        self,
        key: str,
        value: Any,
        *,
        scope: str = "global",
        device: str | None = None,
        session: Reference | None = None,
        category: str | None = None,
        tags: Iterable[str] = (),
        ttl: float | None = None,
        expires_at: datetime | float | None = None,
    ) -> None:
        """Store a JSON value under a key; what the key held before is in `memory.history`.

        Args:
            key: at most 1024 bytes.
            value: any JSON value, at most 16 MiB.
            scope: `global`, `device` (give `device`), `session` (give `session`, or have `HEIMDAL_SESSION` set) or
                `project`.
            device, session: whose it is, for those scopes. A device need not be registered.
            category, tags: for listing.
            ttl: seconds to live.
            expires_at: the moment from which on it is gone, instead of `ttl`.

        Raises:
            InvalidInput: the value is not JSON, a key or value is too large, the expiry is not in the future.
        """
        self.memory.remember(
            key,
            value,
            scope=scope,
            device=device,
            session=session,
            category=category,
            tags=tags,
            ttl=ttl,
            expires_at=expires_at,
        )

    @hot("memory", "recall")
    def recall(
        self,
        key: str,
        default: Any = None,
        *,
        scope: str = "global",
        device: str | None = None,
        session: Reference | None = None,
    ) -> Any:
        """The value remembered under a key, or `default` if there is none or it has expired."""
        return self.memory.recall(key, default, scope=scope, device=device, session=session)

    def forget(
        self, key: str, *, scope: str = "global", device: str | None = None, session: Reference | None = None
    ) -> bool:
        """Delete a remembered value; say whether there was one that had not expired."""
        return self.memory.forget(key, scope=scope, device=device, session=session)

    # --- looking ---------------------------------------------------------------------------------------------------

    def query(self, sql: str, params: Sequence[Value] | Mapping[str, Value] = (), *, timeout: float = 5.0) -> Rows:
        """Run a reading statement on a connection of its own and return all its rows as tuples.

        It sees what is committed, not what a batch still holds.

        Args:
            sql: one `SELECT`, `WITH` or `VALUES` statement (or `EXPLAIN` of one).
            params: values for its parameters.
            timeout: seconds that it may take.

        Raises:
            QueryRefused: it would write, attach, change a setting, or give more than a million rows or 256 MiB.
            QueryTimeout: it took too long. InvalidInput: SQLite does not understand it.
        """
        from hstore.engine.querying import query

        self._connection.value("SELECT 1")  # a closed store says so
        if self._reader is None:
            self._reader = open_reader(self.path, timeout=self._connection.timeout)
        return query(self._reader, sql, params, timeout, self._door.masker.mask_text)

    def info(self) -> Info:
        """The store at a glance: place, sizes, schema version and row counts."""
        from hstore.engine.statistics import statistics

        return statistics(self._connection, self._projects.root)

    def migrations(self) -> list[MigrationState]:
        """Every migration, with the time it was applied."""
        from hstore.engine.migrations import states

        return states(self._connection)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store cannot be pickled; open it by its path in the other process")

    @property
    def store_id(self) -> str:
        """The UUID that the file has from birth."""
        return str(self._connection.value("SELECT store_id FROM meta"))

    @property
    def schema_version(self) -> int:
        """The version of the file's schema: the number of migrations applied."""
        return int(self._connection.value("PRAGMA user_version"))
