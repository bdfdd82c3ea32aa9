"""What one has to know of a run's data to use its networks without them; kept in checkpoints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shareconsole.sharing.data import MultiTaskData


@dataclass(frozen=True)
class DataOutline:
    """Names, sizes, and what pixels were made of.

    Attributes:
        task_names: T names.
        class_names: Of each task; numbers as text where the data set has no names.
        input_shape: (channels, rows, columns) of an image.
        as_bytes: Images are bytes, divided by 255 on their way into a network; else numbers, used
            as they are.
        lowest: Least value of the training images as a network sees them.
        highest: Greatest value of these.
    """

    task_names: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]
    input_shape: tuple[int, int, int]
    as_bytes: bool
    lowest: float
    highest: float

    @classmethod
    def of(cls, data: MultiTaskData) -> DataOutline:
        """Look the data over; their training images are not empty."""
        images = data.train.images
        as_bytes = not images[0].is_floating_point()
        numbered = tuple(tuple(map(str, range(count))) for count in data.num_classes)
        return cls(
            data.task_names,
            data.class_names or numbered,
            data.input_shape,
            as_bytes,
            0.0 if as_bytes else min(float(x.min()) for x in images),
            1.0 if as_bytes else max(float(x.max()) for x in images),
        )

    @property
    def num_classes(self) -> tuple[int, ...]:
        """Of each task."""
        return tuple(map(len, self.class_names))

    def misfits(self, other: DataOutline) -> list[str]:
        """Why networks of these data (then) have no place in a run with others (now)."""
        if len(self.task_names) != len(other.task_names):
            return [f"{len(self.task_names)} tasks then, {len(other.task_names)} now"]
        found = []
        if self.input_shape != other.input_shape:
            then, now = (" x ".join(map(str, each.input_shape)) for each in (self, other))
            found.append(f"images of {then} then, {now} now")
        counts = zip(other.task_names, self.num_classes, other.num_classes, strict=True)
        found += [f"{t}: {then} classes then, {now} now" for t, then, now in counts if then != now]
        return found

    def to_dict(self) -> dict[str, Any]:
        """As it is saved."""
        return asdict(self)
