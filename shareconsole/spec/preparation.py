"""What a data set did to its pictures before a network saw them.

A data set declares it beside its sizes (`DatasetTable.preparation`); a network that leaves the run
takes it along, so that other pictures can be brought into the same form.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_Side = Annotated[int, Field(ge=1, le=2**16)]


class Preparation(BaseModel):
    """What becomes of a picture, step by step in this order.

    A picture is what a person looks at: letters stand upright, whichever way the published file
    stores them. Without any step it is what the network takes.

    Attributes:
        ground: whether the published pictures have ink on a dark or on a light ground; None where
            they are of anything.
        resizing: how they come to the network's size: the mean of the old pixels under a new one,
            between the old pixels (`sharing.preparation.enlarged`), the nearest old pixel, or
            not at all.
        size: rows and columns of the pictures that are resized; None for any.
        gray: colours, if there are any, become grey in all channels.
        turned: rows and columns are exchanged, or the picture is turned by 90 degrees.
        inverted: light becomes dark.
        rearranged: pixels were permuted, which no picture can be brought into from outside.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ground: Literal["dark", "light"] | None = None
    resizing: Literal["none", "mean", "linear", "nearest"] = "none"
    size: tuple[_Side, _Side] | None = None
    gray: bool = False
    turned: Literal["no", "transposed", "counterclockwise"] = "no"
    inverted: bool = False
    rearranged: bool = False

    def words(self) -> str:
        """What a person has to know, in one line; empty where there is nothing to tell."""
        told = {
            "mean": "resized by area mean",
            "linear": "resized by linear interpolation",
            "nearest": "resized to the nearest pixel",
            "transposed": "rows and columns exchanged",
            "counterclockwise": "turned by 90 degrees counterclockwise",
        }
        size = f" from {self.size[0]}x{self.size[1]}" if self.size else ""
        steps = [
            f"{told[self.resizing]}{size}" if self.resizing in told else "",
            "made grey" if self.gray else "",
            told.get(self.turned, ""),
            "inverted" if self.inverted else "",
            "pixels rearranged" if self.rearranged else "",
        ]
        ground = f"on a {self.ground} ground" if self.ground else ""
        return ", ".join(filter(None, [ground, *steps]))
