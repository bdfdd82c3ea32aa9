"""What works on every screen: help, palette, themes, the row of keys, the way back and out."""

from __future__ import annotations

from shareconsole.console.app import ConsoleApp
from shareconsole.console.screens.base import ConsoleScreen
from shareconsole.console.screens.help import sections
from shareconsole.console.widgets.key_bar import key_words, shown_bindings
from tests.console.driving import drive
from tests.console.walking import Walk

KINDS = (ConsoleApp, ConsoleScreen)


def test_keys_of_every_screen(runs, ended):
    async def act(d):
        walk = Walk(d, ConsoleApp, ConsoleScreen)
        await d.until("entropy")
        await walk("question_mark", "Moving")
        await walk("escape", "entropy")
        await walk("f1", "Moving")
        await d.press("escape")
        await walk("ctrl+p", "search for a command")
        await d.press("escape")
        await walk("t", lambda: not d.app.palette.dark)
        await walk("q", lambda: d.app._exit)
        walk.over()

    assert drive(runs, act, run=ended).return_code == 0


def test_t_switches_between_dark_and_light(runs, ended):
    async def act(d):
        await d.until("entropy")
        dark = d.app.export_screenshot()
        await d.press("t")
        assert d.app.export_screenshot() != dark
        await d.press("t")
        assert d.app.palette.dark
        assert d.app.export_screenshot() == dark
        await d.press("t", "escape")
        await d.until("1 run")
        await d.press("t")
        assert d.app.palette.dark

    drive(runs, act, run=ended)


def test_every_key_is_in_the_help_and_the_keys_of_the_screen_come_first(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.press("question_mark")
        await d.until("One run")
        assert d.rows()[1].startswith("│ One run")
        named = d.text()
        for _, keys in sections():
            assert keys
            for words, what in keys:
                assert words in named
                assert what in named
        # It does not open twice.
        await d.press("question_mark", "escape")
        assert d.screen() == "LiveScreen"

    drive(runs, act, run=ended, size=(120, 60))


def test_a_help_without_room_says_how_much_more_there_is(runs, ended):
    async def act(d):
        def foot():
            return d.rows()[-3].strip("│ ")

        await d.until("[1 loss]")
        await d.press("question_mark")
        await d.until("1-20 of ")
        total = int(foot().split()[2])
        assert foot() == f"1-20 of {total}   pgdn: more"
        seen = set(d.rows()[1:-3])
        await d.press("pagedown")
        await d.until(lambda: foot().endswith("pgup: back"))
        assert "pgdn" not in foot() or total > 39
        seen.update(d.rows()[1:-3])
        await d.press("end")
        await d.until(lambda: foot() == f"{total - 19}-{total} of {total}   pgup: back")
        seen.update(d.rows()[1:-3])
        text = "\n".join(seen)
        assert all(what in text for _, keys in sections() for _, what in keys)
        await d.resize(120, 60)
        await d.gone("pgup: back")

    drive(runs, act, run=ended, size=(80, 24))


def test_the_palette_offers_what_the_keys_do(runs, ended):
    async def act(d):
        await d.until("entropy")
        offered = {binding.description for binding in shown_bindings(d.app.screen)}
        assert {"Log", "Log y", "Zoom", "Back", "Help", "Quit"} <= offered
        await d.press("ctrl+p")
        await d.until("search for a command")
        depth = len(d.app.screen_stack)
        await d.press("ctrl+p")
        assert len(d.app.screen_stack) == depth
        for word in ("Log y", "key y", "Light or dark"):
            await d.until(word)
        await d.type("zoom")
        await d.gone("Log y")
        await d.press("enter")
        await d.until("[3 assignment]")

    drive(runs, act, run=ended)


def test_the_row_of_keys_and_the_pages_can_be_clicked(runs, ended):
    async def act(d):
        await d.until("entropy")
        await d.click(d.rows()[-1].index("zoom"), 35)
        await d.until("[3 assignment]")
        await d.click(4, d.rows().index(d.row("[3 assignment]")))
        await d.until("[1 loss]")

    drive(runs, act, run=ended)


def test_words_for_keys():
    assert key_words("ctrl+p") == "^p"
    assert key_words("question_mark,f1") == "? f1"
    assert key_words("shift+tab") == "shift-tab"
