"""What the study of our variants of learned sharing compares, and on what."""

from __future__ import annotations

from typing import NamedTuple

from shareconsole.spec.method.table import MethodTable
from shareconsole.spec.methods import FullSharingOptions, NoSharingOptions

FIRST_SEED = 30
CASES = {"planted": 5, "digits": 5, "dkl-kannada": 5, "omniglot-small": 1}
"""Presets, and how many seeds of each by default."""
SLOW = "the same, NES rate 0.003"
_ALL, _BOTH_NAMED = "all images", "per-task credit, all images"
TOO_SLOW = {"dkl-kannada": {SLOW}, "omniglot-small": {_ALL, _BOTH_NAMED, SLOW}}
"""Searches that are left out: one takes ten minutes, and with all of Omniglot's images an hour."""

PAPER = "learned"
TRUE = "true grouping"


class Search(NamedTuple):
    """A way to search, and the final stages after it by the names of the variants they make."""

    overrides: tuple[str, ...] = ()
    finals: tuple[tuple[str, str], ...] = ()


_BOTH = ("method.credit=per_task", "method.nes_batch=all")
SEARCHES = {
    PAPER: Search((), (("learned + finetune", "finetune"), ("learned + retrain", "retrain"))),
    "per-task credit": Search(_BOTH[:1]),
    _ALL: Search(_BOTH[1:]),
    _BOTH_NAMED: Search(_BOTH, (("both + retrain", "retrain"),)),
    SLOW: Search(
        (*_BOTH, "method.nes_learning_rate=0.003"), (("both + retrain, NES rate 0.003", "retrain"),)
    ),
}


class Control(NamedTuple):
    """Fixed sharing, and how much more than a plain run it gets: images per batch, or steps."""

    method: MethodTable
    grows: str = ""


CONTROLS = {
    f"{word} sharing{', S times the ' + grows if grows else ''}": Control(options, grows)
    for word, options in (
        ("full", FullSharingOptions(name="full_sharing")),
        ("no", NoSharingOptions(name="no_sharing")),
    )
    for grows in ("", "batch", "steps")
}


def too_slow(case: str) -> set[str]:
    """Variants of a case that are left out, final stages included; the file may hold some."""
    searches = TOO_SLOW.get(case, set())
    return {name for key in searches for name in (key, *dict(SEARCHES[key].finals))}


def variants() -> list[str]:
    """All names, searches with their final stages first."""
    searched = [name for key, search in SEARCHES.items() for name in (key, *dict(search.finals))]
    return [*searched, *CONTROLS, TRUE]
