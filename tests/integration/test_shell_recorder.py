"""The resident recorder's life: it belongs to one shell, ends with it, never holds it up, and finds the right store."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from hstore import Store
from shells import COUNT, LOAD, NOTE, SHELLS, Typist, alive, lines, recorded, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shells are watched through /proc here")


@pytest.fixture
def typist(terminal, environment, tmp_path):
    """Starts a shell whose commands are recorded: `typist("bash", before=…, after=…)`."""

    def start(shell, **options):
        return Typist(terminal, environment, tmp_path, shell, **options)

    return start


def at(tmp_path):
    return tmp_path / "project.db"


@pytest.mark.parametrize("shell", SHELLS)
def test_recorder_ends_with_a_killed_shell(typist, shell, tmp_path):
    """After kill -9 of the shell everything that was typed is written, and the recorder is gone."""
    person = typist(shell)
    for number in range(20):
        person.enter(f"echo {number}")
    person.kill()
    person.wait_for_end()
    assert lines(at(tmp_path)) == [f"echo {number}" for number in range(20)]


@pytest.mark.parametrize("shell", SHELLS)
def test_job_that_outlives_the_shell_does_not_keep_the_recorder(typist, shell, tmp_path):
    """A background job goes on when its shell has left; the recorder does not."""
    person = typist(shell)
    person.enter(f"sh -c 'trap \"\" HUP; echo $$ >{tmp_path}/job; exec sleep 60' >/dev/null 2>&1 &")
    wait_until((tmp_path / "job").exists, "the job")
    person.enter("disown")
    person.leave()
    job = int((tmp_path / "job").read_text())
    assert alive(job)
    os.kill(job, signal.SIGKILL)
    assert any("sleep 60" in line for line in lines(at(tmp_path)))


@pytest.mark.parametrize("shell", SHELLS)
def test_killed_recorder_is_replaced(typist, shell, tmp_path):
    """After kill -9 of the recorder the shell goes on, says so once, and nothing is lost from then on."""
    person = typist(shell)
    person.enter("echo one")
    wait_until(lambda: lines(at(tmp_path)) == ["echo one"], "the command")
    first = person.recorder
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not alive(first), "the recorder's end")
    person.enter("echo two")
    person.enter("printf %s $HSTORE_SHELL_RECORDER >$RECORDER")
    seen = person.leave()
    assert seen.count("the recorder of this shell had ended") == 1
    assert lines(at(tmp_path))[:2] == ["echo one", "echo two"]
    assert person.recorder != first


@pytest.mark.parametrize("shell", SHELLS)
def test_recorder_that_cannot_be_started(typist, shell, tmp_path):
    """Where no recorder can be started any more, that is said once and the shell goes on."""
    person = typist(shell, after="set -g __hstore_program false\n" if shell == "fish" else "__hstore_program=(false)\n")
    os.kill(person.recorder, signal.SIGKILL)
    wait_until(lambda: not person.has_recorder(), "the recorder's end")
    person.enter("echo one")
    person.enter("echo two")
    seen = person.leave()
    assert seen.count("commands are not recorded") == 1
    assert "two" in seen


@pytest.mark.parametrize("shell", SHELLS)
def test_signals_of_the_terminal_do_not_reach_it(typist, shell, tmp_path):
    """The keys for interrupt, quit and stop at a command end or stop that, not the recorder."""
    person = typist(shell)
    person.enter("echo one")
    for key in (b"\x03", b"\x1c", b"\x1a"):
        before = person.shown
        person.terminal.seen = b""
        person.keys(b"sh -c 'echo rea''dy; exec sleep 60'\r")
        person.wait(lambda: b"ready" in person.terminal.seen, "the command")
        person.keys(key)
        person.wait_for_prompt(before)
    person.enter("kill -9 %1")
    assert person.has_recorder()
    person.enter("echo two")
    person.kill()
    person.wait_for_end()
    assert lines(at(tmp_path))[-1] == "echo two"


@pytest.mark.parametrize("shell", SHELLS)
def test_locked_store_holds_nobody_up(typist, shell, tmp_path):
    """While another process holds the store's lock, typing goes on; when it lets go, everything is written."""
    person = typist(shell)
    person.enter("echo before")
    wait_until(lambda: lines(at(tmp_path)) == ["echo before"], "the first command")
    holder = apsw.Connection(str(at(tmp_path)))
    holder.execute("BEGIN IMMEDIATE")
    text = "x" * 2000
    for number in range(60):  # more than a pipe of usual size holds
        person.enter(f"true {number} {text}")
    assert lines(at(tmp_path)) == ["echo before"]
    holder.execute("ROLLBACK")
    holder.close()
    wait_until(lambda: len(lines(at(tmp_path))) == 61, "everything")
    person.leave()
    assert lines(at(tmp_path))[1:61] == [f"true {number} {text}" for number in range(60)]


