"""Options of networks whose candidate modules are of several kinds."""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.network.dense import dense_activations
from shareconsole.spec.network.table import (
    SHARING,
    Mark,
    Marks,
    NetworkTable,
    UnitActivations,
    UnitSize,
    each,
    mark_issues,
)

_MOST_COMPONENTS = 100
_PART = r"((conv|maxpool|avgpool)[1-9][0-9]?x[1-9][0-9]?|identity)"

Component = Annotated[str, Field(pattern=rf"^{_PART}( {_PART}){{0,3}}$", max_length=60)]
Components = Annotated[
    tuple[Component, ...], Field(strict=False, min_length=1, max_length=_MOST_COMPONENTS)
]


class Part(NamedTuple):
    """One operation of a component.

    Attributes:
        kind: "conv", "maxpool", "avgpool", "identity", or "project", the 1x1 convolution that
            stands in for "identity" where the image is halved.
        rows: of its kernel or window.
        columns: likewise.
        stride: how far its kernel or window moves.
    """

    kind: str
    rows: int
    columns: int
    stride: int

    @property
    def convolves(self) -> bool:
        """Whether it has weights."""
        return self.kind in ("conv", "project")


class DiversityDepthOptions(NetworkTable):
    """Layers of parallel components of several kinds, each followed by group norm and ReLU."""

    name: Literal["diversity_depth"] = option("the network", unit="name")
    components: Components = option(
        "the components of each layer, the kinds of candidate modules: each one to four operations "
        'with spaces between, "conv3x3", "maxpool3x3", "avgpool3x3" (odd sizes) or "identity"',
        unit="name",
        default=(
            "conv3x3 conv3x3",
            "conv5x5 conv5x5",
            "conv7x7 conv7x7",
            "conv1x7 conv7x1",
            "maxpool3x3",
            "avgpool3x3",
            "identity",
        ),
    )
    width: int = option(
        "channels of the stem and of every layer", unit="channels", default=48, ge=1, le=8192
    )
    layers: int = option("number of layers", unit="layers", default=8, ge=1, le=100)
    halvings: int = option(
        "how many of the layers halve the image, rounded up; they are spread evenly from the first "
        "on",
        unit="layers",
        default=5,
        ge=0,
        le=100,
    )
    groups: int = option(
        "groups of channels that are normalised together", unit="groups", default=4, ge=1, le=8192
    )
    sharing: Marks = option(SHARING, unit="name", default="routed")
    dropout: float = option(
        "chance in training that a feature becomes zero before a head reads it",
        unit="fraction",
        default=0.5,
        ge=0,
        lt=1,
    )

    @property
    def alone(self) -> bool:
        """Whether the trie engine cannot run it: not with components of several kinds."""
        return self.dropout > 0 or len(set(self.components)) > 1

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The mark of each layer."""
        return each(self.sharing, self.layers)

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each layer, 2 where it halves the image."""
        halving = {number * self.layers // self.halvings for number in range(self.halvings)}
        return tuple(2 if layer in halving else 1 for layer in range(self.layers))

    def parts(self, component: str, stride: int) -> tuple[Part, ...]:
        """Return the operations of a component; the last has the layer's stride."""
        words = component.split()
        found = []
        for number, word in enumerate(words, start=1):
            own = stride if number == len(words) else 1
            if word == "identity":
                found.append(Part("identity" if own == 1 else "project", 1, 1, own))
            else:
                kind = word.rstrip("0123456789x")
                rows, columns = word.removeprefix(kind).split("x")
                found.append(Part(kind, int(rows), int(columns), own))
        return tuple(found)

    def pixels(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the pixels of the images that each layer hands on."""
        _, rows, columns = input_shape
        found = []
        for stride in self.strides:
            rows, columns = -(-rows // stride), -(-columns // stride)
            found.append(rows * columns)
        return tuple(found)

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        width = self.width
        units = [UnitSize("stem", "shared", (input_shape[0] + 1) * width + 2 * width)]
        for number, (mark, stride) in enumerate(zip(self.marks, self.strides, strict=True), 1):
            kinds = tuple(self._parameters(component, stride) for component in self.components)
            units.append(UnitSize(f"layer{number}", mark, sum(kinds), kinds))
            units.append(UnitSize(f"norm{number}", "shared", 2 * width))
        return tuple(units)

    def work(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the multiply-adds that one image costs in each unit; see ``NetworkTable``."""
        before = input_shape[1] * input_shape[2]
        found = [input_shape[0] * self.width * before]
        for pixels, stride in zip(self.pixels(input_shape), self.strides, strict=True):
            found += [0, 0]
            for component in self.components:
                for part in self.parts(component, stride):
                    if part.convolves:
                        made = pixels if part.stride == stride else before
                        found[-2] += part.rows * part.columns * self.width**2 * made
            before = pixels
        return tuple(found)

    def activations(
        self, input_shape: tuple[int, ...], num_classes: int
    ) -> tuple[UnitActivations, ...]:
        """Return what one image brings to each unit and to a head; see ``NetworkTable``."""
        inputs = prod(input_shape)
        before = self.width * input_shape[1] * input_shape[2]
        found = [UnitActivations(inputs, inputs, before, before, False, 2 * before)]
        for pixels, stride in zip(self.pixels(input_shape), self.strides, strict=True):
            after = self.width * pixels
            kept = indices = 0
            for component in self.components:
                parts = self.parts(component, stride)
                for part in parts:
                    made = after if part is parts[-1] else before
                    # Normalisation keeps what the convolution made, ReLU what comes of it.
                    kept += {"conv": 2, "identity": 0}.get(part.kind, 1) * made
                    indices += made if part.kind == "maxpool" else 0
            kept, indices = (-(-n // len(self.components)) for n in (kept, indices))
            values = before if any(" " in component for component in self.components) else after
            found.append(UnitActivations(before, before, values, after, False, kept, indices))
            found.append(UnitActivations(after, after, after, after, False, after))
            before = after
        features = self.features(input_shape)
        copies = features > self.width > 1
        return (*found, *dense_activations((num_classes,), features, features, copies=copies))

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        return self.width * self.pixels(input_shape)[-1]

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together; an image of one pixel is enough."""
        found = mark_issues("sharing", self.sharing, self.layers)
        if self.halvings > self.layers:
            problem = f"{self.halvings} are more than the layers, of which there are {self.layers}"
            found.append(Issue(("halvings",), problem, f"at most {self.layers}"))
        if self.width % self.groups:
            problem = f"{self.width} channels do not fall into {self.groups} groups"
            allowed = f"a multiple of {self.groups}, or other groups"
            found.append(Issue(("width",), problem, allowed))
        for number, component in enumerate(self.components):
            if any(part.rows * part.columns % 2 == 0 for part in self.parts(component, 1)):
                problem = f'"{component}" has an even size, which has no middle'
                found.append(Issue(("components", number), problem, "odd sizes"))
        return found

    def _parameters(self, component: str, stride: int) -> int:
        """Return the trainable numbers of a component: kernels, biases, scales and offsets."""
        found = 0
        for part in self.parts(component, stride):
            if part.convolves:
                found += part.rows * part.columns * self.width**2 + self.width
            if part.kind == "conv":
                found += 2 * self.width
        return found
