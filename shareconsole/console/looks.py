"""How text on a terminal looks, and the shortest escape sequence from one look to another.

The codes are those of ECMA-48, 8.3.117 (SGR), with the colours of 256 and the true ones.
"""

from __future__ import annotations

from typing import NamedTuple

PLAIN = 1
"""The number of the look without colours and attributes; 0 is the number of no look at all."""
RESET = "\x1b[0m"
_ON_TO_OFF = {
    "1": "22", "2": "22", "3": "23", "4": "24", "21": "24", "5": "25", "6": "25", "7": "27",
    "8": "28", "9": "29", "53": "55",
}  # fmt: skip
_OFF = frozenset(_ON_TO_OFF.values())
# Underlined twice or once, reversed, struck out, with a line above: seen on a space, too.
_ON_SPACES = frozenset({"4", "21", "7", "9", "53"})
_EXTENDED = {"5": 3, "2": 5}
_MOST = 20_000


class _Look(NamedTuple):
    """Codes that are in force; empty texts are the terminal's own colours."""

    ink: str = ""
    paper: str = ""
    attributes: frozenset[str] = frozenset()


class Looks:
    """Numbers for looks, given out as they come up."""

    def __init__(self) -> None:
        """Knows the plain one."""
        self._looks = [_Look(), _Look()]
        self._numbers = {_Look(): PLAIN}
        self._after: dict[tuple[int, str], int | None] = {}
        self._changes: dict[tuple[int, int], str] = {}
        self.on_space = [0, PLAIN]
        """Per look the number of one that a space shows alike."""

    @property
    def too_many(self) -> bool:
        """Whether it is time to start anew."""
        return len(self._looks) + len(self._changes) > _MOST

    def after(self, look: int, codes: str) -> int | None:
        """Return the look that a sequence of codes leads to; None if they are not understood."""
        key = (look, codes)
        if key not in self._after:
            found = _applied(self._looks[look], codes)
            self._after[key] = None if found is None else self._number(found)
        return self._after[key]

    def change(self, old: int, new: int) -> str:
        """Return what to write between text of one look and text of another."""
        key = (old, new)
        found = self._changes.get(key)
        if found is None:
            found = self._changes[key] = _change(self._looks[old], self._looks[new])
        return found

    def _number(self, look: _Look) -> int:
        number = self._numbers.get(look)
        if number is None:
            number = self._numbers[look] = len(self._looks)
            self._looks.append(look)
            self.on_space.append(number)
            if not look.attributes & _ON_SPACES:
                self.on_space[number] = self._number(_Look(paper=look.paper))
        return number


def _applied(look: _Look, codes: str) -> _Look | None:
    ink, paper, attributes = look.ink, look.paper, set(look.attributes)
    rest = codes.split(";")
    while rest:
        code = rest.pop(0)
        if code in ("", "0"):
            ink, paper, attributes = "", "", set()
        elif code in _ON_TO_OFF:
            attributes.add(code)
        elif code in _OFF:
            attributes = {on for on in attributes if _ON_TO_OFF[on] != code}
        elif code in ("38", "48"):
            length = _EXTENDED.get(rest[0], 0) - 1 if rest else 0
            if length < 1 or len(rest) < length:
                return None
            colour = ";".join([code, *rest[:length]])
            ink, paper = (colour, paper) if code == "38" else (ink, colour)
            del rest[:length]
        elif code == "39" or _is_colour(code, (3, 9)):
            ink = "" if code == "39" else code
        elif code == "49" or _is_colour(code, (4, 10)):
            paper = "" if code == "49" else code
        else:
            return None
    return _Look(ink, paper, frozenset(attributes))


def _is_colour(code: str, tens: tuple[int, int]) -> bool:
    return code.isascii() and code.isdigit() and int(code) // 10 in tens and int(code) % 10 < 8


def _change(old: _Look, new: _Look) -> str:
    if old == new:
        return ""
    gone = {_ON_TO_OFF[on] for on in old.attributes - new.attributes}
    # One code ends two attributes, of which the other may have to stay.
    lit = [on for on in new.attributes if on not in old.attributes or _ON_TO_OFF[on] in gone]
    codes = [*sorted(gone), *sorted(lit)]
    codes += [new.ink or "39"] if new.ink != old.ink else []
    codes += [new.paper or "49"] if new.paper != old.paper else []
    afresh = [*sorted(new.attributes), *filter(None, (new.ink, new.paper))]
    return min(f"\x1b[{';'.join(codes)}m", f"\x1b[{';'.join(['0', *afresh])}m", key=len)
