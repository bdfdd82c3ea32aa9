"""The trie of distinct prefixes, against a count of plain tuples."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.sharing.trie import build_tries

SAMPLES, TASKS = 5, 4


OWN = [[*range(TASKS)]] * SAMPLES


def choices(seed: int, modules: int = 3, units: int = 3) -> list[list[list[int]]]:
    drawn = np.random.default_rng(seed).integers(0, modules, (units, SAMPLES, TASKS))
    return [*drawn.tolist(), OWN]


def prefixes(tables: list, sets: list[int], unit: int, tasks) -> list[list[tuple]]:
    return [
        [(sets[t], *(c[s][t] for c in tables[: unit + 1])) for t in tasks] for s in range(SAMPLES)
    ]


@pytest.mark.parametrize("sets", [[*range(TASKS)], [0] * TASKS])
@pytest.mark.parametrize("chunks", [[[0, 1, 2, 3]], [[0, 1], [2, 3]], [[3], [1, 0]]])
@pytest.mark.parametrize("seed", range(3))
def test_every_network_meets_its_own_prefix_and_no_prefix_twice(seed, chunks, sets):
    tables = choices(seed)
    for trie, tasks in zip(build_tries(tables, sets, chunks), chunks, strict=True):
        for unit, level in enumerate(trie.levels):
            expected = prefixes(tables, sets, unit, tasks)
            of_node: dict[int, set] = {}
            for s in range(SAMPLES):
                for column in range(len(tasks)):
                    node = level.nodes[s * len(tasks) + column]
                    of_node.setdefault(node, set()).add(expected[s][column])
            assert all(len(found) == 1 for found in of_node.values())
            assert len(of_node) == level.num_nodes == len({x for row in expected for x in row})
            for node, ((*_, module),) in of_node.items():
                segment = next(s for s in level.segments if s.start <= node < s.stop)
                assert segment.module == module
            if unit:
                parent_of = dict(zip(level.nodes, trie.levels[unit - 1].nodes, strict=True))
                assert [parent_of[n] for n in range(level.num_nodes)] == level.parents


@pytest.mark.parametrize("chunks", [[[0, 1, 2, 3]], [[0], [2, 3]]])
def test_statistic_weights_are_those_of_one_update_per_call(chunks):
    tables = choices(7, modules=2)
    active = sorted(t for chunk in chunks for t in chunk)
    tries = build_tries(tables, range(TASKS), chunks)
    momentum = 0.3
    for unit in range(3):
        # what one-by-one updates make of a different number per node, against the closed form
        values: dict[tuple[int, int], float] = {}
        rng = np.random.default_rng(unit)
        for c, trie in enumerate(tries):
            for node in range(trie.levels[unit].num_nodes):
                values[c, node] = rng.normal()
        running = {0: 0.5, 1: -2.0}
        for s in range(SAMPLES):
            for task in active:
                c = next(i for i, chunk in enumerate(chunks) if task in chunk)
                place = s * len(chunks[c]) + chunks[c].index(task)
                node = tries[c].levels[unit].nodes[place]
                module = tables[unit][s][task]
                running[module] = (1 - momentum) * running[module] + momentum * values[c, node]
        closed = {0: 0.5, 1: -2.0}
        for module in closed:
            for c, trie in enumerate(tries):
                level = trie.levels[unit]
                weights = level.statistic_weights(momentum)
                for segment in level.segments:
                    if segment.module != module:
                        continue
                    if c == min(i for i, t in enumerate(tries) if module in t.levels[unit].modules):
                        closed[module] *= (1 - momentum) ** segment.calls
                    for node in range(segment.start, segment.stop):
                        closed[module] += weights[node] * values[c, node]
        assert closed == pytest.approx(running, abs=1e-12)


def test_a_converged_population_is_one_path_per_task():
    tables = [[[0] * TASKS] * SAMPLES] * 3 + [OWN]
    (trie,) = build_tries(tables, range(TASKS), [[0, 1, 2, 3]])
    assert [level.num_nodes for level in trie.levels] == [TASKS] * 4
    assert all(level.continues_in_order for level in trie.levels)
    assert [s.calls for s in trie.levels[0].segments] == [SAMPLES * TASKS]


def test_tasks_that_read_the_same_images_share_nodes():
    (trie,) = build_tries([[[0] * TASKS] * SAMPLES], [0] * TASKS, [[0, 1, 2, 3]])
    assert trie.num_nodes == 1
