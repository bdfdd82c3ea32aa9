"""Whether a stratified choice can be made, held against the function that makes it."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.errors import DataDamaged
from shareconsole.files.choice import check_choice
from shareconsole.sharing.splits import stratified_choice


@pytest.mark.parametrize("counts", [[3, 3], [2, 5, 3], [1, 30], [2, 2, 2, 2]])
def test_it_admits_what_can_be_chosen_and_nothing_else(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    for wanted in range(len(counts), len(labels) + 3):
        try:
            rows = stratified_choice(labels, wanted, 0) if wanted <= len(labels) else None
        except ValueError:
            rows = None
        if rows is None:
            with pytest.raises(DataDamaged, match="x: "):
                check_choice("x", np.array(counts), wanted)
        else:
            check_choice("x", np.array(counts), wanted)
            assert len(rows) == wanted
            assert set(labels[rows]) == set(range(len(counts)))
