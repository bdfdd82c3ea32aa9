"""Data of the user's own, whichever way it is laid out; `shareconsole.files.own` tells the ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.data import MultiTaskData, Split

if TYPE_CHECKING:
    from shareconsole.files.own import OwnSplit
    from shareconsole.spec.data.own import OwnDataTable


def load_own(options: OwnDataTable) -> MultiTaskData:
    """Read the user's data; decoded images come from the cache if no file has changed.

    Raises:
        DataMissing: A file is not there.
        DataDamaged: A file is not what it should be; the message names it.
    """
    survey = options.survey
    train, test = survey.read()
    return MultiTaskData(
        survey.task_names,
        tuple(len(names) for names in survey.class_names),
        _split(train),
        _split(test),
        class_names=survey.class_names,
    )


def _split(own: OwnSplit) -> Split:
    # NO_LABEL of the files is MISSING of the batches; a test holds them together.
    return Split(
        tuple(torch.from_numpy(images) for images in own.images),
        tuple(torch.from_numpy(labels) for labels in own.labels),
    )
