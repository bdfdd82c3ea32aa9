"""A preset's text as plain values, with a place for every key; errors of encoding and syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import tomli

from shareconsole.errors import PresetError, Problem
from shareconsole.spec.locate import Locator

BOM = b"\xef\xbb\xbf"
# Python converts no decimal integer longer than this, and the TOML reader passes that on.
_MAX_DIGITS = 4300
_LONG_INTEGER = re.compile(r"[+-]?[0-9][0-9_]*")
_TOO_LONG = "an integer of more than 4300 digits"


@dataclass(frozen=True)
class Document:
    """Values of a TOML text, where they stand, and what of it could not be read."""

    data: dict[str, Any]
    locator: Locator
    problems: list[Problem]


def decode(data: bytes, shown: str) -> str:
    """Return bytes, without a byte order mark, as text.

    Args:
        data: the file's bytes.
        shown: how to call the file in an error.

    Raises:
        PresetError: they are not UTF-8; the byte's offset, line and column are given.
    """
    try:
        # One character for one column, and CR alone is no line end in TOML.
        return data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + (len(BOM) if data.startswith(BOM) else 0)
        before = data.removeprefix(BOM)[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        problem = f"byte {offset} (0x{data[offset]:02x}) is not valid UTF-8"
        raise _failure(shown, (line, column), problem, "text in UTF-8") from None


def parse(text: str, shown: str) -> Document:
    """Return the values of a TOML text.

    Integers too long to convert are read as 0 and reported in ``problems``, so that what else is
    wrong can be reported with them.

    Raises:
        PresetError: the text is empty or no TOML.
    """
    if not text.strip():
        raise _failure(shown, (1, 1), "is empty", "tables [data], [network] and [method]")
    locator = Locator(text)
    problems: list[Problem] = []
    try:
        data = _loads(text, shown)
    except ValueError:
        text, problems = _without_long_integers(text, shown, locator)
        try:
            data = _loads(text, shown)
        except ValueError:
            # Deeper than any key of a preset, so that the locator does not know it.
            raise _failure(shown, None, f"holds {_TOO_LONG}") from None
    return Document(data, locator, problems)


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a key as a person writes it: ``network.conv[1]``, quoted where TOML needs quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if re.fullmatch("[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{name}" if text else name
    return text if len(text) <= 200 else text[:200] + "..."


def _loads(text: str, shown: str) -> dict[str, Any]:
    """Read TOML; what is neither a syntax error nor too deep leaves as a bare ValueError."""
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        place = (error.lineno, error.colno)
        message = error.msg[:1].lower() + error.msg[1:]
        raise _failure(shown, place, f"is not valid TOML: {message}") from None
    except RecursionError:
        raise _failure(shown, None, "is nested too deeply", "tables of plain values") from None


def _without_long_integers(text: str, shown: str, locator: Locator) -> tuple[str, list[Problem]]:
    problems = []
    # From the end, so that the offsets before stay right.
    for path, span in sorted(locator.spans.items(), key=lambda item: -item[1].value):
        number = text[span.value : span.end]
        if len(number) > _MAX_DIGITS and _LONG_INTEGER.fullmatch(number):
            place = locator.position(span.value)
            problems.append(Problem(shown, *place, dotted(path), f"is {_TOO_LONG}"))
            text = text[: span.value] + "0" + text[span.end :]
    return text, problems


def _failure(
    shown: str, place: tuple[int, int] | None, problem: str, allowed: str = ""
) -> PresetError:
    line, column = place or (None, None)
    return PresetError([Problem(shown, line, column, "", problem, allowed)])
