"""What the measuring process does, in this process and with small numbers."""

from __future__ import annotations

import statistics
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from shareconsole.errors import UsageError
from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.lowering import UnsupportedModuleError
from shareconsole.sharing.population import LoopPopulation
from shareconsole.spec.bench import COMPILED, BenchCase, BenchJob, BenchRow, usual_engines
from shareconsole.spec.toml import load_preset
from shareconsole.trainer import build
from shareconsole.trainer.bench import memory, peak
from shareconsole.trainer.bench.made_up import make_up, with_tasks
from shareconsole.trainer.bench.measure import carry_out
from shareconsole.trainer.bench.rounds import EndedEarlyError, choose_pace
from shareconsole.trainer.bench.subject import Subject, concentrated
from shareconsole.trainer.bench.summary import quartiles
from shareconsole.trainer.bench.work import count_work
from tests.trainer.conftest import SMALL

CPU = torch.device("cpu")


class CountingLoop(LoopPopulation):
    """The loop engine under another name, which counts and remembers."""

    seen: ClassVar[list[torch.Tensor]] = []

    def __init__(self, bank: Any) -> None:
        super().__init__(bank)
        self.nodes_evaluated = 0

    def _losses(self, assignments_SLT: Any, batch: Any, *, backward: bool) -> Any:
        units = len(self.bank.marks) + 1
        self.nodes_evaluated += len(assignments_SLT) * self.bank.num_tasks * units
        CountingLoop.seen.append(assignments_SLT)
        return super()._losses(assignments_SLT, batch, backward=backward)


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def tell(self, kind: str, **facts: Any) -> None:
        self.told.append((kind, facts))

    @property
    def rows(self) -> list[BenchRow]:
        found = (
            BenchRow.model_validate(facts["row"]) for kind, facts in self.told if kind == "row"
        )
        return list({row.key: row for row in found}.values())


@pytest.fixture(autouse=True)
def _engines(monkeypatch):
    def refuse(bank: Any) -> Any:
        raise UnsupportedModuleError("unit conv1: Dropout draws random numbers")

    monkeypatch.setitem(build.ENGINES, "counting", CountingLoop)
    monkeypatch.setitem(build.ENGINES, "choosy", refuse)
    # How fast this machine is matters to no test.
    monkeypatch.setattr(peak, "_SIDE", 64)
    monkeypatch.setattr(peak, "_LEAST_SECONDS", 0.0)
    CountingLoop.seen.clear()


def small(*overrides: str, preset: str = "digits", extra: tuple[str, ...] = SMALL) -> BenchCase:
    return BenchCase(name=preset, preset=load_preset(preset, [*extra, *overrides]).preset)


def job(*cases: BenchCase, **settings: Any) -> BenchJob:
    defaults: dict[str, Any] = {
        "engines": ("loop", "counting"),
        "samplings": ("independent",),
        "entropies": ("uniform", 0.9),
        "rounds": 3,
        "steps_per_round": 2,
        "memory": False,
    }
    return BenchJob(cases=cases, **(defaults | settings))


def measured(work: BenchJob) -> list[BenchRow]:
    heard = Heard()
    carry_out(work, CPU, heard, lambda: None)
    return heard.rows


def subject(case: BenchCase, engine: str = "loop") -> Subject:
    return Subject(case.preset, engine, None, CPU, make_up(case.preset.data.shape(), torch.float32))


def test_every_engine_is_measured_with_every_pi():
    rows = measured(job(small()))
    assert [(row.engine, row.entropy) for row in rows] == [
        ("loop", "uniform"),
        ("counting", "uniform"),
        ("loop", 0.9),
        ("counting", 0.9),
    ]
    for row in rows:
        assert (row.tasks, row.modules, row.units, row.batch_size) == (4, 2, 2, 4)
        assert (row.samples, row.rounds, row.steps_per_round) == (5, 3, 2)
        assert row.sampling == "independent"
        assert 0 < row.cpu_ms_quartiles[0] <= row.cpu_ms <= row.cpu_ms_quartiles[1]
        assert row.wall_ms > 0
        assert set(row.parts_ms) == {"data", "nes", "sgd", "optimiser", "other"}
        # Medians of parts, so their sum is not quite the median of the whole.
        assert sum(row.parts_ms.values()) == pytest.approx(row.cpu_ms, rel=0.5)
        assert min(row.parts_ms["nes"], row.parts_ms["sgd"], row.parts_ms["optimiser"]) > 0
        assert 0 < row.logging_ms < row.cpu_ms
        assert row.peak_share > 0
        assert row.conv_gflops > 0
    loop, counting = rows[:2]
    assert (loop.ratio, loop.nodes_share) == (1, 1)
    assert 0.3 < counting.ratio < 3
    assert counting.unit_evaluations == 5 * 4 * 3
    assert counting.nodes_share == 1


