"""What a run emits, read by its kind: views, what comes late, and what cannot be read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from shareconsole.console.viewmodel.allocation import (
    AllocationLog,
    certainty,
    groups,
    in_common,
)
from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.console.viewmodel.tensor_log import sizes
from shareconsole.headless.kinds import arranged, effective_rank, mean_of_units
from shareconsole.store.reader import RunLog
from shareconsole.store.records import RecordWriter
from shareconsole.store.schema import LogSchema, TensorSchema
from tests.cli import synthetic
from tests.console import kinds


def snapshot(tmp_path, tensors, **how):
    return LiveReader(kinds.a_run(tmp_path, tensors, **how)).snapshot()


def test_an_allocation(tmp_path):
    view = snapshot(tmp_path, kinds.allocation()).allocation
    assert (view.units, view.tasks, view.modules) == (kinds.UNITS, kinds.TASKS, tuple("abcd"))
    assert view.used.dtype == np.bool_
    assert view.step == 20
    np.testing.assert_allclose(view.in_use, view.used.sum(-1).mean(), rtol=1e-6)
    assert len(view.in_use) == 4
    # Two tasks of a group, all alike in the first unit; the last task uses nothing in the last.
    assert view.groups[0].tolist() == [0] * 6
    assert view.groups[-1].tolist()[-1] == -1
    assert (view.groups[1:3, ::2] == view.groups[1:3, 1::2]).all()
    assert certainty(view, 0, 0) == pytest.approx(0.95)
    assert in_common(view, 0).tolist() == [[4] * 6] * 6


def test_probabilities_that_come_after_the_allocation_are_added(tmp_path):
    folder = synthetic.new_run(tmp_path, "late")
    synthetic.begin(folder)
    axes = (("conv1",), ("one", "two"), ("a", "b"))
    schemas = tuple(TensorSchema(kind, "f4", (1, 2, 2), axes) for kind in
                    ("allocation", "connection"))  # fmt: skip
    log = RunLog(folder)
    follower = AllocationLog(log)

    def look():
        stamp = sizes(folder, folder.names(), "tensors")
        log.refresh()
        return follower.update(stamp)

    with RecordWriter(folder.tensors(1), LogSchema(1, 0, (), schemas, {})) as arrays:
        arrays.tensor("allocation", 5, np.ones((1, 2, 2), np.float32))
        arrays.sync()
        before = look()
        assert before.probabilities is None
        assert look() is before
        arrays.tensor("connection", 5, np.full((1, 2, 2), 0.75, np.float32))
        arrays.sync()
        assert look().probabilities.tolist() == [[[0.75, 0.75], [0.75, 0.75]]]


def test_groups_are_numbered_by_their_first_task():
    used = np.array([[[1, 0], [0, 1], [1, 0], [0, 0]]], np.bool_)
    assert groups(used).tolist() == [[0, 1, 0, -1]]


@pytest.mark.parametrize("kind", ["similarity", "affinity"])
def test_pairs(tmp_path, kind):
    tensors = kinds.pairs(kind)
    shown = snapshot(tmp_path, tensors)
    view = getattr(shown, kind)
    newest = tensors[kind][0][-1]
    assert view.kind == kind
    np.testing.assert_allclose(view.values, newest, rtol=1e-6)
    apart = ~np.eye(6, dtype=bool)
    means = [found[:, apart].mean() for found in tensors[kind][0]]
    np.testing.assert_allclose(view.means, means, rtol=1e-5)
    np.testing.assert_allclose(mean_of_units(view.values), newest.mean(0), rtol=1e-5, atol=1e-7)
    assert shown.declared == {kind}


def test_means_leave_out_what_is_not_a_number():
    values = np.array([[[1, np.nan], [0.5, 1]], [[1, np.nan], [np.nan, 1]]], np.float32)
    np.testing.assert_array_equal(mean_of_units(values), [[1, np.nan], [0.5, 1]])


def test_a_spectrum(tmp_path):
    view = snapshot(tmp_path, kinds.spectrum()).spectrum
    assert view.values.shape == (4, 6)
    assert view.ranks[0] < view.ranks[-1]
    assert view.mean_ranks[0] > view.mean_ranks[-1]


def test_the_effective_rank():
    found = effective_rank(np.array([[5, 0, 0], [2, 2, 2], [0, 0, 0], [1, np.nan, 0]]))
    np.testing.assert_allclose(found[:2], [1, 3])
    assert np.isnan(found[2:]).all()
    # Shares 1/2, 1/4, 1/4 have an entropy of 1.5 ln 2.
    assert effective_rank(np.array([[4.0, 2, 2]]))[0] == pytest.approx(2**1.5)


def test_a_tree(tmp_path):
    view = snapshot(tmp_path, kinds.tree()).tree
    assert view.tasks == kinds.TASKS
    assert view.clusters.tolist() == [
        [0, 0, 0, 0, 0, 0], [0, 0, 2, 2, 2, 2], [0, 0, 2, 2, 4, 4], [0, 1, 2, 3, 4, 5],
    ]  # fmt: skip
    assert view.branches.tolist() == [6, 6, 6, 6]


def test_leaves_of_a_branch_lie_side_by_side():
    order, clusters = arranged(np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 2, 1]]))
    assert order == [0, 2, 1, 3]
    assert clusters.tolist() == [[0, 0, 0, 0], [0, 0, 2, 2], [0, 1, 2, 2]]


@pytest.mark.parametrize("seed", range(8))
def test_any_numbers_make_a_tree(seed):
    """Partitions refine from unit to unit, and every cluster is a run of leaves."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 3, (4, 9)).astype(float)
    numbers[random.random(numbers.shape) < 0.1] = np.nan
    order, clusters = arranged(numbers)
    assert sorted(order) == list(range(9))
    for row in clusters:
        assert (np.diff(row) >= 0).all()
        assert all(row[first] == first for first in row)
    for above, below in pairwise(clusters):
        together = below[:, None] == below
        assert (above[:, None] == above)[together].all()
    # Tasks with the same numbers all the way are never parted.
    path = np.nan_to_num(numbers, nan=-1).T[order]
    same = (path[:, None] == path).all(-1)
    assert ((clusters[-1][:, None] == clusters[-1]) == same).all()


