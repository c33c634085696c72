"""Images for the tests of the trainer."""

import numpy as np
import pytest


@pytest.fixture
def data(rng):
    """Three kinds of images: bright above, bright below, bright to the left."""
    labels = np.arange(60) % 3
    x = rng.random((60, 6, 6, 1)).astype(np.float32) * 0.5
    x[labels == 0, :3] += 1
    x[labels == 1, 3:] += 1
    x[labels == 2, :, :3] += 1
    return x, labels
