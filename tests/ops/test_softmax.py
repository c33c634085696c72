"""Softmax and its gradient against the reference."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SHAPES = [
    (1,),
    (10,),
    (1, 1),
    (7, 10),
    (9, 8),
    (15, 17),
    (33, 31),
    (2, 3, 16),
    (2, 2, 2, 33),
    (0, 5),
    (1, 1000),
]


@DTYPES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_and_backward(shape, dtype, rng):
    x = (5 * rng.standard_normal(shape)).astype(dtype)
    limit = 1e-6 if dtype == np.float32 else 1e-14
    y = ops.softmax(x)
    assert y.dtype == dtype
    assert reference.error(y, reference.softmax(x)) <= limit
    assert np.all(np.abs(y.sum(axis=-1) - 1) <= 1e-6)
    assert np.all(y >= 0)
    grad = rng.standard_normal(shape).astype(dtype)
    exact, slope = reference.softmax(x), grad.astype(np.float64)
    expected = exact * (slope - np.sum(slope * exact, axis=-1, keepdims=True))
    assert np.abs(ops.softmax_backward(grad, y) - expected).max(initial=0) <= limit
    start = rng.standard_normal(shape).astype(dtype)
    out = start.copy()
    assert ops.softmax_backward(grad, y, out=out, accumulate=True) is out
    assert np.abs(out - (start + expected)).max(initial=0) <= 4 * limit


def test_central_differences(rng):
    x, grad = rng.standard_normal((4, 9)), rng.standard_normal((4, 9))
    analytic = ops.softmax_backward(grad, ops.softmax(x))
    assert (
        reference.slope_error(
            lambda v: float(np.sum(ops.softmax(v) * grad)), x, analytic, rng, 1e-3
        )
        <= 1e-7
    )


@DTYPES
def test_huge_scores(dtype):
    y = ops.softmax(
        np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4], [3e38, -3e38, 0]], dtype)
    )
    np.testing.assert_allclose(
        y, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0], [1, 0, 0]], rtol=1e-6
    )


@DTYPES
def test_minus_infinity_is_a_class_that_cannot_be_and_nan_stays_in_its_row(dtype):
    y = ops.softmax(np.array([[0, -np.inf, 0], [np.nan, 0, 0], [0, 0, 0]], dtype))
    np.testing.assert_allclose(y[0], [0.5, 0, 0.5], rtol=1e-6)
    assert np.isnan(y[1]).all()
    np.testing.assert_allclose(y[2], [1 / 3] * 3, rtol=1e-6)


def test_a_row_has_the_same_bits_alone_and_among_others(rng):
    x = rng.standard_normal((23, 10)).astype(np.float32)
    together = ops.softmax(x)
    for i in range(23):
        np.testing.assert_array_equal(ops.softmax(x[i]), together[i])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)], ids=str)
def test_no_classes_are_refused(shape):
    with pytest.raises(ShapeError, match="x: "):
        ops.softmax(np.zeros(shape))


def test_shapes_must_agree():
    with pytest.raises(ShapeError, match="y: "):
        ops.softmax_backward(np.zeros((2, 3)), np.zeros((3, 2)))
