"""Options of the backtracking line searches (Filatov & Merkulov 2021, arXiv 2110.00874).

The paper's text names the idea and no constants; every default here is our own choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.stepsize.table import Sharing, StepSizeTable

if TYPE_CHECKING:
    from shareconsole.spec.method.table import MethodTable
    from shareconsole.spec.preset import TrainTable

MAX_STEP = 1e6

InitialStep = Annotated[float, Field(gt=0, le=MAX_STEP)] | Literal["learning_rate"]
TaskWeight = Annotated[float, Field(ge=0, le=1e6)]
TaskWeights = (
    Annotated[tuple[TaskWeight, ...], Field(strict=False, max_length=1000)]
    | Literal["equal", "mgda_ub"]
)


class LineSearchTable(StepSizeTable):
    """What both line searches have in common."""

    columns: ClassVar[tuple[str, ...]] = ("step_size", "trials", "trial_share")

    initial_step: InitialStep = option(
        'first step size tried; "learning_rate" is train.learning_rate',
        unit="1",
        default="learning_rate",
    )
    start: Literal["warm", "reset"] = option(
        "where the search of the next batch begins: one shrinking above the last accepted step "
        '("warm"; if there was none, at the last refused one, but not below 1e-4 of initial_step), '
        'or at initial_step again ("reset")',
        unit="name",
        default="warm",
    )
    shrink: float = option(
        "beta, what a refused step is multiplied by", unit="fraction", default=0.5, gt=0, lt=1
    )
    armijo: float = option(
        "c, share of the decrease that the slope promises which a step has to bring",
        unit="fraction",
        default=0.1,
        gt=0,
        lt=1,
    )
    max_trials: int = option(
        "trials per batch; if the last is refused too, the weights stay as they are",
        unit="trials",
        default=10,
        ge=1,
        le=1000,
    )
    max_step: float = option(
        "largest step size, since what suits one batch may be too long for the others",
        unit="1",
        default=1.0,
        gt=0,
        le=MAX_STEP,
    )
    condition: Literal["sum", "every_task"] = option(
        'whose decrease is asked for: the weighted "sum" of the losses, or the loss of '
        '"every_task"; where gradients are in conflict the latter refuses every step, but for '
        "those along a direction that lowers all losses",
        unit="name",
        default="sum",
    )

    def method_issues(self, method: MethodTable) -> list[Issue]:
        """Return the issue of a method whose steps cannot be tried again."""
        if method.searchable:
            return []
        return [
            Issue(
                ("step_size", "name"),
                f"{self.name} cannot search for {method.name}, whose steps do not follow the "
                "tasks' losses along one fixed assignment alone",
                '"constant", or method.name full_sharing, prior_sharing, no_sharing or single_task',
            )
        ]

    def train_issues(self, train: TrainTable) -> list[Issue]:
        """Return the issues of an optimiser that does not follow minus the gradient."""
        found = []
        if train.optimizer != "sgd":
            problem = f'"{train.optimizer}" does not move weights along minus the gradient, '
            problem += f"for which alone {self.name} promises a decrease"
            found.append(Issue(("train", "optimizer"), problem, '"sgd"'))
        if train.weight_decay:
            problem = f"{train.weight_decay:g} pulls weights where {self.name} does not look"
            found.append(Issue(("train", "weight_decay"), problem, "0"))
        return found


class BacktrackingOptions(LineSearchTable):
    """Shorten the step until the losses fall enough; each trial is a pass of the whole network."""

    name: Literal["backtracking"] = option("the step size rule", unit="name")


class LatentBacktrackingOptions(LineSearchTable):
    """The same in the space of what the shared encoder computes: a trial runs the heads alone."""

    in_halves: ClassVar[bool] = True

    name: Literal["latent_backtracking"] = option("the step size rule", unit="name")
    task_weights: TaskWeights = option(
        'weights of the tasks in the direction: "equal", a list with one number per task (scaled '
        'to the sum 1), or "mgda_ub", those that make the shortest gradient by the latents '
        "(Sener & Koltun 2018)",
        unit="1",
        default="equal",
    )
    head_gradients: Literal["plain", "weighted"] = option(
        "whether the gradients of a task's own weights are as the constant rule has them "
        '("plain") or "weighted" by its task weight as well',
        unit="name",
        default="plain",
    )
    heads_in_trial: Literal["move", "stay"] = option(
        "whether the heads move in a trial, or the latents alone", unit="name", default="move"
    )
    rescale: Literal["by_gradient", "none"] = option(
        "how far the latents of a trial move: as far as the encoder's step is expected to move "
        "them along the direction (step size times its squared gradient by that of the latents), "
        'or, with "none", step size times their gradient, which is another length for every '
        "network and batch size",
        unit="name",
        default="by_gradient",
    )
    verify_every: int = option(
        "every so many steps, from the first on, the accepted step is tried with the whole network "
        "too, shortened until that accepts it, and bounds the steps up to the next time; 0: never",
        unit="steps",
        default=0,
        ge=0,
        le=1_000_000_000,
    )

    def sharing_issues(self, sharing: Sharing) -> list[Issue]:
        """Return the issues of a network without an encoder that all tasks share."""
        found = []
        marks = sharing.marks
        depth = next((i for i, mark in enumerate(marks) if mark != "shared"), len(marks))
        problem = ""
        if depth == 0:
            problem = "the tasks share no encoder: the first unit is not one for all of them"
        elif "shared" in marks[depth:]:
            unit = marks.index("shared", depth) + 1
            problem = f"unit {unit} is shared again after units that are the tasks' own"
        if problem:
            needed = "first units that all tasks share, then only their own (full_sharing, "
            needed += 'prior_sharing, or units marked "shared" in [network])'
            found.append(Issue(("step_size", "name"), f"{self.name}: {problem}", needed))
        weights = self.task_weights
        if not isinstance(weights, str):
            key = ("step_size", "task_weights")
            if len(weights) != sharing.num_tasks:
                problem = f"has {len(weights)} numbers for {sharing.num_tasks} tasks"
                allowed = f'a list of {sharing.num_tasks}, "equal" or "mgda_ub"'
                found.append(Issue(key, problem, allowed))
            elif not any(weights):
                found.append(Issue(key, "has only zeros", "at least one positive number"))
        return found

    def remarks(self, sharing: Sharing) -> list[str]:
        """Return what it means that tasks have images of their own."""
        if sharing.shared_inputs or sharing.num_tasks == 1:
            return []
        return [
            "latent_backtracking on tasks with images of their own: their latents have no image "
            "in common, so their gradients are orthogonal by construction, never in conflict, and "
            "a trial tells nothing of what one task's step through the encoder does to the others"
        ]
