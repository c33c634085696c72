"""Initializers of parameters, drawn from a counter-based stream of the model's seed and the layer.

``fan_in`` is the number of inputs of one output (kernel height x kernel width x input channels /
groups, or input features), and ``fan_out`` the number of outputs of one input. The last axis of a
weight is its outputs.

The default is He-normal, which keeps the scale of activations through layers of ReLU. The default
of the last layer is ten times smaller (`head`), so that a new model predicts all classes with about
the same probability.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs._representation import PasteableRepr
from cnnrs.errors import ArgumentError, DTypeError

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Signs",
    "Uniform",
    "Zeros",
    "get",
    "head",
]


class Initializer(PasteableRepr):
    """Base class of initializers, which are functions that fill an array.

    Every argument of the constructor is an attribute of the same name.
    """

    arguments: ClassVar[tuple[str, ...]] = ()

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill `out`, a C-contiguous float array, with initial values."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """Return name and arguments as values that JSON can hold; `get` is the inverse."""
        return {
            "name": type(self).__name__,
            **{name: getattr(self, name) for name in self.arguments},
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Initializer) and self.config() == other.config()

    def __hash__(self) -> int:
        return hash(tuple(self.config().items()))


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


def _fill_normal(out: NDArray[Any], random: np.random.Generator, mean: float, std: float) -> None:
    if out.flags.c_contiguous:
        # in place, since a second copy of a large weight would be the peak of a model's memory
        random.standard_normal(dtype=out.dtype, out=out)
    else:
        out[...] = random.standard_normal(out.shape, dtype=out.dtype)
    out *= std
    out += mean


def _fill_uniform(out: NDArray[Any], random: np.random.Generator, low: float, high: float) -> None:
    if out.flags.c_contiguous:
        random.random(dtype=out.dtype, out=out)
    else:
        out[...] = random.random(out.shape, dtype=out.dtype)
    out *= high - low
    out += low


class Constant(Initializer):
    """Constant values.

    Parameters
    ----------
    value : float
    """

    arguments = ("value",)

    def __init__(self, value: float) -> None:
        self.value = _arguments.number("value", value)

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with the value."""
        out.fill(self.value)


class Zeros(Initializer):
    """Zeros, for biases. With zero weights all units of a hidden layer would stay equal."""

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with zeros."""
        out.fill(0)


class Ones(Initializer):
    """Ones, for scales."""

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
    """

    arguments = ("std", "mean")

    def __init__(self, std: float = 0.01, mean: float = 0.0) -> None:
        self.std = _arguments.number("std", std, 0)
        self.mean = _arguments.number("mean", mean)

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with normally distributed values."""
        _fill_normal(out, random, self.mean, self.std)


class Signs(Initializer):
    """1 and -1 with equal probabilities, for fixed target codes."""

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with signs."""
        out[...] = 1 - 2 * random.integers(0, 2, out.shape)


class Uniform(Initializer):
    """Uniformly distributed values.

    Parameters
    ----------
    low, high : float
        The range, ``low <= high``; by default -0.05 to 0.05.
    """

    arguments = ("low", "high")

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low = _arguments.number("low", low)
        self.high = _arguments.number("high", high, self.low)

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill with uniformly distributed values."""
        _fill_uniform(out, random, self.low, self.high)


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
            _fill_uniform(out, random, -bound, bound)
        else:
            _fill_normal(out, random, 0.0, std)


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
    """

    uniform = False


class HeUniform(_He):
    """Uniform with the variance of `HeNormal`."""

    uniform = True


class GlorotNormal(_Glorot):
    """Normal with variance ``gain² · 2 / (fan_in + fan_out)``: for layers of tanh.

    References
    ----------
    X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks.
    AISTATS 2010.
    """

    uniform = False


class GlorotUniform(_Glorot):
    """Uniform with the variance of `GlorotNormal`."""

    uniform = True


class LecunNormal(_Lecun):
    """Normal with variance ``gain² / fan_in``: for linear layers and SELU.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller: Efficient BackProp. 1998.
    """

    uniform = False


class LecunUniform(_Lecun):
    """Uniform with the variance of `LecunNormal`."""

    uniform = True


_CLASSES: dict[str, type[Initializer]] = {
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "normal": Normal,
    "ones": Ones,
    "signs": Signs,
    "uniform": Uniform,
    "zeros": Zeros,
}


def get(initializer: str | Mapping[str, Any] | Initializer) -> Initializer:
    """Return the initializer of a name or configuration; an initializer is returned unchanged.

    Parameters
    ----------
    initializer : str, mapping or Initializer

    Returns
    -------
    Initializer

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> get("he_normal")
    HeNormal()
    >>> get(Normal(0.5).config())
    Normal(std=0.5)
    """
    if isinstance(initializer, Initializer):
        return initializer
    if isinstance(initializer, Mapping):
        arguments = dict(initializer)
        name = str(arguments.pop("name", ""))
        for cls in _CLASSES.values():
            if cls.__name__ == name and set(arguments) <= set(cls.arguments):
                return cls(**arguments)
    elif isinstance(initializer, str):
        if initializer == "constant":
            raise ArgumentError(
                "initializer: expected cnnrs.initializers.Constant(value), since a constant needs "
                "a value, got 'constant'"
            )
        if initializer in _CLASSES:
            return _CLASSES[initializer]()
    else:
        raise DTypeError(
            f"initializer: expected a name or an Initializer, got {type(initializer).__name__}"
        )
    raise ArgumentError(
        f"initializer: expected one of {', '.join(_CLASSES)}, or an Initializer, got "
        f"{initializer!r}"
    )


def head() -> Initializer:
    """Return the initializer of the weight of a model's last layer: `LecunNormal` times 0.1."""
    return LecunNormal(0.1)
