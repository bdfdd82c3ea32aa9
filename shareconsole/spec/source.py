"""Finding a preset by name or path, and reading its bytes without trusting what the path is."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from shareconsole.errors import PresetError, Problem
from shareconsole.spec.nearest import nearest

MAX_BYTES = 1024 * 1024
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class PresetFile:
    """A preset that a name leads to; ``shipped`` says that it came with shareconsole."""

    name: str
    path: Path
    shipped: bool


def shipped_folder() -> Path:
    """Return the folder of the presets that came with shareconsole."""
    inside = _PACKAGE / "presets"
    # An editable installation runs from the source tree, where they lie beside the package.
    return inside if inside.is_dir() else _PACKAGE.parent / "presets"


def preset_files(cwd: Path) -> list[PresetFile]:
    """Return the presets that a name can mean, by name: those in ``cwd``/presets come first."""
    found: dict[str, PresetFile] = {}
    shipped = shipped_folder()
    for folder in (cwd / "presets", shipped):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            # The source tree's own ./presets are the shipped ones under another name.
            ours = os.path.samefile(folder, shipped)
            found.setdefault(_name(path), PresetFile(_name(path), path, ours))
    return [found[name] for name in sorted(found)]


def is_path(source: str) -> bool:
    """Tell whether ``source`` is the path of a preset, rather than a name."""
    return "/" in source or source.endswith(".toml")


def find_preset(source: str, cwd: Path) -> tuple[str, Path]:
    """Return the name and the file that ``source`` means.

    A source with a slash in it, or ending in ``.toml``, is a path, relative to ``cwd``; any other
    is a name, first of ``cwd``/presets, then of those that came with shareconsole.

    Raises:
        PresetError: no preset has that name.
    """
    if is_path(source):
        path = cwd / source
        return _name(path), path
    known = {file.name: file.path for file in preset_files(cwd)}
    if source in known:
        return source, known[source]
    listing = "known: " + (", ".join(known) or "none")
    problem = Problem(
        source or '""',
        None,
        None,
        "",
        "is not the name of a preset",
        f"{listing}; or a path that ends in .toml",
        nearest(source, known),
    )
    raise PresetError([problem])


def read_bytes(path: Path, shown: str) -> bytes:
    """Return a preset's bytes, at most ``MAX_BYTES``.

    Args:
        path: the file.
        shown: how to call it in an error.

    Raises:
        PresetError: it is missing, not permitted, no regular file, or too large.
    """
    try:
        # Opening a FIFO waits for a writer, opening a device may do anything: look first, and do
        # not wait even if the file changes in between.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _unreadable(shown, _file_kind(path), "a TOML file")
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(shown, "changed into something that is no file", "a TOML file")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(shown, "does not exist", "", _near_file(path, shown)) from None
    except (OSError, ValueError) as error:
        # ValueError: a null byte in the name.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unreadable(shown, f"cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(shown, "is too large for a preset", "at most 1 MiB")
    return data


def _name(path: Path) -> str:
    """Return the file's name without suffix; bytes in it that are no UTF-8 become escapes."""
    return path.stem.encode("utf-8", "backslashreplace").decode()[:255]


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unreadable(shown: str, problem: str, allowed: str = "", suggestion: str = "") -> PresetError:
    return PresetError([Problem(shown, None, None, "", problem, allowed, suggestion)])


def _file_kind(path: Path) -> str:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        return "is a directory"
    if stat.S_ISFIFO(mode):
        return "is a named pipe"
    return "is a socket" if stat.S_ISSOCK(mode) else "is a device"


def _near_file(path: Path, shown: str) -> str:
    if not path.parent.is_dir():
        return ""
    near = nearest(path.stem, (other.stem for other in path.parent.glob("*.toml")))
    return str(Path(shown).parent / f"{near}.toml") if near else ""
