"""Dropout: how much it drops, that nothing else changes it, and that prediction does not see it."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, CnnrsError
from cnnrs.layers import Dropout, GaussianDropout, SpatialDropout2D


def in_training(model, x, *, seed=0, step=0):
    token, run = model.runtime.acquire(
        model.runtime.plan_for(training=True, input_gradients=True), len(x)
    )
    try:
        y = run.forward([x], seed=seed, step=step)[0].copy()
        run.output_gradients()[0][0][...] = 1
        run.backward()
        return y, run.input_gradient().copy()
    finally:
        model.runtime.release(token)


def test_half_of_a_million_ones():
    ones = np.ones((1000, 1000), np.float32)
    y, gradient = in_training(cnnrs.Sequential((1000,), [Dropout(0.5)]), ones)
    zeros = np.mean(y == 0)
    assert abs(zeros - 0.5) < 0.002
    assert np.unique(y).tolist() == [0, 2]
    assert abs(y.mean() - 1) < 0.005
    assert np.array_equal(y, gradient), "the gradient goes through the same mask"


def test_the_mask_depends_on_seed_step_and_layer_alone():
    model = cnnrs.Sequential((500,), [Dropout(0.5)])
    two = cnnrs.Sequential((500,), [Dropout(0.5), Dropout(0.0), Dropout(0.5)])
    x = np.ones((4, 500), np.float32)
    first = in_training(model, x)[0]
    assert np.array_equal(first, in_training(model, x)[0])
    assert not np.array_equal(first, in_training(model, x, step=1)[0])
    assert not np.array_equal(first, in_training(model, x, seed=1)[0])
    assert abs(np.mean(in_training(two, x)[0] == 0) - 0.75) < 0.05, "two layers, two masks"


def test_prediction_is_the_identity_bit_for_bit(rng):
    x = rng.standard_normal((3, 5, 5, 2)).astype(np.float32)
    model = cnnrs.Sequential((5, 5, 2), [Dropout(0.9)])
    assert np.array_equal(model(x), x)
    assert model.plan().steps == []


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_bad_rates(rate):
    with pytest.raises(ArgumentError, match="rate"):
        Dropout(rate)


def test_spatial_dropout_drops_whole_channels():
    ones = np.ones((200, 4, 5, 50), np.float32)
    y, gradient = in_training(cnnrs.Sequential((4, 5, 50), [SpatialDropout2D(0.25)]), ones)
    assert np.array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    assert abs(np.mean(y == 0) - 0.25) < 0.02
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.75], rtol=1e-6)
    assert np.array_equal(y, gradient)
    model = cnnrs.Sequential((4, 5, 50), [SpatialDropout2D(0.25)])
    assert np.array_equal(model(ones), ones)
    with pytest.raises(CnnrsError, match="images"):
        cnnrs.Sequential((5,), [SpatialDropout2D(0.5)])


def test_gaussian_dropout_has_the_variance_of_dropout():
    ones = np.ones((1000, 1000), np.float32)
    y, gradient = in_training(cnnrs.Sequential((1000,), [GaussianDropout(0.2)]), ones)
    assert abs(y.mean() - 1) < 0.002
    assert abs(y.var() - 0.25) < 0.002
    assert np.array_equal(y, gradient)
    assert not np.array_equal(
        y, in_training(cnnrs.Sequential((1000,), [GaussianDropout(0.2)]), ones, step=1)[0]
    )
    model = cnnrs.Sequential((1000,), [GaussianDropout(0.2)])
    assert np.array_equal(model(ones), ones)
    assert model.plan().steps == []


@pytest.mark.parametrize("layer", [SpatialDropout2D, GaussianDropout])
def test_bad_rates_of_the_others(layer):
    for rate in (-0.1, 1, float("nan")):
        with pytest.raises(ArgumentError, match="rate"):
            layer(rate)
