"""Pooling and its gradients against the reference."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

# (input shape, kernel, stride, padding sides, rounding)
CASES = [
    ((1, 4, 4, 1), (2, 2), (2, 2), (0, 0, 0, 0), "floor"),
    ((2, 7, 9, 3), (2, 2), (2, 2), (0, 0, 0, 0), "floor"),
    ((2, 7, 9, 3), (2, 2), (2, 2), (0, 0, 0, 0), "ceil"),
    ((1, 15, 16, 8), (3, 3), (2, 2), (0, 0, 0, 0), "floor"),
    ((1, 15, 16, 17), (3, 3), (2, 2), (1, 1, 1, 1), "floor"),
    ((1, 16, 15, 16), (3, 3), (2, 2), (0, 0, 0, 0), "ceil"),
    ((1, 17, 31, 9), (3, 3), (2, 2), (1, 1, 1, 1), "ceil"),
    ((1, 33, 8, 7), (3, 3), (1, 1), (1, 1, 1, 1), "floor"),
    ((1, 9, 9, 33), (2, 2), (3, 3), (0, 0, 0, 0), "floor"),
    ((1, 8, 8, 15), (2, 2), (3, 3), (0, 0, 0, 0), "ceil"),
    ((2, 1, 17, 4), (1, 3), (1, 2), (0, 0, 1, 1), "ceil"),
    ((1, 16, 1, 5), (4, 1), (3, 1), (2, 1, 0, 0), "floor"),
    ((1, 7, 8, 31), (5, 4), (2, 3), (2, 0, 1, 2), "ceil"),
    ((1, 7, 7, 2), (7, 7), (7, 7), (0, 0, 0, 0), "floor"),
    ((1, 4, 4, 3), (1, 1), (1, 1), (0, 0, 0, 0), "floor"),
    ((1, 4, 4, 3), (3, 3), (3, 3), (0, 0, 0, 0), "ceil"),
    ((1, 1, 1, 2), (2, 2), (2, 2), (1, 0, 0, 1), "floor"),
    ((19, 7, 18, 6), (2, 2), (2, 2), (0, 0, 0, 0), "floor"),
    ((32, 9, 17, 3), (2, 2), (2, 2), (0, 0, 0, 0), "ceil"),
    ((16, 5, 13, 6), (3, 3), (2, 2), (0, 0, 0, 0), "floor"),
]
IDS = [f"{case[0]}k{case[1]}s{case[2]}p{case[3]}{case[4]}".replace(" ", "") for case in CASES]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
ALL = pytest.mark.parametrize("case", CASES, ids=IDS)


def options(case):
    _, kernel, stride, sides, rounding = case
    return kernel, {"stride": stride, "padding": (sides[:2], sides[2:]), "rounding": rounding}


@DTYPES
@ALL
def test_max_forward(case, dtype, rng):
    shape, kernel, stride, sides, rounding = case
    x = rng.standard_normal(shape).astype(dtype)
    window, keywords = options(case)
    y, argmax = ops.max_pool2d(x, window, **keywords)
    expected, places = reference.max_pool2d(x, kernel, stride, sides, rounding)
    assert y.dtype == dtype
    assert argmax.dtype == np.int32
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, places)


@DTYPES
@ALL
def test_max_of_ties_is_the_first_in_row_major_order(case, dtype, rng):
    shape, kernel, stride, sides, rounding = case
    x = rng.integers(0, 2, shape).astype(dtype)
    window, keywords = options(case)
    _, argmax = ops.max_pool2d(x, window, **keywords)
    np.testing.assert_array_equal(
        argmax, reference.max_pool2d(x, kernel, stride, sides, rounding)[1]
    )


@DTYPES
@ALL
def test_max_never_chooses_padding(case, dtype):
    shape, kernel, stride, sides, rounding = case
    window, keywords = options(case)
    for value in (-1.0, -np.inf):
        x = np.full(shape, value, dtype)
        y, argmax = ops.max_pool2d(x, window, **keywords)
        np.testing.assert_array_equal(y, np.full(y.shape, value))
        np.testing.assert_array_equal(
            argmax, reference.max_pool2d(x, kernel, stride, sides, rounding)[1]
        )


@DTYPES
@ALL
def test_max_gives_nan_where_a_window_has_one(case, dtype, rng):
    shape, kernel, stride, sides, rounding = case
    x = rng.standard_normal(shape).astype(dtype)
    x[rng.random(shape) < 0.1] = np.nan
    x[rng.random(shape) < 0.1] = np.inf
    window, keywords = options(case)
    y, argmax = ops.max_pool2d(x, window, **keywords)
    expected, places = reference.max_pool2d(x, kernel, stride, sides, rounding)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, places)


@DTYPES
@ALL
def test_max_backward(case, dtype, rng):
    shape, *_ = case
    x = rng.integers(-2, 3, shape).astype(dtype)
    window, keywords = options(case)
    y, argmax = ops.max_pool2d(x, window, **keywords)
    grad = rng.integers(-9, 10, y.shape).astype(dtype)
    expected = reference.max_pool2d_backward(grad, argmax, shape)
    start = rng.integers(-9, 10, shape).astype(dtype)
    for extra in ({}, {"kernel_size": window, **keywords}):
        np.testing.assert_array_equal(
            ops.max_pool2d_backward(grad, argmax, shape, **extra), expected
        )
        out = start.copy()
        assert (
            ops.max_pool2d_backward(grad, argmax, shape, out=out, accumulate=True, **extra) is out
        )
        np.testing.assert_array_equal(out, start + expected)


@pytest.mark.parametrize("include", [False, True])
@DTYPES
@ALL
def test_average(case, dtype, include, rng):
    shape, kernel, stride, sides, rounding = case
    x = rng.standard_normal(shape).astype(dtype)
    window, keywords = options(case)
    limit = 1e-6 if dtype == np.float32 else 1e-14
    y = ops.average_pool2d(x, window, count_include_pad=include, **keywords)
    assert y.dtype == dtype
    assert (
        reference.error(y, reference.average_pool2d(x, kernel, stride, sides, rounding, include))
        <= limit
    )
    grad = rng.standard_normal(y.shape).astype(dtype)
    expected = reference.average_pool2d_backward(grad, shape, kernel, stride, sides, include)
    assert (
        reference.error(
            ops.average_pool2d_backward(grad, shape, window, count_include_pad=include, **keywords),
            expected,
        )
        <= limit
    )
    start = rng.standard_normal(shape).astype(dtype)
    out = start.copy()
    assert (
        ops.average_pool2d_backward(
            grad, shape, window, count_include_pad=include, out=out, accumulate=True, **keywords
        )
        is out
    )
    assert reference.error(out, start + expected) <= limit


@pytest.mark.parametrize("p", [1, 2, 3.5])
@DTYPES
@ALL
def test_lp(case, dtype, p, rng):
    shape, kernel, stride, sides, rounding = case
    x = rng.standard_normal(shape).astype(dtype)
    x[rng.random(shape) < 0.2] = 0
    window, keywords = options(case)
    limit = 2e-6 if dtype == np.float32 else 1e-13
    y = ops.lp_pool2d(x, window, p=p, **keywords)
    assert y.dtype == dtype
    assert reference.error(y, reference.lp_pool2d(x, kernel, stride, sides, p, rounding)) <= limit
    grad = rng.standard_normal(y.shape).astype(dtype)
    expected = reference.lp_pool2d_backward(grad, x, kernel, stride, sides, p)
    assert (
        reference.error(ops.lp_pool2d_backward(grad, x, y, window, p=p, **keywords), expected)
        <= 5 * limit
    )
    start = rng.standard_normal(shape).astype(dtype)
    out = start.copy()
    assert (
        ops.lp_pool2d_backward(grad, x, y, window, p=p, out=out, accumulate=True, **keywords) is out
    )
    assert reference.error(out, start + expected) <= 5 * limit


def test_lp_gradient_of_zeros_is_zero():
    x = np.zeros((1, 4, 4, 2))
    y = ops.lp_pool2d(x, 2)
    np.testing.assert_array_equal(y, np.zeros((1, 2, 2, 2)))
    np.testing.assert_array_equal(ops.lp_pool2d_backward(np.ones(y.shape), x, y, 2), x)


@ALL
def test_central_differences(case, rng):
    shape, *_ = case
    window, keywords = options(case)
    # Values far apart, so that no step changes which is largest, and away from 0, where a norm has
    # a corner.
    x = (rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) / 2 + 0.25) / 4
    y, argmax = ops.max_pool2d(x, window, **keywords)
    grad = rng.standard_normal(y.shape)

    def slope(function, analytic):
        return reference.slope_error(
            lambda v: float(np.sum(function(v) * grad)), x, analytic, rng, 1e-3
        )

    analytic = ops.max_pool2d_backward(grad, argmax, shape, kernel_size=window, **keywords)
    assert slope(lambda v: ops.max_pool2d(v, window, **keywords)[0], analytic) <= 1e-7
    analytic = ops.average_pool2d_backward(grad, shape, window, **keywords)
    assert slope(lambda v: ops.average_pool2d(v, window, **keywords), analytic) <= 1e-7
    for p in (2, 3):
        norms = ops.lp_pool2d(x, window, p=p, **keywords)
        analytic = ops.lp_pool2d_backward(grad, x, norms, window, p=p, **keywords)
        assert slope(lambda v, p=p: ops.lp_pool2d(v, window, p=p, **keywords), analytic) <= 1e-7


@DTYPES
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (2, 7, 9, 17), (3, 16, 15, 33), (1, 33, 31, 8), (0, 3, 3, 2)]
)
def test_global_average(shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    limit = 1e-6 if dtype == np.float32 else 1e-14
    y = ops.global_average_pool2d(x)
    assert y.dtype == dtype
    assert y.shape == (shape[0], shape[3])
    assert (
        reference.error(y, np.sum(x, axis=(1, 2), dtype=np.float64) / (shape[1] * shape[2]))
        <= limit
    )
    grad = rng.standard_normal(y.shape).astype(dtype)
    expected = np.broadcast_to(grad[:, None, None, :].astype(np.float64), shape) / (
        shape[1] * shape[2]
    )
    assert reference.error(ops.global_average_pool2d_backward(grad, shape), expected) <= limit
    start = rng.standard_normal(shape).astype(dtype)
    out = start.copy()
    assert ops.global_average_pool2d_backward(grad, shape, out=out, accumulate=True) is out
    assert reference.error(out, start + expected) <= limit


def test_stride_is_the_kernel_size_unless_said():
    x = np.arange(36.0).reshape(1, 6, 6, 1)
    np.testing.assert_array_equal(ops.max_pool2d(x, 3)[0].ravel(), [14, 17, 32, 35])
    assert ops.average_pool2d(x, (2, 3)).shape == (1, 3, 2, 1)


def test_average_follows_pytorch_in_ceil_mode():
    """torch.nn.functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True) of 1..16 in 4x4; what hangs over
    the padding is not counted.
    """
    x = np.arange(1.0, 17.0).reshape(1, 4, 4, 1)
    included = ops.average_pool2d(
        x, 3, stride=2, padding=1, rounding="ceil", count_include_pad=True
    )[0, :, :, 0]
    np.testing.assert_allclose(
        included,
        [
            [(1 + 2 + 5 + 6) / 9, (2 + 3 + 4 + 6 + 7 + 8) / 9, (4 + 8) / 6],
            [
                (5 + 6 + 9 + 10 + 13 + 14) / 9,
                (6 + 7 + 8 + 10 + 11 + 12 + 14 + 15 + 16) / 9,
                (8 + 12 + 16) / 6,
            ],
            [(13 + 14) / 6, (14 + 15 + 16) / 6, 16 / 4],
        ],
        rtol=1e-15,
    )
    left_out = ops.average_pool2d(x, 3, stride=2, padding=1, rounding="ceil")[0, :, :, 0]
    np.testing.assert_allclose(left_out, [[3.5, 5, 6], [9.5, 11, 12], [13.5, 15, 16]], rtol=1e-15)


def test_out_of_max_pool_is_one_array_or_two(rng):
    x = rng.standard_normal((1, 4, 4, 3))
    expected, places = ops.max_pool2d(x, 2)
    y, argmax = np.empty_like(expected), np.empty_like(places)
    assert ops.max_pool2d(x, 2, out=y)[0] is y
    np.testing.assert_array_equal(y, expected)
    y[...] = 0
    result = ops.max_pool2d(x, 2, out=(y, argmax))
    assert result[0] is y
    assert result[1] is argmax
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, places)


X, G = np.zeros((1, 6, 6, 2)), np.ones((1, 3, 3, 2))
A = ops.max_pool2d(X, 2)[1]


def changed(value):
    argmax = A.copy()
    argmax[0, 1, 1, 0] = value
    return argmax


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.max_pool2d(X, 7), ShapeError, "kernel"),
        (lambda: ops.max_pool2d(X, 0), ShapeError, "kernel_size"),
        (lambda: ops.max_pool2d(X, 2, stride=0), ShapeError, "stride"),
        (lambda: ops.max_pool2d(X, 2, padding=2), ShapeError, "padding.*half"),
        (lambda: ops.average_pool2d(X, 3, padding=((0, 2), (0, 0))), ShapeError, "padding.*half"),
        (lambda: ops.lp_pool2d(X, 3, padding=(2, 0)), ShapeError, "padding.*half"),
        (lambda: ops.max_pool2d(X, 4, stride=3, rounding="exact"), ShapeError, "1.67"),
        (lambda: ops.max_pool2d(X, 2, rounding="up"), ArgumentError, "rounding"),
        (lambda: ops.max_pool2d(X[0], 2), ShapeError, "x: "),
        (lambda: ops.max_pool2d(X[:, :0], 2), ShapeError, "x: "),
        (lambda: ops.max_pool2d(X, 2, out=(np.empty((1, 3, 3, 2)),)), ArgumentError, "out"),
        (
            lambda: ops.max_pool2d(X, 2, out=(np.empty((1, 3, 3, 2)), np.empty((1, 3, 3, 2)))),
            DTypeError,
            r"out\[1\]",
        ),
        (lambda: ops.max_pool2d_backward(G, changed(-1), X.shape), CnnrsError, "argmax"),
        (lambda: ops.max_pool2d_backward(G, changed(36), X.shape), CnnrsError, "argmax"),
        (lambda: ops.max_pool2d_backward(G, changed(2**31 - 1), X.shape), CnnrsError, "argmax"),
        (
            lambda: ops.max_pool2d_backward(G, changed(0).astype(np.int64) + 2**33, X.shape),
            CnnrsError,
            "argmax",
        ),
        (
            lambda: ops.max_pool2d_backward(G, changed(-1), X.shape, kernel_size=2),
            CnnrsError,
            "argmax",
        ),
        (
            lambda: ops.max_pool2d_backward(G, changed(36), X.shape, kernel_size=2),
            CnnrsError,
            "argmax",
        ),
        (
            lambda: ops.max_pool2d_backward(G, changed(0), X.shape, kernel_size=2),
            CnnrsError,
            "argmax",
        ),
        (lambda: ops.max_pool2d_backward(G, A.astype(np.float64), X.shape), DTypeError, "argmax"),
        (lambda: ops.max_pool2d_backward(G, A[:, :2], X.shape), ShapeError, "argmax"),
        (lambda: ops.max_pool2d_backward(G, A, (2, 6, 6, 2)), ShapeError, "grad_output"),
        (lambda: ops.max_pool2d_backward(G, A, (1, 6, 6, 3)), ShapeError, "grad_output"),
        (
            lambda: ops.max_pool2d_backward(G, A, (1, 8, 6, 2), kernel_size=2),
            ShapeError,
            "grad_output",
        ),
        (lambda: ops.max_pool2d_backward(G, A, X.shape, stride=2), ArgumentError, "kernel_size"),
        (lambda: ops.average_pool2d_backward(G, (1, 8, 8, 2), 2), ShapeError, "grad_output"),
        (lambda: ops.average_pool2d_backward(G, (1, 0, 6, 2), 2), ShapeError, "input_shape"),
        (lambda: ops.lp_pool2d(X, 2, p=0.5), ArgumentError, "p: "),
        (lambda: ops.lp_pool2d(X, 2, p=np.inf), ArgumentError, "p: "),
        (lambda: ops.lp_pool2d(X, 2, p="2"), DTypeError, "p: "),
        (lambda: ops.lp_pool2d_backward(G, X, G[:, :2], 2), ShapeError, "y: "),
        (lambda: ops.global_average_pool2d(X[:, :, :0]), ShapeError, "x: "),
        (
            lambda: ops.global_average_pool2d_backward(np.ones((1, 3)), X.shape),
            ShapeError,
            "grad_output",
        ),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_no_images_give_no_images():
    x = np.zeros((0, 6, 6, 2), np.float32)
    y, argmax = ops.max_pool2d(x, 2)
    assert y.shape == argmax.shape == (0, 3, 3, 2)
    assert ops.max_pool2d_backward(y, argmax, x.shape, kernel_size=2).shape == x.shape
    assert ops.average_pool2d(x, 2).shape == y.shape
    assert ops.average_pool2d_backward(y, x.shape, 2).shape == x.shape
    assert ops.lp_pool2d(x, 2).shape == y.shape
