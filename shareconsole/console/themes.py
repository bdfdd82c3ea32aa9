"""Light and dark, of colours that lie on the cube of the 256; and those of the terminal itself."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

from shareconsole.console.palette import Depth

DARK = Theme(
    name="shareconsole-dark",
    dark=True,
    primary="#5fafff",
    secondary="#5f87af",
    accent="#5fafff",
    warning="#ffd75f",
    error="#ff5f5f",
    success="#87d787",
    foreground="#dadada",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    boost="#262626",
    variables={
        "frame": "#444444",
        "frame-focus": "#5fafff",
        "frame-title": "#9e9e9e",
        "block-cursor-background": "#303030",
        "block-cursor-blurred-background": "#303030",
        "block-cursor-blurred-foreground": "#ffffff",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
    },
)
LIGHT = Theme(
    name="shareconsole-light",
    dark=False,
    primary="#005faf",
    secondary="#5f87af",
    accent="#005faf",
    warning="#875f00",
    error="#d70000",
    success="#008700",
    foreground="#262626",
    background="#eeeeee",
    surface="#e4e4e4",
    panel="#dadada",
    boost="#dadada",
    variables={
        "frame": "#bcbcbc",
        "frame-focus": "#005faf",
        "frame-title": "#626262",
        "block-cursor-background": "#d0d0d0",
        "block-cursor-blurred-background": "#d0d0d0",
        "block-cursor-blurred-foreground": "#000000",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "none",
    },
)
_ANSI = {"frame-focus": "ansi_default", "frame-title": "ansi_default"}


def _of_the_terminal(name: str, *, dark: bool, frame: str) -> Theme:
    """Textual's theme of the terminal's own colours, with ours for the frames."""
    base = BUILTIN_THEMES["ansi-dark" if dark else "ansi-light"]
    variables = base.variables | _ANSI | {"frame": frame}
    return replace(base, name=name, dark=dark, variables=variables)


ANSI_DARK = _of_the_terminal("shareconsole-ansi-dark", dark=True, frame="ansi_bright_black")
ANSI_LIGHT = _of_the_terminal("shareconsole-ansi-light", dark=False, frame="ansi_white")
ALL = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)


def theme_for(depth: Depth, *, dark: bool) -> str:
    """Return the name of the theme for a colour depth."""
    if depth in ("16", "none"):
        # The terminal's own background: 16 colours hold no pair of greys that suits all.
        return (ANSI_DARK if dark else ANSI_LIGHT).name
    return (DARK if dark else LIGHT).name
