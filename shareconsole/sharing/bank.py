"""The bank: every module of a run, and which of them a task's network is made of.

Shapes: L routed units, T tasks, K candidate modules per routed unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from shareconsole.sharing.network import Mark, NetworkPlan
    from shareconsole.sharing.seeding import Generators


class Bank(nn.Module):
    """Modules of all units and the heads of all tasks.

    A shared unit holds one module, a unit of marks "task" T of them, a routed unit K candidates.
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
        self.marks = tuple(marks)
        self.num_tasks = len(num_classes)
        self.num_modules = num_modules
        count = {"shared": 1, "routed": num_modules, "task": self.num_tasks}
        self.units = nn.ModuleList()
        for unit, mark in zip(plan.units, marks, strict=True):
            candidates = nn.ModuleList()
            for k in range(count[mark]):
                with generators.initialising(f"{unit.name}/{k}"):
                    candidates.append(unit.build())
            self.units.append(candidates)
        self.heads = nn.ModuleList()
        for task, classes in enumerate(num_classes):
            with generators.initialising(f"head/{task}"):
                self.heads.append(plan.build_head(classes))
        # Plain lists beside the registered ones: walking a ModuleList by index costs a string
        # conversion each time, which the innermost loop would pay S*T*units times a step.
        self._candidates = [[*unit.children()] for unit in self.units]
        self._heads = [*self.heads]
        routed = [name for name, mark in zip(self.names, marks, strict=True) if mark == "routed"]
        self.routed_names = tuple(routed)

    @property
    def num_routed(self) -> int:
        """L."""
        return len(self.routed_names)

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
        for mark, candidates in zip(self.marks, self._candidates, strict=True):
            if mark == "routed":
                divisors = next(routed)
            else:
                users = self.num_tasks if mark == "shared" else 1
                divisors = [float(num_samples * users)] * len(candidates)
            for module, divisor in zip(candidates, divisors, strict=True):
                _divide_gradients(module, divisor)
        for head in self._heads:
            _divide_gradients(head, float(num_samples))

    def gradient_norm(self) -> Tensor:
        """Euclidean norm over all gradients there are, a scalar on the device."""
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        if not gradients:
            return next(self.parameters()).new_zeros(())
        return torch.nn.utils.get_total_norm(gradients)

    def describe(self) -> list[dict[str, object]]:
        """Name, sharing, number of modules and parameters of one module, per unit and the heads."""
        rows: list[dict[str, object]] = []
        for name, mark, candidates in zip(self.names, self.marks, self._candidates, strict=True):
            size = sum(p.numel() for p in candidates[0].parameters())
            rows.append(
                {"name": name, "sharing": mark, "modules": len(candidates), "parameters": size}
            )
        return rows

    def num_parameters(self) -> int:
        """Parameters stored, heads and unused candidates included."""
        return sum(p.numel() for p in self.parameters())


def _divide_gradients(module: nn.Module, divisor: float) -> None:
    for parameter in module.parameters():
        if parameter.grad is not None:
            parameter.grad.div_(divisor)
