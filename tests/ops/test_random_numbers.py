"""Counter-based random numbers: what they depend on, and whether they are uniform."""

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
def test_uniform(dtype):
    values = ops.random_uniform(200_000, seed=5, dtype=dtype)
    assert values.dtype == dtype
    assert values.min() >= 0
    assert values.max() < 1
    counts = np.bincount((values * 20).astype(int), minlength=20)
    assert (
        np.sum((counts - 10_000) ** 2 / 10_000) < 45
    )  # chi squared, 19 degrees of freedom: beyond it once in 1,500 seeds
    assert abs(float(np.corrcoef(values[:-1], values[1:])[0, 1])) < 0.01
    assert len(np.unique(values)) > 190_000


@DTYPES
def test_the_same_call_gives_the_same_bits_and_any_other_others(dtype):
    def draw(seed=1, stream=2, step=3):
        return ops.random_uniform(999, seed=seed, stream=stream, step=step, dtype=dtype)

    first = draw()
    np.testing.assert_array_equal(draw(), first)
    for other in (
        draw(seed=2),
        draw(stream=3),
        draw(step=4),
        draw(seed=1 + 2**32),
        draw(seed=3, stream=2, step=1),
        draw(2**64 - 1),
    ):
        assert np.mean(other == first) < 0.01
        assert abs(float(np.corrcoef(other, first)[0, 1])) < 0.15


@DTYPES
def test_a_value_depends_on_its_place_only(dtype):
    long = ops.random_uniform(1000, seed=1, dtype=dtype)
    for size in (0, 1, 2, 3, 4, 5, 7, 8, 999):
        np.testing.assert_array_equal(ops.random_uniform(size, seed=1, dtype=dtype), long[:size])
    np.testing.assert_array_equal(
        ops.random_uniform((10, 4, 25), seed=1, dtype=dtype).ravel(), long
    )


def test_out_is_filled():
    out = np.full((3, 5), np.nan)
    assert ops.random_uniform((3, 5), seed=1, out=out) is out
    np.testing.assert_array_equal(out, ops.random_uniform((3, 5), seed=1, dtype=np.float64))


@DTYPES
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout(rate, dtype):
    ones = np.ones((1000, 100), dtype)
    y = ops.dropout(ones, rate, seed=3, stream=1, step=9)
    assert y.dtype == dtype
    kept = y != 0
    assert abs(kept.mean() - (1 - rate)) < 0.008
    np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-6)
    np.testing.assert_array_equal(ones, 1)
    if rate == 0:
        np.testing.assert_array_equal(y, ones)


@DTYPES
def test_the_same_call_is_the_backward_pass(dtype, rng):
    x, grad = (
        rng.standard_normal((2, 7, 9)).astype(dtype),
        rng.standard_normal((2, 7, 9)).astype(dtype),
    )
    y = ops.dropout(x, 0.5, seed=3, stream=1, step=9)
    np.testing.assert_array_equal(
        ops.dropout(grad, 0.5, seed=3, stream=1, step=9), np.where(y == 0, 0, 2 * grad)
    )
    assert (ops.dropout(x, 0.5, seed=3, stream=1, step=10) != y).any()
    assert (ops.dropout(x, 0.5, seed=3, stream=2, step=9) != y).any()
    assert (ops.dropout(x, 0.5, seed=4, stream=1, step=9) != y).any()


def test_all_finite(rng):
    for size in (0, 1, 7, 8, 9, 16, 17, 33, 1000):
        for dtype in (np.float32, np.float64):
            x = rng.standard_normal(size).astype(dtype)
            assert ops.all_finite(x) is True
            for place in {0, size // 2, size - 1} if size else ():
                for value in (np.nan, np.inf, -np.inf):
                    bad = x.copy()
                    bad[place] = value
                    assert ops.all_finite(bad) is False
    assert ops.all_finite(np.array([np.finfo(np.float32).max, 1e-45, -0.0], np.float32))
    assert ops.all_finite([1, 2, 3])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.dropout(np.ones(3), 1.5, seed=0), ArgumentError, "rate"),
        (lambda: ops.dropout(np.ones(3), 1.0, seed=0), ArgumentError, "rate"),
        (lambda: ops.dropout(np.ones(3), -0.1, seed=0), ArgumentError, "rate"),
        (lambda: ops.dropout(np.ones(3), np.nan, seed=0), ArgumentError, "rate"),
        (lambda: ops.dropout(np.ones(3), "half", seed=0), DTypeError, "rate"),
        (lambda: ops.dropout(np.ones(3), 0.5, seed=-1), ArgumentError, "seed"),
        (lambda: ops.dropout(np.ones(3), 0.5, seed=2**64), ArgumentError, "seed"),
        (lambda: ops.dropout(np.ones(3), 0.5, seed=0.5), DTypeError, "seed"),
        (lambda: ops.dropout(np.ones(3), 0.5, seed=0, stream=-1), ArgumentError, "stream"),
        (lambda: ops.dropout(np.ones(3), 0.5, seed=0, step=2**64), ArgumentError, "step"),
        (lambda: ops.random_uniform(-1, seed=0), ShapeError, "shape"),
        (lambda: ops.random_uniform((2, 2.5), seed=0), DTypeError, "shape"),
        (lambda: ops.random_uniform(2, seed=0, dtype="int32"), DTypeError, "dtype"),
        (lambda: ops.random_uniform(2, seed=0, out=np.zeros(3)), ShapeError, "out"),
        (lambda: ops.random_uniform(2, seed=0, out=[0.0, 0.0]), DTypeError, "out"),
        (lambda: ops.all_finite("text"), DTypeError, "x: "),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()
