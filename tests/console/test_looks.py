"""Any size and any palette will do."""

from __future__ import annotations

import pytest

from shareconsole.console.palette import Palette
from tests.cli import synthetic
from tests.console.driving import drive


def loaded(d):
    """Whether the run was read, also where nothing of it has room."""
    return d.app.screen._snapshot is not None


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (5, 40)], ids=str)
def test_any_size_will_do(runs, ended, size):
    synthetic.crashed_run(runs)

    async def act(d):
        await d.until(lambda: loaded(d))
        for keys in (("3", "enter"), ("w", "escape"), ("l", "z"), ("question_mark", "escape"),
                     ("escape", "down"), ("n", "escape"), ("slash", "a", "escape")):  # fmt: skip
            await d.press(*keys)
            rows = d.rows()
            assert len(rows) == size[1]
        await d.resize(1, 1)
        await d.resize(120, 36)
        await d.until("finished")

    drive(runs, act, run=ended, size=size)


@pytest.mark.parametrize(
    "palette", [Palette("16"), Palette("none"), Palette("256", ascii=True), Palette(dark=False)]
)
def test_any_palette_will_do(runs, ended, palette, monkeypatch):
    if palette.colourless:
        monkeypatch.setenv("NO_COLOR", "1")

    async def act(d):
        def check():
            if palette.ascii:
                assert [row for row in d.rows() if not row.isascii()] == []
            if palette.colourless:
                assert _colours(d) == set()

        await d.until("entropy")
        check()
        for key in ("t", "3", "enter", "w", "escape", "question_mark", "escape", "l", "escape"):
            await d.press(key)
            check()
        await d.until("1 run")
        await d.press("n")
        await d.until("routed units")
        check()
        await d.press("escape", "s")
        check()
        await d.press("ctrl+p")
        await d.until("key enter")
        check()

    drive(runs, act, run=ended, palette=palette)


def _colours(d):
    found = set()
    for strip in d.strips():
        for segment in strip:
            if segment.style is not None:
                found |= {segment.style.color, segment.style.bgcolor}
    return {colour.name for colour in found if colour is not None and not colour.is_default}
