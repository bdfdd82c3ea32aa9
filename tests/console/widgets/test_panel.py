from __future__ import annotations

from random import Random

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.pilot import Pilot

from shareconsole.console.palette import DEFAULT, Palette
from shareconsole.console.widgets.panel import (
    Panel,
    Row,
    RowBuilder,
    changed_until,
    fitted,
    message_rows,
    row_text,
)
from tests.console.widgets.stage import on_stage, rows_of, updates_as_text

BOLD = Style(bold=True)


class Lines(Panel):
    """Shows its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = ["one", "two", "three"]
        self.drawn = 0

    def draw(self, width: int, height: int) -> list[Row]:
        self.drawn += 1
        return [RowBuilder(width).add(line).row() for line in self.lines]


def test_fitted() -> None:
    assert fitted("abcdef", 6) == "abcdef"
    assert fitted("abcdef", 4) == "abc…"
    assert fitted("abcdef", 4, ascii_only=True) == "abc~"
    assert fitted("日本語", 4) == "日…"
    assert fitted("abc", 0) == ""


def test_a_row_is_never_wider_than_asked() -> None:
    row = RowBuilder(5).add("日本").add("語").add("more").row()
    assert cell_len(row_text(row)) == 5
    assert cell_len(row_text(RowBuilder(4).add("a").to(3).row())) == 4
    assert RowBuilder(0).add("a").row() == ()


def test_changed_until_ends_at_the_last_difference() -> None:
    def row(*texts: str) -> Row:
        return tuple(Segment(text, Style()) for text in texts)

    assert changed_until(row("abc", "def"), row("abc", "def"), 6) == 0
    assert changed_until(row("abc", "def"), row("abX", "def"), 6) == 3
    assert changed_until(row("abc", "   "), row("abcd", "  "), 6) == 4
    assert changed_until(row("abc"), (Segment("abc", BOLD),), 3) == 3
    assert changed_until((), row("abc"), 3) == 3


def test_message_rows() -> None:
    assert [row_text(row) for row in message_rows("hm", 6, 3, DEFAULT)] == [
        "      ",
        "  hm  ",
        "      ",
    ]
    assert [row_text(row) for row in message_rows("long text", 4, 1, DEFAULT)] == ["lon…"]
    plain = message_rows("long text", 4, 1, Palette(ascii=True))
    assert [row_text(row) for row in plain] == ["lon~"]
    assert message_rows("hm", 6, 0, DEFAULT) == []


def test_only_what_changed_is_sent() -> None:
    async def act(widget: Lines, pilot: Pilot[None]) -> None:
        assert rows_of(widget)[:3] == [line.ljust(20) for line in widget.lines]
        assert updates_as_text(pilot.app, widget) == ""
        widget.lines[1] = "twist"
        widget.redraw()
        assert widget.rows_changed == 1
        sent = updates_as_text(pilot.app, widget)
        assert "twist" in sent
        assert "one" not in sent
        assert "three" not in sent
        assert rows_of(widget)[1].rstrip() == "twist"
        widget.redraw()
        assert widget.rows_changed == 0

    on_stage(Lines(), act, size=(20, 5))


def test_rows_are_drawn_once_until_something_changes() -> None:
    async def act(widget: Lines, pilot: Pilot[None]) -> None:
        drawn = widget.drawn
        rows_of(widget)
        assert widget.drawn == drawn
        await pilot.resize_terminal(30, 6)
        await pilot.pause()
        assert rows_of(widget)[0] == "one".ljust(30)

    on_stage(Lines(), act, size=(20, 5))


def test_another_theme_draws_anew() -> None:
    async def act(widget: Lines, pilot: Pilot[None]) -> None:
        before = widget.render_line(0)
        pilot.app.theme = "textual-light"
        await pilot.pause()
        after = widget.render_line(0)
        assert before.text == after.text
        assert next(iter(before)).style != next(iter(after)).style

    on_stage(Lines(), act, size=(20, 5))


def test_redraw_before_it_is_mounted_is_harmless() -> None:
    widget = Lines()
    widget.redraw()
    assert widget.rows_changed == 0


def test_a_title_is_literal() -> None:
    async def act(widget: Lines, pilot: Pilot[None]) -> None:
        widget.styles.border = ("round", "white")
        widget.set_title("[red]a[/] [@click=app.bell]b[/]")
        await pilot.pause()
        top = pilot.app.screen._compositor.render_strips()[0].text
        assert "[red]a[/] [@click=app.bell]b[/]" in top
        widget.set_title("")
        await pilot.pause()
        assert "red" not in pilot.app.screen._compositor.render_strips()[0].text

    on_stage(Lines(), act, size=(60, 5))


def test_nothing_beyond_the_end_differs() -> None:
    random = Random(0)
    styles = [Style(), BOLD, Style(color="red")]

    def cells(row: Row) -> list[tuple[str, Style | None]]:
        return [(letter, segment.style) for segment in row for letter in segment.text]

    def row() -> Row:
        builder = RowBuilder(12)
        while builder.room:
            builder.add(random.choice("ab ") * random.randint(1, 5), random.choice(styles))
        return builder.row()

    for _ in range(3000):
        old, new = row(), row()
        end = changed_until(old, new, 12)
        assert cells(old)[end:] == cells(new)[end:]
