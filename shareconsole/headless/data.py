"""What is here of the published data sets, and getting what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shareconsole.errors import DataDamaged, DataMissing, UsageError
from shareconsole.files.checking import check_pixels, require
from shareconsole.files.known import FILE_SETS
from shareconsole.files.places import locate, look
from shareconsole.files.record import FileSet
from shareconsole.headless.figures import size
from shareconsole.headless.styles import BAD, GOOD, NOTICE, QUIET
from shareconsole.headless.tables import Page, cell
from shareconsole.spec.datasets import DATASETS, sources_of
from shareconsole.spec.nearest import nearest

if TYPE_CHECKING:
    from rich.console import Console

Condition = Literal["official", "form", "damaged", "missing"]
MARKS: dict[Condition, tuple[str, str]] = {
    "official": ("✓", GOOD),
    "form": ("·", NOTICE),
    "damaged": ("✗", BAD),
    "missing": ("-", QUIET),
}


@dataclass(frozen=True)
class Finding:
    """What became of checking one set.

    Attributes:
        name: the set's.
        condition: "official" as published, "form" of the right format only, "damaged" or "missing".
        detail: what is wrong, if anything is.
    """

    name: str
    condition: Condition
    detail: str = ""


def file_sets(names: Sequence[str]) -> list[FileSet]:
    """Return the file sets that names mean: of file sets, or of data sets in a preset.

    Raises:
        UsageError: a name is not known, or the data set needs no file that could be fetched.
    """
    found: dict[str, FileSet] = {}
    for name in names:
        if name in FILE_SETS:
            found[name] = FILE_SETS[name]
            continue
        if name not in DATASETS:
            known = list(dict.fromkeys([*FILE_SETS, *DATASETS]))
            near = nearest(name, known)
            hint = f" (did you mean {near}?)" if near else ""
            raise UsageError(f'"{name}" is not known; known: {", ".join(known)}{hint}')
        sources = sources_of(name)
        if not sources:
            raise UsageError(f"{name} needs no published file")
        found |= {source: FILE_SETS[source] for source in sources}
    return list(found.values())


def users_of(file_set: FileSet) -> list[str]:
    """Return the data sets that are made of a file set."""
    return [name for name in DATASETS if file_set.name in sources_of(name)]


def bytes_of(file_set: FileSet) -> int:
    """Return how many bytes are downloaded for a set: all of an archive that it is part of."""
    return sum({file.download.urls: file.download.size for file in file_set.files}.values())


def to_json(file_set: FileSet) -> dict[str, Any]:
    """Return the object of ``data ls --json``."""
    found = look(file_set)
    return {
        "name": file_set.name,
        "title": file_set.title,
        "licence": file_set.licence,
        "citation": file_set.citation,
        "home": file_set.home,
        "data_sets": users_of(file_set),
        "download_bytes": bytes_of(file_set),
        "here": len(found) == len(file_set.files),
        "files": [
            {
                "name": file.name,
                "path": str(found[file.name]) if file.name in found else None,
                "bytes": file.size or None,
                "hashes": list(file.hashes),
                "urls": list(file.download.urls),
                "member": file.download.member or None,
            }
            for file in file_set.files
        ],
    }


def print_list(console: Console) -> None:
    """Print one line for every file set."""
    page = Page(console)
    rows = []
    for file_set in FILE_SETS.values():
        found = look(file_set)
        number = len(file_set.files)
        here = "here" if len(found) == number else f"{len(found)} of {number}" if found else "no"
        rows.append(
            [
                cell(file_set.name),
                cell(here, GOOD if here == "here" else QUIET),
                cell(size(bytes_of(file_set))),
                cell(", ".join(users_of(file_set))),
                cell(file_set.licence),
            ]
        )
    header = ["name", "here", "download", "for [data] name", "licence"]
    page.table(header, rows, ["left", "left", "right", "left", "left"], indent=0)
    without = [name for name in DATASETS if not sources_of(name)]
    own = [name for name in without if DATASETS[name].options.shape_from_files]
    installed = [name for name in without if name not in own]
    page.section()
    page.line(f"nothing to fetch, made of scikit-learn's digits: {', '.join(installed)}")
    page.line(f"your own files: {', '.join(own)}")


def examine(sets: Sequence[FileSet]) -> Iterator[Finding]:
    """Yield what checking each set finds."""
    for file_set in sets:
        try:
            require(file_set.name, "official")
        except DataMissing as error:
            yield Finding(file_set.name, "missing", str(error))
        except DataDamaged as error:
            yield _second_look(file_set, str(error))
        else:
            yield Finding(file_set.name, "official")


def _second_look(file_set: FileSet, problem: str) -> Finding:
    """Tell a subset or a copy of somebody's own from a damaged file."""
    try:
        check_pixels(file_set, require(file_set.name, "form"))
    except DataDamaged as error:
        return Finding(file_set.name, "damaged", str(error))
    return Finding(file_set.name, "form", problem)


def print_finding(page: Page, finding: Finding) -> None:
    """Print one finding."""
    mark, style = MARKS[finding.condition]
    words = {
        "official": "as published",
        "form": "of the right form, but not as published",
        "damaged": "damaged",
        "missing": "not here",
    }
    page.line(cell(f"{mark} {finding.name}: {words[finding.condition]}", style))
    for line in finding.detail.splitlines():
        page.line(line, indent=4)


def paths_of(sets: Sequence[FileSet]) -> list[Path]:
    """Return where the files of the sets lie.

    Raises:
        DataMissing: one is nowhere.
    """
    return [path for file_set in sets for path in locate(file_set).values()]
