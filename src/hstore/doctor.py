"""A look at a store's health: what it is, whether it is whole and private, and what to do where it is not."""

from __future__ import annotations

import os
import stat
import sys
from typing import Any, NamedTuple

from hstore.config import settings
from hstore.engine import examination
from hstore.engine.failures import printable
from hstore.errors import HstoreError, NotInitialised
from hstore.location import locate
from hstore.store import Store


class Check(NamedTuple):
    """One finding: `status` is ok, info, warn or fail; `message` says what it means and what to do."""

    name: str
    status: str
    message: str
    data: dict[str, Any]


class Report(NamedTuple):
    """All findings about the database at `path`; `ok` unless one of them failed."""

    ok: bool
    path: str
    initialised: bool
    checks: tuple[Check, ...]


def examine(path: str | os.PathLike[str] | None = None, *, settle: bool = True) -> Report:
    """Examine the store at `path` (default: where `Store.open` would look).

    Args:
        path: the database file.
        settle: write down, in an otherwise sound store, which runs are lost because their recorder died.

    Nothing is created or migrated; of runs, only that they are lost is written. What is wrong becomes a failed
    check, not an exception.
    """
    checks = [_sqlite()]
    try:
        place = locate(path, settings())
    except HstoreError as failure:
        return _report("", False, [*checks, Check("database", "fail", str(failure), _kind(failure))])
    checks += _waiting(place.path)
    try:
        database = examination.Examination(place.path)
    except NotInitialised as failure:
        return _report(place.path, False, [*checks, Check("database", "info", f"not initialised yet: {failure}", {})])
    except HstoreError as failure:
        return _report(place.path, False, [*checks, Check("database", "fail", str(failure), _kind(failure))])
    try:
        checks.append(Check("database", "ok", printable(place.path), {"path": printable(place.path)}))
        for look in (_schema, _journal, _wal, _file_system, _integrity, _references):
            checks.append(_guarded(look, database))
        checks.append(_permissions(place.path))
    finally:
        database.close()
    sound = not any(check.status == "fail" for check in checks)
    if sound and not any(check.data.get("due") for check in checks):
        checks.append(_lost_runs(place.path, settle))
        checks.append(_audit_chain(place.path))
    return _report(place.path, True, checks)


def _report(path: str, initialised: bool, checks: list[Check]) -> Report:
    return Report(not any(check.status == "fail" for check in checks), printable(path), initialised, tuple(checks))


def _kind(failure: HstoreError) -> dict[str, Any]:
    return {"error": type(failure).__name__}


def _guarded(look: Any, database: examination.Examination) -> Check:
    try:
        found: Check = look(database)
    except HstoreError as failure:
        return Check(look.__name__[1:], "fail", str(failure), _kind(failure))
    return found


def _sqlite() -> Check:
    version, safe = examination.sqlite_version()
    data = {"version": version, "wal_reset_bug": not safe}
    if safe:
        return Check("sqlite", "ok", f"SQLite {version}, without the WAL-reset bug", data)
    return Check("sqlite", "fail", f"SQLite {version} can lose pages in WAL mode; install a newer apsw", data)


def _schema(database: examination.Examination) -> Check:
    found, head = database.schema_version(), database.head
    data = {"version": found, "head": head, "due": head - found}
    if found < head:
        return Check("schema", "warn", f"version {found} of {head}; `hstore db migrate` brings it up to date", data)
    return Check("schema", "ok", f"version {found}, the newest", data)


def _journal(database: examination.Examination) -> Check:
    mode = database.journal_mode()
    return Check("journal", "ok" if mode in ("wal", "delete") else "warn", f"journal mode {mode}", {"mode": mode})


def _wal(database: examination.Examination) -> Check:
    size, usual, limit, readers = database.wal()
    data = {"bytes": size, "limit": limit, "readers": readers}
    if size <= usual:
        return Check("wal", "ok", f"{size >> 20} MiB wait to be brought into the database", data)
    message = f"the WAL has {size >> 20} MiB, and past {limit >> 20} nothing more is written:"
    if readers:
        return Check("wal", "warn", f"{message} {', '.join(readers)} may be reading without an end; end it", data)
    return Check("wal", "warn", f"{message} the next one that writes will make it small again", data)


