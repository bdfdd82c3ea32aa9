"""Foreign text reaches a terminal as text only."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from shareconsole.errors import PresetError, Problem, ShareconsoleError, UsageError
from shareconsole.safe_text import safe_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain text, [brackets] and 100 %", "plain text, [brackets] and 100 %"),
        ("Zürich 東京 🦀 مرحبا", "Zürich 東京 🦀 مرحبا"),
        ("\x1b]0;pwned\x07", r"\x1b]0;pwned\x07"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f", r"\x7f"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("back\\slash", "back\\slash"),
        (b"\xff ok\x1b", r"\xff ok\x1b"),
        (Path("/tmp/\udcff"), r"/tmp/\udcff"),
        (0.5, "0.5"),
        ("", ""),
    ],
)
def test_invisible_becomes_visible_and_the_rest_stays(value, expected):
    assert safe_text(value) == expected


def test_multi_line_keeps_line_feeds_only():
    assert safe_text("a\nb\r\n\x1bc", multi_line=True) == "a\nb\\r\n\\x1bc"


def test_no_character_of_a_harmful_category_comes_through():
    seen = set()
    for code in range(0x110000):
        character = chr(code)
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Zl", "Zp"):
            assert safe_text(character) != character, hex(code)
        harmful = ("BN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        if unicodedata.bidirectional(character) in harmful and safe_text(character) == character:
            seen.add(code)
    assert seen == set()


def test_the_output_is_stable_and_can_be_encoded():
    everything = "".join(map(chr, range(0x3000)))
    once = safe_text(everything)
    assert safe_text(once) == once
    assert once.encode("utf-8")


def test_a_problem_is_one_printable_line():
    problem = Problem("a\n.toml", 3, 7, "run.\x1bname", "is \x07 wrong", "text", "\u202eevil")
    line = str(problem)
    assert line == (r"a\n.toml:3:7  run.\x1bname  is \x07 wrong  text  (did you mean \u202eevil?)")
    assert str(Problem("a.toml", None, None, "", "is empty")) == "a.toml  is empty"


def test_a_preset_error_lists_all_problems():
    problems = [Problem("a.toml", n, 1, f"k{n}", "is wrong") for n in (1, 2)]
    error = PresetError(problems)
    assert str(error).splitlines() == [str(problem) for problem in problems]
    assert isinstance(error, UsageError)
    assert isinstance(error, ShareconsoleError)
    assert error.exit_code == 2
    with pytest.raises(ValueError, match="at least one"):
        PresetError([])
