"""The peers of compare.py: where they are installed, what starts, and one request after the other.

Python's are installed into an environment of their own in the user's cache folder, better-sqlite3 with npm beside it;
where node's headers are on the machine (`/usr/include/node`), it is compiled against them if no binary can be had.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collect import default_folder

HERE = Path(__file__).resolve().parent
OWN = ("hstore", "apsw", "apsw, hstore's table", "sqlite3")
"""Those that run with this interpreter: the same build of SQLite for hstore and APSW."""
PACKAGES = {
    "diskcache": ("diskcache",),
    "sqlite-utils": ("sqlite-utils",),
    "sqlalchemy": ("SQLAlchemy",),
    "mlflow": (
        "mlflow-skinny",
        "alembic",
        "SQLAlchemy",
    ),  # what its SQLite backend needs; the whole is ten times as much
}
NODE = "better-sqlite3"
ENGINES = (*OWN, NODE, *PACKAGES)
NODE_HEADERS = Path("/usr/include/node/node.h")
NODE_BINARY = default_folder() / "node" / "node_modules" / NODE / "build" / "Release" / "better_sqlite3.node"
PATIENCE = 900
"""Seconds for an installation."""


@dataclass
class Peer:
    """A running engine."""

    name: str
    process: subprocess.Popen[str]
    complaints: Path
    """What it says on stderr."""
    labels: dict[str, str] = field(default_factory=dict)

    def ask(self, **request: object) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            RuntimeError: the engine has ended.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        """The next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            said = self.complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            why = [line for line in said if "Error" in line] or said or ["without a word"]
            raise RuntimeError(f"{self.name} has ended: {why[-1]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def environment() -> Path:
    """Where Python's peers are."""
    return default_folder() / "compare"


def _python() -> str:
    """The interpreter with Python's peers: that of their environment, or this one, where the extra `bench` may be."""
    own = environment() / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def node_folder() -> Path:
    """Where `node_modules` is."""
    return default_folder() / "node"


def install(wanted: tuple[str, ...]) -> None:
    """Install what is missing of those wanted, each by itself, so that one that fails takes no other with it."""
    if not (environment() / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment())], check=True)
    for name in wanted:
        if name in PACKAGES:
            _attempt(name, [_python(), "-m", "pip", "install", "-q", *PACKAGES[name]], _plain_variables())
        elif name == NODE and shutil.which("npm") and not NODE_BINARY.exists():
            node_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            variables = _plain_variables() | ({"npm_config_nodedir": "/usr"} if NODE_HEADERS.exists() else {})
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(node_folder()), NODE]
            _attempt(name, command, variables)


def _attempt(name: str, command: list[str], variables: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, env=variables
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        done = -1
    print(f"{name}: {'installed' if done == 0 else 'does not install'}", file=sys.stderr)


def _plain_variables() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}


def start(name: str, workload: Path) -> Peer | None:
    """The engine in a process of its own, or None where it does not start."""
    if name == NODE:
        command = ["node", str(HERE / "compare_worker.js"), str(node_folder()), str(workload)]
    else:
        python = sys.executable if name in OWN else _python()
        command = [python, str(HERE / "compare_worker.py"), name, str(workload)]
    variables = dict(os.environ) if name in OWN else _plain_variables()
    complaints = workload.with_name(f"{ENGINES.index(name)}.stderr")
    try:
        with complaints.open("wb") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=variables
            )
    except OSError:
        return None
    peer = Peer(name, process, complaints)
    try:
        peer.labels = peer.read()["labels"]
    except RuntimeError as ended:
        process.communicate()
        print(ended, file=sys.stderr)
        return None
    return peer


def versions() -> dict[str, str]:
    """Of everything that is compared, as far as it can be asked."""
    import apsw

    found = {"python": sys.version.split()[0], "apsw": apsw.apsw_version(), "sqlite": apsw.sqlite_lib_version()}
    command = [_python(), "-m", "pip", "list", "--format", "json"]
    try:
        listed = json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))
        known = {package.lower() for packages in PACKAGES.values() for package in packages}
        found |= {entry["name"]: entry["version"] for entry in listed if entry["name"].lower() in known}
    except (OSError, subprocess.CalledProcessError):
        pass
    try:
        described = json.loads((node_folder() / "node_modules" / NODE / "package.json").read_text(encoding="utf-8"))
        found |= {NODE: described["version"], "node": subprocess.check_output(["node", "--version"], text=True).strip()}
    except (OSError, subprocess.CalledProcessError):
        pass
    return found
