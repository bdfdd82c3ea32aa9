"""A module as a list of operations that can run on many nodes at once.

A module is traced by torch.fx into its layers. Most layers treat every image on its own, so the
images of all nodes may simply be stacked. Batch-norm in train mode looks at a whole batch: it
becomes an operation that keeps the nodes apart. Convolution, batch-norm, ReLU and 2x2 max-pool in a
row become one operation. What would draw random numbers, or is not known here, is refused.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from shareconsole.sharing.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_WITH_WEIGHTS = (nn.Conv2d, nn.Linear, nn.GroupNorm)
_WITHOUT_WEIGHTS = (
    nn.Tanh,
    nn.Sigmoid,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
    nn.Identity,
)
_FUNCTIONS = (operator.add, torch.add, torch.relu, torch.tanh, torch.flatten)
_TRACE_ERRORS = (
    fx.proxy.TraceError,
    TypeError,
    RuntimeError,
    AttributeError,
    ValueError,
    IndexError,
)


class UnsupportedModuleError(ValueError):
    """A module that cannot run on several nodes at once; the message says why."""


@dataclass(frozen=True)
class Slot:
    """An argument that is the value with this index; the input of the module is value 0."""

    index: int


@dataclass(frozen=True)
class Operation:
    """One value: what computes it, and from which values.

    Attributes:
        kind: "call" (of a function or a layer without weights), "layer", "linear", "norm",
            "conv-norm" (eval mode only) or "conv-unit".
        layers: Names of the layers involved; the function itself for a function.
        inputs: Arguments.
        output: Index of the value.
        last: Indices of the values that nothing reads after this.
    """

    kind: str
    layers: tuple[Any, ...]
    inputs: tuple[Any, ...]
    output: int
    last: tuple[int, ...] = ()


@dataclass(frozen=True)
class Program:
    """The operations of a module, in order.

    Attributes:
        train: In train mode.
        infer: In eval mode.
        result: Index of the value that is the module's output.
        size: Number of values.
        ends_in_linear: Whether the output is that of a linear layer.
    """

    train: tuple[Operation, ...]
    infer: tuple[Operation, ...]
    result: int
    size: int
    ends_in_linear: bool


class _Tracer(fx.Tracer):
    """Leaves dropout whole, to be refused by name."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module becomes one node of the graph."""
        return isinstance(m, Dropout) or super().is_leaf_module(m, module_qualified_name)


def trace(module: nn.Module) -> fx.Graph:
    """The graph of a module.

    Raises:
        UnsupportedModuleError: The graph is not the same for all inputs, or in both modes.
    """
    was_training = module.training
    try:
        graphs = []
        for mode in (not was_training, was_training):
            module.train(mode)
            graphs.append(_Tracer().trace(module))
    except _TRACE_ERRORS as error:
        raise UnsupportedModuleError(f"its code depends on the data: {error}") from error
    finally:
        module.train(was_training)
    if signature(graphs[0]) != signature(graphs[1]):
        raise UnsupportedModuleError("its code is not the same in train and in eval mode")
    return graphs[1]


def signature(graph: fx.Graph) -> list[tuple[str, ...]]:
    """What two graphs have in common if they compute the same from their layers."""
    return [(n.op, str(n.target), str(n.args), str(n.kwargs)) for n in graph.nodes]


def lower(graph: fx.Graph, layers: dict[str, nn.Module]) -> Program:
    """The operations of a graph.

    Args:
        graph: As `trace` makes it.
        layers: The layers by the names that the graph has for them.

    Raises:
        UnsupportedModuleError: Something in it cannot run on several nodes at once.
    """
    (output,) = (node for node in graph.nodes if node.op == "output")
    result = output.args[0]
    if not isinstance(result, fx.Node):
        raise UnsupportedModuleError("it returns something other than one tensor")
    needed = {result}
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    nodes = [node for node in graph.nodes if node in needed or node.op == "placeholder"]
    if [node.op for node in nodes].count("placeholder") != 1:
        raise UnsupportedModuleError("it takes more than one input")
    called = [node.target for node in nodes if node.op == "call_module"]
    for name in {name for name in called if called.count(name) > 1}:
        if isinstance(layers[str(name)], _NORMS):
            raise UnsupportedModuleError(f"{name} normalises twice in one pass")
    index = nodes.index(result)
    return Program(
        _letting_go(_operations(nodes, layers, train=True), index),
        _letting_go(_operations(nodes, layers, train=False), index),
        index,
        len(nodes),
        result.op == "call_module" and isinstance(layers[str(result.target)], nn.Linear),
    )


