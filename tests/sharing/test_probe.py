"""Probe sets are balanced, and networks are looked at without a trace."""

from __future__ import annotations

import pytest
import torch

from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.data import Split
from shareconsole.sharing.probe import at_cuts, draw_probe
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.network.convnet import ConvnetOptions


def split(*counts: int) -> Split:
    """Images whose pixels say whose they are and which."""
    images = tuple(
        torch.arange(n, dtype=torch.float32).add(100 * i).view(n, 1, 1, 1).expand(n, 1, 2, 2)
        for i, n in enumerate(counts)
    )
    return Split(images, tuple(torch.zeros(n, dtype=torch.int64) for n in counts))


@pytest.mark.parametrize(("most", "each"), [(3, 1), (11, 3), (12, 4), (30, 5), (500, 5)])
def test_every_task_brings_the_same_number_of_images(most, each):
    generator = torch.Generator().manual_seed(0)
    drawn = draw_probe(split(5, 20, 9), most, generator)[:, 0, 0, 0]
    assert (drawn // 100).tolist() == [0] * each + [1] * each + [2] * each
    assert len(drawn.unique()) == 3 * each


def test_images_that_all_tasks_label_are_drawn_as_they_are():
    shared = Split(split(8).images, split(8, 8, 8).labels)
    generator = torch.Generator().manual_seed(0)
    first, second = (draw_probe(shared, 6, generator)[:, 0, 0, 0] for _ in range(2))
    assert len(first) == len(first.unique()) == 6
    assert not torch.equal(first, second)
    assert len(draw_probe(shared, 50, generator)) == 8


def test_what_comes_out_of_each_routed_unit():
    options = ConvnetOptions(name="convnet", conv=(3, 4), dense=(5,))
    plan = build_convnet(options, (1, 8, 8))
    bank = Bank(plan, ("routed", "task", "routed"), (2, 3), 2, Generators(0))
    images = torch.randn(70, 1, 8, 8)
    before = {name: value.clone() for name, value in bank.state_dict().items()}
    found = [*at_cuts(bank, 1, [0, 1], images)]
    first = bank.units[0][0].eval()(images)
    last = bank.units[2][1].eval()(bank.units[1][1].eval()(first))
    torch.testing.assert_close(found, [first, last])
    assert not any(features.requires_grad for features in found)
    assert all(torch.equal(value, before[name]) for name, value in bank.state_dict().items())
