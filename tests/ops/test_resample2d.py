"""Up-sampling, adaptive pooling and max-unpooling against definitions written out."""

import math

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


def matrix(method, before, after):
    """The weights of one axis, output by input."""
    weights = np.zeros((after, before))
    for o in range(after):
        if method == "nearest":
            weights[o, o * before // after] = 1
        elif method == "bilinear":
            place = max(0.0, (o + 0.5) * before / after - 0.5)
            first = min(int(place), before - 1)
            second = min(first + 1, before - 1)
            weights[o, first] += 1 - (place - first)
            weights[o, second] += place - first
        else:
            start, end = o * before // after, math.ceil((o + 1) * before / after)
            weights[o, start:end] = 1 / (end - start)
    return weights


def forward(method, x, size, **more):
    if method == "average":
        return ops.adaptive_average_pool2d(x, size, **more)
    return ops.upsample2d(x, size, interpolation=method, **more)


def backward(method, grad, shape, **more):
    if method == "average":
        return ops.adaptive_average_pool2d_backward(grad, shape, **more)
    return ops.upsample2d_backward(grad, shape, interpolation=method, **more)


METHODS = pytest.mark.parametrize("method", ["nearest", "bilinear", "average"])
CASES = [
    ((3, 4), (6, 8), 2),
    ((5, 3), (7, 11), 1),
    ((1, 1), (4, 3), 17),
    ((9, 8), (4, 3), 3),
    ((4, 4), (4, 4), 64),
    ((13, 13), (6, 6), 33),
]


@METHODS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("before", "after", "channels"), CASES)
def test_weights_of_both_axes(before, after, channels, dtype, method, rng):
    x = rng.standard_normal((2, *before, channels)).astype(dtype)
    down, along = matrix(method, before[0], after[0]), matrix(method, before[1], after[1])
    limit = 1e-6 if dtype == np.float32 else 1e-14
    y = forward(method, x, after)
    assert (
        reference.error(y, np.einsum("yh,xw,nhwc->nyxc", down, along, x.astype(np.float64)))
        <= limit
    )
    grad = rng.standard_normal(y.shape).astype(dtype)
    wanted = np.einsum("yh,xw,nyxc->nhwc", down, along, grad.astype(np.float64))
    assert reference.error(backward(method, grad, x.shape), wanted) <= limit
    out = np.ones_like(x)
    assert backward(method, grad, x.shape, out=out, accumulate=True) is out
    assert reference.error(out, 1 + wanted) <= limit


def test_nearest_repeats_and_bilinear_keeps_planes():
    x = np.arange(12.0).reshape(1, 3, 4, 1)
    assert np.array_equal(ops.upsample2d(x, (6, 12)), x.repeat(2, axis=1).repeat(3, axis=2))
    y = ops.upsample2d(x, (12, 16), interpolation="bilinear")
    slopes = np.diff(y, axis=2)[:, 2:-2, 2:-2]  # away from the border, where it is held
    np.testing.assert_allclose(slopes, 0.25, atol=1e-12)


def test_adaptive_pooling_of_a_divisor_is_average_pooling(rng):
    x = rng.standard_normal((2, 6, 9, 5))
    np.testing.assert_allclose(
        ops.adaptive_average_pool2d(x, 3), ops.average_pool2d(x, (2, 3)), atol=1e-14
    )
    np.testing.assert_allclose(
        ops.adaptive_average_pool2d(x, 1)[:, 0, 0], ops.global_average_pool2d(x), atol=1e-14
    )


@METHODS
def test_nan_reaches_what_it_enters_and_nothing_else(method):
    x = np.ones((1, 4, 4, 1))
    x[0, 1, 2] = np.nan
    y = forward(method, x, (8, 8))[0, :, :, 0]
    touched = np.outer(matrix(method, 4, 8)[:, 1] > 0, matrix(method, 4, 8)[:, 2] > 0)
    np.testing.assert_array_equal(np.isnan(y), touched)