@pytest.mark.parametrize("shell", SHELLS)
def test_store_of_the_directory(typist, shell, tmp_path, environment):
    """Each command belongs to the store of its directory; one without a store gets none, but the user's own."""
    del environment["HSTORE_DB"]
    projects = {name: tmp_path / name for name in ("first", "second", "without")}
    for folder in projects.values():
        (folder / ".git").mkdir(parents=True)
    for name in ("first", "second"):
        Store.open(projects[name] / ".heimdall" / "project.db").close()
    (projects["first"] / "below").mkdir()
    person = typist(shell)
    for folder in (*projects.values(), projects["first"] / "below", Path("/")):
        person.enter(f"cd {folder}")
        person.enter(f"echo in {folder.name}")
    person.leave()
    found = {
        name: [run.cmdline for run in recorded(folder / ".heimdall" / "project.db") if run.app == "echo"]
        for name, folder in projects.items()
    }
    assert found == {"first": ["echo in first", "echo in below"], "second": ["echo in second"], "without": []}
    own = person.home / ".heimdall" / "shell.db"
    assert [line for line in lines(own) if line.startswith("echo")] == ["echo in without", "echo in "]
    assert not (projects["without"] / ".heimdall").exists()
    assert own.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("shell", SHELLS)
def test_database_that_is_set_in_the_shell(typist, shell, tmp_path, environment):
    """HSTORE_DB as it is in the shell at the time says where a command goes, relative to its directory too."""
    del environment["HSTORE_DB"]
    setting = "set -gx HSTORE_DB {}" if shell == "fish" else "export HSTORE_DB={}"
    person = typist(shell)
    person.enter("echo one")
    person.enter(setting.format(tmp_path / "chosen.db"))
    person.enter("echo two")
    person.enter(setting.format("relative.db"))
    person.enter("echo three")
    person.leave()
    assert "echo one" in lines(person.home / ".heimdall" / "shell.db")
    assert lines(tmp_path / "chosen.db")[1:2] == ["echo two"]
    assert lines(tmp_path / "relative.db")[1:2] == ["echo three"]


@pytest.mark.parametrize("shell", SHELLS)
def test_database_that_is_given_at_the_start(typist, shell, tmp_path, environment):
    """`hstore --db PATH init SHELL` sends every command there, also when the recorder had to be started again."""
    del environment["HSTORE_DB"]
    chosen = tmp_path / "it's chosen.db"
    load = LOAD[shell].format(f"'{sys.executable}' -m hstore --db \"{chosen}\"")
    person = typist(shell, load=False, after=load)
    person.enter("cd /")
    wait_until(lambda: lines(chosen) == ["cd /"], "the command")
    first = person.recorder
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not alive(first), "its end")
    person.enter("echo one")
    person.enter("printf %s $HSTORE_SHELL_RECORDER >$RECORDER")
    person.leave()
    assert lines(chosen)[:2] == ["cd /", "echo one"]
    assert not (person.home / ".heimdall" / "shell.db").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_store_that_cannot_be_used(typist, shell, tmp_path):
    """Where the store is no database, commands go to the user's own, and the person is told once."""
    at(tmp_path).write_bytes(b"this is no database, but long enough to look like one" * 100)
    person = typist(shell)
    person.enter("echo one")
    own = person.home / ".heimdall" / "shell.db"
    wait_until(lambda: lines(own) == ["echo one"], "the command")
    for number in range(3):
        person.enter(f"echo {number}")
    seen = person.leave()
    assert lines(own)[:4] == ["echo one", "echo 0", "echo 1", "echo 2"]
    assert seen.replace("\n", "").count("recorded in") == 1
    assert at(tmp_path).read_bytes().startswith(b"this is no database")


def become_idle(person, tmp_path):
    """Have the recorder load what it needs, write a command and close the store again."""
    person.enter("echo one")
    wait_until(lambda: lines(at(tmp_path)) == ["echo one"], "the command")
    wait_until(lambda: not any("project.db" in each for each in descriptors(person)), "the store's closing")


def descriptors(person):
    """What the recorder has open."""
    found = set()
    for each in Path(f"/proc/{person.recorder}/fd").iterdir():
        try:
            found.add(os.readlink(each))
        except FileNotFoundError:  # closed since it was listed
            continue
    return found


def test_idle_shell_holds_no_file(typist, tmp_path):
    """Some seconds after the last command the store is closed: no lock, no WAL."""
    person = typist("bash")
    become_idle(person, tmp_path)
    assert not at(tmp_path).with_name("project.db-wal").exists()
    person.enter("echo two")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["echo one", "echo two"]


def test_recorder_keeps_nothing_of_the_shells(typist, tmp_path):
    """It is in a session of its own, in the root directory, on no terminal and no descriptor that was open.

    Looked at once it is idle: while it loads modules, the loader has files of its own open for a moment.
    """
    person = typist("bash", before="exec 7>/dev/null 8<$BASH_SOURCE\n")
    become_idle(person, tmp_path)
    process = Path(f"/proc/{person.recorder}")
    assert os.getsid(person.recorder) == person.recorder
    assert os.readlink(process / "cwd") == "/"
    opened = descriptors(person)
    assert {each for each in opened if not each.startswith(("pipe:", "/memfd:", "anon_inode:"))} == {"/dev/null"}


