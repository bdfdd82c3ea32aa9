"""The marks that a method gives to units instead of the network's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shareconsole.sharing.network import Mark, NetworkPlan


def replace_routed(plan: NetworkPlan, mark_of: Callable[[int], Mark]) -> tuple[Mark, ...]:
    """Marks with the i-th routed unit turned into `mark_of(i)`."""
    marks: list[Mark] = []
    seen = 0
    for unit in plan.units:
        if unit.mark == "routed":
            marks.append(mark_of(seen))
            seen += 1
        else:
            marks.append(unit.mark)
    return tuple(marks)
