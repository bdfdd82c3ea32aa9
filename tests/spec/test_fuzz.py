"""Damaged presets: each one loads or is refused with words, and nothing else happens.

2,000 cases here; SHARECONSOLE_FUZZ sets another number (``make fuzz``: 10,000). A case is a
function of its number, so that a failure can be looked at alone.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from shareconsole.errors import PresetError, UsageError
from shareconsole.spec.checks import predict
from shareconsole.spec.source import shipped_folder
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml

CASES = int(os.environ.get("SHARECONSOLE_FUZZ", "2000"))
BATCHES = 20
SOURCES = [path.read_bytes() for path in sorted(shipped_folder().glob("*.toml"))]
VALUES = [
    b"0",
    b"-1",
    b"1",
    b"2",
    b"16",
    b"1.0",
    b"0.5",
    b"1e999",
    b"-0.0",
    b"nan",
    b"inf",
    b"-inf",
    b"true",
    b'""',
    b'"5"',
    b'"routed"',
    b'"tasks"',
    b"'x'",
    b'"\\u0000"',
    b'"\\u202e"',
    b'"[/]\\u001b]0;x\\u0007"',
    b"[]",
    b"[[]]",
    b"[1, 'a', nan]",
    b"[0]",
    b'["task", "shared"]',
    b"{}",
    b"{a = 1}",
    b"{name = 'mlp'}",
    b"1979-05-27",
    b"07:32:00",
    b"1979-05-27T07:32:00Z",
    b"0x" + b"f" * 40,
    b"9" * 4299,
    b"9" * 5000,
    b"1_000",
    b"9" * 20,
    b"-" + b"9" * 30,
    b"1e-400",
    b'"""x\n[y]\n"""',
    b"'''\n'''",
    b"[" * 600 + b"]" * 600,
    b"{a=" * 500 + b"1" + b"}" * 500,
    b'"' + b"x" * 20000 + b'"',
    b"[" + b"1," * 5000 + b"]",
    b"",
]
BYTES = [
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\x00",
    b"\x1b",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b'"',
    b"'",
    b'"""',
    b"[",
    b"]",
    b"[[",
    b"{",
    b"}",
    b"=",
    b".",
    b",",
    b"#",
    b"\\",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xf0\x9f\xa6\x80",
    b"9" * 4400,
]
KEYS = [
    b"name",
    b"steps",
    b'"quoted key"',
    b"a.b",
    b"''",
    b'"\\u001b"',
    b"seed",
    b"modules",
    b"conv",
    b"widths",
]
HEADERS = [
    b"[run]",
    b"[[train]]",
    b"[train.x]",
    b"[data]",
    b"[x]",
    b'["\\u0000"]',
    b"[" + b"a." * 300 + b"a]",
]
OVERRIDES = [
    "train.steps=5",
    "train.steps=nan",
    "run.name=\x1b[31m",
    "x",
    "a.b=c",
    "network.conv=[1]",
    "data.name=planted",
    "method.name=full_sharing",
    "network=1",
    "method.modules=" + "9" * 5000,
    "run.tags=[" * 3,
    "\udcff.a=1",
    "run.name=\ud800",
    "device.device=cuda:7",
    "train.optimizer='sgd'",
    "",
    "run.seed=" + "[" * 900,
]


def mutated(rng: random.Random) -> bytes:
    text = rng.choice(SOURCES)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        lines = text.split(b"\n")
        at = rng.randrange(len(lines))
        cut = rng.randrange(len(text) + 1)
        with_value = [i for i, line in enumerate(lines) if b"=" in line and line[:1] != b"#"] or [
            at
        ]
        target = rng.choice(with_value)
        key, _, value = lines[target].partition(b"=")
        match rng.randrange(12):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, rng.choice(lines))
            case 2:
                lines[target] = key + b"= " + rng.choice(VALUES)
            case 3:
                lines[target] = rng.choice(KEYS) + b" =" + value
            case 4:
                lines.insert(at, rng.choice(HEADERS))
            case 5:
                lines.insert(at, rng.choice(KEYS) + b" = " + rng.choice(VALUES))
            case 6:
                rng.shuffle(lines)
            case 7:
                place = rng.randrange(len(key) + 1)
                lines[target] = key[:place] + key[place + 1 :] + b"=" + value
            case 8:
                lines = [text[:cut] + rng.choice(BYTES) + text[cut:]]
            case 9:
                flipped = bytearray(text)
                if flipped:
                    flipped[min(cut, len(flipped) - 1)] ^= 1 << rng.randrange(8)
                lines = [bytes(flipped)]
            case 10:
                lines = [text[:cut]]
            case _:
                lines += rng.choice(SOURCES).split(b"\n")[rng.randrange(20) :]
        text = b"\n".join(lines)
    return text


def refusal(path: Path, overrides: list[str]) -> UsageError | None:
    """Return the refusal; a preset that loads has to be usable too."""
    try:
        loaded = load_preset(str(path), overrides)
    except UsageError as error:
        return error
    assert parse_resolved(resolved_toml(loaded.preset)) == loaded.preset
    assert predict(loaded.preset).parameters > 0
    return None


@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_damaged_preset_loads_or_is_refused_in_words(batch: int, tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    refused = []
    cases = range(batch, CASES, BATCHES)
    for case in cases:
        rng = random.Random(case)
        path.write_bytes(mutated(rng))
        error = refusal(path, rng.sample(OVERRIDES, rng.choice((0, 0, 0, 1, 2))))
        if error is not None:
            refused.append(case)
            assert isinstance(error, PresetError), case
            assert error.problems, case
            for problem in error.problems:
                assert problem.problem, case
                assert str(problem).strip(), case
                assert str(problem).isprintable(), case
    assert 0 < len(refused) < len(cases)
