"""What tasks share, as ``show`` prints it for each kind of tensor."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from shareconsole.headless.kinds import KindFacts, read_kinds
from shareconsole.headless.networks import gather_networks
from shareconsole.headless.structure import print_kinds
from shareconsole.headless.tables import Page
from tests.console import kinds


def printed(*facts, width=80):
    file = io.StringIO()
    print_kinds(Page(Console(file=file, width=width)), facts)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def rows_after(lines, heading):
    """The words of each line of a section."""
    first = next(place for place, line in enumerate(lines) if line.startswith(heading))
    section = lines[first + 1 :]
    end = section.index("") if "" in section else len(section)
    return [line.split() for line in section[:end]]


def test_show_prints_every_kind(cli, runs):
    tensors = {
        **kinds.allocation(), **kinds.pairs("similarity"), **kinds.pairs("affinity"),
        **kinds.tree(), **kinds.spectrum(),
    }  # fmt: skip
    folder = kinds.a_run(runs, tensors)
    result = cli("show", folder.id)
    assert result.code == 0
    lines = result.out.splitlines()
    assert rows_after(lines, "Allocation after step 20")[:2] == [
        ["task", "conv1", "conv2", "conv3", "dense1"],
        ["digits-1", "abcd", "·b··", "abc·", "·b··"],
    ]
    assert rows_after(lines, "Tree: ")[1:] == [
        ["digits-1", "a", "a", "a", "a"],
        ["digits-2", "a", "a", "a", "b"],
        ["letters-1", "a", "b", "b", "c"],
        ["letters-2", "a", "b", "b", "d"],
        ["kannada-1", "a", "b", "c", "e"],
        ["kannada-2", "a", "b", "c", "f"],
        ["branches", "1", "2", "3", "6"],
    ]
    similarity = rows_after(lines, "Similarity after step 20")
    mean = tensors["similarity"][0][-1].mean(0)
    assert similarity[1][:3] == ["digits-1", "-", f"{mean[0, 1]:.2f}"]
    assert similarity[-1][:4] == ["mean", "of", "pairs", "conv1"]
    assert len(rows_after(lines, "Affinity: ")) == 8
    assert rows_after(lines, "Spectrum after step 20")[1][:3] == ["conv1", "3.03", "3.00"]


def test_a_run_without_them_shows_none(cli, runs):
    folder = kinds.a_run(runs, {})
    text = cli("show", folder.id).out
    assert not {"Allocation", "Tree", "Similarity", "Affinity", "Spectrum"} & set(text.split())


class Odd:
    """Records in which every tensor has one axis."""

    def __init__(self, kind):
        self.kind = kind
        self.meta = {
            "tasks": [{"name": "a", "head_parameters": 3}],
            "units": [{"sharing": "routed", "modules": 2, "parameters": 5}],
            "parameters": 13,
        }

    def tensor_steps(self, kind):
        return np.arange(kind == self.kind)

    def tensor(self, kind):
        return np.ones(3, np.float32)

    def tensor_axes(self, kind):
        return (("a", "b", "c"),)


@pytest.mark.parametrize("kind", ["similarity", "tree", "allocation"])
def test_tensors_of_another_shape_are_left_out(kind):
    assert read_kinds(Odd(kind)) == ()
    assert gather_networks(Odd(kind)) is None


def test_wide_tables_are_printed_in_parts_that_name_every_task():
    names = tuple(f"alphabet-{task}" for task in range(50))
    values = np.full((2, 50, 50), -0.001, np.float32)
    lines = printed(KindFacts("similarity", 7, (("a", "b"), names, names), values))
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if line.startswith("  task")]
    assert len(heads) > 4
    assert sum(len(line.split()) - 1 for line in heads) == 50
    assert "-0.00" not in "".join(lines)


def test_what_is_not_a_number_is_a_dash():
    names = ("one", "two")
    lines = printed(KindFacts("affinity", 7, (("a",), names, names), np.full((1, 2, 2), np.nan)))
    assert rows_after(lines, "Affinity")[1] == ["one", "-", "-"]
    assert lines[-1].split()[-2:] == ["a", "-"]
    lines = printed(KindFacts("spectrum", 7, (("a",), names), np.zeros((1, 2))))
    assert rows_after(lines, "Spectrum")[1] == ["a", "-", "0.000", "0.000"]


@pytest.mark.parametrize(("modules", "shown"), [(12, "abcdefghijkl"), (13, "13")])
def test_components_are_letters_as_long_as_that_is_short(modules, shown):
    axes = (("a",), ("one",), tuple("abcdefghijklm"[:modules]))
    lines = printed(KindFacts("allocation", 7, axes, np.ones((1, 1, modules))))
    assert rows_after(lines, "Allocation")[1] == ["one", shown]


def test_foreign_names_do_nothing():
    names = ("\x1b[2J", "[red]x")
    for kind, shape in (("tree", (2, 2)), ("similarity", (2, 2, 2)), ("spectrum", (2, 2)),
                        ("allocation", (2, 2, 2))):  # fmt: skip
        lines = printed(KindFacts(kind, 7, (names,) * len(shape), np.ones(shape)))
        assert "\x1b[2J" not in "".join(lines)
        assert any("[red]x" in line for line in lines)


def test_a_task_that_uses_nothing_is_told():
    used = np.ones((2, 2, 3))
    used[1, 0] = 0
    lines = printed(
        KindFacts("allocation", 7, (("in", "out"), ("one", "two"), ("a", "b", "c")), used)
    )
    assert lines[-1].strip() == "one uses none in out: it says the same of every image"
    assert "two uses none" not in "".join(lines)
