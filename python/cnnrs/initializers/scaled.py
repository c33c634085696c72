"""Initializers whose variance depends on the numbers of inputs and outputs of a weight."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.initializers.base import Initializer
from cnnrs.initializers.fill import fill_normal, fill_uniform

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return ``(fan_in, fan_out)`` of a weight of a shape.

    Examples
    --------
    >>> fans((5, 5, 3, 32))
    (75, 800)
    >>> fans((784, 10))
    (784, 10)
    """
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


class _Scaled(Initializer):
    """Base class of initializers with mean 0 and a variance that depends on the fans only."""

    uniform: ClassVar[bool]

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = _arguments.number("gain", gain, 0)

    arguments = ("gain",)

    def std(self, shape: tuple[int, ...]) -> float:
        """Return the standard deviation of the values of a weight of a shape."""
        return self.gain * math.sqrt(self.variance(*fans(shape)))

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance for a gain of 1."""
        raise NotImplementedError

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with random values."""
        std = self.std(out.shape)
        if self.uniform:
            bound = math.sqrt(3) * std
            fill_uniform(out, random, -bound, bound)
        else:
            fill_normal(out, random, 0.0, std)


class _He(_Scaled):
    def variance(self, fan_in: int, fan_out: int) -> float:
        return 2 / fan_in


class _Glorot(_Scaled):
    def variance(self, fan_in: int, fan_out: int) -> float:
        return 2 / (fan_in + fan_out)


class _Lecun(_Scaled):
    def variance(self, fan_in: int, fan_out: int) -> float:
        return 1 / fan_in


class HeNormal(_He):
    """Normal with variance ``gain² · 2 / fan_in``: keeps the scale of activations through ReLU.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation, at least 0.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Delving Deep into Rectifiers. ICCV 2015.

    Examples
    --------
    The fan-in of 3x3 filters on 50 channels is 450.

    >>> weight = np.empty((3, 3, 50, 64))
    >>> HeNormal()(weight, np.random.default_rng(0))
    >>> round(float(weight.var() * 450), 1)
    2.0
    """

    uniform = False


class HeUniform(_He):
    """Uniform with the variance of `HeNormal`.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation, at least 0.

    Examples
    --------
    >>> weight = np.empty((450, 64))
    >>> HeUniform()(weight, np.random.default_rng(0))
    >>> round(float(weight.var() * 450), 1)
    2.0
    """

    uniform = True


class GlorotNormal(_Glorot):
    """Normal with variance ``gain² · 2 / (fan_in + fan_out)``: for layers of tanh.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation, at least 0.

    References
    ----------
    X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks.
    AISTATS 2010.

    Examples
    --------
    >>> weight = np.empty((300, 100))
    >>> GlorotNormal()(weight, np.random.default_rng(0))
    >>> round(float(weight.var() * (300 + 100)), 1)
    2.0
    """

    uniform = False


class GlorotUniform(_Glorot):
    """Uniform with the variance of `GlorotNormal`.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation, at least 0.

    Examples
    --------
    >>> weight = np.empty((300, 100))
    >>> GlorotUniform()(weight, np.random.default_rng(0))
    >>> round(float(weight.var() * (300 + 100)), 1)
    2.0
    """

    uniform = True


class LecunNormal(_Lecun):
    """Normal with variance ``gain² / fan_in``: for linear layers and SELU.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation, at least 0.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller: Efficient BackProp. 1998.

    Examples
    --------
    >>> weight = np.empty((300, 100))
    >>> LecunNormal()(weight, np.random.default_rng(0))
    >>> round(float(weight.var() * 300), 1)
    1.0
    """

    uniform = False


class LecunUniform(_Lecun):
    """Uniform with the variance of `LecunNormal`.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation, at least 0.

    Examples
    --------
    >>> weight = np.empty((300, 100))
    >>> LecunUniform()(weight, np.random.default_rng(0))
    >>> round(float(weight.var() * 300), 1)
    1.0
    """

    uniform = True
