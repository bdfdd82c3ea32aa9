"""What is known of the published files of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SplitName = Literal["train", "test", ""]
Role = Literal["images", "labels", "archive"]


@dataclass(frozen=True)
class Download:
    """Where a file comes from.

    Attributes:
        urls: official addresses, the preferred one first; https only.
        name: what to call the downloaded file.
        size: its bytes.
        hash: its hash, as in ``DataFile.hashes``.
        member: where the download is a zip archive, the file's path in it; else empty.
    """

    urls: tuple[str, ...]
    name: str
    size: int
    hash: str
    member: str = ""


@dataclass(frozen=True)
class DataFile:
    """One file.

    Attributes:
        name: file name, as published.
        split: the part of the data in it; empty where it holds all.
        role: what is in it.
        size: bytes as published, 0 where not known.
        hashes: ``algorithm:hex`` of every copy known to be good, the official one first; empty
            where none is known.
        download: where to get it.
    """

    name: str
    split: SplitName
    role: Role
    size: int
    hashes: tuple[str, ...]
    download: Download


@dataclass(frozen=True)
class FileSet:
    """The files that are published, found and fetched together.

    Attributes:
        name: what ``shareconsole data`` calls it, and the name of its folder.
        title: its proper name.
        licence: under which terms it may be used, as far as its publisher says.
        citation: the paper to cite.
        home: its page.
        files: all of them.
        form: name of the module in ``shareconsole.files`` whose ``check_form`` knows the format.
        labels: lowest and highest label.
        counts: published images of (training, test).
        own_folder: the file names are used by other sets too, so files count only in a folder
            with the set's name.
    """

    name: str
    title: str
    licence: str
    citation: str
    home: str
    files: tuple[DataFile, ...]
    form: Literal["idx", "cifar", "omniglot", "celeba"]
    labels: tuple[int, int]
    counts: tuple[int, int]
    own_folder: bool = False

    def file(self, split: SplitName, role: Role) -> DataFile:
        """Return the file of a split and a role, which there is."""
        return next(each for each in self.files if (each.split, each.role) == (split, role))

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """The splits that have files of their own."""
        return tuple(dict.fromkeys(each.split for each in self.files))

    def count(self, split: SplitName) -> int:
        """Return how many images of a split are published; of "", all."""
        return {"train": self.counts[0], "test": self.counts[1], "": sum(self.counts)}[split]
