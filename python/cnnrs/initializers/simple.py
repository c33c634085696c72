"""Initializers that do not depend on the shape of the array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.initializers.base import Initializer
from cnnrs.initializers.fill import fill_normal, fill_uniform

__all__ = ["Constant", "Normal", "Ones", "Signs", "Uniform", "Zeros"]


class Constant(Initializer):
    """Constant values.

    Parameters
    ----------
    value : float
        The value of every element.

    Examples
    --------
    >>> bias = np.empty(3)
    >>> Constant(0.5)(bias, np.random.default_rng(0))
    >>> bias
    array([0.5, 0.5, 0.5])
    """

    arguments = ("value",)

    def __init__(self, value: float) -> None:
        self.value = _arguments.number("value", value)

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with the value."""
        out.fill(self.value)


class Zeros(Initializer):
    """Zeros, for biases. With zero weights all units of a hidden layer would stay equal.

    Examples
    --------
    >>> bias = np.empty(3)
    >>> Zeros()(bias, np.random.default_rng(0))
    >>> bias
    array([0., 0., 0.])
    """

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with zeros."""
        out.fill(0)


class Ones(Initializer):
    """Ones, for scales.

    Examples
    --------
    >>> scale = np.empty(3)
    >>> Ones()(scale, np.random.default_rng(0))
    >>> scale
    array([1., 1., 1.])
    """

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with ones."""
        out.fill(1)


class Normal(Initializer):
    """Normally distributed values.

    Parameters
    ----------
    std : float
        Standard deviation, at least 0.
    mean : float
        Mean.

    Examples
    --------
    >>> weight = np.empty((100, 100))
    >>> Normal(0.5, mean=2)(weight, np.random.default_rng(0))
    >>> round(float(weight.mean()), 1), round(float(weight.std()), 1)
    (2.0, 0.5)
    """

    arguments = ("std", "mean")

    def __init__(self, std: float = 0.01, mean: float = 0.0) -> None:
        self.std = _arguments.number("std", std, 0)
        self.mean = _arguments.number("mean", mean)

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with normally distributed values."""
        fill_normal(out, random, self.mean, self.std)


class Signs(Initializer):
    """1 and -1 with equal probabilities, for fixed target codes.

    Examples
    --------
    >>> codes = np.empty((10, 84))
    >>> Signs()(codes, np.random.default_rng(0))
    >>> np.unique(codes)
    array([-1.,  1.])
    """

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with signs."""
        out[...] = 1 - 2 * random.integers(0, 2, out.shape)


class Uniform(Initializer):
    """Uniformly distributed values.

    Parameters
    ----------
    low, high : float
        The range, ``low <= high``; by default -0.05 to 0.05.

    Examples
    --------
    >>> weight = np.empty((100, 100))
    >>> Uniform(1, 3)(weight, np.random.default_rng(0))
    >>> round(float(weight.min()), 1), round(float(weight.max()), 1)
    (1.0, 3.0)
    """

    arguments = ("low", "high")

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low = _arguments.number("low", low)
        self.high = _arguments.number("high", high, self.low)

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with uniformly distributed values."""
        fill_uniform(out, random, self.low, self.high)
