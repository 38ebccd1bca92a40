"""The canary sweep of the command line: secrets given to it in every way are stored in no form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hstore.sealing import new_key
from planted import Secrets, look, look_at_content, look_at_files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands that are run are POSIX ones")


def test_no_secret_given_to_the_command_line_is_stored(tmp_path: Path) -> None:
    """Arguments, output, standard input, environment, names, keys, values, SQL, and what the errors say of them."""
    hidden = Secrets()
    folder = tmp_path / "store"
    broken = folder / "directory.db"
    broken.mkdir(parents=True)
    text = hidden.text()
    environment = {
        **os.environ,
        "HSTORE_DB": str(folder / "project.db"),
        "DEPLOY_TOKEN": hidden.registered,
        "HSTORE_KEY": new_key(),
        "HEIMDAL_SESSION": f"session {hidden.token}",
        "HEIMDAL_CONTEXT_DIR": f"/context/{hidden.registered}",
    }
    scanned = tmp_path / f"scanned {hidden.registered}"
    scanned.mkdir()
    (scanned / f"{text}.py").write_text(text)
    structure = json.dumps({"password": hidden.named, "list": [text], hidden.token: hidden.registered})
    commands: list[tuple[list[str], str]] = [
        (["project", "init"], ""),
        (["run", "--name", text, "--", "sh", "-c", 'echo "$1"; echo "$1" >&2; cat', "sh", text], text * 50),
        (["run", "--", "python3", "-c", "import sys\nfor c in sys.argv[1]: print(c, end='', flush=True)", text], ""),
        (["run", "--no-output", "--", "true", "--password", hidden.named, hidden.token], ""),
        (["run", "--", f"/no/such/{hidden.token}", hidden.registered], ""),
        (["--db", str(broken), "run", "--name", text, "--", "sh", "-c", 'echo "$1"; cat', "sh", text], text * 50),
        (["--db", str(broken), "run", "--max-output", "1K", "--", "cat"], text * 200),
        (["--db", str(broken), "log", "tail"], ""),
        (["--db", str(broken), "log", "adopt"], ""),
        (["--db", str(broken), "doctor", "--json"], ""),
        (["run", "--max-output", "500", "--", "cat"], text * 200),
        (["log", "adopt", "--json"], ""),
        (["remember", f"key {hidden.token}", text, "--tag", text, "--ttl", "1h"], ""),
        (["remember", "structure", structure, "--json"], ""),
        (["remember", "structure", f"another {text}", "--tag", text, "--category", text], ""),
        (["memory", "history", "structure", "--json"], ""),
        (["memory", "history", hidden.token], ""),
        (["remember", "api_token", "--stdin"], hidden.named),
        (["remember", "device", text, "--scope", "device", "--device", text], ""),
        (["project", "query", f"SELECT '{hidden.token}' FROM x WHERE password={hidden.named}"], ""),
        (["log", "show", hidden.token], ""),
        (["forget", text], ""),
        (["remember", "bad", f"{{{text}", "--json"], ""),
        (["log", "list", "--json"], ""),
        (["memory", "list", "--json"], ""),
        (["log", "show", "latest"], ""),
        (["project", "info", "--json"], ""),
        (["stats"], ""),
        (["stats", "--json"], ""),
        (["audit", "chain", "--json"], ""),
        (["audit", "list", "--json"], ""),
        (["audit", "verify", "--head", text], ""),
        (["audit", "verify", "--json"], ""),
        (["mask", "apply", "--json"], ""),
        (["mask", "apply", "--dry-run"], ""),
        (["db", "compact", "--dry-run"], ""),
        (["db", "compact", "--json"], ""),
        (["db", "policies", "set", text, "--max-age", "1d"], ""),
        (["db", "policies", "set", "runs", "--max-age", text], ""),
        (["db", "policies", "remove", text], ""),
        (["log", "delete", text], ""),
        (["db", "clean", "--dry-run"], ""),
        (["db", "clean", "--json"], ""),
        (["doctor", "--json"], ""),
        (["mask", "--explain"], text * 5),
        (["mask", "--explain", "--json"], text * 5),
        (["mask", "--list"], ""),
        (["init", "bash"], ""),
        (["init", text], ""),
        (
            [
                "connections",
                "add",
                f"c {text}",
                "mysql",
                text,
                "--host",
                text,
                "--username",
                text,
                "--ask-password",
                "--ssl",
                structure,
                "--options",
                structure,
            ],
            hidden.named,
        ),
        (["devices", "list", "--json"], ""),
        (["files", "scan", str(scanned), "--json"], ""),
        (["files", "scan", str(scanned), "--pattern", text, "--verify"], ""),
        (["files", "scan", f"/no/such/{hidden.token}"], ""),
        (["files", "list", "--json"], ""),
        (["files", "list", "--type", text], ""),
        (["devices", "show", text], ""),
        (["devices", "approve", text], ""),
        (["devices", "revoke", hidden.token], ""),
        (["connections", "add", "d", "oracle", "d", "--ask-password"], hidden.named),
        (["connections", "list", "--json"], ""),
        (["schemas", "refresh", f"c {text}"], ""),
        (["schemas", "refresh", text], ""),
        (["schemas", "list", "--schema", text], ""),
        (["schemas", "list", f"c {text}"], ""),
        (["connections", "list"], ""),
        (["connections", "remove", f"c {text}"], ""),
        (["key", "reseal", "--json"], ""),
        (["mask"], text * 5),
    ]
    codes = {}
    for arguments, given in commands:
        done = subprocess.run(
            [sys.executable, "-m", "hstore", *arguments], input=given.encode(), env=environment, capture_output=True
        )
        codes[" ".join(arguments[:2])] = done.returncode
        if "run" not in arguments[:3]:
            look(f"output of {arguments[:2]}", done.stdout, hidden)
        look_at_files(folder, hidden, tmp_path)
    assert {
        codes[name]
        for name in (
            "devices list",
            "files list",
            "connections list",
            "connections remove",
            "schemas list",
            "key reseal",
            "project init",
            "log list",
            "memory list",
            "memory history",
            "doctor --json",
            "audit list",
            "audit chain",
            "stats --json",
        )
    } == {0}
    assert len(list(folder.glob("fallback/*.log"))) == 2
    broken.rmdir()
    adopted = subprocess.run(
        [sys.executable, "-m", "hstore", "--db", broken, "log", "adopt"], env=environment, capture_output=True
    )
    assert adopted.stdout.count(b"is recorded") == 2
    look_at_files(folder, hidden, tmp_path)
    look_at_content(broken, hidden)
    look_at_content(folder / "project.db", hidden)
