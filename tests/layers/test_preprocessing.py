"""Scaling that is saved with the model."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import Normalize, Rescale


def test_rescale_takes_uint8_images():
    model = cnnrs.Sequential((2, 2, 1), [Rescale(1 / 255, offset=-0.5)])
    image = np.array([[0, 255], [51, 102]], np.uint8)[None, :, :, None]
    np.testing.assert_allclose(model(image).ravel(), [-0.5, 0.5, -0.3, -0.1], atol=1e-7)


def test_normalize_works_channel_by_channel():
    model = cnnrs.Sequential((1, 1, 3), [Normalize([10, 20, 30], [1, 2, 4])], dtype="float64")
    assert model(np.array([[[[11, 24, 22]]]])).ravel().tolist() == [1, 2, -2]


def test_the_input_is_not_written_to(rng):
    x = rng.random((2, 3, 3, 1)).astype(np.float32)
    before = x.copy()
    cnnrs.Sequential((3, 3, 1), [Rescale(2.0), Rescale(3.0)])(x)
    assert np.array_equal(x, before)


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="std"):
        Normalize(0, [1, 0])
    with pytest.raises(ShapeError, match="mean"):
        cnnrs.Sequential((4, 4, 3), [Normalize([1, 2], 1)])
    with pytest.raises(ArgumentError, match="scale"):
        Rescale(float("inf"))
