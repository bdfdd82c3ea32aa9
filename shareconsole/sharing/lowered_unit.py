"""All modules of a unit, or all heads, running on many nodes at once.

Layers without weights run once over all nodes; layers with weights run once per module, over the
nodes of that module, which are neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from torch import nn

from shareconsole.sharing import column_convolution, image_convolution
from shareconsole.sharing.conv_unit import ConvSettings, ConvUnit
from shareconsole.sharing.kernels import (
    GroupedLinear,
    NodeBatchNorm,
    convolve,
    folded_forward,
    grouped_linear,
    normalise,
    pool_2x2,
)
from shareconsole.sharing.layout import join
from shareconsole.sharing.lowering import Slot, UnsupportedModuleError, lower, signature, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from torch import Tensor

    from shareconsole.sharing.kernels import Norm
    from shareconsole.sharing.layout import Layout
    from shareconsole.sharing.lowering import Operation

    Observe = Callable[[list[Norm], Tensor, Tensor], None]


class LoweredUnit:
    """All modules of a unit, which are alike but for their weights, or the heads of all tasks.

    Heads may differ in their classes: where they do, logits are padded with minus infinity.
    """

    def __init__(
        self,
        modules: Sequence[nn.Module],
        *,
        heads: bool = False,
        reads_images: bool = False,
        multiply: torch.dtype | None = None,
    ) -> None:
        """Trace `modules`.

        Args:
            modules: The modules.
            heads: Whether they are heads, whose last layers may have different widths.
            reads_images: Whether nothing comes before the unit, so that its inputs need no
                gradient.
            multiply: The type that convolutions multiply in, if not that of the images.

        Raises:
            UnsupportedModuleError: A layer cannot run on several nodes at once, or the modules are
                not all built alike.
        """
        self._reads_images = reads_images
        self._multiply = multiply
        # Wrapped, so that a module that is a single layer is a layer of the graph too.
        wrapped = [nn.Sequential(module) for module in modules]
        self._layers = [dict(module.named_modules()) for module in wrapped]
        graphs = [trace(module) for module in wrapped]
        self._program = lower(graphs[0], self._layers[0])
        may_differ = heads and self._program.ends_in_linear
        kinds = [_kind(module, but_for_width=may_differ) for module in modules]
        graphs_differ = any(signature(graph) != signature(graphs[0]) for graph in graphs[1:])
        if graphs_differ or any(kind != kinds[0] for kind in kinds[1:]):
            raise UnsupportedModuleError("its modules are not all built alike")

    def train(self, x: Tensor, modules: Sequence[int], layout: Layout, observe: Observe) -> Tensor:
        """Outputs in train mode, whatever mode the modules are in.

        Args:
            x: [N * B, ...] node by node, the nodes of one module together.
            modules: The G modules in use.
            layout: Their nodes.
            observe: Told of every batch-norm layer: the layer in each of the G modules, and mean
                and unbiased variance [N, C] of what the nodes brought to it.
        """
        used = [self._layers[module] for module in modules]
        values: list[Any] = [x] + [None] * (self._program.size - 1)
        del x
        for step in self._program.train:
            inputs = _taken(values, step)
            values[step.output] = self._trained(step, inputs, used, layout, observe)
        return cast("Tensor", values[self._program.result])

    def _trained(
        self,
        step: Operation,
        inputs: list[Any],
        used: list[dict[str, nn.Module]],
        layout: Layout,
        observe: Observe,
    ) -> Tensor:
        if step.kind == "call":
            return self._function(step)(*inputs)
        layers: list[list[Any]] = [[named[name] for name in step.layers] for named in used]
        if step.kind == "linear" and inputs[0].dim() == 2:
            linears = [row[0] for row in layers]
            return cast(
                "Tensor", GroupedLinear.apply(inputs[0], linears[0].weight, layout, linears)
            )
        if step.kind in ("layer", "linear"):
            parts = zip(layers, layout.split(inputs[0]), strict=True)
            return join([self._apply(layer, part) for (layer,), part in parts])
        norms = [row[-1] for row in layers]
        weight = norms[0].weight
        if step.kind == "norm":
            outputs = NodeBatchNorm.apply(inputs[0], weight, layout, norms)
        else:
            convs = [row[0] for row in layers]
            first = self._reads_images and step.inputs == (Slot(0),)
            way = self._way(convs[0], inputs[0], len(convs), of_images=first)
            settings = self._settings(convs[0], norms[0], way)
            outputs = ConvUnit.apply(inputs[0], weight, layout, settings, convs, norms)
        output, mean, variance = outputs
        observe(norms, mean, variance)
        return cast("Tensor", output)

    def infer(self, x: Tensor, modules: Sequence[int], layout: Layout) -> Tensor:
        """Outputs in eval mode, whatever mode the modules are in; call it without gradients."""
        used = [self._layers[module] for module in modules]
        values: list[Any] = [x] + [None] * (self._program.size - 1)
        del x
        for step in self._program.infer:
            inputs = _taken(values, step)
            values[step.output] = self._inferred(step, inputs, used, layout)
        return cast("Tensor", values[self._program.result])

    def _inferred(
        self, step: Operation, inputs: list[Any], used: list[dict[str, nn.Module]], layout: Layout
    ) -> Tensor:
        if step.kind == "call":
            return self._function(step)(*inputs)
        layers: list[list[Any]] = [[named[name] for named in used] for name in step.layers]
        if step.kind == "linear" and inputs[0].dim() == 2:
            return grouped_linear(inputs[0], layout, layers[0])
        if step.kind not in ("conv-unit", "conv-norm"):
            apply = normalise if step.kind == "norm" else self._apply
            parts = zip(layers[0], layout.split(inputs[0]), strict=True)
            return join([apply(layer, part) for layer, part in parts])
        outer, norms = layers
        outputs = folded_forward(outer, norms, inputs[0], layout, self._multiply)
        if step.kind == "conv-norm":
            return join(outputs)
        return join([pool_2x2(y) for y in outputs]).relu_()

    def _apply(self, layer: nn.Module, x: Tensor) -> Tensor:
        if isinstance(layer, nn.Conv2d) and self._multiply and layer.padding_mode == "zeros":
            return convolve(layer, x, layer.weight, layer.bias, self._multiply)
        return cast("Tensor", layer(x))

    def _way(
        self, conv: nn.Conv2d, x: Tensor, modules: int, *, of_images: bool
    ) -> Literal["library", "patches", "images"]:
        if self._multiply is not None:
            return "library"
        if of_images and image_convolution.suits(conv, x):
            return "images"
        return "patches" if column_convolution.suits(conv, x, modules) else "library"

    def _settings(
        self, conv: nn.Conv2d, norm: Norm, way: Literal["library", "patches", "images"]
    ) -> ConvSettings:
        assert not isinstance(conv.padding, str)
        return ConvSettings(
            conv.stride,
            conv.padding,
            conv.dilation,
            conv.groups,
            norm.eps,
            self._multiply,
            way,
        )

    def _function(self, step: Operation) -> Callable[..., Tensor]:
        (name,) = step.layers
        return cast(
            "Callable[..., Tensor]", self._layers[0][name] if isinstance(name, str) else name
        )


def _taken(values: list[Any], step: Operation) -> list[Any]:
    """The arguments of a step; values that nothing reads after it are let go."""
    inputs = [values[i.index] if isinstance(i, Slot) else i for i in step.inputs]
    for index in step.last:
        values[index] = None
    return inputs


def _kind(module: nn.Module, *, but_for_width: bool) -> list[str]:
    """The layers of `module`; without the width of the last one if that may differ.

    A linear layer without a bias cannot be padded with minus infinity, so its width counts.
    """
    layers = [layer for layer in module.modules() if not [*layer.children()]]
    last = layers[-1]
    if but_for_width and isinstance(last, nn.Linear) and last.bias is not None:
        return [*map(repr, layers[:-1]), f"Linear from {last.in_features}"]
    return [*map(repr, layers)]
