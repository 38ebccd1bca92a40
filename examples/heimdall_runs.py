"""Heimdall: what was run in a repository, what it printed, and which wiki pages were read for it.

Run it as `python examples/heimdall_runs.py [DATABASE]`, a file that is not there yet;
without one it works in a temporary one.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hstore import Store

SESSION = "HEIMDAL-42"


def main(database: Path) -> None:
    """Show a day of work, one step after another."""
    with Store.open(database) as store:
        print(f"project: {store.path}, schema version {store.schema_version}")
        # Whoever starts commands names the session once; the shell and everything below it carry it on.
        store.session(SESSION, profile="restricted", context_dir=database.parent)

    record_a_command(database)
    with Store.open(database) as store:
        run = build(store)
        read_the_wiki(store, run)
        look_back(store)
    follow_from_another_terminal(database)


def record_a_command(database: Path) -> None:
    """Put `hstore run` before any command: it sees no difference, and everything it prints is kept, masked."""
    token = secrets.token_urlsafe(24)
    deploy = "import os; print('deploying with', os.environ['DEPLOY_TOKEN'], flush=True); print('done: 3 hosts')"
    shown = hstore(database, "run", "--name", "deploy", sys.executable, "-c", deploy, "--record", token=token)
    stored = hstore(database, "log", "show", "deploy")
    print(f"a command was recorded; its user saw the token: {token in shown}, the database has it: {token in stored}")
    print(f"  what is stored: {stored.splitlines()[0]}")


def build(store: Store) -> int:
    """A host that starts its own processes records them itself, and streams what they print."""
    run = store.record_run("make", ["make", "-j8", "all"], session=SESSION, name="nightly build")
    # It goes in by steps: if this process dies, what came so far is there and the run shows as lost. With a limit the
    # beginning and the end are kept, in whole lines, and a line between them says how much is left out.
    with store.artifacts.writer(run, "log", name="stdout", limit=16 << 10) as log:
        for number in range(1, 2001):
            log.write(f"[{number}/2000] compiling module {number % 40}\n".encode())
    report = b"warnings: 12\nerrors: 0\n"
    store.attach_artifact(run, "file", report, name="report.txt", path="build/report.txt")
    store.attach_artifact(run, "note", "Warnings are those of the old parser; see the wiki.", name="note")
    store.runs.finish(run, exit_code=0)

    for artifact in reversed(store.artifacts.list(run=run)):
        print(f"  {artifact.kind} {artifact.name}: {artifact.size} bytes, {artifact.stored_size} in the file")
    kept = store.artifacts.list(run=run, name="stdout")[0]
    print(f"  of {kept.source_size} bytes {kept.left_out} are left out; its last line:")
    print(f"  {store.artifacts.tail(kept.id, 1).decode().rstrip()}")
    return run


def read_the_wiki(store: Store, run: int) -> None:
    """Note which page was read, and the passage, so that a decision can be traced back."""
    store.wiki.add("Building/Warnings", selection="The old parser warns; ignore it.", session=SESSION, run=run)
    print(f"wiki pages of the session: {[page.title for page in store.wiki.list(session=SESSION)]}")


def look_back(store: Store) -> None:
    """Ask by filters, or in SQL, which may only read."""
    for run in store.runs.list(session=SESSION):
        print(f"  run {run.id}: {run.name}, {run.status}, exit code {run.exit_code}")
    counts = store.query("SELECT app, count(*), sum(exit_code <> 0) FROM runs GROUP BY app ORDER BY app")
    for app, runs, failed in counts:
        print(f"  {os.path.basename(app)}: {runs} run, {failed} failed")
    info = store.info()
    print(f"output of {info.logical_bytes} bytes takes {info.stored_bytes} in the file")


def follow_from_another_terminal(database: Path) -> None:
    """The newest run's last lines; with -f it would go on until that run ends."""
    print("hstore log tail -n 2:")
    for line in hstore(database, "log", "tail", "-n", "2", "--from-db").splitlines():
        print(f"  {line}")


def hstore(database: Path, *words: str, token: str | None = None) -> str:
    """What the command line prints."""
    environment = {**os.environ, "HSTORE_DB": str(database), "HEIMDAL_SESSION": SESSION}
    if token is not None:
        # The value of a variable with such a name is masked wherever it stands, whatever it looks like.
        environment["DEPLOY_TOKEN"] = token
    command = [sys.executable, "-m", "hstore", *words]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if Path(sys.argv[1]).exists():
            sys.exit(f"{sys.argv[1]}: is there already, and this begins with a new database")
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as folder:
            main(Path(folder) / "project.db")
