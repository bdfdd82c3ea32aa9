"""Options of learned parameter allocation (Maziarz et al. 2019/20, arXiv 1910.04915)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shareconsole.spec.fields import Issue, option
from shareconsole.spec.method.table import MAX_MODULES, MethodTable


class GumbelOptions(MethodTable):
    """Learn by gradient descent which components each task uses; those in use are averaged."""

    name: Literal["gumbel"] = option("the method", unit="name")
    components: Annotated[int, Field(ge=2, le=MAX_MODULES)] | Literal["tasks"] = option(
        'components per routed unit; "tasks" means one per task', unit="modules", default="tasks"
    )
    initial_probability: float = option(
        "probability of every connection between a task and a component at the start",
        unit="fraction",
        default=0.5,
        ge=1e-6,
        le=1 - 1e-6,
    )
    temperature: float = option(
        "temperature of the gradient at the start; it falls with the square root of the updates",
        unit="1",
        default=50.0,
        gt=0,
        le=1e6,
    )
    lowest_temperature: float = option(
        "temperature below which it does not fall", unit="1", default=0.5, gt=0, le=1e6
    )
    router_learning_rate: float = option(
        "step size of the connections' own Adam", unit="1", default=0.005, gt=0, le=1000
    )
    budget: float = option(
        "fraction of all components that a task may use for free",
        unit="fraction",
        default=1.0,
        ge=0,
        le=1,
    )
    budget_weight: float = option(
        "cost of the mean connection probability beyond the budget",
        unit="nats",
        default=0.0,
        ge=0,
        le=1000,
    )
    entropy_weight: float = option(
        "cost of each nat of entropy of the connections, at the end of a ramp",
        unit="1",
        default=0.0,
        ge=0,
        le=1000,
    )
    entropy_rounds: int = option(
        "steps until the entropy's cost is at its full weight; in the paper, all steps of the run",
        unit="steps",
        default=1000,
        ge=1,
        le=1_000_000_000,
    )
    entropy_power: float = option(
        "shape of that ramp: the part of the steps made, to this power",
        unit="1",
        default=1.0,
        ge=0,
        le=100,
    )
    connection_weight: float = option(
        "cost of each connection expected", unit="nats", default=0.0, ge=0, le=1000
    )
    disconnection_weight: float = option(
        "cost of the probability that a unit has no connection",
        unit="nats",
        default=0.0,
        ge=0,
        le=1000,
    )
    l2_weight: float = option(
        "cost of half the square of every weight that is not a bias",
        unit="nats",
        default=0.0,
        ge=0,
        le=1000,
    )

    @property
    def blended(self) -> bool:
        """Whether a network runs all components of a routed unit: it does."""
        return True

    @property
    def recorded(self) -> int:
        """Number of [L, T, K] tensors that a record of the method's state has."""
        return 2

    def candidates(self, num_tasks: int) -> int:
        """Return K, the number of components per routed unit."""
        return num_tasks if self.components == "tasks" else self.components

    def routed_copies(self, index: int, num_routed: int, num_tasks: int) -> int:
        """Return how many copies of a routed unit are stored: one per component."""
        return self.candidates(num_tasks)

    def issues(self, num_routed: int, num_tasks: int) -> list[Issue]:
        """Return what does not fit the network's routed units and the number of tasks."""
        found = []
        if self.candidates(num_tasks) < 2:
            found.append(
                Issue(
                    ("components",),
                    '"tasks" is one component, which leaves nothing to allocate',
                    f"an integer from 2 to {MAX_MODULES}",
                )
            )
        if self.budget < 1 and self.budget_weight == 0:
            found.append(
                Issue(("budget",), "is not used with budget_weight = 0", "a budget_weight above 0")
            )
        if num_routed == 0:
            found.append(
                Issue(
                    ("name",),
                    "gumbel has nothing to allocate: the network routes no unit",
                    'mark at least one unit "routed" in [network]',
                )
            )
        return found
