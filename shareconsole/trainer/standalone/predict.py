"""Run an exported network on files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from shareconsole.errors import DataDamaged, ShareconsoleError, UsageError
from shareconsole.store.atomic import StoreError, read_bytes
from shareconsole.trainer.device import DTYPES
from shareconsole.trainer.standalone.checks import run
from shareconsole.trainer.standalone.loading import network_in
from shareconsole.trainer.standalone.pictures import Wanted, named_as_image, read_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

_LIMIT = 2**33
_PASS = 256
"""Images that are run together."""


def predict(
    model: str, files: Sequence[str], *, resize: bool, top: int
) -> Iterator[dict[str, Any]]:
    """Yield what the network is, then what it says of each image, or what is wrong with a file.

    Before the first image file a note says what is done to such files.

    Args:
        model: A file of `export`.
        files: Images, and .npy files of one or many.
        resize: Whether images of another size are resized.
        top: How many classes of each image, the likeliest first.

    Raises:
        UsageError: The model is not there or is none that can be run.
    """
    try:
        data = read_bytes(model, _LIMIT)
    except FileNotFoundError:
        raise UsageError(f"{model}: no such file") from None
    except StoreError as error:
        raise UsageError(str(error)) from None
    network, metadata = network_in(data, model)
    try:
        classes = [str(name) for name in metadata["classes"]]
        wanted = Wanted.of(metadata, DTYPES[metadata["input"]["dtype"]])
    except (KeyError, TypeError, ValueError) as error:
        raise DataDamaged(f"{model}: its metadata are damaged: {error}") from None
    yield {"kind": "network", **metadata}
    note = _note(metadata, wanted)
    if note and any(named_as_image(Path(file)) for file in files):
        yield {"kind": "note", "message": f"{model}: {note}"}
    for file in files:
        try:
            images = read_pictures(Path(file), wanted, resize=resize)
            found = _probabilities(network, images, len(classes), model)
        except ShareconsoleError as error:
            yield {"kind": "failure", "file": file, "message": str(error)}
            continue
        strange = _strangeness(images, wanted)
        if strange:
            yield {"kind": "note", "message": f"{file}: {strange}"}
        several = len(found) > 1
        for number, probabilities in enumerate(found):
            yield {
                "kind": "prediction",
                "file": file,
                "image": number if several else None,
                "classes": _likeliest(probabilities, classes, top),
            }


def _note(metadata: dict[str, Any], wanted: Wanted) -> str:
    """What image files are taken for; empty where they are used as they are."""
    if "preparation" not in metadata["input"]:
        return (
            "an older version wrote it, which did not record what was done to the pictures of "
            "training (inverted, turned ...); image files are used as they are"
        )
    words = wanted.preparation.words()
    return f"pictures of training: {words}; the same is done to image files" if words else ""


def _strangeness(images: Tensor, wanted: Wanted) -> str:
    """What is to be said of numbers far from those of training; empty where they are not."""
    lowest, highest = float(images.min()), float(images.max())
    span = wanted.highest - wanted.lowest
    if wanted.lowest - span <= lowest and highest <= wanted.highest + span:
        return ""
    return (
        f"has numbers from {lowest:g} to {highest:g}, training had {wanted.lowest:g} to "
        f"{wanted.highest:g}; numbers are used as they are"
    )


def _probabilities(
    network: Callable[[Tensor], Tensor], images: Tensor, num_classes: int, model: str
) -> Tensor:
    """Softmax of the logits, [N, classes], in double precision."""
    logits = torch.cat([run(network, part) for part in images.split(_PASS)])
    if logits.shape != (len(images), num_classes):
        raise DataDamaged(f"{model}: gives {[*logits.shape]} for {num_classes} classes")
    if not bool(logits.isfinite().all()):
        raise DataDamaged(f"{model}: gives NaN or an infinity")
    return logits.double().softmax(1)


def _likeliest(probabilities: Tensor, classes: list[str], top: int) -> list[dict[str, Any]]:
    values, order = probabilities.sort(descending=True, stable=True)
    pairs = zip(values.tolist()[:top], order.tolist()[:top], strict=True)
    return [{"class": classes[k], "index": k, "probability": value} for value, k in pairs]