def _letting_go(operations: Iterable[Operation], result: int) -> tuple[Operation, ...]:
    """The operations, told which values can go after each."""
    read = {result}
    found = []
    for operation in reversed([*operations]):
        used = {i.index for i in operation.inputs if isinstance(i, Slot)}
        found.append(replace(operation, last=tuple(used - read)))
        read |= used
    return tuple(reversed(found))


def _operations(
    nodes: list[fx.Node], layers: dict[str, nn.Module], *, train: bool
) -> Iterator[Operation]:
    index = {node: i for i, node in enumerate(nodes)}
    done: set[fx.Node] = set()
    for node in nodes:
        if node.op == "placeholder" or node in done:
            continue
        members = [node]
        names: tuple[Any, ...] = (node.target,)
        if node.op == "call_module":
            kind, members = _operation(node, layers, train=train)
            names = tuple(str(member.target) for member in members[:2])
            if isinstance(layers[str(node.target)], nn.ReLU):
                names = (torch.relu,)  # whatever `inplace` says: others may read the same values
        elif node.op == "call_function" and node.target in _FUNCTIONS:
            kind = "call"
            if node.target is torch.flatten and node.args[1:] != (1,):
                raise UnsupportedModuleError("it flattens other than image by image")
        else:
            raise UnsupportedModuleError(f"{node.format_node()} is not known to keep images apart")
        if node.kwargs:
            raise UnsupportedModuleError(f"{node.format_node()} has keyword arguments")
        done.update(members)
        inputs = tuple(Slot(index[a]) if isinstance(a, fx.Node) else a for a in node.args)
        yield Operation(kind, names, inputs, index[members[-1]])


def _operation(
    node: fx.Node, layers: dict[str, nn.Module], *, train: bool
) -> tuple[str, list[fx.Node]]:
    """The kind of operation that begins at a layer, and the nodes of the graph it covers."""
    members = [node]
    while len(members) < 4 and len(members[-1].users) == 1:
        follower = next(iter(members[-1].users))
        if follower.op != "call_module" or len(follower.args) != 1:
            break
        members.append(follower)
    chain = [layers[str(member.target)] for member in members]
    if len(chain) > 1 and isinstance(chain[0], nn.Conv2d | nn.Linear) and _is_norm(chain[1]):
        if len(chain) == 4 and _is_conv_unit(chain):
            return "conv-unit", members
        if not train and not _pads_oddly(chain[0]):
            return "conv-norm", members[:2]
    layer = chain[0]
    if _is_norm(layer):
        return "norm", members[:1]
    if isinstance(layer, Dropout | nn.Dropout | nn.Dropout1d | nn.Dropout2d):
        raise UnsupportedModuleError(f"{layer} draws random numbers in every pass")
    if isinstance(layer, nn.ReLU):
        return "call", members[:1]
    if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1):
        raise UnsupportedModuleError("it flattens other than image by image")
    if not isinstance(layer, _WITH_WEIGHTS + _WITHOUT_WEIGHTS):
        raise UnsupportedModuleError(f"{type(layer).__name__} is not known to keep images apart")
    if isinstance(layer, nn.Linear) and layer.bias is not None:
        return "linear", members[:1]
    return "layer" if isinstance(layer, _WITH_WEIGHTS) else "call", members[:1]


def _is_norm(layer: nn.Module) -> bool:
    """True for plain batch-norm, False for other layers; raises for batch-norm out of the plain."""
    if not isinstance(layer, _NORMS):
        return False
    if not (layer.affine and layer.track_running_stats) or layer.momentum is None:
        raise UnsupportedModuleError(f"{layer} is not plain batch-norm with a momentum")
    return True


def _is_conv_unit(chain: list[nn.Module]) -> bool:
    conv, _, relu, pool = chain
    return (
        isinstance(conv, nn.Conv2d)
        and conv.bias is None
        and not _pads_oddly(conv)
        and isinstance(relu, nn.ReLU)
        and isinstance(pool, nn.MaxPool2d)
        and pool.kernel_size in (2, (2, 2))
        and pool.stride in (2, (2, 2))
        and pool.padding in (0, (0, 0))
        and pool.dilation in (1, (1, 1))
        and not pool.ceil_mode
        and not pool.return_indices
    )


def _pads_oddly(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and (
        layer.padding_mode != "zeros" or isinstance(layer.padding, str)
    )
