"""Fixtures for the tests of optimizers."""

import pytest


@pytest.fixture
def data(rng):
    """Return twelve images for `small_network.network`, and their labels."""
    return rng.standard_normal((12, 5, 5, 2)), rng.integers(0, 3, 12)
