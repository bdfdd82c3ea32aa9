"""The name somebody meant: for "did you mean", in a module that costs nothing to import."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like ``name``, or an empty string where none is like it."""
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in known}
    # A long name is nobody's typing error, and the comparison takes quadratic time.
    wanted = name[:80].casefold().replace("-", "_")
    matches = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""
