"""Which runs to list, and in what order: ``method:learned_sharing macro_error<0.12 -tag:bad``.

Terms are separated by blanks and must all hold; a term with ``-`` in front must not. ``key:text``
and ``key=text`` want an equal text (``name:`` and ``id:`` a part of it), ``key<0.1`` and its kin
compare numbers or times. A value that is not known matches no comparison. A word without a key
is looked for in id, name, preset and tags. Case does not matter; quotes keep blanks together.
"""

from __future__ import annotations

import math
import operator
import re
import shlex
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from shareconsole.errors import UsageError
from shareconsole.store.clock import iso, moment
from shareconsole.store.index import RunSummary
from shareconsole.store.status import STATES

Filter = Callable[[RunSummary], bool]

_EXACT = ("state", "preset", "method", "data")
_PARTIAL = ("id", "name")
_NUMBERS = ("seed", "step", "steps", "macro_error", "micro_error", "best_macro_error")
_TIMES = ("created", "updated")
_KEYS = (*_PARTIAL, *_EXACT, "tag", *_NUMBERS, *_TIMES)
_SORT_KEYS = (*_PARTIAL, *_EXACT, *_NUMBERS, *_TIMES)
_TERM = re.compile(r"([A-Za-z_]+)(<=|>=|!=|==|<|>|=|:)(.*)", re.DOTALL)
_SIGN = re.compile(r"<=|>=|!=|==|<|>|=|:")
# Other languages have these; here they would quietly be looked for in names.
_CONNECTIVES = ("or", "and", "not", "|", "||", "&", "&&")
_TIME = re.compile(
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?)?)?)?"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
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
        _refuse_grammar(word, part)
        return lambda run: any(part in text.casefold() for text in _words(run))
    key, sign, value = match[1].casefold(), match[2], match[3]
    key = "tag" if key == "tags" else key
    if key not in _KEYS:
        raise _unknown_key(word, match[1])
    if not value:
        raise UsageError(f"filter {word!r}: nothing follows {sign!r}; {_example(key, sign)}")
    if key in _NUMBERS:
        return _number_term(word, key, sign, value)
    if key in _TIMES:
        return _time_term(word, key, sign, value)
    if sign not in (":", "=", "==", "!="):
        raise UsageError(f"filter {word!r}: {key} is a text; use {key}:{value}")
    if key == "state" and value.casefold() not in STATES:
        raise UsageError(f"filter {word!r}: no state is called {value!r}; {_states()}")
    return _text_term(key, sign, value.casefold())


def _refuse_grammar(word: str, part: str) -> None:
    """Raise UsageError if a word without a key was meant as something else than a plain word."""
    if part in _CONNECTIVES:
        raise UsageError(
            f"filter: there is no {word!r}; all terms must hold, and -TERM must not "
            f"(name:{word} looks for the word itself)"
        )
    if sign := _SIGN.match(word):
        raise UsageError(
            f"filter {word!r}: no key stands before {sign[0]!r}; write key, sign and value "
            "without blanks between them, such as macro_error<0.12"
        )
    if sign := re.search("[<>]|!=", word):
        raise _unknown_key(word, word[: sign.start()])


def _unknown_key(word: str, key: str) -> UsageError:
    return UsageError(f"filter {word!r}: unknown key {key!r}; known: {', '.join(_KEYS)}")


def _example(key: str, sign: str) -> str:
    """Say how a term with this key is written."""
    if key == "state":
        return _states()
    values = {**dict.fromkeys(_NUMBERS, "100"), **dict.fromkeys(_TIMES, "2026-11-22")}
    value = "0.12" if key.endswith("_error") else values.get(key, "TEXT")
    sign = sign if key in (*_NUMBERS, *_TIMES) else ":"
    return f"write {key}{sign}{value}, without blanks"


def _states() -> str:
    return f"known: {', '.join(STATES)}"


def _words(run: RunSummary) -> Iterable[str]:
    return (run.id, run.name, run.preset or "", *run.tags)


def _number_term(word: str, key: str, sign: str, value: str) -> Filter:
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if math.isnan(limit):
        raise UsageError(
            f"filter {word!r}: {value!r} is not a number that {key} could be compared with"
        )
    compare = _COMPARE[sign]

    def holds(run: RunSummary) -> bool:
        found = getattr(run, key)
        return found is not None and compare(found, limit)

    return holds


def _time_term(word: str, key: str, sign: str, value: str) -> Filter:
    """Times compare as far as they are given: ``created=2026-11-22`` is that whole day."""
    limit = value.upper().replace(" ", "T").removesuffix("Z")
    if not _is_time(limit):
        raise UsageError(f"filter {word!r}: {value!r} is not a time such as 2026-11-22T01:15 (UTC)")
    compare = _COMPARE[sign]

    def holds(run: RunSummary) -> bool:
        found: str | None = getattr(run, key)
        if found is None:
            return False
        return compare(iso(moment(found))[: len(limit)], limit)

    return holds


def _is_time(text: str) -> bool:
    """Whether it is an ISO 8601 time, or the beginning of one that ends after a whole part."""
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat((text + "0000-01-01T00:00:00"[len(text) :])[:19])
    except ValueError:
        return False
    return True


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
