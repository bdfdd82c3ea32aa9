"""Batches: permutations without gaps, both kinds of multi-task problem, exact resume."""

from __future__ import annotations

import pytest
import torch

from shareconsole.sharing.data import MISSING, BatchSampler, MultiTaskData, Split
from shareconsole.sharing.seeding import Generators


def own_images(sizes: tuple[int, ...]) -> Split:
    """Images whose pixels tell task and index: value 1000 * task + index."""
    return Split(
        tuple(
            (1000 * t + torch.arange(n)).float().view(n, 1, 1, 1).expand(n, 2, 3, 3).clone()
            for t, n in enumerate(sizes)
        ),
        tuple(torch.arange(n) for n in sizes),
    )


def drawn(batch, task: int) -> list[int]:
    return batch.labels[task].tolist()


def test_every_image_is_seen_once_per_permutation_and_batches_run_over_its_end():
    sampler = BatchSampler(own_images((10, 7)), 4, torch.float32, Generators(0))
    seen = [[], []]
    for _ in range(35):
        batch = sampler.next()
        assert batch.inputs.shape == (2, 4, 2, 3, 3)
        assert batch.num_labelled == (4, 4)
        for task in range(2):
            seen[task] += drawn(batch, task)
            values = 1000 * task + batch.labels[task].float()
            assert torch.equal(batch.inputs[task, :, 0, 0, 0], values)
    for task, size in enumerate((10, 7)):
        rounds = [seen[task][i : i + size] for i in range(0, 140, size)]
        assert len(rounds) == 140 / size
        assert all(sorted(order) == list(range(size)) for order in rounds)
        assert len({tuple(order) for order in rounds}) > 1


def test_a_task_with_fewer_images_than_the_batch_still_fills_it():
    batch = BatchSampler(own_images((3, 20)), 8, torch.float32, Generators(0)).next()
    counts = torch.bincount(batch.labels[0], minlength=3)
    assert counts.tolist() in ([2, 3, 3], [3, 2, 3], [3, 3, 2])


def test_adding_a_task_does_not_change_the_order_of_the_others():
    two = BatchSampler(own_images((10, 7)), 4, torch.float32, Generators(3))
    three = BatchSampler(own_images((10, 7, 9)), 4, torch.float32, Generators(3))
    for _ in range(5):
        assert torch.equal(two.next().labels, three.next().labels[:2])


def test_shared_inputs_give_one_input_and_labels_with_gaps():
    images = torch.arange(12).float().view(12, 1, 1, 1)
    labels = (torch.arange(12), torch.full((12,), MISSING))
    labels[1][::3] = 1
    batch = BatchSampler(Split((images,), labels), 5, torch.float32, Generators(1)).next()
    assert batch.inputs.shape == (5, 1, 1, 1)
    assert torch.equal(batch.inputs.flatten().long(), batch.labels[0])
    assert batch.num_labelled == (5, int((batch.labels[1] != MISSING).sum()))
    assert batch.task_inputs(0) is batch.task_inputs(1)


def test_single_task_batches_have_a_task_axis():
    batch = BatchSampler(own_images((9,)), 4, torch.float32, Generators(1)).next()
    assert batch.inputs.shape == (1, 4, 2, 3, 3)


def test_bytes_are_scaled_and_floats_are_not():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    batch = BatchSampler(Split((images,), (torch.arange(3),)), 3, torch.float64, Generators(0))
    values = batch.next().inputs.flatten().sort().values
    assert values.tolist() == pytest.approx([0, 0.2, 1])
    assert values.dtype == torch.float64


