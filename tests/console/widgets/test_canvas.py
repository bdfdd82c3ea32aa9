from __future__ import annotations

import numpy as np
from rich.style import Style

from shareconsole.console.widgets.canvas import Canvas, Ink
from shareconsole.console.widgets.panel import row_text

RED, BLUE = Ink(Style(color="red"), "*"), Ink(Style(color="blue"), "+")
NAN = float("nan")


def painted(canvas: Canvas) -> list[str]:
    return [row_text(canvas.row(y)) for y in range(canvas.height)]


def test_dots_land_where_they_belong() -> None:
    canvas = Canvas(2, 1)
    canvas.paint(np.array([0.0, 1.0, NAN, 0.0]), np.array([0.0, 1.0, NAN, 1.0]), RED)
    # Bottom left and top right; then nothing, and a full right column.
    assert painted(canvas) == [chr(0x2800 + 0x40 + 0x08) + chr(0x2800 + 0x08 + 0x10 + 0x20 + 0x80)]


def test_a_cell_without_dots_is_a_space() -> None:
    canvas = Canvas(3, 2)
    assert painted(canvas) == ["   ", "   "]
    assert canvas.row(0)[0].style is not None


def test_what_lies_outside_is_cut_off() -> None:
    canvas = Canvas(1, 1)
    canvas.paint(np.array([-5.0, 2.0]), np.array([5.0, 3.0]), RED)
    assert painted(canvas) == [chr(0x2800 + 0x01 + 0x02 + 0x04 + 0x40)]


def test_the_last_layer_has_the_cell() -> None:
    canvas = Canvas(2, 1)
    canvas.paint(np.zeros(4), np.ones(4), RED)
    canvas.paint(np.array([0.0, 0.0, NAN, NAN]), np.array([0.0, 0.0, NAN, NAN]), BLUE)
    first, second = canvas.row(0)
    assert (first.text, first.style) == (chr(0x2800 + 0xC0), BLUE.style)
    assert (second.text, second.style) == (chr(0x28FF), RED.style)


def test_ascii_has_one_dot_per_cell() -> None:
    canvas = Canvas(3, 2, ascii_only=True)
    canvas.paint(np.array([0.0, 0.0, NAN]), np.array([1.0, 0.0, NAN]), RED)
    assert painted(canvas) == ["*  ", "** "]


def test_marks_stay_inside() -> None:
    canvas = Canvas(2, 2)
    canvas.mark(0, 7.0, "x", RED)
    canvas.mark(99, 0.5, "x", RED)
    canvas.mark(2, NAN, "x", RED)
    assert painted(canvas) == ["x ", "  "]


def test_changed_rows() -> None:
    one, two = Canvas(4, 3), Canvas(4, 3)
    for canvas in (one, two):
        canvas.paint(np.full(8, 0.5), np.full(8, 0.5), RED)
    assert list(two.changed_rows(one)) == []
    two.mark(0, 0.0, "x", RED)
    assert list(two.changed_rows(one)) == [2]
    assert list(two.changed_rows(Canvas(4, 2))) == [0, 1, 2]
    assert list(two.changed_rows(None)) == [0, 1, 2]


def test_blanks_between_two_colours_cost_no_segment() -> None:
    canvas = Canvas(5, 1)
    canvas.mark(0, 0.0, "a", RED)
    canvas.mark(8, 0.0, "b", BLUE)
    assert [segment.text for segment in canvas.row(0)] == ["a   ", "b"]