def test_engines_see_the_same_assignments_and_pi_stays_put():
    case = small()
    first, second = subject(case, "counting"), subject(case, "counting")
    drawn = []
    for one in (first, second):
        CountingLoop.seen.clear()
        one.hold(0.99)
        one.steps(4)
        drawn.append(torch.stack([*CountingLoop.seen[::2]]))
    assert torch.equal(*drawn)
    likely = concentrated(torch.empty(2, 4, 2), 0.99, case.preset.run.seed).argmax(2)
    # 24 of 4 x 3 x 2 x 4 modules drawn would be others were pi uniform; NES has not moved it.
    assert (drawn[0] != likely).sum() < 10


def test_a_pi_gives_one_module_of_every_row_what_was_asked_for():
    pi = concentrated(torch.empty(3, 40, 5, dtype=torch.float64), 0.9, 0)
    torch.testing.assert_close(pi.sum(2), torch.ones(3, 40, dtype=torch.float64))
    assert pi.max(2).values.unique().tolist() == [0.9]
    assert pi.min(2).values.sub(0.025).abs().max() < 1e-12
    assert len(pi.argmax(2).unique()) == 5
    assert torch.equal(pi, concentrated(pi, 0.9, 0))
    assert torch.equal(concentrated(torch.empty(1, 2, 1), 0.9, 0), torch.ones(1, 2, 1))


def test_operations_are_those_that_arithmetic_says():
    case = small("network.conv=[3, 5]")
    preset = case.preset
    one = subject(case)
    one.hold("uniform")
    work = count_work(one)
    shape = preset.data.shape()
    units = preset.network.work(shape.input_shape)
    head = preset.network.features(shape.input_shape) * 10
    forward = sum(units) + head
    # Backward costs twice as much, but for the first unit, whose input needs no gradient.
    nes, sgd = 3 * forward, 2 * (3 * forward - units[0])
    assert work.samples == 5
    assert work.gflop == pytest.approx(2 * 4 * 4 * (nes + sgd) / 1e9)
    assert one.steps(1).evaluations is None  # the engine is as it was before it was counted


def test_a_method_without_pi_has_one_row():
    extra = tuple(text for text in SMALL if not text.startswith("method."))
    [loop, counting] = measured(job(small(preset="digits-full", extra=extra)))
    assert loop.entropy is None
    assert loop.sampling is None
    assert loop.samples == 1
    assert loop.parts_ms["nes"] == 0
    assert counting.ratio is not None


def test_an_engine_that_cannot_says_so_and_the_others_are_measured():
    rows = measured(job(small(), engines=("loop", "choosy"), entropies=("uniform",)))
    by_engine = {row.engine: row for row in rows}
    # Such a run would train with the loop engine; it is not measured under another's name.
    assert by_engine["choosy"].cannot.endswith("unit conv1: Dropout draws random numbers")
    assert by_engine["choosy"].cpu_ms is None
    assert by_engine["loop"].cpu_ms > 0


def test_without_the_loop_there_is_no_ratio():
    [row] = measured(job(small(), engines=("counting",), entropies=(1.0,), rounds=1))
    assert row.ratio is None
    assert row.cpu_ms_quartiles == (row.cpu_ms, row.cpu_ms)


def test_what_is_whole_when_somebody_ends_it_counts():
    heard = Heard()
    rounds = 0

    def keep_going() -> None:
        nonlocal rounds
        rounds = sum(kind == "progress" and f["round"] > 0 for kind, f in heard.told)
        if rounds == 2:
            raise EndedEarlyError

    with pytest.raises(EndedEarlyError):
        carry_out(job(small(), rounds=50), CPU, heard, keep_going)
    assert [row.rounds for row in heard.rows] == [2, 2]
    assert {row.entropy for row in heard.rows} == {"uniform"}


def test_made_up_data_have_the_sizes_of_the_real_ones():
    few = ["data.train_per_task=30", "data.test_per_task=30"]
    for name, overrides in (
        ("digits", SMALL),
        ("lws-cifar100", ["data.train_per_task=30"]),
        ("gumbel-three-clusters", few),  # some tasks have no validation image
    ):
        shape = load_preset(name, overrides).preset.data.shape()
        for tasks in (shape.num_tasks, 2, 2 * shape.num_tasks + 1):
            fitted = with_tasks(shape, tasks)
            data = make_up(fitted, torch.float64)
            assert data.num_tasks == tasks == len(data.task_names)
            assert data.input_shape == shape.input_shape
            assert data.num_classes == fitted.num_classes
            sizes = [len(images) for images in data.train.images]
            assert sizes == list(fitted.train_images)
            assert [len(images) for images in data.test.images] == list(fitted.test_images)
            validation = data.validation.images if data.validation is not None else ()
            assert [len(images) for images in validation] == list(fitted.validation_images)
            kept_as_bytes = data.train.images[0].dtype == torch.uint8
            assert kept_as_bytes == bool(shape.bytes_per_pixel)
            for labels, classes in zip(data.train.labels, data.num_classes, strict=True):
                assert 0 <= labels.min() <= labels.max() < classes


