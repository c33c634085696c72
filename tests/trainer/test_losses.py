"""Losses: values by hand, gradients by differences, targets that do not fit."""

import numpy as np
import pytest

from cnnrs import losses
from cnnrs.errors import ArgumentError, CnnrsError


@pytest.mark.parametrize("loss", [losses.CrossEntropy(), losses.HalfSumOfSquares(), losses.MSE(), losses.MAE()])
@pytest.mark.parametrize("kind", ["labels", "rows"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 5)])
def test_gradients(loss, kind, shape, rng):
    output = rng.standard_normal(shape)
    target = rng.integers(0, shape[-1], shape[:-1]) if kind == "labels" else rng.random(shape)
    if kind == "rows":
        target /= target.sum(axis=-1, keepdims=True)
    gradient = loss.gradient(output, target)
    buffer = np.full(shape, np.nan)
    loss.gradient(output, target, buffer)
    assert np.array_equal(gradient, buffer)
    for place in list(np.ndindex(shape))[::3]:
        output[place] += 1e-6
        above = loss(output, target)
        output[place] -= 2e-6
        below = loss(output, target)
        output[place] += 1e-6
        assert gradient[place] == pytest.approx((above - below) / 2e-6, abs=1e-8)


def test_values_by_hand():
    output, target = np.array([[1.0, 2.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 4.0]])
    assert losses.HalfSumOfSquares()(output, target) == (2.0 + 4.5) / 2
    assert losses.MSE()(output, target) == (4 + 9) / 4
    assert losses.MAE()(output, target) == 5 / 4
    assert losses.CrossEntropy()(np.zeros((3, 4)), [0, 1, 2]) == pytest.approx(np.log(4))


def test_huge_logits_do_not_overflow():
    assert losses.CrossEntropy()(np.array([[1e4, -1e4]]), [1]) == 2e4
    assert np.isfinite(losses.CrossEntropy().gradient(np.array([[1e4, -1e4]]), [1])).all()


def test_names():
    for name in ("cross_entropy", "half_sum_of_squares", "mse", "mae"):
        assert isinstance(losses.get(name), losses.Loss)
    with pytest.raises(ArgumentError, match="cross_entropy"):
        losses.get("hinge_of_doom")


@pytest.mark.parametrize("name", ["cross_entropy", "half_sum_of_squares", "mse", "mae"])
@pytest.mark.parametrize("target", [[0, 3], [0, -1], [0.5, 1.0], np.zeros((2, 4)), [0, 1, 2], [["a", "b", "c"]] * 2, None])
def test_targets_that_do_not_fit(name, target):
    with pytest.raises(CnnrsError):
        losses.get(name)(np.zeros((2, 3)), target)
