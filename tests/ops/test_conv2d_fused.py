"""Convolution fused with ReLU, with pooling, and with the gradient of the bias."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ShapeError
from conv2d_cases import arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_relu_and_its_gradients(dtype, rng):
    case = ((2, 9, 10, 8), (3, 3), 16, (1, 1), (1, 1, 1, 1), (1, 1), 1)
    x, weight, bias = arrays(case, rng, dtype)
    plain = ops.conv2d(x, weight, bias, padding=1)
    y = ops.conv2d(x, weight, bias, padding=1, activation="relu")
    np.testing.assert_array_equal(y, np.maximum(plain, 0))
    assert (y == 0).any()
    assert (y > 0).any()
    grad = rng.standard_normal(y.shape).astype(dtype)
    masked = np.where(y > 0, grad, 0).astype(dtype)
    for fused, apart in [
        (
            ops.conv2d_backward_input(grad, weight, x.shape, padding=1, activation_output=y),
            ops.conv2d_backward_input(masked, weight, x.shape, padding=1),
        ),
        (
            ops.conv2d_backward_weight(grad, x, 3, padding=1, activation_output=y),
            ops.conv2d_backward_weight(masked, x, 3, padding=1),
        ),
        (ops.conv2d_backward_bias(grad, activation_output=y), ops.conv2d_backward_bias(masked)),
    ]:
        assert reference.error(fused, apart) <= (1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("algorithm", [None, "direct", "few_channels"])
@pytest.mark.parametrize("shape", [(37, 13, 18, 1), (16, 9, 8, 3), (3, 8, 9, 20), (0, 8, 8, 2)])
def test_fused_pooling_equals_pooling_afterwards(rng, shape, algorithm, dtype):
    x, weight, bias = (
        rng.standard_normal(size).astype(dtype) for size in (shape, (3, 3, shape[3], 6), 6)
    )
    x[:1, 2, 3] = np.nan
    for activation in (None, "relu"):
        options = {"padding": 1, "activation": activation, "algorithm": algorithm}
        expected, _ = ops.max_pool2d(ops.conv2d(x, weight, bias, **options), 2)
        np.testing.assert_array_equal(ops.conv2d_max_pool2d(x, weight, bias, **options), expected)


@pytest.mark.parametrize("algorithm", [None, "direct", "few_channels"])
@pytest.mark.parametrize("shape", [(19, 9, 18, 2), (3, 12, 11, 6)])
def test_the_gradient_of_the_bias_comes_along(rng, shape, algorithm):
    x, gradient, mask = (
        rng.standard_normal(size) for size in (shape, (*shape[:3], 6), (*shape[:3], 6))
    )
    bias = np.ones(6)
    for accumulate in (False, True):
        weight = np.zeros((3, 3, shape[3], 6))
        options = {"padding": 1, "activation_output": mask, "algorithm": algorithm}
        before = bias * accumulate
        ops.conv2d_backward_weight(
            gradient, x, 3, **options, out=weight, bias_out=bias, accumulate=accumulate
        )
        np.testing.assert_allclose(
            bias,
            before + ops.conv2d_backward_bias(gradient, activation_output=mask),
            rtol=1e-12,
            atol=1e-12,
        )
        np.testing.assert_array_equal(weight, ops.conv2d_backward_weight(gradient, x, 3, **options))
    with pytest.raises(ShapeError, match="bias_out"):
        ops.conv2d_backward_weight(gradient, x, 3, padding=1, bias_out=np.zeros(5))
