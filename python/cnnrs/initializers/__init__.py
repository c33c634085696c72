"""Initializers of parameters, drawn from a counter-based stream of the model's seed and the layer.

``fan_in`` is the number of inputs of one output (kernel height x kernel width x input channels /
groups, or input features), and ``fan_out`` the number of outputs of one input. The last axis of a
weight is its outputs.

The default is He-normal, which keeps the scale of activations through layers of ReLU. The default
of the last layer is ten times smaller (`head`), so that a new model predicts all classes with about
the same probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.initializers.base import Initializer
from cnnrs.initializers.scaled import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
)
from cnnrs.initializers.simple import Constant, Normal, Ones, Signs, Uniform, Zeros

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
    """Return the initializer of the weight of a model's last layer: `LecunNormal` times 0.1.

    Returns
    -------
    LecunNormal

    Examples
    --------
    >>> head()
    LecunNormal(gain=0.1)
    """
    return LecunNormal(0.1)
