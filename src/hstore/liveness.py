"""Whether the process that owns a run still lives.

It is told by host, boot, process id and start time, so that a process id given out again is not mistaken for it.
"""

from __future__ import annotations

import os
import sys

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_start: tuple[int, str] | None = None


def this_process() -> str:
    """The token of this process: `host/boot/pid/start`, where boot and start may be empty."""
    global _start
    pid = os.getpid()
    if _start is None or _start[0] != pid:
        _start = (pid, f"{_host()}/{_boot()}/{pid}/{_started(pid)}")
    return _start[1]


def is_alive(token: str) -> bool:
    """Say whether the process of a token may still live; True where that cannot be known, as on another host."""
    fields = token.rsplit("/", 3)
    if len(fields) != 4 or not fields[2].isdigit():
        return True
    host, boot, pid, start = fields
    if host != _host():
        return True
    booted = _boot()
    if boot and booted and boot != booted:
        return False
    started = _started(int(pid))
    # Where one of the two could not be read, at the time or now, only the process id is left to ask.
    return started == start if start and started else _exists(int(pid))


def _host() -> str:
    if sys.platform == "win32":
        from socket import gethostname

        return gethostname()
    return os.uname().nodename


def _boot() -> str:
    """The kernel's random id of this boot (https://docs.kernel.org/admin-guide/sysctl/kernel.html, "random")."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Clock ticks from boot to the process's start: field 22 of `/proc/<pid>/stat` (proc_pid_stat(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return "dead" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
    except (OSError, IndexError):
        return ""


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
