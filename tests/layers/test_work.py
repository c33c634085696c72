"""What layers state about their work: products counted by a loop, unused borders, kernels."""

import numpy as np
import pytest

import cnnrs
from cnnrs.layers import (
    AdaptiveAveragePool2D,
    AveragePool2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    MaxPool2D,
    Multiply,
    ReLU,
    SeparableConv2D,
    ZeroPad2D,
)
from cnnrs.zoo.lenet_layers import RBFCodes, TableConv2D


def slide(size, kernel, stride, dilation, padding, depth):
    """Count the products of all windows, each with filters of this total depth."""
    count = 0
    padded = [size[axis] + 2 * padding[axis] for axis in (0, 1)]
    reach = [(kernel[axis] - 1) * dilation[axis] for axis in (0, 1)]
    for _ in range(0, padded[0] - reach[0], stride[0]):
        for _ in range(0, padded[1] - reach[1], stride[1]):
            for _ in np.ndindex(*kernel):
                count += depth
    return count


CASES = [
    (lambda: Conv2D(6, 3), (9, 8, 4), slide((9, 8), (3, 3), (1, 1), (1, 1), (0, 0), 4 * 6)),
    (
        lambda: Conv2D(6, (3, 2), stride=(2, 3), padding=(1, 2), groups=2),
        (9, 8, 4),
        slide((9, 8), (3, 2), (2, 3), (1, 1), (1, 2), 2 * 6),
    ),
    (
        lambda: Conv2D(2, 3, dilation=2),
        (9, 8, 4),
        slide((9, 8), (3, 3), (1, 1), (2, 2), (0, 0), 4 * 2),
    ),
    (
        lambda: DepthwiseConv2D(3, stride=2, depth_multiplier=3),
        (9, 8, 4),
        slide((9, 8), (3, 3), (2, 2), (1, 1), (0, 0), 4 * 3),
    ),
    (
        lambda: SeparableConv2D(16, 3, stride=2),
        (32, 32, 8),
        slide((32, 32), (3, 3), (2, 2), (1, 1), (0, 0), 8)
        + slide((15, 15), (1, 1), (1, 1), (1, 1), (0, 0), 8 * 16),
    ),
    # each input pixel is multiplied by each filter element: a loop over the inputs
    (
        lambda: Conv2DTranspose(4, 3, stride=2),
        (3, 3, 16),
        slide((3, 3), (1, 1), (1, 1), (1, 1), (0, 0), 16 * 3 * 3 * 4),
    ),
    (
        lambda: Conv2DTranspose(4, 3, stride=2, padding=1, groups=2),
        (3, 5, 6),
        slide((3, 5), (1, 1), (1, 1), (1, 1), (0, 0), 6 * 3 * 3 * 2),
    ),
    (lambda: Dense(7), (5,), slide((1, 1), (1, 1), (1, 1), (1, 1), (0, 0), 5 * 7)),
    (
        lambda: TableConv2D([[0, 1], [2], [0, 1, 2]], 3),
        (7, 6, 3),
        slide((7, 6), (3, 3), (1, 1), (1, 1), (0, 0), 6),
    ),
    (lambda: RBFCodes(4), (6,), 24),
]


@pytest.mark.parametrize(("make", "shape", "products"), CASES)
def test_multiply_adds_are_the_products_of_the_loop(make, shape, products):
    layer = make()
    (line,) = cnnrs.Sequential(shape, [layer]).summary().layers
    assert line.multiply_adds == layer.work(shape).multiply_adds == products
    size = np.prod(line.output_shape)
    assert line.multiplications_per_output == (0 if products % size else products // size)


def test_products_of_inputs():
    x = cnnrs.Input((3, 2))
    model = cnnrs.Model(x, Multiply()([x, x, x]))
    assert model.summary().multiply_adds == 2 * 6


def test_unused_borders_of_every_layer_that_slides_a_window():
    layers = {
        SeparableConv2D(16, 3, stride=2): (1, 1),
        SeparableConv2D(16, 3, stride=2, padding=1): (1, 1),
        SeparableConv2D(16, 3): (0, 0),
        DepthwiseConv2D(3, stride=3): (2, 2),
        Conv2D(2, 5, stride=4): (3, 3),
        MaxPool2D(3): (2, 2),
        AveragePool2D(3, rounding="ceil"): (0, 0),
        TableConv2D([[0]], 3): None,
        Conv2DTranspose(2, 3, stride=2): None,
        AdaptiveAveragePool2D(5): None,
        ZeroPad2D(1): None,
        ReLU(): None,
    }
    for layer, border in layers.items():
        model = cnnrs.Sequential((32, 32, 8), [layer])
        assert layer.work((32, 32, 8)).unused_border == border, layer
        assert ("leaves" in str(model.summary())) == bool(border and any(border)), layer


def test_the_plan_shows_the_kernels_of_every_convolution():
    layers = [SeparableConv2D(8, 3), Conv2DTranspose(4, 3, stride=2), Flatten(), Dense(2)]
    plan = cnnrs.Sequential((12, 12, 4), layers).plan(8)
    separable, transposed = plan.training_steps[:2]
    assert separable.algorithm.count(" + ") == 1
    assert set(transposed.backward_algorithms) == {"backward_weight", "backward_input"}
    assert all(step.algorithm for step in plan.steps[:2])
    ops = cnnrs.ops
    geometry = {"stride": 2, "pass_": "backward_input"}
    expected = ops.conv2d_algorithm((8, 21, 21, 4), (3, 3, 4, 8), **geometry)
    assert transposed.algorithm == expected
