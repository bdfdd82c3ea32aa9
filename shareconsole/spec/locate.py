"""Where each key and value of a TOML text stands, so that an error can name its line and column.

The TOML reader gives positions for syntax errors only. This scanner walks a text that the reader
has already accepted and notes, for every key and every array element, where it is written. It never
decides whether a text is valid: on one that is not it may stop early, with what it has found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from shareconsole.spec.fields import Path

_MAX_NESTING = 100
# Keys deeper than this are in no preset. They are not noted: a small hostile text could make very
# many very long paths.
_MAX_PATH = 8
_BLANK = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^\s,\]}#]+(?: \d[^\s,\]}#]*)?")
_STRINGS = (
    ('"""', re.compile(r'"""(?:\\[\s\S]|[^\\])*?"""(?:"{1,2}(?!"))?')),
    ("'''", re.compile(r"'''[\s\S]*?'''(?:'{1,2}(?!'))?")),
    ('"', re.compile(r'"(?:\\.|[^"\\\n])*"')),
    ("'", re.compile(r"'[^'\n]*'")),
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


class Span(NamedTuple):
    """Offsets into the text, in characters: where the key starts, where its value lies."""

    key: int
    value: int
    end: int


class _Stop(Exception):
    """The text is not what the scanner takes for TOML."""


class Locator:
    """Maps a key such as ``("network", "conv", 1)`` to its place in a TOML text."""

    def __init__(self, text: str) -> None:
        """Scan ``text``, whose line ends may be LF or CRLF."""
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.spans: dict[Path, Span] = {}
        self._array_tables: dict[Path, int] = {}
        try:
            self._document()
        except _Stop:
            # What has been found so far still serves; the rest gets the place of its table.
            return

    def key(self, path: Path) -> tuple[int, int] | None:
        """Return (line, column), both from 1, of the key, or of the nearest table around it."""
        span = self._nearest(path)
        return None if span is None else self.position(span.key)

    def value(self, path: Path) -> tuple[int, int] | None:
        """Return (line, column) of the value, or of the key of the nearest table around it."""
        span = self.spans.get(path)
        return self.key(path) if span is None else self.position(span.value)

    def position(self, offset: int) -> tuple[int, int]:
        """Return (line, column), both from 1, of a character offset."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def _nearest(self, path: Path) -> Span | None:
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans.get(path)

    def _document(self) -> None:
        table: Path | None = ()
        at = self._skip(_FILLER, 0)
        while at < len(self._text):
            if self._text[at] == "[":
                table, at = self._header(at)
            else:
                at = self._pair(table, at, depth=0)
            at = self._skip(_FILLER, at)

    def _header(self, at: int) -> tuple[Path | None, int]:
        double = self._text.startswith("[[", at)
        parts, end = self._key(at + (2 if double else 1))
        path: Path | None = ()
        for name, _ in parts:
            # A name that is an array of tables means its last element.
            if path in self._array_tables:
                path = _child(path, self._array_tables[path])
            path = _child(path, name)
            self._note(path, Span(at, at, at), keep=True)
        if double and path is not None:
            index = self._array_tables.get(path, -1) + 1
            self._array_tables[path] = index
            path = _child(path, index)
            self._note(path, Span(at, at, at))
        return path, self._expect("]]" if double else "]", end)

    def _pair(self, table: Path | None, at: int, depth: int) -> int:
        parts, end = self._key(at)
        path = table
        for name, offset in parts:
            path = _child(path, name)
            self._note(path, Span(offset, offset, offset), keep=True)
        start = self._skip(_BLANK, self._expect("=", end))
        end = self._value(path, start, depth)
        self._note(path, Span(parts[-1][1], start, end))
        return end

    def _note(self, path: Path | None, span: Span, *, keep: bool = False) -> None:
        if path is not None and not (keep and path in self.spans):
            self.spans[path] = span

    def _key(self, at: int) -> tuple[list[tuple[str, int]], int]:
        parts = []
        while True:
            at = self._skip(_BLANK, at)
            if self._text[at : at + 1] in ('"', "'"):
                end = self._string(at)
                parts.append((_unquote(self._text[at:end]), at))
            else:
                match = _BARE_KEY.match(self._text, at)
                if match is None:
                    raise _Stop
                end = match.end()
                parts.append((match[0], at))
            at = self._skip(_BLANK, end)
            if self._text[at : at + 1] != "." or len(parts) > _MAX_NESTING:
                return parts, at
            at += 1

    def _value(self, path: Path | None, at: int, depth: int) -> int:
        if depth > _MAX_NESTING:
            raise _Stop
        first = self._text[at : at + 1]
        if first == "[":
            return self._array(path, at, depth)
        if first == "{":
            return self._inline_table(path, at, depth)
        if first in ('"', "'"):
            return self._string(at)
        return self._skip(_SCALAR, at)

    def _array(self, path: Path | None, at: int, depth: int) -> int:
        index = 0
        at = self._skip(_FILLER, at + 1)
        while self._text[at : at + 1] != "]":
            item = _child(path, index)
            end = self._value(item, at, depth + 1)
            self._note(item, Span(at, at, end))
            at = self._separator(at, end)
            index += 1
        return at + 1

    def _inline_table(self, path: Path | None, at: int, depth: int) -> int:
        at = self._skip(_FILLER, at + 1)
        while self._text[at : at + 1] != "}":
            at = self._separator(at, self._pair(path, at, depth + 1))
        return at + 1

    def _separator(self, start: int, end: int) -> int:
        at = self._skip(_FILLER, end)
        if self._text[at : at + 1] == ",":
            at = self._skip(_FILLER, at + 1)
        if at >= len(self._text) or at == start:
            raise _Stop
        return at

    def _string(self, at: int) -> int:
        for quote, pattern in _STRINGS:
            if self._text.startswith(quote, at):
                match = pattern.match(self._text, at)
                if match is None:
                    raise _Stop
                return match.end()
        raise _Stop

    def _skip(self, pattern: re.Pattern[str], at: int) -> int:
        match = pattern.match(self._text, at)
        return at if match is None else match.end()

    def _expect(self, token: str, at: int) -> int:
        if not self._text.startswith(token, at):
            raise _Stop
        return at + len(token)


def _child(path: Path | None, name: str | int) -> Path | None:
    return None if path is None or len(path) >= _MAX_PATH else (*path, name)


def _unquote(text: str) -> str:
    """Return the key that a quoted key spells."""
    if text[0] == "'":
        return text[1:-1]
    return _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    return chr(int(digits, 16)) if digits else _SHORT.get(match[4], match[4])
