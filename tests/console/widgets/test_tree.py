"""The tree of tasks: drawn from the input to the heads, also where there is no room for it."""

from __future__ import annotations

from textual.pilot import Pilot

from shareconsole.console.palette import Palette
from shareconsole.console.viewmodel.tree import TreeView
from shareconsole.console.widgets.tree import TreePanel
from tests.console.widgets.fakes import tree
from tests.console.widgets.stage import on_stage, rows_of, shown


def drawn(view: TreeView, size: tuple[int, int], palette: Palette | None = None) -> list[str]:
    return [row.rstrip() for row in shown(TreePanel(), view, size=size, palette=palette)]


def test_a_tree_is_drawn_from_the_input_to_the_heads() -> None:
    assert drawn(tree(), (52, 7))[:5] == [
        "          conv1       conv2       conv3",
        "                  ┌────●2─────┬─────○─────── task-1",
        "input ─────●4─────┤           └─────○─────── task-2",
        "                  └────●2─────┬─────○─────── task-3",
        "                              └─────○─────── task-4",
    ]
    assert drawn(tree(), (52, 12))[1:8] == [
        "                              ┌─────○─────── task-1",
        "                  ┌────●2─────┤",
        "                  │           └─────○─────── task-2",
        "input ─────●4─────┤",
        "                  │           ┌─────○─────── task-3",
        "                  └────●2─────┤",
        "                              └─────○─────── task-4",
    ]
    assert drawn(tree(3), (52, 10), Palette("none", ascii=True))[1:6] == [
        "                              +-----o------- task-1",
        "                  +----*2-----+",
        "input -----*3-----+           +-----o------- task-2",
        "                  |",
        "                  +-----o-----------o------- task-3",
    ]


def test_branches_are_counted_where_there_is_room() -> None:
    assert drawn(tree(), (52, 8))[-1] == "branches ▇▇▇ 4 of 4"
    assert "shared with" in drawn(tree(), (52, 7))[-1]


def test_where_a_tree_has_no_room_the_cursor_leads_through_it() -> None:
    async def act(widget: TreePanel, pilot: Pilot[None]) -> None:
        widget.show(tree(20, 12))
        first = rows_of(widget)
        assert first[0].startswith("1-10/20")
        assert first[0].rstrip().endswith("+7")
        # The branches go on where nobody sees it.
        assert "┄ task-1" in first[1]
        assert "input" in "".join(first)
        widget.action_move(15, 11)
        last = rows_of(widget)
        assert last[0].startswith("7-16/20")
        assert "conv12" in last[0]
        assert "┄" not in "".join(last)
        assert "input" not in "".join(last)
        assert last[-1].startswith("conv12 of task-16: its own")
        widget.action_move(0, -1)
        assert rows_of(widget)[-1].startswith("conv11 of task-16: shared with task-15")
        # Newer data may have less.
        widget.show(tree(2, 2))
        assert rows_of(widget)[-2].startswith("conv2 of task-2: its own")

    on_stage(TreePanel(), act, size=(60, 12))
