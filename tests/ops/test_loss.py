"""Losses and their gradients against the reference and numbers worked out by hand."""

import math

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def probabilities(rng, shape, dtype=np.float64):
    values = rng.random(shape)
    return (values / values.sum(axis=-1, keepdims=True)).astype(dtype)


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (7, 10), (9, 17), (33, 8), (10,), (2, 3, 16)], ids=str)
def test_cross_entropy(shape, dtype, rng):
    logits = (4 * rng.standard_normal(shape)).astype(dtype)
    limit = 2e-6 if dtype == np.float32 else 1e-14
    for labels in (rng.integers(0, shape[-1], shape[:-1]), probabilities(rng, shape, dtype)):
        expected = reference.cross_entropy(logits, labels)
        each = ops.cross_entropy(logits, labels, reduction="none")
        assert each.dtype == dtype
        assert np.abs(each - expected).max() <= limit * max(1, np.abs(expected).max())
        for reduction, value in [("mean", expected.mean()), ("sum", expected.sum())]:
            loss = ops.cross_entropy(logits, labels, reduction=reduction)
            assert type(loss) is float
            assert loss == pytest.approx(value, rel=limit, abs=limit)

        truth = labels if labels.shape == shape else np.eye(shape[-1])[labels]
        slope = reference.softmax(logits) - truth
        count = expected.size
        assert np.abs(ops.cross_entropy_backward(logits, labels) - slope / count).max() <= limit
        assert (
            np.abs(ops.cross_entropy_backward(logits, labels, reduction="sum") - slope).max()
            <= limit
        )
        assert (
            np.abs(
                ops.cross_entropy_backward(logits, labels, grad_output=3) - 3 * slope / count
            ).max()
            <= 3 * limit
        )
        weights = rng.standard_normal(shape[:-1]).astype(dtype)
        wanted = slope * weights[..., None]
        assert (
            np.abs(
                ops.cross_entropy_backward(logits, labels, reduction="none", grad_output=weights)
                - wanted
            ).max()
            <= 4 * limit
        )
        start = rng.standard_normal(shape).astype(dtype)
        out = start.copy()
        assert (
            ops.cross_entropy_backward(logits, labels, reduction="sum", out=out, accumulate=True)
            is out
        )
        assert np.abs(out - (start + slope)).max() <= 4 * limit


def test_cross_entropy_central_differences(rng):
    logits = rng.standard_normal((5, 7))
    for labels in (rng.integers(0, 7, 5), probabilities(rng, (5, 7))):
        analytic = ops.cross_entropy_backward(logits, labels)
        assert (
            reference.slope_error(
                lambda v, t=labels: ops.cross_entropy(v, t), logits, analytic, rng, 1e-2
            )
            <= 1e-7
        )


def test_soft_labels_that_do_not_sum_to_one_have_their_own_gradient(rng):
    logits, labels = rng.standard_normal((3, 4)), rng.random((3, 4))
    analytic = ops.cross_entropy_backward(logits, labels)
    assert (
        reference.slope_error(lambda v: ops.cross_entropy(v, labels), logits, analytic, rng, 1e-2)
        <= 1e-7
    )


@DTYPES
def test_cross_entropy_does_not_overflow(dtype):
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0]], dtype)
    np.testing.assert_allclose(ops.cross_entropy(logits, [0, 0], reduction="none"), [0, 2e4])
    np.testing.assert_allclose(
        ops.cross_entropy_backward(logits, [0, 0], reduction="sum"), [[0, 0, 0], [-1, 1, 0]]
    )
    soft = np.array([[1, 0, 0], [1, 0, 0]], dtype)
    np.testing.assert_allclose(ops.cross_entropy(logits, soft, reduction="none"), [0, 2e4])


def test_nan_in_one_sample_stays_there():
    logits = np.array([[np.nan, 0], [0, 0]])
    np.testing.assert_allclose(
        ops.cross_entropy(logits, [0, 1], reduction="none"), [np.nan, math.log(2)]
    )
    assert math.isnan(ops.cross_entropy(logits, [0, 1]))


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, ">i4"]
)
def test_labels_of_any_integer_dtype(dtype, rng):
    logits, labels = rng.standard_normal((6, 5)), np.array([0, 4, 2, 2, 1, 3])
    assert ops.cross_entropy(logits, labels.astype(dtype)) == ops.cross_entropy(logits, labels)
    assert ops.cross_entropy(logits, labels.tolist()) == ops.cross_entropy(logits, labels)


