"""Stages and the options that make them: what does not fit is said, what fits reads back."""

from __future__ import annotations

import pytest

from shareconsole.errors import PresetError
from shareconsole.spec.checks import predict
from shareconsole.spec.method.table import MethodTable, StageStart
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml

RETRAIN = "method.final_stage=retrain"


class ThreeStages(MethodTable):
    """As a method with two boundaries would be."""

    first: int
    second: int

    def stages(self) -> tuple[StageStart, ...]:
        return (
            StageStart("one", 0),
            StageStart("two", self.first, "first"),
            StageStart("three", self.second, "second"),
        )


def test_the_paper_s_search_has_no_stages():
    method = load_preset("digits").preset.method
    assert (method.final_stage, method.search_steps, method.nes_batch) == ("none", 0, "batch")
    assert method.stages() == ()


@pytest.mark.parametrize("final", ["finetune", "retrain"])
def test_a_final_stage_begins_after_the_search(final):
    overrides = [f"method.final_stage={final}", "method.search_steps=600"]
    preset = load_preset("digits", overrides).preset
    assert [stage[:2] for stage in preset.method.stages()] == [("search", 0), (final, 600)]
    assert parse_resolved(resolved_toml(preset)) == preset
    assert preset.method.first_stage() == load_preset("digits").preset.method


def test_a_tree_is_on_record_in_shared_units_too():
    marked = ("routed", "shared", "task")
    disk = [
        predict(load_preset("digits-branched", [f"network.conv_sharing={mark}"]).preset).disk_bytes
        for mark in marked
    ]
    assert disk[0] == disk[1] > disk[2]


@pytest.mark.parametrize("mark", ["routed", "shared", "task"])
def test_the_tree_has_what_its_budget_leaves_it(mark):
    overrides = [f"network.conv_sharing={mark}", "method.budget=1.25"]
    needed = predict(load_preset("digits-branched", overrides).preset)
    conv, dense, heads = (144 + 32) + (4_608 + 64), 2 * 2 * 32 * 32 + 32, 4 * 330
    full = (4 if mark == "task" else 1) * conv + dense + heads
    assert needed.parameters == 4 * (conv + dense) + heads
    assert needed.stages == (
        ("single task", needed.parameters),
        ("tree", min(needed.parameters, int(1.25 * full))),
    )


def test_methods_whose_stages_may_use_all_predict_none():
    overrides = [RETRAIN, "method.search_steps=600"]
    assert predict(load_preset("digits", overrides).preset).stages == ()


def test_what_is_measured_of_a_staged_method_never_leaves_its_first_stage():
    method = load_preset("digits-branched").preset.method.first_stage()
    assert type(method).model_validate(method.model_dump()) == method
    assert all(stage.start in (0, 1_000_000_000) for stage in method.stages())


@pytest.mark.parametrize(
    ("overrides", "key", "words", "allowed"),
    [
        ([RETRAIN], "search_steps", "needs to know when the search ends", "1 or more"),
        (["method.search_steps=5"], "search_steps", 'final_stage = "none"', "retrain"),
        ([RETRAIN, "method.search_steps=1000"], "search_steps", "no step for retrain", "1000"),
        ([RETRAIN, "method.search_steps=-1"], "search_steps", "-1", "0"),
        (["method.final_stage=prune"], "final_stage", '"prune" is not known', "finetune"),
        (["method.nes_batch=0"], "nes_batch", "0", "1"),
        (["method.nes_batch=every"], "nes_batch", "every", "all"),
        (["method.nes_batch=1.5"], "nes_batch", "1.5", "all"),
    ],
)
def test_what_does_not_fit_is_said(overrides, key, words, allowed):
    with pytest.raises(PresetError) as caught:
        load_preset("digits", overrides)
    [problem] = caught.value.problems
    assert problem.key == f"method.{key}"
    assert words in problem.problem
    assert allowed in problem.allowed


def test_boundaries_are_in_order_and_leave_a_step_for_every_stage():
    def issues(first: int, second: int, steps: int = 100):
        table = ThreeStages(name="three", first=first, second=second)
        return [(issue.path, issue.problem) for issue in table.stage_issues(steps)]

    assert issues(30, 60) == []
    assert issues(1, 99) == []
    assert issues(60, 60) == [(("second",), "of 60 leaves no step for two: first is 60")]
    assert issues(0, 60) == [(("first",), "of 0 leaves no step for one")]
    assert [path for path, _ in issues(30, 100)] == [("second",)]
    assert [path for path, _ in issues(100, 120)] == [("first",), ("second",)]


def test_memory_counts_the_images_of_the_fitness_pass():
    def activations(images, *overrides):
        preset = load_preset("lws-cifar100", [f"method.nes_batch={images}", *overrides]).preset
        return predict(preset).activation_bytes

    few, some, many, every = (activations(images) for images in (16, 32, 64, "all"))
    assert few == activations("batch")
    assert few < some < many == every  # more than 64 are seen in parts
    assert activations("all", "train.batch_size=200") == activations(
        "batch", "train.batch_size=200"
    )
