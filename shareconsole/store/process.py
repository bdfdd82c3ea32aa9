"""Which process is which: a pid alone is reused, (boot, pid, start) is not."""

from __future__ import annotations

import calendar
import functools
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_LINUX = sys.platform == "linux"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# State is the third field of /proc/PID/stat and the start time the 22nd; both are counted from
# behind the command's name, which may hold blanks and parentheses.
_STATE, _START_TICKS = 0, 19
_GONE = ("Z", "X", "x")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, for ever: ``start_ticks`` counts from the boot named by ``boot_id``.

    Where there is no /proc, the ticks are seconds since the epoch instead.
    """

    pid: int
    boot_id: str
    start_ticks: int
    host: str


def host_name() -> str:
    """The name of this machine."""
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    """Changes at every boot of this machine; empty where that cannot be learnt."""
    if _LINUX:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return _output("sysctl", "-n", "kern.bootsessionuuid")


def this_process() -> ProcessIdentity:
    """The process that asks."""
    found = _look(os.getpid())
    return ProcessIdentity(os.getpid(), boot_id(), found[1] if found else 0, host_name())


def is_alive(identity: ProcessIdentity) -> bool | None:
    """Whether that very process runs; None if it is another machine's.

    A zombie is gone: it has ended, and only its parent has not noticed.
    """
    same_boot = identity.boot_id == boot_id()
    if identity.host != host_name():
        # A machine may be renamed, and containers of one machine have names of their own. The
        # same start time under the same pid is proof; anything else could be another namespace.
        return True if same_boot and _runs(identity) else None
    return same_boot and _runs(identity)


def _runs(identity: ProcessIdentity) -> bool:
    found = _look(identity.pid)
    return found is not None and found[0] not in _GONE and found[1] == identity.start_ticks


def _look(pid: int) -> tuple[str, int] | None:
    """State letter and start of a process, None if there is none."""
    if not _LINUX:
        return _look_with_ps(pid)
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            text = stream.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    fields = text[text.rfind(b")") + 1 :].split()
    return fields[_STATE].decode("ascii"), int(fields[_START_TICKS])


def _look_with_ps(pid: int) -> tuple[str, int] | None:
    text = _output("ps", "-o", "stat=,lstart=", "-p", str(pid))
    if not text:
        return None
    state, started = text.split(maxsplit=1)
    moment = time.strptime(" ".join(started.split()), "%a %b %d %H:%M:%S %Y")
    return state[0], calendar.timegm(moment)


def _output(*command: str) -> str:
    environment = dict(os.environ, LC_ALL="C", TZ="UTC")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.stdout.strip()
