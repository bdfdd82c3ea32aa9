from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace

import pytest

from shareconsole.store import process
from shareconsole.store.process import ProcessIdentity, is_alive, this_process
from tests.store.builders import child, says

IDENTITY = """
from shareconsole.store.process import this_process
me = this_process()
print(me.pid, me.boot_id, me.start_ticks, me.host, flush=True)
input()
"""


def identity(words: str) -> ProcessIdentity:
    pid, boot, ticks, host = words.split()
    return ProcessIdentity(int(pid), boot, int(ticks), host)


def test_this_process_is_alive() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert me.start_ticks > 0
    assert is_alive(me) is True


def test_a_child_is_alive_then_a_zombie_then_gone() -> None:
    with child(IDENTITY) as running:
        other = identity(says(running))
        assert is_alive(other) is True
        running.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert os.path.exists(f"/proc/{other.pid}")
        assert is_alive(other) is False
        running.wait()
        assert is_alive(other) is False


def test_a_reused_pid_is_another_process() -> None:
    me = this_process()
    assert is_alive(replace(me, start_ticks=me.start_ticks - 1)) is False
    assert is_alive(replace(me, boot_id="another-boot")) is False


def test_another_machines_process_is_unknown() -> None:
    me = this_process()
    assert is_alive(replace(me, host="elsewhere", boot_id="another-boot")) is None
    # A container of this machine: seen from here if its pids are ours, else unknown.
    assert is_alive(replace(me, host="container")) is True
    assert is_alive(replace(me, host="container", start_ticks=1)) is None


def test_a_command_with_parentheses_and_blanks(tmp_path: object) -> None:
    program = "open('/proc/self/comm', 'w').write(') S 1 (x y')\n" + IDENTITY
    with child(program) as running:
        assert is_alive(identity(says(running))) is True


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
def test_the_way_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LINUX", False)
    process.boot_id.cache_clear()
    try:
        monkeypatch.setattr(process, "_output", ps_only)
        me = this_process()
        assert abs(me.start_ticks - time.time()) < 3600
        assert is_alive(me) is True
        assert is_alive(replace(me, start_ticks=me.start_ticks - 60)) is False
        assert is_alive(replace(me, pid=2**22 + 1)) is False
    finally:
        process.boot_id.cache_clear()


_real_output = process._output


def ps_only(*command: str) -> str:
    return "boot" if command[0] == "sysctl" else _real_output(*command)
