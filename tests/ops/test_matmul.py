"""Matrix products against the reference."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

SIZES = [
    (1, 1, 1), (1, 7, 1), (7, 1, 8), (8, 9, 7), (9, 8, 15), (15, 16, 17), (16, 17, 31),
    (17, 31, 33), (31, 33, 16), (33, 15, 9), (64, 64, 64), (13, 300, 14), (2, 1025, 3),
    (65, 33, 129), (1, 256, 100), (100, 257, 1),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_product(size, transpose_a, transpose_b, dtype, rng):
    m, k, n = size
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    expected = reference.matmul(a, b)
    stored_a = np.ascontiguousarray(a.T) if transpose_a else a
    stored_b = np.ascontiguousarray(b.T) if transpose_b else b
    result = ops.matmul(stored_a, stored_b, transpose_a=transpose_a, transpose_b=transpose_b)
    assert result.dtype == dtype
    assert reference.error(result, expected) <= (1e-6 if dtype == np.float32 else 1e-14)


def test_bias_relu_and_accumulate(rng):
    a, b, bias, start = (
        rng.standard_normal(shape) for shape in [(17, 9), (9, 33), (33,), (17, 33)]
    )
    product = reference.matmul(a, b)
    for dtype, limit in [(np.float32, 1e-6), (np.float64, 1e-14)]:
        left, right, offset = a.astype(dtype), b.astype(dtype), bias.astype(dtype)
        assert reference.error(ops.matmul(left, right, bias=offset), product + bias) <= limit
        assert (
            reference.error(
                ops.matmul(left, right, bias=offset, activation="relu"),
                np.maximum(product + bias, 0),
            )
            <= limit
        )
        out = start.astype(dtype)
        assert ops.matmul(left, right, out=out, accumulate=True) is out
        assert reference.error(out, product + start) <= limit


@pytest.mark.parametrize("size", SIZES)
def test_integers_come_out_exact(size, rng):
    m, k, n = size
    a, b = rng.integers(-16, 17, (m, k)), rng.integers(-16, 17, (k, n))
    np.testing.assert_array_equal(ops.matmul(a, b), a @ b)


def test_gradients_are_products_too(rng):
    a, b, grad = (
        rng.standard_normal((5, 7)),
        rng.standard_normal((7, 6)),
        rng.standard_normal((5, 6)),
    )
    grad_a, grad_b = ops.matmul(grad, b, transpose_b=True), ops.matmul(a, grad, transpose_a=True)
    assert (
        reference.slope_error(lambda v: float(np.sum(ops.matmul(v, b) * grad)), a, grad_a, rng, 0.1)
        <= 1e-7
    )
    assert (
        reference.slope_error(lambda v: float(np.sum(ops.matmul(a, v) * grad)), b, grad_b, rng, 0.1)
        <= 1e-7
    )


def test_a_row_has_the_same_bits_alone_and_among_others(rng):
    a, b = (
        rng.standard_normal((37, 300)).astype(np.float32),
        rng.standard_normal((300, 10)).astype(np.float32),
    )
    together = ops.matmul(a, b)
    for i in range(37):
        np.testing.assert_array_equal(ops.matmul(a[i : i + 1], b)[0], together[i])


@pytest.mark.parametrize(("m", "k", "n"), [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0)])
def test_empty(m, k, n):
    np.testing.assert_array_equal(ops.matmul(np.ones((m, k)), np.ones((k, n))), np.zeros((m, n)))
    np.testing.assert_array_equal(
        ops.matmul(np.ones((m, k)), np.ones((k, n)), bias=np.ones(n)), np.ones((m, n))
    )
    out = np.ones((m, n))
    np.testing.assert_array_equal(
        ops.matmul(np.ones((m, k)), np.ones((k, n)), out=out, accumulate=True), np.ones((m, n))
    )


def test_nan_is_kept():
    a = np.array([[np.nan, 1], [1, 1]], np.float32)
    result = ops.matmul(a, np.zeros((2, 3), np.float32), activation="relu")
    np.testing.assert_array_equal(result, [[np.nan] * 3, [0] * 3])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((4, 2))), ShapeError, "3.*4"),
        (
            lambda: ops.matmul(np.ones((2, 3)), np.ones((3, 2)), transpose_a=True),
            ShapeError,
            "2.*3",
        ),
        (lambda: ops.matmul(np.ones(3), np.ones((3, 2))), ShapeError, "a: "),
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((1, 3, 2))), ShapeError, "b: "),
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((3, 2)), bias=np.ones(3)), ShapeError, "bias"),
        (
            lambda: ops.matmul(np.ones((2, 3)), np.ones((3, 2)), activation="tanh"),
            ArgumentError,
            "activation",
        ),
        (
            lambda: ops.matmul(np.ones((2, 3)), np.ones((3, 2)), accumulate=True),
            ArgumentError,
            "accumulate",
        ),
        (lambda: ops.matmul(np.ones((2, 3), complex), np.ones((3, 2))), DTypeError, "a: "),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()
