"""Numbers of tiny runs of every method and step size rule, so that a changed algorithm is noticed.

They are no proof that an algorithm is right, which the other tests are for. After a change that is
meant to change them, `python -m tests.methods.golden` writes them anew and says which ones moved.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from shareconsole.sharing.method import StepResult
from shareconsole.trainer.build import Experiment
from shareconsole.trainer.evaluate import evaluate
from tests.methods.cases import CASES, DATA, Case, boundaries, steps

FILE = Path(__file__).with_name("golden.json")
DIGITS = 13
"""Significant digits that are written."""


def runs() -> dict[str, tuple[Case, str]]:
    """All by name: every case on the digits, and on the other problems those that differ there.

    A line search is about tasks that label the same images, so it is not run on planted groups.
    """
    return {
        f"{problem}/{case}": (case, problem)
        for problem in DATA
        for case in CASES
        if problem == "digits"
        or (not case.variant and (problem == "overlaid" or case.rule == "constant"))
    }


@contextmanager
def _double() -> Iterator[None]:
    """Draw first weights in double precision too: in single, CPUs disagree about the last bit."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@_double()
def measure(case: Case, problem: str) -> dict[str, Any]:
    """What a few steps of a run come to, in double precision and by the reference engine."""
    # Two tasks share nothing at twice the size of one network; there is no room for more.
    fitting = {"budget": 1.2} if (case.method, problem) == ("branched", "overlaid") else {}
    run = case.build(problem, method=fitting, device={"dtype": "float64"})
    count = max([1, *boundaries(run)]) + 2
    made: list[dict[str, Any]] = []
    for _ in range(count):
        (result,) = steps(run, 1)
        made.append(_step(run, result))
    scores = evaluate(run, lambda: None)
    kept = {"macro_error", "micro_error", *run.method.scalars()}
    losses = [value for name, value in scores.items() if name.startswith("test_loss.")]
    return {
        "steps": made,
        "end": {
            **{name: scores[name] for name in sorted(kept)},
            "macro_loss": sum(losses) / len(losses),
            **_summary([*run.population.bank.parameters()], "weights"),
            **_summary([*run.population.bank.buffers()], "statistics"),
            **{
                name: value
                for kind, tensor in sorted(run.method.tensors().items())
                for name, value in _summary([tensor], kind).items()
            },
        },
    }


def _step(run: Experiment, result: StepResult) -> dict[str, Any]:
    fitness = {} if result.fitness_S is None else {"fitness": result.fitness_S.tolist()}
    rule = {k: v for k, v in run.step_size.scalars().items() if k != "trial_share"}  # a time
    return {"loss": result.loss_T.tolist(), "gradient": result.gradient_norm, **fitness, **rule}


def _summary(tensors: list[torch.Tensor], name: str) -> dict[str, float]:
    """Their norm, and a sum in which every number has a weight of its own, so that order counts."""
    flat = torch.cat([torch.zeros(1), *(x.detach().flatten() for x in tensors)]).double()
    weights = torch.arange(len(flat), dtype=torch.float64).cos()
    return {f"{name}.norm": float(flat.norm()), f"{name}.sum": float(flat @ weights)}


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of what `measure` gives, with its place."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from numbers(inside, f"{name}/{key}")
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from numbers(inside, f"{name}/{index}")
    else:
        yield name, float(value)


def recorded() -> dict[str, dict[str, Any]]:
    """The numbers in the file, by the run's name."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text())
    return found


def moved(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Where two runs differ by more than what other orders of summation make of it."""
    now, then = dict(numbers(found)), dict(numbers(wanted))
    return [
        f"{name}: {now.get(name)}, recorded as {then.get(name)}"
        for name in {**then, **now}
        if name not in now
        or name not in then
        or not math.isclose(now[name], then[name], rel_tol=1e-9, abs_tol=1e-11)
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_rounded(inside) for inside in value]
    return float(f"{value:.{DIGITS}g}")


def main() -> None:
    """Write the file; a line for every run that is new, gone or not what it was."""
    before = recorded() if FILE.exists() else {}
    found = {name: _rounded(measure(*run)) for name, run in runs().items()}
    for name in [*found, *(before.keys() - found.keys())]:
        places = moved(found.get(name, {}), before.get(name, {}))
        if places:
            print(f"{name}: {len(places)} numbers moved, first {places[0]}")
    lines = (f"{json.dumps(name)}: {json.dumps(run)}" for name, run in found.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
