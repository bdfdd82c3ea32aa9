"""The loop engine with compiled units equals the plain one, and compiles a bounded number of times.

Everything in float64, where the two differ by the order of operations alone.
"""

from __future__ import annotations

import psutil
import pytest
import torch

from shareconsole.errors import UsageError
from shareconsole.networks.convnet import build_convnet
from shareconsole.sharing import assignment, compiling
from shareconsole.sharing.bank import Bank
from shareconsole.sharing.compiled_population import CompiledPopulation
from shareconsole.sharing.data import MISSING, Batch
from shareconsole.sharing.network import NetworkPlan, Unit
from shareconsole.sharing.population import LoopPopulation
from shareconsole.sharing.seeding import Generators
from shareconsole.spec.networks import ConvnetOptions
from shareconsole.trainer import build

# torch hides this warning of its own while it compiles, but not from a filter that raises.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:The \.grad attribute of a Tensor that is not a leaf Tensor:UserWarning"
)

CLASSES = (3, 5, 2)
TASKS = len(CLASSES)
SHAPE = (2, 5, 7)
CPU = torch.device("cpu")


def make_bank(modules: int = 3, dropout: float | tuple[float, ...] = 0.0) -> Bank:
    # Units of equal sizes, so that a C++ compiler, which takes seconds, is needed less often.
    options = ConvnetOptions(
        name="convnet", conv=(2, 2), conv_sharing=("shared", "routed"), conv_pool="none",
        conv_dropout=dropout, dense=(), final_pool="average",
    )  # fmt: skip
    plan = build_convnet(options, SHAPE)
    marks = tuple(unit.mark for unit in plan.units)
    return Bank(plan, marks, CLASSES, modules, Generators(3)).double()


def make_batch(images: int = 6, seed: int = 0) -> Batch:
    g = torch.Generator().manual_seed(seed)
    inputs = torch.rand(TASKS, images, *SHAPE, generator=g, dtype=torch.float64)
    labels = torch.stack([torch.randint(c, (images,), generator=g) for c in CLASSES])
    labels[1, :2] = MISSING
    return Batch(inputs, labels, tuple((labels != MISSING).sum(1).tolist()))


def drawn(samples: int, modules: int = 3) -> torch.Tensor:
    pi = assignment.uniform(1, TASKS, modules)
    return assignment.sample(pi, samples, torch.Generator().manual_seed(1))


def graphs() -> int:
    """Graphs that torch has compiled in this process so far."""
    from torch._dynamo.utils import counters

    return counters["stats"]["unique_graphs"]


def step(engine, samples: int, modules: int = 3) -> list[torch.Tensor]:
    """What an engine makes of one step: losses of all kinds, gradients, buffers."""
    batch = make_batch()
    found = [engine.evaluate(drawn(samples, modules), batch)]
    before = engine.random_state()
    found.append(engine.accumulate(drawn(samples, modules), batch))
    found.append(engine.losses(drawn(samples, modules), batch, before))
    found += [p.grad for p in engine.bank.parameters() if p.grad is not None]
    return [*found, *engine.bank.buffers()]


def test_steps_equal_those_of_the_plain_loop_and_compile_no_more_with_k_and_s(compiler):
    plain, compiled = LoopPopulation(make_bank()), CompiledPopulation(make_bank())
    start = graphs()
    for samples in (2, 4):
        wanted, got = step(plain, samples), step(compiled, samples)
        assert len(wanted) == len(got)
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)
    per_engine = graphs() - start
    # Two units; eval mode, train mode, and train mode without gradients.
    assert per_engine == 2 * 3
    wide = CompiledPopulation(make_bank(modules=7))
    for samples in (2, 9):
        step(wide, samples, modules=7)
    assert graphs() - start == 2 * per_engine


def test_tests_of_any_size_compile_nothing(compiler):
    plain, compiled = LoopPopulation(make_bank()), CompiledPopulation(make_bank())
    start = graphs()
    for images in (1, 2, 3, 5, 7):
        x = make_batch(images).inputs[0]
        assert torch.equal(compiled.logits(0, [1], x), plain.logits(0, [1], x))
    assert graphs() == start


def test_units_with_dropout_stay_plain_and_draw_the_same_masks(compiler):
    engines = [of(make_bank(dropout=(0.5, 0.0))) for of in (LoopPopulation, CompiledPopulation)]
    assert engines[1].left_plain == ("conv1",)
    start = graphs()
    for _ in range(2):
        wanted, got = (step(engine, 2) for engine in engines)
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)
    assert graphs() - start == 3


def test_candidates_of_several_kinds_are_compiled_once_each(compiler):
    kinds = (lambda: torch.nn.Conv2d(2, 2, 3, padding=1), lambda: torch.nn.Conv2d(2, 2, 1))
    unit = Unit("mixed", "routed", kinds[0], kinds)
    head = lambda classes: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(70, classes))  # noqa: E731
    engines = []
    for of in (LoopPopulation, CompiledPopulation):
        bank = Bank(NetworkPlan((unit,), head), ("routed",), CLASSES, 4, Generators(0)).double()
        engines.append(of(bank))
    start = graphs()
    members = torch.arange(4).view(4, 1, 1).expand(4, 1, TASKS)
    wanted, got = (engine.evaluate(members, make_batch()) for engine in engines)
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)
    assert graphs() - start == 2


def test_no_process_is_left(compiler):
    compiling.require_compiler(CPU)
    assert psutil.Process().children(recursive=True) == []


def test_a_missing_compiler_is_named(compiler):
    from torch._inductor import config

    with (
        config.patch({"cpp.cxx": ("no-such-compiler",)}),
        pytest.raises(UsageError, match=r"device\.compile: .* needs a C\+\+ compiler, and none"),
    ):
        build.compiled(LoopPopulation(make_bank()), CPU)


def test_a_compiler_that_does_not_work_is_told_in_its_own_words(compiler, tmp_path):
    from torch._inductor import config

    broken = tmp_path / "g++"
    broken.write_text(
        '#!/bin/sh\ncase "$1" in\n--version | -v) echo "g++ 1.0" && exit ;;\nesac\n'
        "echo 'x.cpp:1:10: fatal error: Python.h: No such file or directory' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    compiler.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "empty"))
    torch.compiler.reset()
    with (
        config.patch({"cpp.cxx": (str(broken),)}),
        pytest.raises(UsageError, match=r"g\+\+ 1\.0 is there, but .* fatal error: Python\.h"),
    ):
        build.compiled(LoopPopulation(make_bank()), CPU)
