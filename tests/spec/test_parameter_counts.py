"""Parameters of networks and what they share, worked out by hand."""

from __future__ import annotations

from shareconsole.spec.parameter_counts import count_parameters, positions_of, used_parameters


def test_counts_of_three_tasks():
    positions = positions_of(
        ["shared", "routed", "task", "routed"],
        [[100], [10, 20], [1000, 1000, 1000], [3, 5]],
        [[(0,), (1,), (1,)], [(0, 1), (1,), ()]],
        [7, 7, 9],
    )
    first, second, third = count_parameters(positions, 3)
    assert first == (100 + 10 + 1000 + 3 + 5 + 7, 10 + 1000 + 3 + 7, (0, 100 + 5, 100))
    assert second == (100 + 20 + 1000 + 5 + 7, 1000 + 7, (105, 0, 120))
    assert third == (100 + 20 + 1000 + 0 + 9, 1000 + 9, (100, 120, 0))
    assert used_parameters(positions) == 100 + 10 + 20 + 3000 + 3 + 5 + 7 + 7 + 9
    assert third.shared_with("abc") == {"a": 100, "b": 120}


def test_one_task_shares_nothing():
    (only,) = count_parameters(positions_of(["shared"], [[4]], [], [2]), 1)
    assert only == (6, 6, (0,))
    assert only.shared_with(["x"]) == {}


def test_modules_that_nobody_uses_are_not_counted():
    positions = positions_of(["routed"], [[10, 20, 40]], [[(2,), (0,), (2,)]], [1, 1, 1])
    assert used_parameters(positions) == 10 + 40 + 3
