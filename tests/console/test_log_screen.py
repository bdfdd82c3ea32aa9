"""A run's whole log, and the keys of every text to scroll through."""

from __future__ import annotations

from shareconsole.console.widgets.lines import Lines
from tests.cli import synthetic
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (Lines,)


def test_keys_of_a_text(runs):
    lines = [f"line {number:03}\n".encode() for number in range(100)]
    folder = synthetic.ended_run(runs, "mine", log=lines)

    async def act(d):
        def first(number):
            return lambda: f"│ line {number:03} " in d.rows()[1]

        walk = Walk(d, Lines)
        await d.until("entropy")
        await d.press("L")
        # 36 rows: the keys, a frame, 33 lines. At first the end is in view.
        await d.until(first(67))
        await walk("up", first(66))
        await walk("k", first(65))
        await walk("down", first(66))
        await walk("j", first(67))
        await walk("pageup", first(35))
        await walk("pagedown", first(67))
        await walk("home", first(0))
        await walk("space", first(32))
        await walk("g", first(0))
        await walk("end", first(67))
        await d.press("g")
        await walk("G", first(67))
        walk.over()

    drive(runs, act, run=folder)


def test_it_follows_the_end_while_that_is_in_view(runs):
    folder = synthetic.live_run(runs, "mine")
    log = folder.log(1)

    async def act(d):
        def more(number):
            with open(log, "a", encoding="utf-8") as file:
                file.writelines(f"{number} more {place}\n" for place in range(50))

        await d.until("running")  # the row is read; before that only its id is known
        await d.press("l")
        await d.until("log of mine")
        await d.until("│ training")
        more(1)
        await d.until("1 more 49")
        await d.press("up")
        await d.gone("1 more 49")
        before = d.text()
        more(2)
        await d.press("down", "up")
        assert d.text() == before
        await d.press("end")
        await d.until("2 more 49")

    drive(runs, act)
