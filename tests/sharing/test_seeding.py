"""Named streams."""

from __future__ import annotations

import torch

from shareconsole.sharing.seeding import Generators, derive_seed


def test_streams_depend_on_root_and_name_only():
    assert derive_seed(1, "a") != derive_seed(1, "b")
    assert derive_seed(1, "a") != derive_seed(2, "a")
    first, second = Generators(4), Generators(4)
    second("another")  # using one more stream shifts nothing
    a, b = (torch.rand(3, generator=g("x")) for g in (first, second))
    assert torch.equal(a, b)
    assert all(0 <= derive_seed(2**63 - 1, str(i)) < 2**63 for i in range(100))


def test_state_round_trip():
    generators = Generators(0)
    torch.rand(5, generator=generators("x"))
    state = generators.state_dict()
    expected = torch.rand(4, generator=generators("x"))
    other = Generators(1)
    other.load_state_dict(state)
    assert torch.equal(torch.rand(4, generator=other("x")), expected)


def test_initialising_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    with Generators(0).initialising("unit/0"):
        first = torch.nn.Linear(3, 3).weight.clone()
    assert torch.equal(torch.get_rng_state(), before)
    with Generators(0).initialising("unit/0"):
        assert torch.equal(torch.nn.Linear(3, 3).weight, first)
    with Generators(0).initialising("unit/1"):
        assert not torch.equal(torch.nn.Linear(3, 3).weight, first)
