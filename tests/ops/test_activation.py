"""Activations and their gradients against the reference."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

ACTIVATIONS = [
    (ops.relu, ops.relu_backward, lambda x: np.maximum(x, 0.0), lambda y: (y > 0) * 1.0),
    (ops.sigmoid, ops.sigmoid_backward, reference.sigmoid, lambda y: y * (1 - y)),
    (ops.tanh, ops.tanh_backward, reference.tanh, lambda y: 1 - y * y),
]
EACH = pytest.mark.parametrize(
    ("forward", "backward", "expected", "slope"), ACTIVATIONS, ids=["relu", "sigmoid", "tanh"]
)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SHAPES = [
    (),
    (1,),
    (7,),
    (8,),
    (9,),
    (15,),
    (16,),
    (17,),
    (31,),
    (33,),
    (3, 5),
    (2, 7, 8, 3),
    (0,),
    (4, 0, 2),
    (100_003,),
]


@EACH
@DTYPES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_and_backward(shape, dtype, forward, backward, expected, slope, rng):
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    limit = 1e-6 if dtype == np.float32 else 1e-15
    y = forward(x)
    assert y.dtype == dtype
    assert reference.error(y, expected(x.astype(np.float64))) <= limit
    grad = rng.standard_normal(shape).astype(dtype)
    wanted = grad.astype(np.float64) * slope(y.astype(np.float64))
    assert reference.error(backward(grad, y), wanted) <= limit
    start = rng.standard_normal(shape).astype(dtype)
    out = start.copy()
    assert backward(grad, y, out=out, accumulate=True) is out
    assert reference.error(out, start + wanted) <= limit


@EACH
def test_central_differences(forward, backward, expected, slope, rng):
    x = rng.standard_normal((3, 40))
    x[np.abs(x) < 0.01] = 0.5
    grad = rng.standard_normal(x.shape)
    analytic = backward(grad, forward(x))
    assert (
        reference.slope_error(lambda v: float(np.sum(forward(v) * grad)), x, analytic, rng, 1e-3)
        <= 1e-7
    )


@EACH
@DTYPES
def test_nothing_overflows_and_nan_stays(forward, backward, expected, slope, dtype):
    x = np.array([-np.inf, -1e4, -1000, -100, -0.0, 0.0, 100, 1000, 1e4, np.nan] * 3, dtype)
    y = forward(x)
    finite = ~np.isnan(x)
    np.testing.assert_array_equal(np.isnan(y), ~finite)
    clipped = np.clip(x[finite].astype(np.float64), -1e30, 1e30)
    if forward is ops.relu:
        np.testing.assert_array_equal(y[finite], np.maximum(x[finite], 0))
    else:
        np.testing.assert_allclose(
            y[finite], expected(np.clip(clipped, -700, 700)), rtol=1e-6, atol=1e-37
        )
    assert not np.isnan(backward(np.ones_like(y[finite]), y[finite])).any()


def test_relu_is_exact_at_zero_and_infinity():
    x = np.array([-np.inf, -1.0, -0.0, 0.0, 5e-324, 1.0, np.inf])
    y = ops.relu(x)
    np.testing.assert_array_equal(y, [0, 0, 0, 0, y[4], 1, np.inf])
    assert y[4] in (0.0, 5e-324)  # denormals may be flushed
    np.testing.assert_array_equal(
        ops.relu_backward(np.full(7, 3.0), np.array([0, 0, 0, 0, 0, 1, np.inf])),
        [0, 0, 0, 0, 0, 3, 3],
    )


@EACH
@DTYPES
def test_in_place(forward, backward, expected, slope, dtype, rng):
    x = rng.standard_normal((5, 33)).astype(dtype)
    y = forward(x)
    buffer = x.copy()
    assert forward(buffer, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, y)
    grad = rng.standard_normal(x.shape).astype(dtype)
    buffer = grad.copy()
    assert backward(buffer, y, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, backward(grad, y))


@EACH
def test_refused(forward, backward, expected, slope):
    with pytest.raises(ShapeError, match="y: "):
        backward(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match="out: "):
        forward(np.ones(3), out=np.ones(4))
    with pytest.raises(DTypeError, match="out: "):
        forward(np.ones(3), out=np.ones(3, np.float32))
    with pytest.raises(ArgumentError, match="accumulate"):
        backward(np.ones(3), np.ones(3), accumulate=True)
    with pytest.raises(DTypeError, match="x: "):
        forward(None)