def test_script_that_nobody_evaluates_leaves_nothing_for_long(environment, tmp_path):
    """A recorder that no shell takes on ends by itself; where the script is only looked at, none is started."""
    program = (
        "import sys; from hstore.shell import resident; from hstore.__main__ import main\n"
        "resident.TAKEN_ON_SECONDS = 0.2; sys.exit(main(['init', 'bash']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    recorder = int(done.stdout.split("/proc/")[1].split("/")[0])
    wait_until(lambda: not alive(recorder), "its end")
    with (tmp_path / "kept").open("wb") as file:
        subprocess.run([sys.executable, "-m", "hstore", "init", "bash"], stdout=file, env=environment, check=True)
    assert "__hstore_offer=()" in (tmp_path / "kept").read_text()


@pytest.mark.parametrize("shell", SHELLS)
def test_script_that_was_kept_in_a_file(typist, shell, tmp_path, environment):
    """A script that names no recorder starts one with the first command, silently."""
    with (tmp_path / "kept").open("wb") as file:
        subprocess.run([sys.executable, "-m", "hstore", "init", shell], stdout=file, env=environment, check=True)
    person = typist(shell, load=False, after=f"source {tmp_path}/kept\n")
    person.enter("echo one")
    person.enter("printf %s $HSTORE_SHELL_RECORDER >$RECORDER")
    seen = person.leave()
    assert "hstore:" not in seen
    assert lines(at(tmp_path))[0] == "echo one"


@pytest.mark.parametrize("shell", SHELLS)
def test_systems_without_paths_of_descriptors(typist, shell, tmp_path, environment):
    """Where no process can open what another has open, a named pipe in a private folder does it, and is removed.

    A recorder that was killed is replaced there too, though its pipe is left behind.
    """
    environment["TMPDIR"] = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    program = tmp_path / "hstore"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom hstore.shell import channel\nchannel.HAS_DESCRIPTOR_PATHS = False\n"
        "from hstore.__main__ import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    person = typist(shell, load=False, after=LOAD[shell].format(program))
    [folder] = (tmp_path / "temporary").glob("hstore-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    person.enter("echo one")
    person.enter(" echo hidden")
    wait_until(lambda: lines(at(tmp_path)) == ["echo one"], "the command")
    first = recorder_of(person, tmp_path)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{first}").exists(), "its burial")  # to `kill -0` it is there until then
    person.enter("echo two")
    second = recorder_of(person, tmp_path)
    assert "the recorder of this shell had ended" in person.leave(second)
    assert [file for file in (tmp_path / "temporary").rglob("pipe") if file.parent != folder] == []
    assert [line for line in lines(at(tmp_path)) if line.startswith("echo")] == ["echo one", "echo two"]
    assert not any("hidden" in line for line in lines(at(tmp_path)))


def recorder_of(person, tmp_path):
    """The recorder's process id, which the shell has at the end of its variable where the pipe has a name."""
    person.enter(f"printf %s $HSTORE_SHELL_RECORDER >{tmp_path}/now")
    return int((tmp_path / "now").read_text().split(":")[-1])


def test_terminated_recorder_writes_what_it_has(typist, tmp_path):
    """SIGTERM, as at the end of a login session, loses nothing."""
    person = typist("bash")
    for number in range(50):
        person.enter(f"echo {number}")
    os.kill(person.recorder, signal.SIGTERM)
    wait_until(lambda: not person.has_recorder(), "its end")
    assert lines(at(tmp_path)) == [f"echo {number}" for number in range(50)]


def test_session_is_ended_with_the_shell(typist, tmp_path):
    """The shell's session in the store has an end when the shell has ended."""
    person = typist("bash")
    person.enter("echo one")
    person.leave()
    with Store.open(at(tmp_path), readonly=True) as store:
        [session] = store.sessions.list()
    assert session.ended_at is not None
    assert time.time() - session.ended_at.timestamp() < 3600


def test_what_hstore_run_records_is_not_recorded_twice(typist, tmp_path):
    """`hstore run -- COMMAND` is one run, with its output."""
    person = typist("bash", after=f"hstore() {{ '{sys.executable}' -m hstore \"$@\"; }}\n")
    person.enter("hstore run -- echo recorded")
    person.enter("echo plain")
    person.leave()
    assert lines(at(tmp_path))[:2] == ["echo recorded", "echo plain"]


@pytest.mark.skipif(shutil.which("fish") is None or shutil.which("bash") is None, reason="it needs bash and fish")
def test_shell_replaced_by_another(typist, tmp_path, secret):
    """`exec fish` in bash goes on with the same recorder, which then understands what fish exports."""
    person = typist("bash")
    recorder = person.recorder
    load = LOAD["fish"].format(f"'{sys.executable}' -m hstore")
    (tmp_path / "config" / "fish").mkdir(parents=True)
    (tmp_path / "config" / "fish" / "config.fish").write_text(COUNT["fish"] + load + NOTE["fish"])
    person.enter("exec fish -i")
    assert person.recorder == recorder
    person.enter("read -gx DEPLOY_TOKEN", secret)
    person.enter(f"echo with {secret} in it")
    person.leave()
    assert "echo with [masked:value] in it" in lines(at(tmp_path))
