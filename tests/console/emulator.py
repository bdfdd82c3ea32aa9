"""A terminal of the simplest kind: enough to see what a reader of the bytes would see."""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b\[([0-9;<>?=$]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|(.)", re.S
)
_ENDS = {"22": "12", "23": "3", "24": "4", "25": "5", "27": "7", "29": "9"}


class Emulator:
    """Cells of one character and one look each. Knows moves, colours, the alternate screen."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.x = self.y = 0
        self._colours = {"ink": "", "paper": ""}
        self._attributes: set[str] = set()
        self._partial = b""
        self.clear()

    def clear(self) -> None:
        self.cells = [[(" ", self._look())] * self.width for _ in range(self.height)]

    def feed(self, data: bytes | str) -> None:
        """Take what the terminal is sent; a sequence may come in pieces."""
        if isinstance(data, bytes):
            data = self._whole(data)
        for found in _SEQUENCE.finditer(data):
            if found[3] is not None:
                self._put(found[3])
            elif found[2] is not None:
                self._obey(found[1], found[2])

    def _whole(self, data: bytes) -> str:
        data = self._partial + data
        cut = len(data)
        escape = data.rfind(b"\x1b")
        if escape >= 0 and re.fullmatch(rb"\x1b(\[[0-9;<>?=$]*|\][^\x07\x1b]*)?", data[escape:]):
            cut = escape
        while cut and _is_inside_character(data[:cut]):
            cut -= 1
        self._partial = data[cut:]
        return data[:cut].decode()

    def rows(self) -> list[str]:
        return ["".join(character for character, _ in row) for row in self.cells]

    def picture(self) -> list[list[tuple[str, object]]]:
        """All that a person can see: on a space neither its ink nor whether it is bold."""
        return [[(c, _seen(look) if c == " " else look) for c, look in row] for row in self.cells]

    def _look(self) -> tuple[str, str, frozenset[str]]:
        return self._colours["ink"], self._colours["paper"], frozenset(self._attributes)

    def _put(self, character: str) -> None:
        if character == "\n":
            self.y += 1
        elif character == "\r":
            self.x = 0
        elif character >= " " and self.y < self.height:
            wide = unicodedata.east_asian_width(character) in "WF"
            for text in (character, "") if wide else (character,):
                if self.x < self.width:
                    self.cells[self.y][self.x] = (text, self._look())
                self.x += 1

    def _obey(self, numbers: str, command: str) -> None:
        if command == "H":
            row, _, column = numbers.partition(";")
            self.y, self.x = int(row or 1) - 1, int(column or 1) - 1
        elif command == "C":
            self.x += int(numbers or 1)
        elif command == "m":
            self._colour(numbers.split(";"))
        elif command in "hl" and numbers == "?1049":
            self.clear()

    def _colour(self, codes: list[str]) -> None:
        while codes:
            code = codes.pop(0)
            if code in ("", "0"):
                self._colours = {"ink": "", "paper": ""}
                self._attributes.clear()
            elif code in ("38", "48"):
                length = 2 if codes[0] == "5" else 4
                self._colours["ink" if code == "38" else "paper"] = ";".join(codes[:length])
                del codes[:length]
            elif len(code) == 1:
                self._attributes.add(code)
            elif code in _ENDS:
                self._attributes -= set(_ENDS[code])
            else:
                base = code if code[-1] != "9" else ""
                self._colours["ink" if code[:-1] in ("3", "9") else "paper"] = base


def _seen(look: tuple[str, str, frozenset[str]]) -> object:
    ink, paper, attributes = look
    shown = attributes & {"4", "7", "9"}
    return (ink if shown else "", paper, attributes if shown else shown)


def _is_inside_character(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False
