"""Make foreign text harmless to a terminal, by making what is invisible visible.

A run name, a preset value, a path or a log line is written by somebody else. Printed as it is, an
escape sequence in it can set the window title, fill the clipboard or hide what follows it, and a
bidirectional control can make text read differently from what it says. Whatever prints such text
passes it through ``safe_text`` first, on every output path, and without markup.
"""

from __future__ import annotations

import re

# C0, DEL, C1; soft hyphen; combining grapheme joiner; Arabic letter mark; Hangul fillers; Mongolian
# separators; zero-width and bidirectional controls; line and paragraph separators; invisible
# operators; lone surrogates; byte order mark; interlinear annotation; shorthand and musical format
# controls; tag characters. Visible members of Unicode's category Cf (Arabic number signs) stay.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _visible_but_newline(match: re.Match[str]) -> str:
    return "\n" if match[0] == "\n" else _visible(match)


def safe_text(value: object, *, multi_line: bool = False) -> str:
    r"""Return ``str(value)`` with every control and invisible character written as an escape.

    Escapes look as in Python: ``\n``, ``\x1b``, ``\u202e``, ``\U000e0041``. Printable text comes
    back unchanged. ``bytes`` are read as UTF-8, bytes that are not UTF-8 appear as ``\xff``.

    Args:
        value: what to show; anything with a ``str``.
        multi_line: keep line feeds (a traceback, a log), all else is escaped as well.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return _INVISIBLE.sub(_visible_but_newline if multi_line else _visible, text)
