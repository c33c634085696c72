"""Norms, the constraint on the norms of columns, and the step of an average."""

import math

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 40_000])
def test_norm(size, dtype, rng):
    x = rng.standard_normal(size).astype(dtype)
    assert ops.norm(x) == pytest.approx(
        math.sqrt(math.fsum(float(value) ** 2 for value in x)), rel=1e-13
    )
    assert ops.norm(x[::-1]) == pytest.approx(ops.norm(x), rel=1e-13)


def test_norm_of_what_is_not_finite_and_of_what_would_overflow():
    assert math.isnan(ops.norm([1.0, math.nan]))
    assert ops.norm([1.0, -math.inf]) == math.inf
    assert ops.norm(np.array([3e30, 4e30], np.float32)) == pytest.approx(5e30, rel=1e-6)


@DTYPES
@pytest.mark.parametrize(
    "shape", [(5,), (3, 4), (3, 3, 2, 5), (2000, 3), (1, 100), (0, 3), (3, 0)], ids=str
)
def test_constraint(shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    held = x.copy()
    assert ops.constrain_norm(held, 1.0) is None
    norms = (
        np.sqrt((x.astype(np.float64) ** 2).reshape(-1, shape[-1]).sum(axis=0)) if x.size else 1.0
    )
    np.testing.assert_allclose(
        held, x / np.maximum(norms, 1.0), rtol=1e-6 if dtype == np.float32 else 1e-13
    )
    short = np.broadcast_to(norms, shape) <= 1
    assert np.array_equal(held[short], x[short]), "what is short enough keeps its bits"


@DTYPES
def test_average(dtype, rng):
    average, values = (
        rng.standard_normal(50_001).astype(dtype),
        rng.standard_normal(50_001).astype(dtype),
    )
    expected = average.astype(np.float64) + 0.3 * (values.astype(np.float64) - average)
    ops.lerp(average, values, 0.3)
    np.testing.assert_allclose(
        average,
        expected,
        rtol=2e-6 if dtype == np.float32 else 1e-13,
        atol=5e-7 if dtype == np.float32 else 0,
    )
    ops.lerp(average, values, 1)
    assert np.array_equal(average, values)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ops.norm(["a"]), DTypeError),
        (lambda: ops.constrain_norm(np.ones((2, 2)), 0), ArgumentError),
        (lambda: ops.constrain_norm(np.ones((2, 2)), math.nan), ArgumentError),
        (lambda: ops.constrain_norm(np.float64(3), 1), DTypeError),
        (lambda: ops.constrain_norm(np.array(3.0), 1), ShapeError),
        (lambda: ops.constrain_norm(np.ones((2, 4))[:, ::2], 1), ArgumentError),
        (lambda: ops.constrain_norm(np.ones((2, 2), int), 1), DTypeError),
        (lambda: ops.lerp(np.ones(2), np.ones(3), 0.5), ShapeError),
        (lambda: ops.lerp(np.ones(2), np.ones(2, np.float32), 0.5), DTypeError),
        (lambda: ops.lerp(np.ones(2), np.ones(2), 1.5), ArgumentError),
        (
            lambda: ops.adam_step(
                np.ones(2), np.ones(2), np.zeros(2), np.zeros(2), learning_rate=1, step=0
            ),
            ArgumentError,
        ),
        (
            lambda: ops.adam_step(
                np.ones(2), np.ones(2), np.zeros(3), np.zeros(2), learning_rate=1, step=1
            ),
            ShapeError,
        ),
        (
            lambda: ops.adam_step(
                np.ones(2),
                np.ones(2),
                np.zeros(2),
                np.zeros(2),
                learning_rate=1,
                step=1,
                betas=(1, 0),
            ),
            ArgumentError,
        ),
        (
            lambda: ops.rmsprop_step(
                np.ones(2), np.ones(2), np.zeros(2), learning_rate=1, momentum=0.5
            ),
            ArgumentError,
        ),
        (
            lambda: ops.lion_step(np.ones(2), np.ones(2), np.zeros(2, np.float32), learning_rate=1),
            DTypeError,
        ),
        (
            lambda: ops.adagrad_step(
                np.ones(2), np.ones(2), np.zeros(2), learning_rate=1, gradient_limit=-1
            ),
            ArgumentError,
        ),
        (lambda: ops.hinge([[0.0, 1.0]], [[0.5, 0.5]]), ShapeError),
        (lambda: ops.hinge([[0.0, 1.0]], [2]), ArgumentError),
        (lambda: ops.huber([[0.0]], [[1.0]], 0), ArgumentError),
        (lambda: ops.mean_squared_error([[0.0]], [[1.0, 2.0]]), ShapeError),
    ],
)
def test_refused(call, error):
    with pytest.raises(error):
        call()


def test_a_step_whose_arrays_overlap_is_refused():
    weight, mean = np.ones(4), np.zeros(4)
    for call in (
        lambda: ops.adam_step(weight, weight, mean, np.zeros(4), learning_rate=1, step=1),
        lambda: ops.adam_step(weight, np.ones(4), mean, mean, learning_rate=1, step=1),
        lambda: ops.lerp(weight, weight, 0.5),
    ):
        with pytest.raises(CnnrsError):
            call()
    np.testing.assert_array_equal(weight, np.ones(4))
    np.testing.assert_array_equal(mean, np.zeros(4))