def test_a_pace_suits_the_slowest_engine():
    quick = choose_pace(job(small(), rounds=None, steps_per_round=None), [0.01, 0.002])
    assert quick.steps == 15
    assert 5 <= quick.rounds <= 7
    assert quick.seconds == pytest.approx(quick.rounds * 15 * 0.012)
    slow = job(small(), rounds=None, steps_per_round=None, least_rounds=1)
    assert choose_pace(slow, [30.0, 4.0])[:2] == (1, 1)
    assert choose_pace(job(small()), [30.0, 4.0])[:2] == (3, 2)


def test_quartiles_are_numpys():
    values = np.random.default_rng(0).random(7).tolist()
    assert quartiles(values) == pytest.approx(np.quantile(values, [0.25, 0.75]).tolist())
    assert quartiles([3.0]) == (3, 3)
    assert statistics.median(values) == pytest.approx(np.quantile(values, 0.5))


def test_memory_is_asked_of_a_fresh_process_for_every_engine(monkeypatch):
    asked = []

    def ask(work: BenchJob, keep_going: Any) -> list[memory.Peak]:
        asked.append((work.engines, work.entropies))
        return [memory.Peak(1000 * i, None) for i in range(1, 1 + len(work.entropies))]

    monkeypatch.setattr("shareconsole.trainer.bench.measure.ask_fresh_process", ask)
    rows = measured(job(small(), memory=True, rounds=1, entropies=("uniform", 0.5, 0.9)))
    # From concentrated to uniform, so that the highest mark of the process is that of each.
    assert asked == [(("loop",), (0.9, 0.5, "uniform")), (("counting",), (0.9, 0.5, "uniform"))]
    peaks = {row.entropy: row.peak_memory_bytes for row in rows if row.engine == "loop"}
    assert peaks == {0.9: 1000, 0.5: 2000, "uniform": 3000}


def test_a_process_for_the_memory_that_dies_costs_its_figure_only(monkeypatch):
    heard = Heard()
    monkeypatch.setattr(memory.sys, "executable", "false")
    carry_out(job(small(), memory=True, rounds=1, entropies=("uniform",)), CPU, heard, lambda: None)
    failures = [facts["message"] for kind, facts in heard.told if kind == "failure"]
    assert len(failures) == 2
    assert "memory of loop ended with 1" in failures[0]
    assert all(row.peak_memory_bytes is None and row.cpu_ms for row in heard.rows)


def test_the_compiled_loop_is_measured_beside_the_plain_one(monkeypatch):
    monkeypatch.setattr(build, "require_compiler", lambda device: None)
    # It is about the rows; compiling takes longer than all of them.
    with torch.compiler.set_stance("force_eager"):
        rows = measured(job(small(), engines=("loop", COMPILED), entropies=("uniform",)))
    assert [row.engine for row in rows] == ["loop", COMPILED]
    plain, compiled = rows
    assert compiled.ratio is not None
    assert compiled.nodes_share == 1
    assert (compiled.gflop, compiled.samples) == (plain.gflop, plain.samples)
    assert compiled.predicted_memory_bytes == plain.predicted_memory_bytes


def test_the_compiled_loop_needs_a_compiler(monkeypatch):
    def refuse(device: Any) -> None:
        raise UsageError("no compiler")

    monkeypatch.setattr(build, "require_compiler", refuse)
    (row,) = measured(job(small(), engines=(COMPILED,), entropies=("uniform",)))
    assert row.cannot == "no compiler"


def test_only_a_compiled_preset_is_measured_compiled_unasked():
    assert usual_engines(small().preset) == ("loop", "trie")
    compiled = small("device.engine=loop", "device.compile=true").preset
    assert usual_engines(compiled) == ("loop", "trie", COMPILED)


def test_a_network_with_dropout_is_measured():
    """Its largest convolution is looked for without a run, whose generator masks come from."""
    preset = load_preset("linesearch-multimnist").preset
    network, shape = preset.network, preset.data.shape().input_shape
    plan = build.resolve(build.NETWORKS[network.name].target)(network, shape)
    assert any(isinstance(layer, Dropout) for u in plan.units for layer in u.build().modules())
    assert peak.conv_gflops(plan, shape, 4, CPU, torch.float32) > 0
