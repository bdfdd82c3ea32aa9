"""What every network says of itself without torch: its units, their sizes, their work.

A network is a chain of units followed by one linear head per task. Each unit is marked ``shared``
(one copy for all tasks), ``routed`` (the method decides) or ``task`` (one copy per task).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import Field

from shareconsole.spec.fields import Issue, Table

MOST_UNITS = 100

_T = TypeVar("_T")

Mark = Literal["shared", "routed", "task"]
Width = Annotated[int, Field(ge=1, le=8192)]
# TOML has arrays, a frozen model has tuples: strict mode would refuse the one for the other.
Widths = Annotated[tuple[Width, ...], Field(strict=False, max_length=MOST_UNITS)]
Marks = Annotated[tuple[Mark, ...], Field(strict=False, max_length=MOST_UNITS)] | Mark

MARK_WORDS = '"shared", "routed", "task"'
SHARING = (
    'who has the unit\'s weights: "shared" (all tasks), "routed" (the method decides) or "task" '
    "(each its own); one word for all units or a list with one per unit"
)


class UnitSize(NamedTuple):
    """One unit of a network.

    Attributes:
        name: ``conv1``, ``dense1`` and so on, counted from 1 within its kind.
        sharing: its mark.
        parameters: trainable numbers in one copy.
        kinds: trainable numbers of the candidate modules, where these are of several kinds: the
            candidate k is of kind k modulo their number, and a copy that is no candidate has one
            component of every kind.
    """

    name: str
    sharing: Mark
    parameters: int
    kinds: tuple[int, ...] = ()

    def stored(self, copies: int, *, candidates: bool) -> int:
        """Return the trainable numbers of so many copies.

        Args:
            copies: how many.
            candidates: whether they are what a method chooses from.
        """
        if candidates and self.kinds:
            return sum(self.kinds[number % len(self.kinds)] for number in range(copies))
        return copies * self.parameters


class UnitActivations(NamedTuple):
    """What one image brings to one unit, in numbers.

    Attributes:
        inputs: handed over by the unit before.
        features: what its layer with weights reads: all inputs, or their mean over the image.
        values: what that layer computes; the largest of them in a unit of several.
        outputs: what is handed on; fewer than ``values`` where the unit pools.
        copies: whether the inputs are put in another order first (an image that is flattened).
        kept: what its layers keep for the backward pass beside the inputs, the outputs among it;
            0 for a dense unit and for a convolution unit that the trie engine runs as one
            operation, as that keeps less (``sharing.kernels``). Of candidates of several kinds, the
            mean.
        indices: positions that a max pooling among them keeps, 8 bytes each.
        passing: what layers of the unit hand to one another, in parts and joined, which the trie
            engine has for a while beside what is kept.
        patches: the most that the trie engine keeps instead of the inputs of the unit that reads
            the images (``sharing.image_convolution``, on a CPU); 0 for all other units.
    """

    inputs: int
    features: int
    values: int
    outputs: int
    copies: bool = False
    kept: int = 0
    indices: int = 0
    passing: int = 0
    patches: int = 0

    @property
    def pools(self) -> bool:
        """Whether it is a convolution unit in one operation: normalised, then pooled."""
        return self.outputs < self.values and not self.kept


class NetworkTable(Table):
    """What the checks need to know of any network without asking which one it is.

    Attributes:
        unit_lists: keys that list one width for each of the units of a kind, in the order the
            units come, and the other keys that may have a value for each of the same units.
    """

    unit_lists: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()

    name: str

    @property
    def alone(self) -> bool:
        """Whether the trie engine cannot run it: it draws random numbers, or mixes kinds."""
        return False

    def units(self, input_shape: tuple[int, ...]) -> tuple[UnitSize, ...]:
        """Return the units from input to heads, for images of ``input_shape`` [C, H, W]."""
        raise NotImplementedError

    def work(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the multiply-adds that one image costs in each unit, in the order of ``units``.

        Convolutions and matrix products of a forward pass; normalisation, activations, pooling
        and the heads (``features`` times classes each) are not in it. Where candidates are of
        several kinds, that of one component of every kind.
        """
        raise NotImplementedError

    def routed_work(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return ``work`` of the routed units alone."""
        units = zip(self.units(input_shape), self.work(input_shape), strict=True)
        return tuple(work for unit, work in units if unit.sharing == "routed")

    def activations(
        self, input_shape: tuple[int, ...], num_classes: int
    ) -> tuple[UnitActivations, ...]:
        """Return what one image brings to each unit, and last to a head of ``num_classes``."""
        raise NotImplementedError

    def features(self, input_shape: tuple[int, ...]) -> int:
        """Return how many features the last unit hands to each head."""
        raise NotImplementedError

    def issues(self, input_shape: tuple[int, ...]) -> list[Issue]:
        """Return what does not fit together, or not with images of ``input_shape`` [C, H, W]."""
        raise NotImplementedError


def each(value: tuple[_T, ...] | _T, count: int) -> tuple[_T, ...]:
    """Return one value per unit: the tuple as it is, or one value over and over."""
    return value if isinstance(value, tuple) else (value,) * count


def count_issues(key: str, value: object, count: int, what: str, allowed: str) -> list[Issue]:
    """Return the issue of a list that has not one element per unit.

    Args:
        key: its key.
        value: a tuple, or one value for all units, which always fits.
        count: number of units.
        what: what the elements are, in the plural.
        allowed: what may stand in place of a list.
    """
    if not isinstance(value, tuple) or len(value) == count:
        return []
    problem = f"has {len(value)} {what} for {count} units"
    return [Issue((key,), problem, f"a list of {count}, or {allowed}")]


def mark_issues(key: str, marks: Marks, count: int) -> list[Issue]:
    """Return the issue of a list of marks that has not one per unit."""
    return count_issues(key, marks, count, "marks", f"one of {MARK_WORDS}")
