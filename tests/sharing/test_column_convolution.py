"""Convolutions as products with columns of patches equal torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from shareconsole.sharing import column_convolution as columns
from shareconsole.sharing.layout import Layout, channels_last

NODES, IMAGES, OUTPUTS = (2, 1, 3), 4, 5
LAYOUT = Layout(NODES, IMAGES, torch.device("cpu"))
TOLERANCE = {"rtol": 0, "atol": 1e-12}

CASES = [
    (channels, size, padding, sides)
    for channels in (1, 3)
    for size, padding in (((3, 3), (1, 1)), ((5, 3), (0, 2)), ((1, 1), (0, 0)), ((2, 4), (1, 0)))
    for sides in ((8, 7), (5, 5))
]


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=float)


@pytest.mark.parametrize(("channels", "size", "padding", "sides"), CASES)
def test_outputs_and_gradients(channels, size, padding, sides):
    x = channels_last(drawn(sum(NODES) * IMAGES, channels, *sides)).requires_grad_()
    kernels = drawn(len(NODES), OUTPUTS, channels, *size).requires_grad_()
    parts = zip(LAYOUT.split(x), kernels, strict=True)
    expected = torch.cat([conv2d(part, kernel, None, 1, padding) for part, kernel in parts])
    flow = channels_last(drawn(*expected.shape))
    dx, dkernels = torch.autograd.grad(expected, (x, kernels), flow)
    with torch.no_grad():
        found = columns.patches(x, size, padding)
        output = columns.multiply(found, columns.as_matrices(kernels), LAYOUT)
        torch.testing.assert_close(output, expected, **TOLERANCE)
        assert output.permute(0, 2, 3, 1).is_contiguous()
        matrices = columns.gradient_of_kernels(flow, found.matrix_RP, LAYOUT)
        torch.testing.assert_close(columns.as_kernels(matrices, size), dkernels, **TOLERANCE)
        moved = columns.gradient_of_input(flow, kernels, padding, LAYOUT)
        torch.testing.assert_close(moved, dx, **TOLERANCE)
        bias = drawn(len(NODES), OUTPUTS)
        shifted = columns.multiply(found, columns.as_matrices(kernels), LAYOUT, bias)
        of_node = bias.repeat_interleave(torch.tensor(NODES) * IMAGES, 0)[:, :, None, None]
        torch.testing.assert_close(shifted, expected + of_node, **TOLERANCE)


def test_one_module():
    layout = Layout((2,), IMAGES, torch.device("cpu"))
    x, kernel = drawn(2 * IMAGES, 2, 4, 4), drawn(1, OUTPUTS, 2, 3, 3)
    found = columns.patches(x, (3, 3), (1, 1))
    output = columns.multiply(found, columns.as_matrices(kernel), layout)
    torch.testing.assert_close(output, conv2d(x, kernel[0], padding=1), **TOLERANCE)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, stride=2),
        nn.Conv2d(2, 3, 3, dilation=2),
        nn.Conv2d(2, 4, 3, groups=2),
        nn.Conv2d(2, 3, 3, padding=3),
        nn.Conv2d(2, 3, 3, padding="same"),
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
        nn.Linear(4, 3),
    ],
    ids=str,
)
def test_what_they_are_not_for(layer):
    assert not columns.suits(layer, torch.zeros(2, 2, 6, 6), 1)


def test_they_are_for_small_convolutions_only():
    layer = nn.Conv2d(16, 32, 3, padding=1)
    assert columns.suits(layer, torch.zeros(16, 16, 4, 4), 1)
    assert not columns.suits(layer, torch.zeros(16, 16, 14, 14), 1)
    assert columns.suits(layer, torch.zeros(16, 16, 14, 14), 4)
    assert not columns.suits(layer, torch.zeros((16, 16, 4, 4), device="meta"), 1)
