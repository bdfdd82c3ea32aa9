"""Costs of partitions by hand, and merging."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.sharing.partitions import coarsenings, merges, partition_cost

D = np.array(
    [
        [0.0, 0.1, 0.5, 0.9, 0.8],
        [0.1, 0.0, 0.3, 0.7, 0.6],
        [0.5, 0.3, 0.0, 0.2, 0.4],
        [0.9, 0.7, 0.2, 0.0, 1.3],
        [0.8, 0.6, 0.4, 1.3, 0.0],
    ]
)


def alone(D_2TT, partition, weighting, width):
    """Partitions and costs that come of a single one."""
    return [tuple(each) for _, *each in merges(D_2TT, [partition], weighting, width)]


@pytest.mark.parametrize(
    ("partition", "by_cluster", "by_task"),
    [
        ((0, 1, 2, 3, 4), 0, 0),
        ((0, 0, 0, 0, 0), 1.3, 1.3),
        ((0, 0, 1, 1, 2), (0.1 + 0.2 + 0) / 3, (2 * 0.1 + 2 * 0.2 + 0) / 5),
        ((0, 0, 0, 1, 1), (0.5 + 1.3) / 2, (3 * 0.5 + 2 * 1.3) / 5),
        ((0, 1, 0, 0, 2), 0.9 / 3, 3 * 0.9 / 5),
    ],
)
def test_a_partition_costs_the_mean_of_its_clusters_largest_dissimilarities(
    partition, by_cluster, by_task
):
    assert partition_cost(D, partition) == pytest.approx(by_cluster, abs=1e-15)
    assert partition_cost(D, partition, "tasks") == pytest.approx(by_task, abs=1e-15)


def test_leaving_a_cluster_pays_where_clusters_count_alike_and_not_where_tasks_do():
    alike = 0.4 * (1 - np.eye(4))
    pairs, peeled = (0, 0, 1, 1), (0, 1, 1, 1)
    assert partition_cost(alike, peeled) < partition_cost(alike, (0, 0, 0, 0))
    assert partition_cost(alike, peeled) < partition_cost(alike, pairs)
    assert partition_cost(alike, pairs, "tasks") == 0.4
    assert partition_cost(alike, peeled, "tasks") == pytest.approx(0.3)
    finer = [(0, 0, 0, 0), peeled, (0, 1, 2, 2), (0, 1, 2, 3)]
    costs = [partition_cost(D[:4, :4], p, "tasks") for p in finer]
    assert costs == sorted(costs, reverse=True)


def test_coarsenings_are_all_there_and_each_once():
    for clusters, bell in ((1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (6, 203)):
        found = [*coarsenings(tuple(range(clusters)))]
        assert len(found) == len(set(found)) == bell
    assert set(coarsenings((0, 1, 0, 2))) == {
        (0, 1, 0, 2), (0, 0, 0, 0), (0, 0, 0, 1), (0, 1, 0, 1), (0, 1, 0, 0),
    }  # fmt: skip


@pytest.mark.parametrize("weighting", ["clusters", "tasks"])
def test_merges_lead_to_one_cluster_and_tell_the_cost_of_every_step(weighting):
    d = np.random.default_rng(0).uniform(0, 2, (9, 9))
    d = (d + d.T) / 2
    guide = d[::-1, ::-1]
    start = (0, 1, 2, 2, 3, 4, 0, 5, 6)
    chain = [*alone(np.stack([d, guide]), start, weighting, 1)]
    assert [max(partition) + 1 for partition, _ in chain] == [7, 6, 5, 4, 3, 2, 1]
    before = start
    for partition, cost in chain:
        assert partition in set(coarsenings(before))
        assert cost == pytest.approx(partition_cost(d, partition, weighting), abs=1e-15)
        before = partition


@pytest.mark.parametrize("weighting", ["clusters", "tasks"])
def test_several_kept_at_a_time_are_all_there_are_or_the_cheapest(weighting):
    d = np.random.default_rng(1).uniform(0, 2, (7, 7))
    d = (d + d.T) / 2
    start = (0, 1, 2, 2, 3, 4, 5)
    every = [*alone(np.stack([d, d]), start, weighting, 200)]
    assert len(every) == 203
    assert {partition for partition, _ in every} == set(coarsenings(start))
    for partition, cost in every:
        assert cost == pytest.approx(partition_cost(d, partition, weighting), abs=1e-15)
    few = [*alone(np.stack([d, d]), start, weighting, 5)]
    counts = [max(partition) + 1 for partition, _ in few]
    assert counts == [6] + [5] * 5 + [4] * 5 + [3] * 5 + [2] * 5 + [1]
    first = sorted(cost for partition, cost in every if max(partition) == 4)[:5]
    assert [cost for _, cost in few[1:6]] == pytest.approx(first)


def test_merging_takes_what_costs_least():
    (_, (second, cost), *_) = alone(np.stack([D, D]), (0, 1, 2, 3, 4), "tasks", 1)
    assert second == (0, 0, 1, 2, 3)
    assert cost == pytest.approx(0.2 / 5)
    by_guide = 1.5 - D
    (_, (second, _), *_) = alone(np.stack([D, by_guide]), (0, 1, 2, 3, 4), "tasks", 1)
    assert second == (0, 1, 2, 3, 3)


@pytest.mark.parametrize("weighting", ["clusters", "tasks"])
def test_wide_clusters_merge_before_close_tasks_where_that_adds_less(weighting):
    d = np.full((6, 6), 1.0)
    for one, other, value in ((0, 1, 0.9), (2, 3, 0.8), (4, 5, 0.5)):
        d[one, other] = d[other, one] = value
    start = (0, 0, 1, 1, 2, 3)
    (_, (second, cost), *_) = alone(np.stack([d, d]), start, weighting, 1)
    # The sum of widths goes from 1.7 to 1.0 and not to 2.2; by tasks from 3.4 to 4.0, not to 4.4.
    assert second == (0, 0, 0, 0, 1, 2)
    assert cost == pytest.approx(1 / 3 if weighting == "clusters" else 4 / 6)


@pytest.mark.parametrize("weighting", ["clusters", "tasks"])
@pytest.mark.parametrize("width", [1, 3, 40])
def test_partitions_merged_together_do_as_each_by_itself(weighting, width):
    rng = np.random.default_rng(2)
    d = np.round(rng.uniform(0, 2, (2, 9, 9)), 1)  # so that many merges tie
    d = d + d.swapaxes(1, 2)
    starts = []
    while len(starts) < 12:
        numbers = rng.integers(0, 6, 9).tolist()
        seen = list(dict.fromkeys(numbers))
        if len(seen) == 6:
            starts.append(tuple(map(seen.index, numbers)))
    found = [[] for _ in starts]
    for start, *each in merges(d, starts, weighting, width):
        found[start].append(tuple(each))
    for start, together in zip(starts, found, strict=True):
        assert together == alone(d, start, weighting, width)