@METHODS
def test_no_images_and_bad_arguments(method):
    assert forward(method, np.zeros((0, 2, 2, 3)), 5).shape == (0, 5, 5, 3)
    assert backward(method, np.zeros((0, 5, 5, 3)), (0, 2, 2, 3)).shape == (0, 2, 2, 3)
    for call, error, text in (
        (lambda: forward(method, np.ones((2, 2, 1)), 4), ShapeError, "x: "),
        (lambda: forward(method, np.ones((1, 0, 2, 1)), 4), ShapeError, "x: "),
        (lambda: forward(method, np.ones((1, 2, 2, 1)), 0), ShapeError, "size: "),
        (lambda: forward(method, np.ones((1, 2, 2, 1)), (1, 2, 3)), ShapeError, "size: "),
        (lambda: forward(method, np.ones((1, 2, 2, 1)), 2.5), DTypeError, "size: "),
        (
            lambda: backward(method, np.ones((1, 4, 4, 1)), (2, 2, 2, 1)),
            ShapeError,
            "grad_output: ",
        ),
        (
            lambda: backward(method, np.ones((1, 4, 4, 1)), (1, 0, 2, 1)),
            ShapeError,
            "input_shape: ",
        ),
        (lambda: backward(method, np.ones((1, 4, 4, 1)), (1, 2, 2)), ShapeError, "input_shape: "),
    ):
        with pytest.raises(error, match=text):
            call()
    with pytest.raises(ArgumentError, match="interpolation"):
        ops.upsample2d(np.ones((1, 2, 2, 1)), 4, interpolation="cubic")


def test_same_bits_at_any_thread_count_and_in_any_batch(thread_count, rng):
    x = rng.standard_normal((6, 40, 30, 17)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        ops.set_num_threads(threads)
        y = ops.upsample2d(x, (83, 61), interpolation="bilinear")
        results.append((y, ops.upsample2d_backward(y, x.shape, interpolation="bilinear")))
        assert np.array_equal(y[2:3], ops.upsample2d(x[2:3], (83, 61), interpolation="bilinear"))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


# --- max-unpooling --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("size", "channels", "window"),
    [
        ((4, 6), 3, {"kernel_size": 2}),
        ((5, 7), 20, {"kernel_size": 2}),
        ((6, 6), 2, {"kernel_size": 3, "stride": 2, "padding": 1, "rounding": "ceil"}),
    ],
)
def test_unpooling_puts_back_and_takes_out(size, channels, window, rng):
    x = rng.standard_normal((2, *size, channels))
    y, argmax = ops.max_pool2d(x, **window)
    values = rng.standard_normal(y.shape)
    wanted = np.zeros((2, size[0] * size[1], channels))
    taken = np.zeros_like(values)
    grad = rng.standard_normal(x.shape)
    for n, i, j, c in np.ndindex(values.shape):
        wanted[n, argmax[n, i, j, c], c] += values[n, i, j, c]
        taken[n, i, j, c] = grad[n].reshape(-1, channels)[argmax[n, i, j, c], c]
    for more in (window, {}):
        np.testing.assert_array_equal(
            ops.max_unpool2d(values, argmax, x.shape, **more).reshape(wanted.shape), wanted
        )
    np.testing.assert_array_equal(ops.max_unpool2d_backward(grad, argmax), taken)
    out = np.ones_like(taken)
    ops.max_unpool2d_backward(grad, argmax, out=out, accumulate=True)
    np.testing.assert_array_equal(out, 1 + taken)


def test_unpooling_never_trusts_an_index():
    values, grad = np.ones((1, 1, 1, 1)), np.ones((1, 2, 2, 1))
    for index in (-1, 4, 2**31 - 1):
        places = np.array([[[[index]]]], dtype=np.int32)
        with pytest.raises(ArgumentError, match="argmax"):
            ops.max_unpool2d(values, places, (1, 2, 2, 1))
        with pytest.raises(ArgumentError, match="argmax"):
            ops.max_unpool2d_backward(grad, places)
    with pytest.raises(ShapeError, match="argmax"):
        ops.max_unpool2d(values, np.zeros((1, 1, 2, 1), int), (1, 2, 2, 1))
    with pytest.raises(ShapeError, match="argmax"):
        ops.max_unpool2d_backward(grad, np.zeros((1, 1, 1, 2), int))
    with pytest.raises(DTypeError, match="argmax"):
        ops.max_unpool2d_backward(grad, np.zeros((1, 1, 1, 1)))
