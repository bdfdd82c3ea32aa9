"""A convolution of images and its batch-norm, from the patches' covariance, equal torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d, max_pool2d

from shareconsole.sharing import image_convolution
from shareconsole.sharing.conv_unit import ConvSettings, ConvUnit
from shareconsole.sharing.layout import Layout, channels_last

NODES, IMAGES = (2, 1, 3), 4
LAYOUT = Layout(NODES, IMAGES, torch.device("cpu"))
CASES = [(1, 3, 1, 9), (1, 5, 2, 30), (3, 3, 0, 27), (2, 1, 0, 4)]  # channels, size, padding, width


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


def test_gradients_lie_in_memory_as_their_weights_do():
    x, convs, norms = make(*CASES[2])
    by_unit(x, convs, norms)[0].sum().backward()
    for layer in (*convs, *norms):
        for p in layer.parameters():
            assert p.grad.stride() == p.stride()


def test_rounding_is_that_of_the_plain_way():
    """In float32, on images that are nearly all paper, the covariance costs no more digits."""
    exact = make(*CASES[0])
    expected = by_torch(*exact)
    expected.backward(torch.ones_like(expected))
    gradients = taken(exact[1])
    errors = {}
    for way in ("images", "library"):
        x, convs, norms = make(*CASES[0], dtype=torch.float32)
        output, *_ = by_unit(x, convs, norms, way)
        output.backward(torch.ones_like(output))
        pairs = zip(taken(convs), gradients, strict=True)
        errors[way] = max(float((a.double() - b).abs().max() / b.abs().max()) for a, b in pairs)
    assert errors["images"] < 3 * errors["library"] < 1e-4


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 8, 3),
        nn.Conv2d(1, 9, 3, stride=2),
        nn.Conv2d(1, 9, 3, padding=3),
        nn.Linear(7, 9),
    ],
)
def test_what_does_not_suit(layer):
    assert not image_convolution.suits(layer, torch.zeros(2, 1, 8, 7))
