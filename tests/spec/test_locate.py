"""The locator finds every key and value that the TOML reader finds."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli

from shareconsole.spec.locate import Locator

TEXT = """\
# comment with [brackets] = and "quotes
top = 1
[run]
name = "a # no comment" # a comment
  indented.key  =   'literal'
"quoted key" = 3
"es\\u0063aped" = 4
[ data . sub ]
multi = \"\"\"one
[not.a.table]
two \\\"\"\" \"\"\"\"\"
lit = '''
x = 1
''''
after = 1
[network]
conv = [ 16, # first
   32,
   [ 1, { a = 2, b = [ 3 ] } ],
   "x,]",
]
inline = { a = 1, b.c = 2 }
date = 1979-05-27 07:32:00
next = 5
[[many]]
x = 1
[[many]]
y = 2
[many.inner]
z = 3
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("top",), (2, 1), (2, 7)),
        (("run",), (3, 1), (3, 1)),
        (("run", "name"), (4, 1), (4, 8)),
        (("run", "indented", "key"), (5, 12), (5, 21)),
        (("run", "quoted key"), (6, 1), (6, 16)),
        (("run", "escaped"), (7, 1), (7, 18)),
        (("data", "sub"), (8, 1), (8, 1)),
        (("data", "sub", "multi"), (9, 1), (9, 9)),
        (("data", "sub", "after"), (15, 1), (15, 9)),
        (("network", "conv", 0), (17, 10), (17, 10)),
        (("network", "conv", 1), (18, 4), (18, 4)),
        (("network", "conv", 2, 1, "b", 0), (19, 24), (19, 24)),
        (("network", "conv", 3), (20, 4), (20, 4)),
        (("network", "inline", "b", "c"), (22, 21), (22, 25)),
        (("network", "next"), (24, 1), (24, 8)),
        (("many", 0, "x"), (26, 1), (26, 5)),
        (("many", 1, "y"), (28, 1), (28, 5)),
        (("many", 1, "inner", "z"), (30, 1), (30, 5)),
        # Not written: the nearest table around it.
        (("run", "seed"), (3, 1), (3, 1)),
        (("network", "conv", 9), (17, 1), (17, 1)),
    ],
)
def test_places(path, key, value):
    locator = Locator(TEXT)
    assert locator.key(path) == key
    assert locator.value(path) == value


def test_what_is_in_no_table_has_no_place():
    assert Locator(TEXT).value(("train", "steps")) is None


def _paths(value, path=()):
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _paths(inside, (*path, key))
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _paths(inside, (*path, index))
    if path:
        yield path


PRESETS = sorted((Path(__file__).parents[2] / "presets").glob("*.toml"))


@pytest.mark.parametrize("text", [TEXT, *(path.read_text() for path in PRESETS)])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_key_has_a_place_of_its_own(text, newline):
    text = text.replace("\n", newline)
    spans = Locator(text).spans
    assert set(_paths(tomli.loads(text))) == set(spans)
    for path, span in spans.items():
        if span.end > span.value and isinstance(path[-1], str):
            value = tomli.loads("v = " + text[span.value : span.end])["v"]
            inside = tomli.loads(text)
            for part in path:
                inside = inside[part]
            assert value == inside


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "[",
        "[[",
        "a = [1, 2",
        'a = "x',
        "a = {b",
        "= 1",
        "a..b = 1",
        "a = [,]",
        "a = 1 2",
        "]",
    ],
)
def test_a_text_that_is_no_toml_ends_the_scan(text):
    assert Locator("ok = 1\n" + text).value(("ok",)) == (1, 6)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 500_000,
        "a = " + "[" * 300 + "1," * 250_000 + "]" * 300,
        "a" + ".a" * 400_000 + " = 1",
        ("[" + "a." * 400 + "a]\n") * 1000,
        "a = " + "{a=" * 200_000,
        'a = "' + "\\" * 900_000,
        "a = '''" + "'" * 900_000,
        "\n" * 1_000_000,
        "#" * 1_000_000,
    ],
)
def test_hostile_texts_cost_little(text):
    assert len(Locator(text).spans) < 100_000
