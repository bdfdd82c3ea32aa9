"""What the terminal shows, and the least to write for it to show something else.

Textual writes a changed row from its first cell to its last, every part of it with all of its
colours and a reset. Most of these cells are there already, and most colours are in force: a page of
the list of runs takes 11 KB or, like this, 4; and the live screen a tenth of what it would.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import compress
from operator import ne, or_

from shareconsole.console.looks import PLAIN, RESET, Looks

Place = tuple[int, int]
"""Column and row, from 0."""

_TOKEN = re.compile(
    r"\x1b\[([0-9;]*)m([^\x00-\x1f\x7f-\x9f]*)"
    r"|\x1b\[([0-9]*(?:;[0-9]*)?)H"
    r"|([^\x00-\x1f\x7f-\x9f]+)"
    # Ends a row of Textual's, and a move follows.
    r"|(\n)(?=\x1b\[[0-9;]*H)"
    # The bell, modes of Textual's that touch no cell, and what is told to the terminal itself;
    # not links, which belong to the text behind them.
    r"|(\x07|\x1b\[\?(?:7|25|100[02346]|101[56]|20(?:04|26|31|48))(?:[hl]|\$p)"
    r"|\x1b\](?!8;)[^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|(.)",
    re.DOTALL,
)
_CODES, _PLACE, _TEXT, _LINE, _ASIDE = 2, 3, 4, 5, 6
_SAME = re.compile(r"(.)\1*", re.DOTALL)
# To pass over fewer cells costs as much as to write them.
_GAP = 8
_UNKNOWN = "\0"


class ScreenDiff:
    """Follows all that is written to one terminal. Each write begins and ends without colours."""

    def __init__(self) -> None:
        """Knows nothing of what is shown."""
        self._looks = Looks()
        # Per row its characters, and the numbers of their looks as characters too.
        self._rows: dict[int, tuple[str, str]] = {}
        self._cursor: Place | None = None
        self._look = PLAIN
        self._out: list[str] = []

    def forget(self) -> None:
        """Let the terminal show anything: after a resize, or when others wrote to it."""
        self._rows = {}
        self._cursor = None

    def least(self, data: str) -> str:
        """Return what to write so that the terminal shows what it would after ``data``."""
        if self._looks.too_many:
            self._looks = Looks()
            self.forget()
        self._out = []
        self._look = look = PLAIN
        place = self._cursor
        parts: list[tuple[str, int]] = []
        for token in _TOKEN.finditer(data):
            kind = token.lastindex
            if kind == _TEXT:
                parts.append((token[4], look))
                continue
            after = self._looks.after(look, token[1]) if kind == _CODES else None
            if after is not None:
                look = after
                if token[2]:
                    parts.append((token[2], look))
                continue
            place = self._show(place, parts)
            parts = []
            if kind == _PLACE:
                place = _place(token[3])
            elif kind == _ASIDE:
                self._out.append(token[6])
            elif kind != _LINE:
                self._give_up(place, look, data[token.start() :])
                break
        else:
            place = self._show(place, parts)
            if place is not None:
                self._move(place)
            self._turn(PLAIN)
        return "".join(self._out)

    def _give_up(self, place: Place | None, look: int, rest: str) -> None:
        """Write the rest as it is, since what it does to the screen is not known."""
        if place is not None:
            self._move(place)
        self._turn(look)
        self._out.append(rest)
        self.forget()

    def _show(self, place: Place | None, parts: list[tuple[str, int]]) -> Place | None:
        """Show text from a place on; returns the place after it, None if that is not known."""
        if not parts:
            return place
        if place is None or not all(_is_narrow(text) for text, _ in parts):
            self._show_all(place, parts)
            return None
        x, y = place
        text = "".join([text for text, _ in parts])
        looks = "".join([self._looks_of(text, look) for text, look in parts])
        end = x + len(text)
        old_text, old_looks = self._rows.get(y, ("", ""))
        missing = end - len(old_text)
        if missing > 0:
            old_text += _UNKNOWN * missing
            old_looks += _UNKNOWN * missing
        if old_text[x:end] != text or old_looks[x:end] != looks:
            changed = _changed(old_text[x:end], text, old_looks[x:end], looks)
            self._rows[y] = (
                f"{old_text[:x]}{text}{old_text[end:]}",
                f"{old_looks[:x]}{looks}{old_looks[end:]}",
            )
            for first, last in _spans(changed):
                self._move((x + first, y))
                self._write(text[first : last + 1], looks[first : last + 1])
                self._cursor = (x + last + 1, y)
        return end, y

    def _show_all(self, place: Place | None, parts: list[tuple[str, int]]) -> None:
        """Text that is wide, or stands nobody knows where: what it leaves is not known either."""
        if place is None:
            self.forget()
        else:
            x, y = place
            self._move(place)
            old_text, old_looks = self._rows.get(y, ("", ""))
            self._rows[y] = (old_text[:x], old_looks[:x])
        for text, look in parts:
            self._turn(look)
            self._out.append(text)
        self._cursor = None

    def _looks_of(self, text: str, look: int) -> str:
        """The look of each character; what does not show on spaces is left out around the text."""
        bare = self._looks.on_space[look]
        if bare == look:
            return chr(look) * len(text)
        before = len(text) - len(text.lstrip(" "))
        inked = len(text.strip(" "))
        return chr(bare) * before + chr(look) * inked + chr(bare) * (len(text) - before - inked)

    def _write(self, text: str, looks: str) -> None:
        on_space = self._looks.on_space
        for run in _SAME.finditer(looks):
            part, look = text[run.start() : run.end()], ord(run[1])
            if on_space[self._look] != look or not part.isspace():
                self._turn(look)
            self._out.append(part)

    def _turn(self, look: int) -> None:
        if look != self._look:
            self._out.append(self._looks.change(self._look, look) if look != PLAIN else RESET)
            self._look = look

    def _move(self, place: Place) -> None:
        if place == self._cursor:
            return
        x, y = place
        if self._cursor is not None and self._cursor[1] == y and self._cursor[0] < x:
            self._out.append(f"\x1b[{x - self._cursor[0]}C")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._cursor = place


def _changed(old: str, new: str, old_looks: str, looks: str) -> list[int]:
    """The places where another character stands, or the same one looks different."""
    others = map(or_, map(ne, old, new), map(ne, old_looks, looks))
    return list(compress(range(len(new)), others))


def _place(numbers: str) -> Place:
    row, _, column = numbers.partition(";")
    return max(1, int(column or 1)) - 1, max(1, int(row or 1)) - 1


def _spans(places: list[int]) -> list[tuple[int, int]]:
    """First and last of the places that are so close that what lies between is written too."""
    spans: list[tuple[int, int]] = []
    first = last = -_GAP - 1
    for at in places:
        if at - last > _GAP:
            if first >= 0:
                spans.append((first, last))
            first = at
        last = at
    if first >= 0:
        spans.append((first, last))
    return spans


# Letters, punctuation, arrows, boxes, blocks and braille: no emoji, nothing that combines.
_AGREED = re.compile(
    "[\u0020-\u007e\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2212"
    "\u2500-\u25ff\u2713\u2717\u2800-\u28ff]*"
)


@lru_cache(8192)
def _is_narrow(text: str) -> bool:
    """Whether every character takes one cell, on which terminals agree."""
    return text.isascii() or _AGREED.fullmatch(text) is not None
