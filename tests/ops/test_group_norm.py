"""Normalisation of single samples against its definition in float64."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def limit(dtype):
    return 3e-6 if dtype == np.float32 else 1e-13


def group_norm(x, groups, weight, bias, epsilon):
    parts = x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups)
    mean, variance = parts.mean(axis=(1, 3), keepdims=True), parts.var(axis=(1, 3), keepdims=True)
    y = ((parts - mean) / np.sqrt(variance + epsilon)).reshape(x.shape) * weight + bias
    return y, mean[:, 0, :, 0], variance[:, 0, :, 0]


@DTYPES
@pytest.mark.parametrize(
    ("shape", "groups"),
    [
        ((3, 6), 2),
        ((2, 5, 3, 8), 4),
        ((2, 5, 3, 8), 1),
        ((3, 30, 30, 17), 17),
        ((1, 2, 2, 130), 13),
        ((40, 3, 3, 64), 32),
    ],
    ids=str,
)
def test_group_norm(shape, groups, dtype, rng):
    x = (2 * rng.standard_normal(shape) + 3).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[-1])).astype(dtype)
    found = ops.group_norm(x, groups, weight, bias, epsilon=1e-3)
    expected = group_norm(
        x.astype(np.float64), groups, weight.astype(np.float64), bias.astype(np.float64), 1e-3
    )
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        assert reference.error(one, other) <= limit(dtype)
    alone = ops.group_norm(x[-1:], groups, weight, bias, epsilon=1e-3)[0]
    np.testing.assert_array_equal(
        alone, found[0][-1:], "a sample has the same bits alone and in a batch"
    )


@DTYPES
@pytest.mark.parametrize(
    "shape", [(3, 1), (4, 5), (2, 3, 5, 16), (2, 4, 4, 37), (700, 64), (2, 3, 20_000)], ids=str
)
def test_layer_norm(shape, dtype, rng):
    x = (2 * rng.standard_normal(shape) + 3).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[-1])).astype(dtype)
    y, mean, variance = ops.layer_norm(x, weight, bias, epsilon=1e-3)
    exact = x.astype(np.float64)
    center, spread = exact.mean(axis=-1), exact.var(axis=-1)
    assert reference.error(mean, center) <= limit(dtype)
    assert reference.error(variance, spread) <= limit(dtype)
    expected = (exact - center[..., None]) / np.sqrt(spread[..., None] + 1e-3) * weight + bias
    assert reference.error(y, expected) <= limit(dtype)


def test_layer_norm_far_from_zero(rng):
    x = (rng.standard_normal((5, 300)) + 1e4).astype(np.float32)
    np.testing.assert_allclose(ops.layer_norm(x)[2], x.astype(np.float64).var(axis=1), rtol=1e-4)


def slopes(forward, backward, shape, statistics, rng):
    """Checks the gradients of x, weight and bias by central differences, and accumulation."""
    x, grad = rng.standard_normal((2, *shape))
    weight, bias = rng.standard_normal((2, shape[-1]))

    def loss(x, weight, bias):
        return float(np.sum(forward(x, weight, bias)[0] * grad))

    _, mean, variance = forward(x, weight, bias)
    assert mean.shape == variance.shape == statistics
    found = backward(grad, x, mean, variance, weight)
    assert reference.slope_error(lambda v: loss(v, weight, bias), x, found[0], rng, 1e-4) <= 1e-6
    assert reference.slope_error(lambda v: loss(x, v, bias), weight, found[1], rng, 1e-4) <= 1e-6
    assert reference.slope_error(lambda v: loss(x, weight, v), bias, found[2], rng, 1e-4) <= 1e-6
    out = tuple(np.ones_like(array) for array in found)
    backward(grad, x, mean, variance, weight, out=out, accumulate=True)
    for one, other in zip(out, found, strict=True):
        np.testing.assert_allclose(one, other + 1, atol=1e-13)


@pytest.mark.parametrize(
    ("shape", "groups"),
    [((3, 6), 2), ((2, 5, 3, 8), 4), ((2, 20, 20, 70), 7), ((9, 3, 3, 4), 4)],
    ids=str,
)
def test_group_norm_gradients(shape, groups, rng):
    def forward(x, weight, bias):
        return ops.group_norm(x, groups, weight, bias)

    def backward(grad, x, mean, variance, weight, **out):
        return ops.group_norm_backward(grad, x, mean, variance, groups, weight, **out)

    slopes(forward, backward, shape, (shape[0], groups), rng)


@pytest.mark.parametrize("shape", [(3, 6), (2, 5, 3, 8), (300, 70), (2, 3, 9000)], ids=str)
def test_layer_norm_gradients(shape, rng):
    slopes(ops.layer_norm, ops.layer_norm_backward, shape, shape[:-1], rng)


def local_response_norm(x, size, alpha, beta, k):
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        window = x[..., max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        y[..., c] = x[..., c] / (k + alpha / size * (window**2).sum(axis=-1)) ** beta
    return y


CONSTANTS = pytest.mark.parametrize(
    ("size", "alpha", "beta", "k"),
    [
        (5, 1e-4, 0.75, 2.0),
        (1, 2.0, 1.0, 0.5),
        (4, 0.3, 0.5, 1.0),
        (9, 1.0, 0.3, 0.1),
        (100, 0.5, 0.75, 1.0),
    ],
)


@DTYPES
@CONSTANTS
@pytest.mark.parametrize("shape", [(2, 1), (3, 7), (2, 5, 4, 33)], ids=str)
def test_local_response_norm(shape, size, alpha, beta, k, dtype, rng):
    x, grad = (3 * rng.standard_normal((2, *shape))).astype(dtype)
    y = ops.local_response_norm(x, size, alpha=alpha, beta=beta, k=k)
    assert reference.error(
        y, local_response_norm(x.astype(np.float64), size, alpha, beta, k)
    ) <= limit(dtype)
    found = ops.local_response_norm_backward(grad, x, size, alpha=alpha, beta=beta, k=k)
    exact = x.astype(np.float64)

    def loss(x):
        return float(np.sum(local_response_norm(x, size, alpha, beta, k) * grad))

    tolerance = 1e-4 if dtype == np.float32 else 1e-6
    assert reference.slope_error(loss, exact, found.astype(np.float64), rng, 1e-4) <= tolerance
    added = ops.local_response_norm_backward(
        grad, x, size, alpha=alpha, beta=beta, k=k, out=np.ones_like(x), accumulate=True
    )
    np.testing.assert_allclose(added, found + 1, rtol=1e-5)


def test_the_same_bits_with_any_number_of_threads(thread_count, rng):
    x, grad = rng.standard_normal((2, 20, 16, 16, 24)).astype(np.float32)
    results = []
    for threads in (1, 2, 5):
        ops.set_num_threads(threads)
        group = ops.group_norm(x, 3)
        layer = ops.layer_norm(x)
        response = ops.local_response_norm(x), ops.local_response_norm_backward(grad, x)
        backward = (
            ops.group_norm_backward(grad, x, *group[1:], 3),
            ops.layer_norm_backward(grad, x, *layer[1:]),
        )
        batch = ops.batch_norm(x, activation="relu")
        batch_backward = ops.batch_norm_backward(grad, x, *batch[1:], activation="relu")
        results.append(
            [*group, *layer, *response, *backward[0], *backward[1], *batch, *batch_backward]
        )
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_no_samples():
    y, mean, _ = ops.group_norm(np.ones((0, 2, 2, 4)), 2)
    assert y.shape == (0, 2, 2, 4)
    assert mean.shape == (0, 2)
    grads = ops.group_norm_backward(y, y, mean, mean, 2)
    np.testing.assert_array_equal(grads[1], np.zeros(4))
    assert ops.layer_norm(np.ones((0, 4)))[0].shape == (0, 4)
    np.testing.assert_array_equal(
        ops.layer_norm_backward(np.ones((0, 4)), np.ones((0, 4)), np.ones(0), np.ones(0))[2],
        np.zeros(4),
    )


def test_bad_input(rng):
    x = rng.standard_normal((4, 6))
    with pytest.raises(ShapeError, match="groups: expected a divisor of the 6 channels"):
        ops.group_norm(x, 4)
    with pytest.raises(ShapeError, match="at least one position"):
        ops.group_norm(np.ones((2, 0, 4)), 2)
    with pytest.raises(ShapeError, match="mean: expected shape"):
        ops.group_norm_backward(x, x, np.ones((4, 3)), np.ones((4, 3)), 2)
    with pytest.raises(ShapeError, match="variance: expected shape"):
        ops.layer_norm_backward(x, x, np.ones(4), np.ones(3))
    with pytest.raises(ArgumentError, match="k: expected"):
        ops.local_response_norm(x, k=0)
    with pytest.raises(ShapeError, match="size: expected at least 1"):
        ops.local_response_norm(x, 0)
