"""Texts that somebody might put where the console shows them."""

from __future__ import annotations

import pytest

HOSTILE = (
    "", " ", "plain", "[red]x[/red]", "[/]", "[1e-3", "[@click=app.bell()]x[/]",
    "[link=file:///etc/passwd]x[/link]", "\\[b]", "{0}{x!r}", "%s%n", "$HOME", "`id`",
    "\x1b]0;pwned\x07", "\x1b]52;c;cHduZWQ=\x07", "\x1b[2J\x1b[H", "\x9b31m", "\x90q\x9c",
    "\x00", "\x7f\x08\x08", "a\nb\r\nc\td", "\u202egnp.exe", "\u2066x\u2069", "a\u200bb\ufeff",
    "\ud800", "\udcff\udfff", "\U000e0041\U000e007f", "x" * 5000,
)  # fmt: skip


@pytest.fixture
def hostile() -> tuple[str, ...]:
    """28 texts: markup, actions, escape sequences, bidirectional controls, lone surrogates."""
    assert len(HOSTILE) == 28
    return HOSTILE
