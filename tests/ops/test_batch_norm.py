"""Normalisation against its definition in float64."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SHAPES = [
    (2, 1),
    (5, 3),
    (70, 130),
    (3, 4, 5, 1),
    (2, 5, 3, 17),
    (2, 3, 2, 16),
    (4, 9, 7, 64),
    (1, 40, 41, 6),
]
BOTH = pytest.mark.parametrize("relu", [False, True], ids=["plain", "relu"])


def batch_norm(x, weight, bias, epsilon):
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    return (x - mean) / np.sqrt(variance + epsilon) * weight + bias, mean, variance


@DTYPES
@BOTH
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape, dtype, relu, rng):
    x = (3 * rng.standard_normal(shape) + rng.standard_normal(shape[-1:])).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[-1])).astype(dtype)
    limit = 2e-6 if dtype == np.float32 else 1e-14
    activation = "relu" if relu else None
    y, mean, variance = ops.batch_norm(x, weight, bias, epsilon=1e-3, activation=activation)
    assert y.dtype == mean.dtype == variance.dtype == dtype
    expected = batch_norm(
        x.astype(np.float64), weight.astype(np.float64), bias.astype(np.float64), 1e-3
    )
    assert reference.error(y, np.maximum(expected[0], 0) if relu else expected[0]) <= limit
    assert reference.error(mean, expected[1]) <= limit
    assert reference.error(variance, expected[2]) <= limit


@BOTH
@pytest.mark.parametrize("shape", [(5, 3), (3, 4, 5, 1), (2, 5, 3, 17)], ids=str)
def test_batch_norm_gradients_by_central_differences(shape, relu, rng):
    x = rng.standard_normal(shape)
    weight, bias = rng.standard_normal((2, shape[-1]))
    grad = rng.standard_normal(shape)
    activation = "relu" if relu else None

    def loss(x, weight, bias):
        return float(np.sum(ops.batch_norm(x, weight, bias, activation=activation)[0] * grad))

    _, mean, variance = ops.batch_norm(x, weight, bias, activation=activation)
    again = {"activation": activation}
    found = ops.batch_norm_backward(grad, x, mean, variance, weight, bias, **again)
    assert reference.slope_error(lambda v: loss(v, weight, bias), x, found[0], rng, 1e-5) <= 1e-6
    assert reference.slope_error(lambda v: loss(x, v, bias), weight, found[1], rng, 1e-5) <= 1e-6
    assert reference.slope_error(lambda v: loss(x, weight, v), bias, found[2], rng, 1e-5) <= 1e-6
    start = [rng.standard_normal(array.shape) for array in found]
    out = tuple(array.copy() for array in start)
    added = ops.batch_norm_backward(
        grad, x, mean, variance, weight, bias, **again, out=out, accumulate=(True, False, False)
    )
    assert all(result is target for result, target in zip(added, out, strict=True))
    np.testing.assert_allclose(added[0], start[0] + found[0], atol=1e-13)
    np.testing.assert_array_equal(added[1], found[1])
    nothing, *parameters = ops.batch_norm_backward(
        grad, x, mean, variance, weight, bias, **again, input_gradient=False
    )
    assert nothing is None
    np.testing.assert_array_equal(parameters[0], found[1])
    np.testing.assert_array_equal(parameters[1], found[2])
    in_place = grad.copy()
    ops.batch_norm_backward(
        in_place, x, mean, variance, weight, bias, **again, out=(in_place, None, None)
    )
    np.testing.assert_array_equal(in_place, found[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float32_gradients_like_float64(shape, rng):
    x, grad = rng.standard_normal((2, *shape)).astype(np.float32)
    weight, bias = rng.standard_normal((2, shape[-1])).astype(np.float32)
    results = []
    for dtype in (np.float32, np.float64):
        arrays = [array.astype(dtype) for array in (x, weight, bias, grad)]
        _, mean, variance = ops.batch_norm(*arrays[:3], epsilon=1e-2)
        results.append(
            ops.batch_norm_backward(
                arrays[3], arrays[0], mean, variance, *arrays[1:3], epsilon=1e-2
            )
        )
    for single, double in zip(*results, strict=True):
        assert reference.error(single, double) <= 1e-5


@DTYPES
def test_backward_cuts_exactly_where_forward_did(dtype, rng):
    x = rng.integers(-3, 4, (50, 40, 7)).astype(dtype)  # many values at the very edge
    weight, bias = rng.integers(-2, 3, (2, 7)).astype(dtype)
    y, mean, variance = ops.batch_norm(x, weight, bias, activation="relu")
    grad = np.ones_like(x)
    _, _, opened = ops.batch_norm_backward(grad, x, mean, variance, weight, bias, activation="relu")
    np.testing.assert_array_equal(opened, (y > 0).sum(axis=(0, 1)))


def test_weight_and_bias_may_be_left_out(rng):
    x = rng.standard_normal((4, 3))
    y, mean, variance = ops.batch_norm(x)
    np.testing.assert_array_equal(y, ops.batch_norm(x, np.ones(3), np.zeros(3))[0])
    np.testing.assert_array_equal(ops.batch_norm(x, bias=np.zeros(3))[0], y)
    grads = (
        ops.batch_norm_backward(y, x, mean, variance),
        ops.batch_norm_backward(y, x, mean, variance, np.ones(3)),
    )
    for one, other in zip(*grads, strict=True):
        np.testing.assert_array_equal(one, other)


@DTYPES
@BOTH
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), *SHAPES], ids=str)
def test_scale_shift(shape, dtype, relu, rng):
    x = rng.standard_normal(shape).astype(dtype)
    scale, shift = rng.standard_normal((2, shape[-1])).astype(dtype)
    y = ops.scale_shift(x, scale, shift, activation="relu" if relu else None)
    expected = x.astype(np.float64) * scale + shift
    limit = 1e-6 if dtype == np.float32 else 1e-15
    assert reference.error(y, np.maximum(expected, 0) if relu else expected) <= limit
    grad = rng.standard_normal(shape).astype(dtype)
    gradient = ops.scale_shift_backward(grad, scale, activation_output=y if relu else None)
    np.testing.assert_array_equal(
        gradient, np.where(y > 0, grad * scale, 0) if relu else grad * scale
    )
    in_place = x.copy()
    np.testing.assert_array_equal(
        ops.scale_shift(in_place, scale, shift, activation="relu" if relu else None, out=in_place),
        y,
    )
    in_place = grad.copy()
    ops.scale_shift_backward(in_place, scale, activation_output=y if relu else None, out=in_place)
    np.testing.assert_array_equal(in_place, gradient)
    start = rng.standard_normal(shape).astype(dtype)
    added = ops.scale_shift_backward(
        grad, scale, activation_output=y if relu else None, out=start.copy(), accumulate=True
    )
    assert reference.error(added, start + gradient.astype(np.float64)) <= limit


def test_fixed_statistics_give_what_the_definition_gives(rng):
    x = rng.standard_normal((6, 3))
    mean, variance, weight, bias = np.abs(rng.standard_normal((4, 3)))
    scale, shift = ops.batch_norm_scale_shift(mean, variance, weight, bias, epsilon=0.01)
    np.testing.assert_allclose(
        ops.scale_shift(x, scale, shift),
        (x - mean) / np.sqrt(variance + 0.01) * weight + bias,
        atol=1e-14,
    )
    alone = ops.scale_shift(
        x[3:4].astype(np.float32), scale.astype(np.float32), shift.astype(np.float32)
    )
    np.testing.assert_array_equal(
        alone,
        ops.scale_shift(x.astype(np.float32), scale.astype(np.float32), shift.astype(np.float32))[
            3:4
        ],
    )


def test_a_distant_mean_loses_no_digits(rng):
    x = (rng.standard_normal((4096, 2)) + 1e4).astype(np.float32)
    _, _, variance = ops.batch_norm(x)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-5)


def test_nan_stays_in_its_channel(rng):
    x = rng.standard_normal((5, 3)).astype(np.float32)
    x[2, 1] = np.nan
    y, mean, variance = ops.batch_norm(x, activation="relu")
    assert np.isnan([*y[:, 1], mean[1], variance[1]]).all()
    assert np.isfinite(y[:, [0, 2]]).all()
    assert np.isnan(ops.scale_shift(x, np.ones(3), np.zeros(3), activation="relu")[2, 1])


def test_inputs_are_never_written(rng):
    x, grad = rng.standard_normal((2, 4, 3))
    before = x.copy(), grad.copy()
    _, mean, variance = ops.batch_norm(x)
    ops.batch_norm_backward(grad, x, mean, variance)
    ops.scale_shift(x, np.ones(3), np.zeros(3))
    ops.scale_shift_backward(grad, np.ones(3))
    np.testing.assert_array_equal((x, grad), before)


def test_bad_input(rng):
    x = rng.standard_normal((4, 3))
    _, mean, variance = ops.batch_norm(x)
    with pytest.raises(ShapeError, match="more than one value per channel"):
        ops.batch_norm(x[:1])
    with pytest.raises(ShapeError, match="more than one value"):
        ops.batch_norm(x[:0])
    with pytest.raises(ShapeError, match="x: expected shape"):
        ops.batch_norm(x[0])
    with pytest.raises(ShapeError, match="weight: expected one value per channel"):
        ops.batch_norm(x, np.ones(4))
    with pytest.raises(ArgumentError, match="epsilon"):
        ops.batch_norm(x, epsilon=-1)
    with pytest.raises(ArgumentError, match="activation"):
        ops.batch_norm(x, activation="tanh")
    with pytest.raises(CnnrsError, match="overlap"):
        ops.layer_norm(x, out=x)
    with pytest.raises(ShapeError, match="grad_output: expected the shape of x"):
        ops.batch_norm_backward(x[1:], x, mean, variance)
    with pytest.raises(ShapeError, match="mean: expected one value"):
        ops.batch_norm_backward(x, x, mean[1:], variance)
    with pytest.raises(DTypeError, match="out: expected three"):
        ops.batch_norm_backward(x, x, mean, variance, out=x)
    with pytest.raises(ShapeError, match="shift: expected one value"):
        ops.scale_shift(x, mean, 1.0)
    with pytest.raises(ShapeError, match="activation_output"):
        ops.scale_shift_backward(x, mean, activation_output=x[1:])
    with pytest.raises(ShapeError, match="variance: expected values above 0"):
        ops.batch_norm_scale_shift([0.0], [0.0], epsilon=0)
