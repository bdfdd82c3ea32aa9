"""Look at what shareconsole stands on: packages, device, terminal, runs folder, locks."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from shareconsole import __version__
from shareconsole.errors import LockedError, ShareconsoleError
from shareconsole.headless.figures import size
from shareconsole.headless.output import is_terminal
from shareconsole.store.folder import RunFolder
from shareconsole.store.lock import RunLock, probe

OK, NOTE, FAILED = "ok", "note", "failed"
PACKAGES = (
    "torch",
    "numpy",
    "scikit-learn",
    "scipy",
    "pydantic",
    "tomli",
    "tomlkit",
    "typer",
    "rich",
    "textual",
    "psutil",
    "pillow",
    "pooch",
    "nvidia-ml-py",
)
# torch.load of earlier releases runs code from a checkpoint (CVE-2026-24747).
LEAST_TORCH = (2, 10)
LEAST_FREE_BYTES = 512 * 2**20
_CHILD_SECONDS = 20.0
_HOLD = """\
import sys
from pathlib import Path
from shareconsole.store.folder import RunFolder
from shareconsole.store.lock import RunLock
lock = RunLock.acquire(RunFolder(Path(sys.argv[1])))
print("held", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``verdict`` is OK, NOTE (works, but know it) or FAILED."""

    name: str
    verdict: str
    detail: str


def examine(runs_dir: Path) -> Iterator[Finding]:
    """Yield one finding after the other; the last ones touch the runs folder's file system."""
    yield Finding("shareconsole", OK, __version__)
    yield _python()
    yield from (_package(name) for name in PACKAGES)
    yield _processor()
    yield _memory()
    yield from _gpus()
    yield _terminal()
    yield _colours(os.environ)
    yield from _runs_folder(runs_dir)


def _python() -> Finding:
    version = platform.python_version()
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("Python", OK if good else FAILED, f"{version} ({sys.executable})")


def _package(name: str) -> Finding:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if name == "nvidia-ml-py":
            return Finding(name, NOTE, "not installed: GPUs are not shown here")
        return Finding(name, FAILED, "not installed")
    if name == "torch" and _major_minor(version) < LEAST_TORCH:
        wanted = ".".join(map(str, LEAST_TORCH))
        return Finding(name, FAILED, f"{version}; {wanted} or newer is needed (CVE-2026-24747)")
    return Finding(name, OK, version)


def _major_minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _processor() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("processor", OK, f"{platform.machine()}, {usable} cores for this process")


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    return Finding("memory", OK, f"{size(memory.available)} free of {size(memory.total)}")


def _gpus() -> Iterator[Finding]:
    try:
        import pynvml
    except ImportError:  # said already, as a package that is not there
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        yield Finding("GPU", OK, f"none ({error}); training runs on the processor")
        return
    try:
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            name = pynvml.nvmlDeviceGetName(handle)
            driver = pynvml.nvmlSystemGetDriverVersion()
            detail = f"{name}, {size(memory.free)} free of {size(memory.total)}, driver {driver}"
            yield Finding(f"GPU cuda:{index}", OK, detail)
    except pynvml.NVMLError as error:
        yield Finding("GPU", NOTE, f"cannot be read: {error}")
    finally:
        pynvml.nvmlShutdown()


def _terminal() -> Finding:
    term = os.environ.get("TERM", "")
    if not is_terminal(sys.stdout):
        return Finding(
            "terminal", NOTE, f"stdout is not a terminal (TERM={term or 'unset'}): plain lines"
        )
    columns, lines = shutil.get_terminal_size()
    small = columns < 80 or lines < 24
    hint = "; 80x24 or more is better" if small else ""
    inside = next((f", inside {name}" for key, name in _INSIDE if os.environ.get(key)), "")
    return Finding("terminal", NOTE if small else OK, f"{term} {columns}x{lines}{inside}{hint}")


_INSIDE = (("TMUX", "tmux"), ("STY", "screen"), ("SSH_CONNECTION", "ssh"))


def _colours(environment: Mapping[str, str]) -> Finding:
    if environment.get("NO_COLOR"):
        return Finding("colours", OK, "none: NO_COLOR is set")
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Finding("colours", OK, "16 million")
    term = environment.get("TERM", "")
    if "256" in term or "kitty" in term or "direct" in term:
        return Finding("colours", OK, "256")
    if term in ("", "dumb", "unknown"):
        return Finding("colours", NOTE, "none")
    return Finding("colours", NOTE, f"16 (TERM={term}); 256 look better")


def _runs_folder(runs_dir: Path) -> Iterator[Finding]:
    absolute = runs_dir.absolute()
    place = next(path for path in (absolute, *absolute.parents) if path.exists())
    there = "" if place == absolute else " (made by the first run)"
    if not place.is_dir():
        yield Finding("runs folder", FAILED, f"{absolute}: {place} is not a folder")
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as scratch:
            (Path(scratch) / "write").write_bytes(secrets.token_bytes(4096))
            yield Finding("runs folder", OK, f"{absolute} is writable{there}")
            free = shutil.disk_usage(place).free
            yield Finding("free space", OK if free >= LEAST_FREE_BYTES else FAILED, size(free))
            yield _locks(RunFolder(Path(scratch)))
    except OSError as error:
        yield Finding(
            "runs folder", FAILED, f"{absolute} is not writable: {error.strerror or error}"
        )


def _locks(folder: RunFolder) -> Finding:
    """Let a child process take a lock: it must be seen, refuse us, and be gone with the child."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _HOLD, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _import_path()},
    )
    try:
        assert child.stdout is not None
        if child.stdout.readline().strip() != b"held":
            _, complaint = child.communicate(timeout=_CHILD_SECONDS)
            last = complaint.decode("utf-8", "backslashreplace").strip().split("\n")[-1]
            return Finding("locks", FAILED, f"a child process could not take one: {last}")
        if not probe(folder):
            return Finding("locks", FAILED, "a lock that another process holds is not seen")
        try:
            RunLock.acquire(folder).release()
        except LockedError:
            refused = True
        else:
            refused = False
        if not refused:
            return Finding("locks", FAILED, "two processes could take the same lock")
        child.kill()
        child.wait(_CHILD_SECONDS)
        if probe(folder):
            return Finding("locks", FAILED, "the lock of a killed process stays")
    except (OSError, ShareconsoleError, subprocess.TimeoutExpired) as error:
        return Finding("locks", FAILED, str(error))
    finally:
        child.kill()
        child.communicate()
    return Finding(
        "locks", OK, "exclusive, visible to others, released when their holder is killed"
    )


def _import_path() -> str:
    parent = str(Path(__file__).resolve().parent.parent.parent)
    return os.pathsep.join(filter(None, [parent, os.environ.get("PYTHONPATH", "")]))