def _file_system(database: examination.Examination) -> Check:
    kind, safe = database.file_system()
    data = {"type": kind, "wal_safe": safe}
    if safe:
        return Check("file_system", "ok", f"on {kind or 'a file system of unknown type'}", data)
    message = f"on {kind}, where WAL is not safe: a rollback journal is used; a local disk is faster"
    return Check("file_system", "warn", message, data)


def _integrity(database: examination.Examination) -> Check:
    problems = database.quick_check()
    if not problems:
        return Check("integrity", "ok", "quick check found nothing", {"problems": []})
    message = f"damaged: {problems[0]}; keep a copy of the file and its -wal before anything else"
    return Check("integrity", "fail", message, {"problems": problems})


def _references(database: examination.Examination) -> Check:
    problems = database.broken_references()
    if database.schema_version() == database.head:
        problems += database.missing_dictionaries()
    if not problems:
        return Check("references", "ok", "every reference leads somewhere", {"problems": []})
    return Check(
        "references", "fail", f"{len(problems)} broken references, first: {problems[0]}", {"problems": problems}
    )


def _permissions(path: str) -> Check:
    open_to_others = []
    if sys.platform != "win32":
        folder = os.path.dirname(path)
        beside = [folder] if os.path.basename(folder) == ".heimdall" else []
        for name in (*beside, path, path + "-wal", path + "-shm", path + "-journal"):
            try:
                mode = stat.S_IMODE(os.stat(name).st_mode)
            except OSError:
                continue
            if mode & 0o077:
                open_to_others.append(f"{printable(name)} ({mode:04o})")
    if not open_to_others:
        return Check("permissions", "ok", "private: only you can read it", {"open": []})
    message = f"others may read or write {', '.join(open_to_others)}; `chmod go=` makes it private"
    return Check("permissions", "warn", message, {"open": open_to_others})


def _waiting(path: str) -> list[Check]:
    """Output of commands that the database could not take; nothing is said where there is none."""
    from hstore.fallback.files import waiting

    found = [printable(each) for each in waiting(path, settings())]
    if not found:
        return []
    shown = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
    message = f"{len(found)} runs could not be recorded and wait in {shown}; `hstore log adopt` records them"
    return [Check("fallback", "warn", message, {"files": found})]


def _lost_runs(path: str, settle: bool) -> Check:
    """Runs whose recorder died: they are whole up to their last step, so this is no failure."""
    try:
        with Store.open(path, readonly=not settle, create=False, busy_timeout=1.0) as store:
            settled = store.runs.lose_dead() if settle else ()
            lost = [run.id for run in store.runs.list(status="lost", limit=1000)]
    except HstoreError as failure:
        return Check("lost_runs", "warn", f"could not be looked at: {failure}", _kind(failure))
    data = {"runs": lost, "settled": list(settled)}
    if not lost:
        return Check("lost_runs", "ok", "no run lost its recorder", data)
    shown = ", ".join(map(str, lost[:10])) + (" …" if len(lost) > 10 else "")
    return Check(
        "lost_runs", "info", f"{len(lost)} runs lost their recorder: {shown}; what it had committed is there", data
    )


def _audit_chain(path: str) -> Check:
    try:
        with Store.open(path, readonly=True, create=False) as store:
            report = store.audit.verify()
    except HstoreError as failure:
        return Check("audit_chain", "warn", f"could not be looked at: {failure}", _kind(failure))
    data = {"lines": report.lines, "head": report.head, "problems": [each.message for each in report.problems]}
    if not report.ok:
        more = f"; and {report.problem_count - 1} more, see `hstore audit verify`" if report.problem_count > 1 else ""
        message = f"the audit log is not as it was written: {report.problems[0].message}{more}"
        return Check("audit_chain", "fail", message, data)
    if not report.chained:
        return Check("audit_chain", "info", "the audit log has no chain; `hstore audit chain` begins one", data)
    return Check("audit_chain", "ok", f"{report.lines} lines of the audit log are as they were written", data)
