"""A convolution of images and its batch-norm, from the patches' covariance, equal torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d, max_pool2d

from shareconsole.sharing import image_convolution
from shareconsole.sharing.conv_unit import ConvSettings, ConvUnit
from shareconsole.sharing.kernels import GroupedLinear, NodeBatchNorm
from shareconsole.sharing.layout import Layout, channels_last

NODES, IMAGES = (2, 1, 3), 4
LAYOUT = Layout(NODES, IMAGES, torch.device("cpu"))
CASES = [
    (1, 3, 1, 18),
    (1, 5, 2, 60),
    (3, 3, 0, 54),
    (2, 1, 0, 4),
]  # channels, size, padding, width


def make(channels, size, padding, width, dtype=torch.float64):
    g = torch.Generator().manual_seed(channels)
    x = torch.rand(sum(NODES) * IMAGES, channels, 8, 7, generator=g, dtype=torch.float64)
    x[:, :, 2:6] = 1  # paper
    convs = [nn.Conv2d(channels, width, size, padding=padding, bias=False) for _ in NODES]
    norms = [nn.BatchNorm2d(width) for _ in NODES]
    for layer in (*convs, *norms):
        layer.to(dtype)
        with torch.no_grad():
            for p in layer.parameters():
                p.copy_(torch.randn(p.shape, generator=g, dtype=torch.float64))
    return channels_last(x.to(dtype)), convs, norms


def by_torch(x, convs, norms):
    outputs = []
    for part, conv, norm in zip(LAYOUT.split(x), convs, norms, strict=True):
        for node in part.split(IMAGES):
            y = conv2d(node, conv.weight, None, 1, conv.padding)
            y = batch_norm(y, None, None, norm.weight, norm.bias, True)
            outputs.append(max_pool2d(torch.relu(y), 2))
    return torch.cat(outputs)


def by_unit(x, convs, norms, way="images"):
    settings = ConvSettings((1, 1), convs[0].padding, (1, 1), 1, norms[0].eps, None, way)
    return ConvUnit.apply(x, convs[0].weight, LAYOUT, settings, convs, norms)


def taken(layers):
    found = [p.grad.clone() for layer in layers for p in layer.parameters()]
    for layer in layers:
        layer.zero_grad()
    return found


@pytest.mark.parametrize("case", CASES)
def test_outputs_statistics_and_gradients(case):
    x, convs, norms = make(*case)
    assert image_convolution.suits(convs[0], x)
    before = x.clone()
    expected = by_torch(x, convs, norms)
    flow = torch.rand(expected.shape, dtype=torch.float64)
    expected.backward(flow)
    gradients = taken([*convs, *norms])
    output, mean, variance = by_unit(x, convs, norms)
    output.backward(flow)
    close = {"rtol": 0, "atol": 1e-11}
    torch.testing.assert_close(output, expected, **close)
    torch.testing.assert_close(taken([*convs, *norms]), gradients, **close)
    for i, (part, conv) in enumerate(zip(LAYOUT.split(x), convs, strict=True)):
        values = conv2d(part, conv.weight, None, 1, conv.padding).unflatten(0, (-1, IMAGES))
        start = sum(NODES[:i])
        found = slice(start, start + NODES[i])
        torch.testing.assert_close(mean[found], values.mean((1, 3, 4)), **close)
        torch.testing.assert_close(variance[found], values.var((1, 3, 4)), **close)
    assert torch.equal(x, before)


def faint(dtype=torch.float64):
    """Texture of a hundredth of what images differ by in brightness, and kernels that find it."""
    x, convs, norms = make(*CASES[2])
    g = torch.Generator().manual_seed(9)
    x = torch.rand(len(x), 1, 1, 1, generator=g, dtype=torch.float64) + x / 100
    with torch.no_grad():
        for conv in convs:
            conv.weight -= conv.weight.mean((1, 2, 3), keepdim=True)
    for layer in (*convs, *norms):
        layer.to(dtype)
    return channels_last(x.to(dtype)), convs, norms


@pytest.mark.parametrize("images", [lambda dtype: make(*CASES[0], dtype=dtype), faint])
def test_rounding_is_that_of_the_plain_way(images):
    found = {}
    for way, dtype in (("exact", torch.float64), ("images", torch.float32), ("library", None)):
        x, convs, norms = images(dtype or torch.float32)
        output, _, variance = by_unit(x, convs, norms, "library" if way == "exact" else way)
        output.backward(torch.arange(output.numel(), dtype=x.dtype).view(output.shape).sin())
        found[way] = [output.detach(), variance, *taken(convs)]
    errors = {
        way: [
            float((a.double() - b).abs().max() / b.abs().max())
            for a, b in zip(found[way], found["exact"], strict=True)
        ]
        for way in ("images", "library")
    }
    for ours, plain in zip(errors["images"], errors["library"], strict=True):
        assert ours < 5 * plain + 1e-6, errors


@pytest.mark.parametrize("way", ["images", "patches", "library"])
def test_gradients_lie_in_memory_as_their_weights_do(way):
    """The fused optimisers walk through both side by side."""
    x, convs, norms = make(*CASES[2])
    output, *_ = by_unit(x, convs, norms, way)
    normed = [nn.BatchNorm2d(output.shape[1]).double() for _ in NODES]
    output, *_ = NodeBatchNorm.apply(output, normed[0].weight, LAYOUT, normed)
    linears = [nn.Linear(output[0].numel(), width).double() for width in (3, 5, 5)]
    logits = GroupedLinear.apply(output.flatten(1), linears[0].weight, LAYOUT, linears)
    logits.clamp(min=-1).sum().backward()
    for layer in (*convs, *norms, *normed, *linears):
        for p in layer.parameters():
            assert p.grad.stride() == p.stride()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 17, 3),
        nn.Conv2d(1, 18, 3, stride=2),
        nn.Conv2d(1, 18, 3, padding=3),
        nn.Linear(7, 18),
    ],
)
def test_what_does_not_suit(layer):
    assert not image_convolution.suits(layer, torch.zeros(2, 1, 8, 7))
