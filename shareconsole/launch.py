"""Make a run folder and start its trainer as a process of its own that outlives this one.

The trainer gets a new session, no terminal, no pipe and a file for its output. Every variant that
leaves it one of those died with the terminal, the console or the connection.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.errors import (
    LockedError,
    PresetError,
    Problem,
    RunFailedError,
    ShareconsoleError,
    UsageError,
)
from shareconsole.safe_text import safe_text
from shareconsole.store.atomic import StoreError, write_bytes
from shareconsole.store.attempts import Attempt, read_attempt
from shareconsole.store.clock import iso
from shareconsole.store.folder import RunFolder, new_run
from shareconsole.store.identity import RunIdentity, write_identity

if TYPE_CHECKING:
    from shareconsole.spec.preset import Preset
    from shareconsole.spec.toml import LoadedPreset

TRAINER_MODULE = "shareconsole.trainer"
LOG_TAIL_LINES = 40
# Room that must stay free beyond what the run is predicted to write; less of it on a small disk.
DISK_RESERVE_BYTES = 64 * 2**20
_RESERVE_SHARE = 0.02
# The trainer names its attempt before it loads torch, so 20 s are ample; a machine that swaps or a
# cold network file system gets three times that as long as the process lives.
PATIENCE_SECONDS = 20.0
TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.02
_TERMINATE_SECONDS = 3.0
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# Large activations come and go every step. Memory that glibc would hand back to the system and
# fetch again, zeroed, stays with the process; up to twice as fast. Small pieces join their free
# neighbours at once instead of waiting for their next use between large ones, which then fit again:
# up to 40 % less memory. Other allocators ignore all this.
_ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0",
}
_VERSIONED_PACKAGES = ("shareconsole", "torch", "numpy", "scikit-learn", "scipy", "pydantic")


@dataclass(frozen=True)
class StartedTrainer:
    """A trainer that has come up.

    Attributes:
        process: the child; a thread of this process reaps it, so it never stays a zombie.
        attempt: what it said of itself when it came up.
    """

    process: subprocess.Popen[bytes]
    attempt: Attempt


def check_room(preset: Preset, runs_dir: Path, *, file: str = "") -> None:
    """Compare what the run will need with what is free, before anything is created.

    Args:
        preset: what shall run.
        runs_dir: the folder of all runs, which need not exist yet.
        file: the preset as the user named it, for the message.

    Raises:
        PresetError: it does not fit; both memory and disk are named where both lack.
        UsageError: that is no folder, whatever its size.
        ShareconsoleError: nothing can be written there.
    """
    import psutil

    from shareconsole.spec.checks import predict
    from shareconsole.spec.memory import too_little

    budget = memory_budget(preset)
    needed = predict(preset, budget)
    lacking: list[tuple[str, str, str]] = []
    if budget is not None and needed.most_bytes > budget:
        free_memory = psutil.virtual_memory().available
        words = too_little(preset, needed.most_bytes, free_memory, "of memory")
        lacking.append(("device.memory_budget", *words))
    free, total, where = _room_in(runs_dir)
    reserve = min(DISK_RESERVE_BYTES, int(total * _RESERVE_SHARE))
    if needed.disk_bytes > free - reserve:
        problem = f"the run writes about {_size(needed.disk_bytes)}"
        allowed = (
            f"at most {_size(max(0, free - reserve))} "
            f"({_size(free)} free in {where}, {_size(reserve)} of it kept in reserve)"
        )
        lacking.append(("train.steps", problem, allowed))
    if lacking:
        raise PresetError([Problem(file, None, None, *words) for words in lacking])


def memory_budget(preset: Preset) -> int | None:
    """Return how many bytes of main memory a run may take now; None for a run on a GPU.

    The trainer holds that one against its device's memory, which only it can ask for.
    """
    import psutil

    if preset.device.device.startswith("cuda"):
        return None
    return int(psutil.virtual_memory().available * preset.device.memory_budget)


def create_run(loaded: LoadedPreset, runs_dir: Path, *, now: datetime | None = None) -> RunFolder:
    """Make the folder of a new run; nothing trains yet.

    Args:
        loaded: a preset that has passed its checks.
        runs_dir: the folder of all runs; made if need be.
        now: the time of creation, for tests.

    Raises:
        ShareconsoleError: the folder could not be written; nothing is left of it.
    """
    from shareconsole.spec.toml import resolved_toml

    preset = loaded.preset
    created = now or datetime.now(UTC)
    resolved = resolved_toml(preset).encode()
    try:
        folder = new_run(runs_dir, preset.run.name, created)
    except OSError as error:
        raise ShareconsoleError(
            f"cannot make a run in {runs_dir}: {error.strerror or error}"
        ) from error
    identity = RunIdentity(
        id=folder.id,
        name=preset.run.name,
        created=iso(created),
        preset=loaded.name,
        preset_sha256=hashlib.sha256(resolved).hexdigest(),
        method=preset.method.name,
        data=preset.data.name,
        seed=preset.run.seed,
        tags=tuple(preset.run.tags),
        notes=preset.run.notes,
        steps=preset.train.steps,
        settings=preset.model_dump(mode="json"),
        host=socket.gethostname(),
        versions=installed_versions(),
    )
    try:
        write_bytes(folder.preset_toml, loaded.source)
        write_bytes(folder.resolved_toml, resolved)
        write_identity(folder, identity)  # last: a folder with it is whole
    except OSError as error:
        shutil.rmtree(
            folder.path, ignore_errors=True
        )  # ours, seconds old, and without a single step
        raise ShareconsoleError(f"cannot write {folder.path}: {error.strerror or error}") from error
    return folder


def start(
    folder: RunFolder,
    steps: int | None = None,
    allow_inexact: bool = False,
    *,
    narrate: Callable[[str], None] | None = None,
    command: Sequence[str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> StartedTrainer:
    """Start the trainer of a run and wait until it has named its attempt.

    Args:
        folder: the run; with checkpoints in it the trainer resumes from the newest good one.
        steps: total steps to train to, where that is not the preset's number.
        allow_inexact: resume although the outcome will not be bit-identical.
        narrate: told once, if the trainer takes unusually long.
        command: what to start instead of ``python -m shareconsole.trainer``, for tests.
        timeout: seconds to wait for the attempt while the process lives.

    Raises:
        LockedError: another trainer holds the run.
        UsageError: the trainer refuses, for example an inexact resume.
        RunFailedError: it died or stayed silent; the message ends with its last log lines.
    """
    log = folder.launch_log(secrets.token_hex(4))
    argv = [*(command or _trainer_command()), str(folder.path.absolute()), "--launch-log", log.name]
    if steps is not None:
        argv += ["--steps", str(steps)]
    if allow_inexact:
        argv.append("--allow-inexact")
    known = set(folder.attempts())
    try:
        output = os.open(
            log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise ShareconsoleError(f"cannot write {log}: {error.strerror or error}") from error
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            close_fds=True,
            start_new_session=True,
            env=trainer_environment(os.environ, _threads(folder)),
        )
    finally:
        os.close(output)
    threading.Thread(target=process.wait, name="reap-trainer", daemon=True).start()
    return _handshake(folder, process, log, known, narrate, timeout)


def trainer_environment(inherited: Mapping[str, str], threads: int | None) -> dict[str, str]:
    """Return the environment of a trainer: threads, allocator, unbuffered output, fixed hashes.

    Args:
        inherited: the environment to start from.
        threads: CPU threads for every numerical library; None leaves them as they are.
    """
    environment = dict(inherited)
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
    for name, value in _ALLOCATOR.items():
        environment.setdefault(name, value)
    if threads is not None:
        environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    # A checkout that is not installed is found from any folder, and only the one we run from.
    package_parent = Path(__file__).resolve().parent.parent
    if package_parent.name not in ("site-packages", "dist-packages"):
        paths = [
            str(package_parent),
            *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)),
        ]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return environment


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of what decides the numbers; imports none of it."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _VERSIONED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # a checkout that is not installed has no version of its own
    return versions


def log_tail(path: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log, control characters visible; empty where there are none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            content = file.read()
    except OSError:  # not there (any more): nothing to show
        return ""
    ending = content.rstrip(b"\n").split(b"\n")[-lines:]
    return "\n".join(safe_text(line) for line in ending)


def _handshake(
    folder: RunFolder,
    process: subprocess.Popen[bytes],
    log: Path,
    known: set[int],
    narrate: Callable[[str], None] | None,
    timeout: float,
) -> StartedTrainer:
    began = time.monotonic()
    while True:
        code = process.poll()  # before looking, so that a child that wrote and died is still found
        attempt = _attempt_of(folder, process.pid, known)
        if attempt is not None:
            return StartedTrainer(process, attempt)
        waited = time.monotonic() - began
        if code is not None:
            raise _early_death(folder, log, code)
        if waited > PATIENCE_SECONDS and narrate is not None:
            narrate(f"the trainer (process {process.pid}) is slow to come up; still waiting")
            narrate = None
        if waited > timeout:
            break
        time.sleep(_POLL_SECONDS)
    process.terminate()
    try:
        process.wait(_TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    tail = _quoted(log_tail(log))
    raise RunFailedError(f"the trainer of {folder.id} did not come up within {timeout:.0f} s{tail}")


def _attempt_of(folder: RunFolder, pid: int, known: set[int]) -> Attempt | None:
    for number in folder.attempts():
        if number in known:
            continue
        try:
            attempt = read_attempt(folder, number)
        except StoreError:
            continue  # claimed but not yet written, where the file system has no hard links
        if attempt.pid == pid:
            return attempt
    return None


def _early_death(folder: RunFolder, log: Path, code: int) -> ShareconsoleError:
    tail = _quoted(log_tail(log))
    if code in (LockedError.exit_code, UsageError.exit_code) and folder.attempts():
        log.unlink(missing_ok=True)  # nothing began, and all it said is in the message
    if code == LockedError.exit_code:
        return LockedError(f"another trainer holds {folder.id}; try again when it has ended{tail}")
    if code == UsageError.exit_code:
        return UsageError(f"the trainer of {folder.id} refused to start{tail}")
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return RunFailedError(f"the trainer of {folder.id} {how} before it came up{tail}")


def _quoted(tail: str) -> str:
    return (
        "; its log ends with:\n" + "\n".join(f"  {line}" for line in tail.split("\n"))
        if tail
        else ""
    )


def _trainer_command() -> list[str]:
    # -P: a random.py in the folder that somebody starts a run from must not reach the trainer.
    return [sys.executable, "-P", "-m", TRAINER_MODULE]


def _threads(folder: RunFolder) -> int | None:
    from shareconsole.spec.toml import parse_resolved

    try:
        return parse_resolved(folder.resolved_toml.read_text(encoding="utf-8")).device.threads
    except (OSError, UnicodeDecodeError) as error:
        raise ShareconsoleError(f"cannot read {folder.resolved_toml}: {error}") from error


def _room_in(runs_dir: Path) -> tuple[int, int, Path]:
    """Return free and total bytes of the disk that the runs folder is or will be on, and where.

    Raises:
        UsageError: that is no folder.
        ShareconsoleError: nothing can be written there.
    """
    path = runs_dir.absolute()
    where = next(place for place in (path, *path.parents) if os.path.exists(place))
    no_run = f"no run can be made in {runs_dir}"
    if not where.is_dir():
        raise UsageError(f"{no_run}: {where} is not a folder")
    total = free = 0
    if not os.access(where, os.W_OK | os.X_OK):
        why = f"nothing can be written in {where}"
    else:
        try:
            usage = shutil.disk_usage(where)
            free, total = usage.free, usage.total
            why = "" if total else f"there is no disk behind {where}"
        except OSError as error:
            why = f"{where}: {error.strerror or error}"
    if why:
        raise ShareconsoleError(f"{no_run}: {why}")
    return free, total, where


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.0f} MiB"
