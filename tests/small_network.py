"""A small convolutional network for tests of updates."""

import cnnrs
from cnnrs.layers import Conv2D, Dense, Flatten, ReLU


def network(dtype="float64", **options):
    """Return a network of three layers with parameters, for images of shape (5, 5, 2)."""
    layers = [
        Conv2D(4, 3, name="conv"),
        ReLU(),
        Flatten(),
        Dense(6, name="hidden"),
        ReLU(),
        Dense(3, name="head"),
    ]
    return cnnrs.Sequential((5, 5, 2), layers, dtype=dtype, **options)
