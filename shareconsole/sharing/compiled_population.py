"""The loop engine with the modules of its units run through torch.compile: other rounding.

One function per unit and layout of modules is compiled, once for every mode and size of batch, and
run for all K modules: their parameters and statistics are inputs of the compiled code, so neither
K nor S nor the number of steps makes it compile more.

* Heads stay as they are: a matrix product, of another size for every task, has nothing to fuse.
* So do units with dropout, whose masks come from a generator of the run (`sharing.dropout`).
  Compiled code would draw them from a stream of its own.
* So does what is tested (`logits`): the last images of a test are as many as are left, and for
  every other number of them the code would be compiled again.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING

import torch

from shareconsole.sharing.dropout import Dropout
from shareconsole.sharing.population import LoopPopulation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from shareconsole.sharing.bank import Bank

    Run = Callable[[nn.Module, Tensor], Tensor]


class CompiledPopulation(LoopPopulation):
    """S * T forward passes, unit by unit through compiled code.

    Attributes:
        left_plain: Names of the units that are not compiled, because they draw random numbers.
    """

    def __init__(self, bank: Bank) -> None:
        """Evaluate assignments over the modules of `bank`; each piece is compiled when first run.

        `compiling.require_compiler` should have been asked before.
        """
        super().__init__(bank)
        self._compiled: dict[nn.Module, Run] = {}
        left: list[str] = []
        for name, modules in bank.modules_by_unit()[:-1]:
            runs: dict[str, Run] = {}
            for module in modules:
                if any(isinstance(layer, Dropout) for layer in module.modules()):
                    left.append(name)
                    continue
                # Candidates may be of several kinds, and what is compiled is for one.
                layout = str(module)
                if layout not in runs:
                    runs[layout] = _compiled(f"{name}_{len(runs)}")
                self._compiled[module] = runs[layout]
        self.left_plain = tuple(dict.fromkeys(left))

    def logits(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Population.logits`."""
        self.bank.eval()
        with torch.no_grad():
            return super()._forward(task, choice, inputs)

    def _forward(self, task: int, choice: Sequence[int], inputs: Tensor) -> Tensor:
        outputs = inputs
        for module in self.bank.path(task, choice):
            run = self._compiled.get(module)
            outputs = module(outputs) if run is None else run(module, outputs)
        return outputs


def _run(module: nn.Module, inputs: Tensor) -> Tensor:
    outputs: Tensor = module(inputs)
    return outputs


def _compiled(name: str) -> Run:
    """`_run`, compiled whole and for fixed sizes, or an error.

    What torch compiles it keeps with the code of a Python function, looks through one by one and
    limits in number, so every unit has code of its own.
    """
    code = _run.__code__.replace(co_name=name)
    run: Run = torch.compile(FunctionType(code, _run.__globals__), fullgraph=True, dynamic=False)
    return run
