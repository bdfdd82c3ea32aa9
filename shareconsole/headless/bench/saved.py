"""Results as a file: written whole, read with suspicion."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from shareconsole.errors import ShareconsoleError, UsageError
from shareconsole.spec.bench import VERSION, Results
from shareconsole.store.atomic import StoreError, read_bytes, write_bytes


def save(results: Results, path: Path) -> None:
    """Write the results as JSON, in place of what was there.

    Raises:
        ShareconsoleError: it cannot be written.
    """
    try:
        write_bytes(path, results.model_dump_json(indent=1).encode() + b"\n")
    except OSError as error:
        raise ShareconsoleError(f"cannot write {path}: {error.strerror or error}") from error


def check_target(path: Path) -> None:
    """See to it, before minutes are spent measuring, that the results will have a place.

    Raises:
        UsageError: nothing can be written there.
    """
    if path.is_dir():
        raise UsageError(f"-o {path}: is a folder")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"-o {path}: {path.absolute().parent} is not a folder")


def load(path: Path) -> Results:
    """Read results that `save` wrote.

    Raises:
        UsageError: the file is not there or holds something else.
    """
    try:
        data = read_bytes(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: does not exist") from None
    except StoreError as error:
        raise UsageError(str(error)) from None
    try:
        results = Results.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{place}: {first['msg']}" if place else first["msg"]
        raise UsageError(f"{path}: holds no results of bench ({what})") from None
    if results.version > VERSION:
        raise UsageError(f"{path}: was saved by a later shareconsole (form {results.version})")
    return results
