"""Options of Omniglot: 50 alphabets, each a task whose classes are its characters.

Three protocols share the name; their errors cannot be compared with each other.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from shareconsole.files.omniglot_alphabets import CHARACTERS, LWS_ORDER, SIDE, TWENTY
from shareconsole.spec.data.table import (
    DataShape,
    Names,
    OfficialFilesTable,
    choice_issues,
    chosen,
)
from shareconsole.spec.fields import Issue, option
from shareconsole.spec.preparation import Preparation


class OmniglotProtocol(NamedTuple):
    """How the 20 drawings of each character are used.

    Attributes:
        alphabets: folder names, in order.
        train: drawings of each character to train on.
        validation: drawings to choose by; 0 where the protocol has none.
        test: drawings to test on.
        ink: value of drawn pixels; the files have black ink on white paper.
    """

    alphabets: tuple[str, ...]
    train: int
    validation: int
    test: int
    ink: Literal["black", "white"]


PROTOCOLS = {
    "lws": OmniglotProtocol(LWS_ORDER, 16, 0, 4, "black"),
    "maziarz": OmniglotProtocol(TWENTY, 10, 4, 6, "white"),
    "yang": OmniglotProtocol(tuple(CHARACTERS), 2, 0, 18, "black"),
}


class OmniglotOptions(OfficialFilesTable):
    """Handwritten characters of up to 50 alphabets, one task for each alphabet."""

    name: Literal["omniglot"] = option("the data set", unit="name")
    protocol: Literal["lws", "maziarz", "yang"] = option(
        'whose alphabets and split: "lws" has all 50 and 80/20 (Prellberg & Kramer 2020), '
        '"maziarz" 20 and 50/20/30 with ink as 1 (Maziarz et al. 2019), "yang" all 50 and 10/90 '
        "(Yang & Hospedales 2017)",
        unit="name",
        default="lws",
    )
    alphabets: Annotated[int, Field(ge=1, le=50)] | Literal["all"] | Names = option(
        'which alphabets are tasks: "all" of the protocol, its first N, or a list of folder names',
        unit="name",
        default="all",
    )
    size: int = option(
        "pixels a side; 105 is the files' own, less is resized for small machines",
        unit="pixels",
        default=SIDE,
        ge=8,
        le=SIDE,
    )
    ink: Literal["protocol", "black", "white"] = option(
        'drawn pixels: "black" (0 on 1, as in the files), "white" (1 on 0), or as in the protocol',
        unit="name",
        default="protocol",
    )
    split_seed: int = option(
        "which split: 0 is the protocol's own, fixed for each alphabet, any other number another "
        "one of the same sizes; the run's seed does not change it",
        unit="seed",
        default=0,
        ge=0,
        le=2**32 - 1,
    )

    @property
    def split(self) -> OmniglotProtocol:
        """The numbers of the protocol."""
        return PROTOCOLS[self.protocol]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Folder names of the alphabets that are tasks."""
        return chosen(self.alphabets, self.split.alphabets)

    @property
    def inverted(self) -> bool:
        """Whether ink becomes 1 and paper 0."""
        return (self.split.ink if self.ink == "protocol" else self.ink) == "white"

    def preparation(self, task: int) -> Preparation:
        """Return how drawings, ink on white paper, are reduced and inverted."""
        return Preparation(
            ground="light",
            resizing="none" if self.size == SIDE else "mean",
            size=None if self.size == SIDE else (SIDE, SIDE),
            inverted=self.inverted,
        )

    def sources(self) -> tuple[str, ...]:
        """Return the name of the file set."""
        return ("omniglot",)

    def check_files(self) -> None:
        """Find both zips, hold them against what is known of them, and decode them into the cache.

        Raises:
            DataMissing: a zip is not there; the message says where it was looked for.
            DataDamaged: a zip is not what it should be, or a drawing in it cannot be decoded.
        """
        from shareconsole.files.checking import require
        from shareconsole.files.omniglot import read_drawings

        read_drawings(require("omniglot", self.verify), self.size, self.tasks)

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        # A name that is not known is an issue of its own, whatever is said of the sizes.
        characters = tuple(CHARACTERS.get(name, 2) for name in self.tasks)
        split = self.split
        return DataShape(
            num_tasks=len(characters),
            num_classes=characters,
            input_shape=(1, self.size, self.size),
            train_images=tuple(split.train * number for number in characters),
            test_images=tuple(split.test * number for number in characters),
            validation_images=tuple(split.validation * number for number in characters)
            if split.validation
            else (),
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        counted = isinstance(self.alphabets, int)
        known = self.split.alphabets if counted else tuple(CHARACTERS)
        return choice_issues("alphabets", self.alphabets, known)