@pytest.mark.parametrize("at", [0, 1, 4, 5])
def test_resume_continues_the_same_batches(at):
    sampler = BatchSampler(own_images((10, 7)), 4, torch.float32, generators := Generators(0))
    for _ in range(at):
        sampler.next()
    saved, streams = sampler.state_dict(), generators.state_dict()
    expected = [sampler.next().labels for _ in range(20)]
    again = BatchSampler(own_images((10, 7)), 4, torch.float32, fresh := Generators(99))
    fresh.load_state_dict(streams)
    again.load_state_dict(saved)
    assert all(torch.equal(again.next().labels, labels) for labels in expected)


def make_data(train: Split) -> MultiTaskData:
    names = tuple(f"t{i}" for i in range(len(train.labels)))
    return MultiTaskData(names, (5,) * len(names), train, train)


def test_holding_out_splits_own_images_stratified_and_disjoint():
    images = tuple(torch.arange(50).float().view(50, 1, 1, 1) for _ in range(2))
    data = make_data(Split(images, (torch.arange(50) % 5, torch.arange(50) // 10)))
    held = data.hold_out(0.2, 1)
    for task in range(2):
        kept, out = held.train.images[task].flatten(), held.validation.images[task].flatten()
        assert sorted([*kept.tolist(), *out.tolist()]) == list(range(50))
        assert torch.bincount(held.validation.labels[task]).tolist() == [2] * 5
        by_index = data.train.labels[task][out.long()]
        assert torch.equal(held.validation.labels[task], by_index)
    assert data.hold_out(0, 1) is data


def test_holding_out_shared_images_takes_all_tasks_labels_along():
    images = torch.arange(40).float().view(40, 1, 1, 1)
    labels = (torch.arange(40) % 5, (torch.arange(40) * 3) % 5)
    held = make_data(Split((images,), labels)).hold_out(0.25, 1)
    index = held.validation.images[0].flatten().long()
    assert len(index) == 10
    assert len(held.train.images[0]) == 30
    for task in range(2):
        assert torch.equal(held.validation.labels[task], labels[task][index])


def seen(batches, task: int) -> list[int]:
    return [label for batch in batches for label in drawn(batch, task) if label != MISSING]


def test_all_images_come_once_in_parts_with_gaps_where_a_task_has_fewer():
    sampler = BatchSampler(own_images((10, 3)), 4, torch.float32, Generators(0))
    before = sampler.state_dict()
    batches = [*sampler.passes(None, 4)]
    assert [batch.num_labelled for batch in batches] == [(4, 3), (4, 0), (2, 0)]
    assert [batch.inputs.shape[:2] for batch in batches] == [(2, 4), (2, 4), (2, 2)]
    assert seen(batches, 0) == list(range(10))
    assert seen(batches, 1) == [0, 1, 2]
    assert sampler.state_dict()["cursors"] == before["cursors"]
    for batch in batches:
        for task in range(2):
            known = batch.labels[task] != MISSING
            values = 1000 * task + batch.labels[task][known].float()
            assert torch.equal(batch.inputs[task, known, 0, 0, 0], values)


def test_so_many_images_go_on_where_the_batches_are_and_no_task_gives_more_than_it_has():
    first, second = (
        BatchSampler(own_images((10, 3)), 4, torch.float32, Generators(0)) for _ in range(2)
    )
    expected = [drawn(second.next(), 0)[:4] for _ in range(3)]
    batches = [*first.passes(8, 3)]
    assert seen(batches, 0) == expected[0] + expected[1]
    assert sorted(seen(batches, 1)) == [0, 1, 2]
    assert drawn(first.next(), 0) == expected[2]


def test_all_images_of_shared_inputs_keep_their_missing_labels():
    labels = (torch.arange(7), torch.full((7,), MISSING))
    labels[1][::3] = 1
    split = Split((torch.rand(7, 1, 2, 2),), labels)
    sampler = BatchSampler(split, 2, torch.float32, Generators(1))
    batches = [*sampler.passes(None, 4)]
    assert [batch.num_labelled for batch in batches] == [(4, 2), (3, 1)]
    assert torch.equal(torch.cat([batch.inputs for batch in batches]), split.images[0])
