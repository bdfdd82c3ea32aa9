"""Which runs to list, and in what order: ``method:learned_sharing macro_error<0.12 -tag:bad``.

Terms are separated by blanks and must all hold; a term with ``-`` in front must not. ``key:text``
and ``key=text`` want an equal text (``name:`` and ``id:`` a part of it), ``key<0.1`` and its kin
compare numbers or times. A value that is not known matches no comparison. A word without a key
is looked for in id, name, preset and tags. Case does not matter; quotes keep blanks together.
"""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from shareconsole.errors import UsageError
from shareconsole.store.clock import iso, moment
from shareconsole.store.index import RunSummary

Filter = Callable[[RunSummary], bool]

_EXACT = ("state", "preset", "method", "data")
_PARTIAL = ("id", "name")
_NUMBERS = ("seed", "step", "steps", "macro_error", "micro_error")
_TIMES = ("created", "updated")
_KEYS = (*_PARTIAL, *_EXACT, "tag", *_NUMBERS, *_TIMES)
_SORT_KEYS = (*_PARTIAL, *_EXACT, *_NUMBERS, *_TIMES)
_TERM = re.compile(r"([A-Za-z_]+)(<=|>=|!=|<|>|=|:)(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
}


def parse_filter(text: str) -> Filter:
    """The predicate that ``text`` describes; an empty text holds for every run.

    Raises:
        UsageError: an unknown key, a comparison that makes no sense, or an open quote.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"filter {text!r}: {error}") from None
    terms = [_term(word) for word in words]
    return lambda run: all(term(run) for term in terms)


def _term(word: str) -> Filter:
    if word.startswith("-") and len(word) > 1:
        wanted = _term(word[1:])
        return lambda run: not wanted(run)
    match = _TERM.fullmatch(word)
    if match is None:
        part = word.casefold()
        return lambda run: any(part in text.casefold() for text in _words(run))
    key, sign, value = match[1].casefold(), match[2], match[3]
    key = "tag" if key == "tags" else key
    if key not in _KEYS:
        raise UsageError(f"filter {word!r}: unknown key {match[1]!r}; known: {', '.join(_KEYS)}")
    if key in _NUMBERS:
        return _number_term(word, key, sign, value)
    if key in _TIMES:
        return _time_term(word, key, sign, value)
    if sign not in (":", "=", "!="):
        raise UsageError(f"filter {word!r}: {key} is a text; use {key}:{value or 'TEXT'}")
    return _text_term(key, sign, value.casefold())


def _words(run: RunSummary) -> Iterable[str]:
    return (run.id, run.name, run.preset or "", *run.tags)


def _number_term(word: str, key: str, sign: str, value: str) -> Filter:
    try:
        limit = float(value)
    except ValueError:
        raise UsageError(f"filter {word!r}: {value!r} is not a number") from None
    compare = _COMPARE[sign]

    def holds(run: RunSummary) -> bool:
        found = getattr(run, key)
        return found is not None and compare(found, limit)

    return holds


def _time_term(word: str, key: str, sign: str, value: str) -> Filter:
    """Times compare as far as they are given: ``created=2026-11-22`` is that whole day."""
    if not re.fullmatch(r"[0-9][0-9TZtz:.+ -]*", value):
        raise UsageError(f"filter {word!r}: {value!r} is not a time such as 2026-11-22T01:15")
    limit = value.upper().replace(" ", "T").removesuffix("Z")
    compare = _COMPARE[sign]

    def holds(run: RunSummary) -> bool:
        found: str | None = getattr(run, key)
        if found is None:
            return False
        return compare(iso(moment(found))[: len(limit)], limit)

    return holds


def _text_term(key: str, sign: str, value: str) -> Filter:
    def equal(run: RunSummary) -> bool:
        if key == "tag":
            return any(tag.casefold() == value for tag in run.tags)
        found: str | None = getattr(run, key)
        if found is None:
            return False
        return value in found.casefold() if key in _PARTIAL else value == found.casefold()

    def unequal(run: RunSummary) -> bool:
        return (key == "tag" or getattr(run, key) is not None) and not equal(run)

    return unequal if sign == "!=" else equal


def sort_runs(runs: Iterable[RunSummary], key: str) -> list[RunSummary]:
    """Runs by a key, ``-key`` for the reverse; those without a value last in either case.

    Raises:
        UsageError: an unknown key.
    """
    name = key.removeprefix("-")
    if name not in _SORT_KEYS:
        raise UsageError(f"cannot sort by {name!r}; known: {', '.join(_SORT_KEYS)}")
    runs = list(runs)
    known = [run for run in runs if getattr(run, name) is not None]
    unknown = [run for run in runs if getattr(run, name) is None]
    known.sort(key=lambda run: getattr(run, name), reverse=key.startswith("-"))
    return known + unknown
