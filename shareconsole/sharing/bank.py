"""The bank: every module of a run, and which of them a task's network is made of.

Shapes: L routed units, T tasks, K candidate modules per routed unit.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from shareconsole.sharing.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.seeding import Generators


class Bank(nn.Module):
    """Modules of all units and the heads of all tasks.

    A shared unit holds one module, a unit of marks "task" T of them, a routed unit K candidates.

    Attributes:
        names: Name of every unit.
        planned_marks: Mark of every unit as the network has it.
        marks: Mark of every unit as the method decided it.
        num_tasks: T.
        num_modules: K.
        routed_names: Names of the L routed units.
    """

    def __init__(
        self,
        plan: NetworkPlan,
        marks: Sequence[Mark],
        num_classes: Sequence[int],
        num_modules: int,
        generators: Generators,
    ) -> None:
        """Build and initialise every module from a stream of its own.

        Module k of a unit starts from the same weights whatever the method, so runs of one seed
        under different methods are paired.

        Args:
            plan: The network.
            marks: The mark of every unit as the method decided it.
            num_classes: Classes of each task; its length is T.
            num_modules: K.
            generators: The run's generators.

        Raises:
            ValueError: There is not one mark per unit.
        """
        super().__init__()
        if len(marks) != len(plan.units):
            raise ValueError(f"{len(marks)} marks for {len(plan.units)} units")
        self.names = tuple(unit.name for unit in plan.units)
        self.planned_marks = tuple(unit.mark for unit in plan.units)
        self.marks = tuple(marks)
        self.num_tasks = len(num_classes)
        self.num_modules = num_modules
        self._makers = _makers(plan, marks, num_classes, num_modules)
        *units, heads = (
            nn.ModuleList(_made(name, make, generators) for name, make in makers)
            for makers in self._makers
        )
        self.units = nn.ModuleList(units)
        self.heads = heads
        # Plain lists beside the registered ones: walking a ModuleList by index costs a string
        # conversion each time, which the innermost loop would pay S*T*units times a step.
        self._candidates = [[*unit.children()] for unit in self.units]
        self._heads = [*self.heads]
        # Walking a module for its parameters is slow too, and done for every module and step.
        modules = [*(m for candidates in self._candidates for m in candidates), *self._heads]
        self._parameters_of = [[*module.parameters()] for module in modules]
        of_marks = zip(self.names, marks, strict=True)
        self.routed_names = tuple(name for name, mark in of_marks if mark == "routed")
        for module in self.modules():
            if isinstance(module, Dropout):
                module.generator = generators("dropout")

    @property
    def num_routed(self) -> int:
        """L."""
        return len(self.routed_names)

    def reinitialise(self, generators: Generators, stream: str) -> None:
        """Start again: new weights and running statistics in the modules there are.

        Args:
            generators: The run's generators.
            stream: Names what the weights are drawn from; every module has a stream of its own
                under it, and equal names give equal weights.
        """
        every = [*self._candidates, self._heads]
        for modules, makers in zip(every, self._makers, strict=True):
            for module, (name, make) in zip(modules, makers, strict=True):
                fresh = _made(f"{stream}/{name}", make, generators)
                module.load_state_dict(fresh.state_dict())

    def path(self, task: int, choice: Sequence[int]) -> list[nn.Module]:
        """The modules of one task's network in order, head included.

        Args:
            task: Index of the task.
            choice: L module indices, one per routed unit.
        """
        modules: list[nn.Module] = []
        routed = iter(choice)
        for mark, candidates in zip(self.marks, self._candidates, strict=True):
            if mark == "routed":
                modules.append(candidates[next(routed)])
            else:
                modules.append(candidates[task if mark == "task" else 0])
        modules.append(self._heads[task])
        return modules

    def modules_by_unit(self) -> list[tuple[str, list[nn.Module]]]:
        """Name and modules of every unit in order; the heads come last."""
        named = zip(self.names, self._candidates, strict=True)
        return [*named, ("head", self._heads)]

    def choices(self, assignments_SLT: Tensor) -> list[list[list[int]]]:
        """For each entry of `modules_by_unit`, the module [S][T] that every network uses there.

        Args:
            assignments_SLT: [S, L, T] on the CPU.
        """
        drawn = assignments_SLT.tolist()
        own = [[*range(self.num_tasks)]] * len(drawn)
        shared = [[0] * self.num_tasks] * len(drawn)
        routed = iter(range(self.num_routed))
        choices = []
        for mark in self.marks:
            if mark == "routed":
                unit = next(routed)
                choices.append([rows[unit] for rows in drawn])
            else:
                choices.append(own if mark == "task" else shared)
        return [*choices, own]

    def normalise_gradients(self, num_samples: int, pi_LTK: Tensor) -> None:
        """Turn summed gradients into the estimate the optimiser takes.

        A shared module is divided by S * T, a task's own module or head by S, and module k of
        routed unit l by S * sum_t pi[l, t, k], the number of tasks expected to use it. Modules
        nobody used have no gradient and stay without one (Prellberg & Kramer 2020, released
        code).

        Args:
            num_samples: S, the assignments whose gradients were summed.
            pi_LTK: [L, T, K] probabilities after the update of this step.
        """
        expected_LK = (num_samples * pi_LTK.sum(1)).tolist()
        routed = iter(expected_LK)
        divisors: list[float] = []
        for mark, candidates in zip(self.marks, self._candidates, strict=True):
            if mark == "routed":
                divisors += next(routed)
            else:
                users = self.num_tasks if mark == "shared" else 1
                divisors += [float(num_samples * users)] * len(candidates)
        divisors += [float(num_samples)] * len(self._heads)
        gradients: list[Tensor] = []
        of_gradient: list[float] = []
        for owned, divisor in zip(self._parameters_of, divisors, strict=True):
            present = [p.grad for p in owned if p.grad is not None]
            gradients += present
            of_gradient += [divisor] * len(present)
        if gradients:
            torch._foreach_div_(gradients, of_gradient)

    def gradient_norm(self) -> Tensor:
        """Euclidean norm over all gradients there are, a scalar on the device."""
        gradients = [p.grad for owned in self._parameters_of for p in owned if p.grad is not None]
        if not gradients:
            return next(self.parameters()).new_zeros(())
        return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))

    def describe(self) -> list[dict[str, object]]:
        """Name, sharing, number of modules and parameters of the first one, per unit.

        Where modules differ in size, "sizes" has the parameters of each.
        """
        rows: list[dict[str, object]] = []
        for name, mark, candidates in zip(self.names, self.marks, self._candidates, strict=True):
            sizes = [_size(module) for module in candidates]
            row = {"name": name, "sharing": mark, "modules": len(sizes), "parameters": sizes[0]}
            rows.append({**row, "sizes": sizes} if len(set(sizes)) > 1 else row)
        return rows

    def head_sizes(self) -> list[int]:
        """Parameters of each task's head."""
        return [_size(head) for head in self._heads]

    def num_parameters(self) -> int:
        """Parameters stored, heads and unused candidates included."""
        return sum(p.numel() for p in self.parameters())


def _makers(
    plan: NetworkPlan, marks: Sequence[Mark], num_classes: Sequence[int], num_modules: int
) -> list[list[tuple[str, Callable[[], nn.Module]]]]:
    """Name and maker of every module: for each unit its candidates, then the heads."""
    count = {"shared": 1, "routed": num_modules, "task": len(num_classes)}
    units = [
        [
            (
                f"{unit.name}/{k}",
                partial(unit.build_candidate, k) if mark == "routed" else unit.build,
            )
            for k in range(count[mark])
        ]
        for unit, mark in zip(plan.units, marks, strict=True)
    ]
    heads = ((f"head/{t}", partial(plan.build_head, n)) for t, n in enumerate(num_classes))
    return [*units, [*heads]]


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _made(name: str, make: Callable[[], nn.Module], generators: Generators) -> nn.Module:
    with generators.initialising(name):
        return make()
