"""Optimizer updates of flat parameter arrays, in place, in one pass that nothing interrupts half-way."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, flag, floats, in_place, number
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


def sgd_step(
    parameter: Floats,
    gradient: ArrayLike,
    velocity: Floats | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> None:
    """One step of stochastic gradient descent, ``parameter -= learning_rate * gradient``, in place.

    With decay, ``g = gradient + weight_decay * parameter`` takes the gradient's place. With a velocity,
    ``velocity = momentum * velocity + (1 - dampening) * g`` and the step is along it, or with Nesterov along ``g + momentum * velocity``.

    Parameters
    ----------
    parameter : ndarray of any shape, float32 or float64
        Updated in place: C-contiguous and writeable.
    gradient : array_like of that shape
    velocity : ndarray of that shape and dtype, optional
        Updated in place; zeros before the first step. Needed where momentum is not 0.
    learning_rate, weight_decay : float, at least 0
    momentum, dampening : float from 0 to 1
    nesterov : bool
        Needs momentum without dampening.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them; nothing is updated then.

    References
    ----------
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.array([1.0, 2.0])
    >>> ops.sgd_step(weight, np.array([10.0, -10.0]), learning_rate=0.1)
    >>> weight
    array([0., 3.])
    """
    rate = number("learning_rate", learning_rate, 0.0)
    keep = number("momentum", momentum, 0.0, 1.0)
    damp = number("dampening", dampening, 0.0, 1.0)
    decay = number("weight_decay", weight_decay, 0.0)
    if keep and velocity is None:
        raise ArgumentError(f"velocity: momentum {keep:g} needs an array to remember the last step in, zeros at first")
    if flag("nesterov", nesterov) and (not keep or damp):
        raise ArgumentError(f"nesterov: expected momentum above 0 and dampening 0, got {keep:g} and {damp:g}")
    if not isinstance(parameter, np.ndarray) or parameter.dtype not in (np.float32, np.float64):
        found = getattr(parameter, "dtype", type(parameter).__name__)
        raise DTypeError(f"parameter: expected a float32 or float64 array to update in place, got {found}")
    shape, dtype = parameter.shape, parameter.dtype
    values: Any = in_place("parameter", parameter, shape, dtype).reshape(-1)
    (slope,) = floats(("gradient",), gradient)
    if slope.shape != shape:
        raise ShapeError(f"gradient: expected the parameter's shape {shape}, got {slope.shape}")
    slope = slope.astype(dtype, copy=False).reshape(-1)
    speed: Any = None if velocity is None else in_place("velocity", velocity, shape, dtype).reshape(-1)
    _core.sgd_step(values, slope, speed, rate, keep, damp, decay, nesterov)