def test_one_hot_labels_give_the_loss_of_class_indices(rng):
    logits, labels = rng.standard_normal((6, 5)), np.array([0, 4, 2, 2, 1, 3])
    assert ops.cross_entropy(logits, ops.one_hot(labels, 5)) == pytest.approx(
        ops.cross_entropy(logits, labels), rel=1e-14
    )
    grad = ops.cross_entropy_backward(logits, ops.one_hot(labels, 5))
    np.testing.assert_allclose(grad, ops.cross_entropy_backward(logits, labels), rtol=0, atol=1e-15)


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (7, 10), (9, 17), (33, 8), (10,), (2, 3, 16)], ids=str)
def test_half_sum_of_squares(shape, dtype, rng):
    output, target = (
        rng.standard_normal(shape).astype(dtype),
        rng.standard_normal(shape).astype(dtype),
    )
    limit = 1e-6 if dtype == np.float32 else 1e-14
    difference = output.astype(np.float64) - target
    count = shape[0] if len(shape) > 1 else 1
    each = 0.5 * np.sum((difference**2).reshape(count, -1), axis=1)
    result = ops.half_sum_of_squares(output, target, reduction="none")
    assert result.shape == (() if len(shape) == 1 else (count,))
    assert reference.error(result.reshape(count), each) <= limit
    assert ops.half_sum_of_squares(output, target) == pytest.approx(each.mean(), rel=limit)
    assert ops.half_sum_of_squares(output, target, reduction="sum") == pytest.approx(
        each.sum(), rel=limit
    )
    assert (
        reference.error(ops.half_sum_of_squares_backward(output, target), difference / count)
        <= limit
    )
    assert (
        reference.error(
            ops.half_sum_of_squares_backward(output, target, grad_output=-2, reduction="sum"),
            -2 * difference,
        )
        <= limit
    )
    start = rng.standard_normal(shape).astype(dtype)
    out = start.copy()
    assert (
        ops.half_sum_of_squares_backward(output, target, reduction="sum", out=out, accumulate=True)
        is out
    )
    assert reference.error(out, start + difference) <= limit


def test_half_sum_of_squares_central_differences(rng):
    output, target = rng.standard_normal((5, 7)), rng.standard_normal((5, 7))
    analytic = ops.half_sum_of_squares_backward(output, target)
    assert (
        reference.slope_error(
            lambda v: ops.half_sum_of_squares(v, target), output, analytic, rng, 1e-2
        )
        <= 1e-7
    )


def test_gradient_of_a_batch_is_the_mean_of_its_samples(rng):
    logits, labels = rng.standard_normal((8, 5)), rng.integers(0, 5, 8)
    together = ops.cross_entropy_backward(logits, labels)
    for i in range(8):
        np.testing.assert_allclose(
            together[i], ops.cross_entropy_backward(logits[i], labels[i]) / 8, rtol=1e-13
        )


def test_one_hot():
    result = ops.one_hot([[0, 2], [1, 1]], 3)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0]]])
    assert ops.one_hot([], 3).shape == (0, 3)
    assert ops.one_hot(1, 2, dtype="float64").dtype == np.float64


Z = np.zeros((4, 3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: ops.cross_entropy(Z, [0, 1, 2, 3]),
            ArgumentError,
            "labels: .*0 to 2.*3 at index 3",
        ),
        (lambda: ops.cross_entropy(Z, [0, -1, 2, 1]), ArgumentError, "-1 at index 1"),
        (lambda: ops.cross_entropy_backward(Z, [0, 1, 2, 3]), ArgumentError, "labels"),
        (
            lambda: ops.cross_entropy(Z, np.array([0, 1, 2, 2**63], np.uint64)),
            ArgumentError,
            "labels",
        ),
        (lambda: ops.cross_entropy(Z, [0.0, 1.0, 2.0, 1.0]), DTypeError, "labels"),
        (lambda: ops.cross_entropy(Z, np.array(["a"] * 4)), DTypeError, "labels"),
        (lambda: ops.cross_entropy(Z, [0, 1, 2]), ShapeError, "labels"),
        (lambda: ops.cross_entropy(Z, np.zeros((4, 2))), ShapeError, "labels"),
        (lambda: ops.cross_entropy(Z[:, :0], [0, 0, 0, 0]), ShapeError, "logits"),
        (lambda: ops.cross_entropy(Z[:0], np.zeros(0, int)), ShapeError, "mean over no samples"),
        (lambda: ops.cross_entropy(Z, [0] * 4, reduction="average"), ArgumentError, "reduction"),
        (lambda: ops.cross_entropy(Z, [0] * 4, out=np.zeros(4)), ArgumentError, "out"),
        (
            lambda: ops.cross_entropy_backward(Z, [0] * 4, grad_output=np.ones(4)),
            DTypeError,
            "grad_output",
        ),
        (
            lambda: ops.cross_entropy_backward(
                Z, [0] * 4, reduction="none", grad_output=np.ones(3)
            ),
            ShapeError,
            "grad_output",
        ),
        (lambda: ops.half_sum_of_squares(Z, Z[:3]), ShapeError, "target"),
        (lambda: ops.half_sum_of_squares(Z[:0], Z[:0]), ShapeError, "mean over no samples"),
        (lambda: ops.half_sum_of_squares(1.0, 2.0), ShapeError, "output"),
        (lambda: ops.half_sum_of_squares_backward(Z, Z.T), ShapeError, "target"),
        (lambda: ops.one_hot([0, 3], 3), ArgumentError, "3 at index 1"),
        (lambda: ops.one_hot([0.5], 3), DTypeError, "labels"),
        (lambda: ops.one_hot([True], 3), DTypeError, "labels"),
        (lambda: ops.one_hot([0], 0), ArgumentError, "num_classes"),
        (lambda: ops.one_hot([0], 2, dtype="int32"), DTypeError, "dtype"),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_no_samples():
    assert ops.cross_entropy(Z[:0], np.zeros(0, int), reduction="sum") == 0
    assert ops.cross_entropy(Z[:0], np.zeros(0, int), reduction="none").shape == (0,)
    assert ops.cross_entropy_backward(Z[:0], np.zeros(0, int)).shape == (0, 3)
    assert ops.half_sum_of_squares(Z[:0], Z[:0], reduction="none").shape == (0,)
    assert ops.half_sum_of_squares_backward(Z[:0], Z[:0]).shape == (0, 3)
