"""Options of CIFAR-100 as 20 tasks and of CIFAR-10 as ten tasks on the same images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.files.record import SplitName
from shareconsole.spec.data.table import (
    DataShape,
    Names,
    OfficialFilesTable,
    PerTask,
    choice_issues,
    chosen,
    number_issues,
    taken,
)
from shareconsole.spec.fields import Issue, option

# In the order of the official coarse labels.
SUPERCLASSES = (
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
)
# In the order of the official labels.
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
# In the order of the official fine labels.
CIFAR100_CLASSES = (
    *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle"),
    *("bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle"),
    *("caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch"),
    *("crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox"),
    *("girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion"),
    *("lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom"),
    *("oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree"),
    *("plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
    *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake"),
    *("spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank"),
    *("telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle"),
    *("wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"),
)
FINE_PER_SUPERCLASS = 5
_SUPERCLASS_IMAGES = (2_500, 500)
_CIFAR10_IMAGES = (50_000, 10_000)


class CifarTable(OfficialFilesTable):
    """What the two CIFAR data sets have in common."""

    train_per_task: PerTask = option(
        'training images of each task, stratified; "all" is the official split',
        unit="images",
        default="all",
    )
    test_per_task: PerTask = option(
        'test images of each task, stratified; "all" is the official split',
        unit="images",
        default="all",
    )

    def amount_issues(self, there: tuple[int, int], classes: int) -> list[Issue]:
        """Return what asks for too few or too many of (training, test) images."""
        return [
            *number_issues("train_per_task", self.train_per_task, there[:1], (classes,)),
            *number_issues("test_per_task", self.test_per_task, there[1:], (classes,)),
        ]

    def check_files(self) -> None:
        """Find the archive, hold it against what is known of it, and see that there is enough.

        Raises:
            DataMissing: it is not there; the message says where it was looked for.
            DataDamaged: it is not what it should be, or too few images of a class are in it.
        """
        super().check_files()
        numbers: dict[SplitName, int | Literal["all"]] = {
            "train": self.train_per_task,
            "test": self.test_per_task,
        }
        wanted = {split: number for split, number in numbers.items() if number != "all"}
        if self.verify == "official" or not wanted:
            return  # the published archive has what the options admit
        from shareconsole.files.cifar import check_enough
        from shareconsole.files.known import FILE_SETS
        from shareconsole.files.places import locate

        for name in self.sources():
            check_enough(FILE_SETS[name], locate(FILE_SETS[name]), wanted)


class Cifar100Options(CifarTable):
    """CIFAR-100 as one task of five classes for each of the 20 superclasses."""

    name: Literal["cifar100"] = option("the data set", unit="name")
    superclasses: Annotated[int, Field(ge=1, le=20)] | Literal["all"] | Names = option(
        'which superclasses are tasks: "all", the first N, or a list of names',
        unit="name",
        default="all",
    )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the superclasses that are tasks."""
        return chosen(self.superclasses, SUPERCLASSES)

    def sources(self) -> tuple[str, ...]:
        """Return the name of the file set."""
        return ("cifar100",)

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        count = len(self.tasks)
        train, test = _SUPERCLASS_IMAGES
        return DataShape(
            num_tasks=count,
            num_classes=(FINE_PER_SUPERCLASS,) * count,
            input_shape=(3, 32, 32),
            train_images=(taken(self.train_per_task, train),) * count,
            test_images=(taken(self.test_per_task, test),) * count,
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        return choice_issues("superclasses", self.superclasses, SUPERCLASSES) or (
            self.amount_issues(_SUPERCLASS_IMAGES, FINE_PER_SUPERCLASS)
        )


class Cifar10Options(CifarTable):
    """CIFAR-10 as ten tasks that label the same images: is it this class or another one."""

    name: Literal["cifar10"] = option("the data set", unit="name")
    classes: Annotated[int, Field(ge=1, le=10)] | Literal["all"] | Names = option(
        'which classes are tasks: "all", the first N, or a list of names; every task sees the '
        "images of all ten classes",
        unit="name",
        default="all",
    )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the classes that are tasks."""
        return chosen(self.classes, CIFAR10_CLASSES)

    def sources(self) -> tuple[str, ...]:
        """Return the name of the file set."""
        return ("cifar10",)

    def shape(self) -> DataShape:
        """Return the sizes of the problem."""
        count = len(self.tasks)
        train, test = _CIFAR10_IMAGES
        return DataShape(
            num_tasks=count,
            num_classes=(2,) * count,
            input_shape=(3, 32, 32),
            train_images=(taken(self.train_per_task, train),) * count,
            test_images=(taken(self.test_per_task, test),) * count,
            shared_inputs=count > 1,
            bytes_per_pixel=1,
        )

    def issues(self) -> list[Issue]:
        """Return options that do not fit each other."""
        return choice_issues("classes", self.classes, CIFAR10_CLASSES) or (
            self.amount_issues(_CIFAR10_IMAGES, 10)
        )
