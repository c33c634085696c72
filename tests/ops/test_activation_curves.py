"""The curves beyond ReLU, sigmoid and tanh against their definitions, and parametric ReLU."""

import math
from functools import partial

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.ops.activation import ACTIVATIONS


def phi(x):
    return 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))


def log1p_exp(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def below_and_above(x, alpha):
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

CURVES = {
    "leaky_relu": (
        partial(ops.leaky_relu, negative_slope=0.2),
        partial(ops.leaky_relu_backward, negative_slope=0.2),
        lambda x: np.where(x < 0, 0.2 * x, x),
    ),
    "elu": (
        partial(ops.elu, alpha=1.5),
        partial(ops.elu_backward, alpha=1.5),
        lambda x: np.where(x < 0, 1.5 * np.expm1(np.minimum(x, 0)), x),
    ),
    "selu": (
        ops.selu,
        ops.selu_backward,
        lambda x: SELU_SCALE * below_and_above(x, SELU_ALPHA),
    ),
    "gelu": (ops.gelu, ops.gelu_backward, lambda x: x * phi(x)),
    "gelu_tanh": (
        partial(ops.gelu, approximate="tanh"),
        partial(ops.gelu_backward, approximate="tanh"),
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    "silu": (ops.silu, ops.silu_backward, lambda x: x * reference.sigmoid(x)),
    "softplus": (ops.softplus, ops.softplus_backward, log1p_exp),
    "hard_swish": (ops.hard_swish, ops.hard_swish_backward, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "hard_sigmoid": (
        ops.hard_sigmoid,
        ops.hard_sigmoid_backward,
        lambda x: np.clip(x + 3, 0, 6) / 6,
    ),
    "relu6": (ops.relu6, ops.relu6_backward, lambda x: np.clip(x, 0, 6)),
}
FROM_INPUT = {"gelu", "gelu_tanh", "silu", "hard_swish"}
EACH = pytest.mark.parametrize("name", CURVES)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SHAPES = [(), (1,), (7,), (17,), (2, 7, 8, 3), (0,), (4, 0, 2), (100_003,)]


@EACH
@DTYPES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values(shape, dtype, name, rng):
    forward, _, expected = CURVES[name]
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    y = forward(x)
    assert y.dtype == dtype
    assert y.shape == shape
    assert reference.error(y, expected(x.astype(np.float64))) <= (
        1e-6 if dtype == np.float32 else 1e-15
    )


@EACH
def test_gradients_are_central_differences(name, rng):
    forward, backward, expected = CURVES[name]
    x = 3 * rng.standard_normal(4000)
    x = x[
        (np.abs(x) > 1e-3) & (np.abs(np.abs(x) - 3) > 1e-3) & (np.abs(x - 6) > 1e-3)
    ]  # away from kinks
    saved = x if name in FROM_INPUT else forward(x)
    slope = (expected(x + 1e-5) - expected(x - 1e-5)) / 2e-5
    grad = rng.standard_normal(x.shape)
    np.testing.assert_allclose(backward(grad, saved), grad * slope, atol=1e-9)
    single = backward(grad.astype(np.float32), saved.astype(np.float32))
    np.testing.assert_allclose(single, grad * slope, atol=4e-6)
    start = rng.standard_normal(x.shape)
    out = start.copy()
    assert backward(grad, saved, out=out, accumulate=True) is out
    np.testing.assert_allclose(out, start + grad * slope, atol=1e-9)


@EACH
@DTYPES
def test_nothing_overflows_and_nan_stays(name, dtype):
    forward, backward, expected = CURVES[name]
    x = np.array([-np.inf, -1e4, -1000, -100, -0.0, 0.0, 100, 1000, 1e4, np.inf, np.nan] * 3, dtype)
    y = forward(x)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    finite = np.isfinite(x)
    exact = expected(np.clip(x[finite].astype(np.float64), -700, 1e4))
    exact[x[finite] < -700] = (
        expected(np.array(-700.0)) if name != "leaky_relu" else 0.2 * x[finite][x[finite] < -700]
    )
    np.testing.assert_allclose(y[finite], exact, rtol=2e-6, atol=1e-37)
    saved = x if name in FROM_INPUT else y
    ok = ~np.isnan(x)
    slopes = backward(np.ones_like(x[ok]), saved[ok])
    assert np.isfinite(slopes).all()
    assert slopes.min() >= -0.2
    assert slopes.max() <= 1.8


@EACH
@DTYPES
def test_in_place(name, dtype, rng):
    forward, backward, _ = CURVES[name]
    x = rng.standard_normal((5, 3333)).astype(dtype)
    y = forward(x)
    buffer = x.copy()
    assert forward(buffer, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, y)
    saved = x if name in FROM_INPUT else y
    grad = rng.standard_normal(x.shape).astype(dtype)
    buffer = grad.copy()
    assert backward(buffer, saved, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, backward(grad, saved))


@EACH
def test_refused(name):
    forward, backward, _ = CURVES[name]
    saved = "x" if name in FROM_INPUT else "y"
    with pytest.raises(ShapeError, match=f"{saved}: "):
        backward(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match="out: "):
        forward(np.ones(3), out=np.ones(4))
    with pytest.raises(DTypeError, match="out: "):
        forward(np.ones(3), out=np.ones(3, np.float32))
    with pytest.raises(ArgumentError, match="accumulate"):
        backward(np.ones(3), np.ones(3), accumulate=True)
    block = np.ones(4)
    with pytest.raises(ArgumentError, match="overlaps"):
        forward(block[1:], out=block[:-1])


def test_parameters_out_of_range():
    for call in (
        lambda: ops.leaky_relu([1.0], -0.1),
        lambda: ops.elu([1.0], -1),
        lambda: ops.elu_backward([1.0], [1.0], np.nan),
    ):
        with pytest.raises(ArgumentError, match=r"slope|alpha"):
            call()
    with pytest.raises(ArgumentError, match="approximate"):
        ops.gelu([1.0], approximate="erf")


def test_same_bits_at_any_thread_count(thread_count, rng):
    x = rng.standard_normal(300_001).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        ops.set_num_threads(threads)
        results.append(
            (
                ops.gelu(x),
                ops.prelu_backward_slope(x.reshape(-1, 1), x.reshape(-1, 1)),
                ops.gaussian_noise(x, 1.0, seed=3),
            )
        )
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_the_table_of_names_is_what_it_says(rng):
    x = rng.standard_normal(1000)
    for name, known in ACTIVATIONS.items():
        y = known.forward(x)
        assert np.array_equal(y, getattr(ops, name)(x))
        assert known.non_negative == bool((y >= 0).all())
        slope = (known.forward(x + 1e-6) - known.forward(x - 1e-6)) / 2e-6
        np.testing.assert_allclose(
            known.backward(np.ones(1000), y if known.reads_output else x), slope, atol=1e-3
        )


# --- parametric ReLU ------------------------------------------------------------------------------
@DTYPES
@pytest.mark.parametrize(
    "shape", [(5,), (3, 1), (2, 7, 5, 3), (40, 33, 17), (0, 4), (5000, 16)], ids=str
)
def test_prelu(shape, dtype, rng):
    x, grad = rng.standard_normal((2, *shape)).astype(dtype)
    slope = rng.standard_normal(shape[-1:]).astype(dtype)
    limit = 1e-6 if dtype == np.float32 else 1e-14
    assert reference.error(ops.prelu(x, slope), np.where(x < 0, x * slope, x)) <= limit
    wanted = np.where(x < 0, grad * slope, grad)
    assert reference.error(ops.prelu_backward_input(grad, x, slope), wanted) <= limit
    out = np.ones_like(x)
    assert ops.prelu_backward_input(grad, x, slope, out=out, accumulate=True) is out
    assert reference.error(out, 1 + wanted) <= limit
    sums = np.where(x < 0, grad.astype(np.float64) * x, 0).reshape(-1, shape[-1]).sum(axis=0)
    assert reference.error(ops.prelu_backward_slope(grad, x), sums) <= limit
    total = np.ones(shape[-1], dtype)
    ops.prelu_backward_slope(grad, x, out=total, accumulate=True)
    assert reference.error(total, 1 + sums) <= limit


def test_prelu_keeps_nan_and_refuses():
    assert np.isnan(ops.prelu([[np.nan]], [0.5])).all()
    with pytest.raises(ShapeError, match="slope"):
        ops.prelu(np.ones((2, 3)), np.ones(2))
    with pytest.raises(ShapeError, match="slope"):
        ops.prelu(1.0, np.ones(1))
    with pytest.raises(ShapeError, match="grad_output"):
        ops.prelu_backward_input(np.ones((2, 2)), np.ones((2, 3)), np.ones(3))
    with pytest.raises(ShapeError, match="x: "):
        ops.prelu_backward_slope(np.ones((2, 0)), np.ones((2, 0)))
