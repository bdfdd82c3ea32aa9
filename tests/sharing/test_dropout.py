"""Dropout draws from the run's generator and repeats itself after a resume."""

from __future__ import annotations

import pytest
import torch

from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import ConvnetOptions

NET = ConvnetOptions(name="convnet", conv=(4,), conv_dropout=0.5, dense=(), dropout=0.25)


def seeded(p: float, seed: int = 0, *, channels: bool = False) -> Dropout:
    dropout = Dropout(p, channels=channels)
    dropout.generator = torch.Generator().manual_seed(seed)
    return dropout


def test_a_share_of_the_values_is_zero_and_the_rest_is_scaled():
    y = seeded(0.25)(torch.ones(200, 50))
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(y.mean()) == pytest.approx(1, abs=0.03)


def test_channels_are_dropped_whole():
    y = seeded(0.5, channels=True)(torch.ones(40, 10, 3, 2))
    per_channel = y.flatten(2)
    assert torch.equal(per_channel.amin(2), per_channel.amax(2))
    assert 0.4 < float((y == 0).float().mean()) < 0.6


def test_every_precision_drops_the_same_and_eval_mode_nothing():
    x = torch.rand(6, 7)
    assert torch.equal(seeded(0.5)(x) == 0, seeded(0.5)(x.double()) == 0)
    assert not torch.equal(seeded(0.5)(x) == 0, seeded(0.5, seed=1)(x) == 0)
    assert seeded(0.5).eval()(x) is x


def test_without_a_generator_it_refuses_to_train():
    with pytest.raises(RuntimeError, match="without a generator"):
        Dropout(0.5)(torch.ones(2, 2))


def test_a_bank_gives_all_of_them_one_generator_that_resumes():
    generators = Generators(0)
    bank = Bank(build_convnet(NET, (1, 4, 4)), ("task",), (2, 3), 1, generators)
    assert generators.names == ["dropout"]
    x = torch.rand(5, 1, 4, 4)

    def run() -> torch.Tensor:
        y = x
        for module in bank.path(1, []):
            y = module(y)
        return y

    first = run()
    state = generators.state_dict()
    second = run()
    assert not torch.equal(first, second)
    generators.load_state_dict(state)
    assert torch.equal(second, run())


def test_a_network_without_dropout_asks_for_no_generator():
    plain = ConvnetOptions(name="convnet", conv=(4,), dense=())
    generators = Generators(0)
    Bank(build_convnet(plain, (1, 4, 4)), ("task",), (2, 3), 1, generators)
    assert generators.names == []