def test_a_step_size(tmp_path):
    view = snapshot(tmp_path, {}, columns=kinds.RULE).step_size
    (size,) = view.curves.series
    np.testing.assert_allclose(size.smooth, 0.1 * 0.8 ** np.arange(1, 21), rtol=1e-6)
    np.testing.assert_array_equal(size.smooth, size.raw)
    assert view.trials.raw.tolist()[:3] == [2, 3, 1]
    assert set(view.share.raw.tolist()) == {0.25}


def test_a_step_size_alone_and_none(tmp_path):
    alone = snapshot(tmp_path / "alone", {}, columns=["step_size"]).step_size
    assert (alone.trials, alone.share) == (None, None)
    assert snapshot(tmp_path / "none", {}).step_size is None
    assert snapshot(tmp_path / "odd", {}, columns=["trials"]).step_size is None


def test_what_comes_later_is_declared_before(tmp_path):
    early = snapshot(tmp_path, kinds.tree(late=True), upto=12)
    assert early.tree is None
    assert early.declared == {"tree"}
    assert early.begun


def test_before_any_record_nothing_is_known(tmp_path):
    folder = synthetic.new_run(tmp_path, "new")
    synthetic.begin(folder)
    assert LiveReader(folder).snapshot().declared == frozenset()
    assert not LiveReader(folder).snapshot().begun


def test_parts_without_news_are_the_same_objects(tmp_path):
    folder = kinds.a_run(tmp_path, {**kinds.allocation(), **kinds.tree(), **kinds.spectrum()})
    reader = LiveReader(folder)
    first = reader.snapshot()
    assert reader.snapshot() is first
    folder.log(1).write_text("more\n")
    second = reader.snapshot()
    assert second is not first
    for kind in ("allocation", "tree", "spectrum"):
        assert getattr(second, kind) is getattr(first, kind)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 2, 2, 2)])
@pytest.mark.parametrize("kind", ["allocation", "similarity", "affinity", "spectrum", "tree"])
def test_a_tensor_of_another_shape_is_left_out(tmp_path, kind, shape):
    fits = (kind, len(shape)) in {("allocation", 3), ("spectrum", 2), ("tree", 2)}
    axes = tuple(tuple(f"{axis}{place}" for place in range(size))
                 for axis, size in enumerate(shape))  # fmt: skip
    tensors = {kind: ([np.ones(shape)] * 4, axes)}
    assert (getattr(snapshot(tmp_path, tensors), kind) is not None) == fits
