"""Optimizer updates of flat parameter arrays, in place, in one uninterruptible pass.

All functions take four arguments that change the gradient first, ``g = clip(gradient_scale ·
gradient) + l1 · sign(w) + weight_decay · w``: ``gradient_scale``, ``gradient_limit`` (the largest
absolute value after scaling; None for no limit), ``l1`` and ``weight_decay``. *Decoupled*
weight decay does not change the gradient: ``w`` is multiplied by ``1 - learning_rate ·
weight_decay`` instead. State arrays are zeros before the first step, and are updated in place.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core, _renamed
from cnnrs._arguments import Floats, flag, floats, in_place, integer, number
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


def _arrays(parameter: Floats, gradient: ArrayLike, **state: Floats | None) -> Any:
    """Return parameter, gradient and state arrays, checked, as vectors."""
    if not isinstance(parameter, np.ndarray) or parameter.dtype not in (np.float32, np.float64):
        found = getattr(parameter, "dtype", type(parameter).__name__)
        raise DTypeError(
            f"parameter: expected a float32 or float64 array to update in place, got {found}"
        )
    shape, dtype = parameter.shape, parameter.dtype
    values: Any = in_place("parameter", parameter, shape, dtype).reshape(-1)
    (slope,) = floats(("gradient",), gradient)
    if slope.shape != shape:
        raise ShapeError(f"gradient: expected the parameter's shape {shape}, got {slope.shape}")
    result = [values, slope.astype(dtype, copy=False).reshape(-1)]
    for name, array in state.items():
        result.append(None if array is None else in_place(name, array, shape, dtype).reshape(-1))
    return result


def _adjustment(
    scale: float, limit: float | None, l1: float, l2: float
) -> tuple[float, float, float, float]:
    """Return the checked arguments that change the gradient first."""
    bound = math.inf if limit is None else number("gradient_limit", limit, 0.0)
    return (
        number("gradient_scale", scale),
        bound,
        number("l1", l1, 0.0),
        number("weight_decay", l2, 0.0),
    )


def _betas(betas: tuple[float, float]) -> tuple[float, float]:
    first, second = betas
    result = number("betas", first, 0.0, 1.0), number("betas", second, 0.0, 1.0)
    if max(result) == 1:
        raise ArgumentError(f"betas: expected numbers below 1, got {betas}")
    return result


def sgd_step(
    parameter: Floats,
    gradient: ArrayLike,
    velocity: Floats | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    gradient_scale: float = 1.0,
    gradient_limit: float | None = None,
) -> None:
    """Take one step of stochastic gradient descent, ``parameter -= learning_rate * g``, in place.

    With a velocity, ``velocity = momentum * velocity + (1 - dampening) * g`` and the step is along
    it, or with Nesterov along ``g + momentum * velocity``.

    Parameters
    ----------
    parameter : ndarray of any shape, float32 or float64
        Updated in place: C-contiguous and writeable.
    gradient : array_like of the shape of `parameter`
    velocity : ndarray of the shape and dtype of `parameter`, optional
        Updated in place; zeros before the first step. Needed where momentum is not 0.
    learning_rate : float, at least 0
    momentum, dampening : float from 0 to 1
    nesterov : bool
        Needs momentum without dampening.
    weight_decay, l1, gradient_scale, gradient_limit : float
        See the module.

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors. After an error nothing is updated.

    References
    ----------
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
    2013.

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
    adjustment = _adjustment(gradient_scale, gradient_limit, l1, weight_decay)
    if keep and velocity is None:
        raise ArgumentError(
            f"velocity: momentum {keep:g} needs an array to remember the last step in, zeros at "
            "first"
        )
    if flag("nesterov", nesterov) and (not keep or damp):
        raise ArgumentError(
            f"nesterov: expected momentum above 0 and dampening 0, got {keep:g} and {damp:g}"
        )
    values, slope, speed = _arrays(parameter, gradient, velocity=velocity)
    _core.sgd_step(values, slope, speed, adjustment, rate, keep, damp, nesterov)


@_renamed.keywords(eps="epsilon")
def adam_step(
    parameter: Floats,
    gradient: ArrayLike,
    mean: Floats,
    square: Floats,
    largest: Floats | None = None,
    *,
    learning_rate: float,
    step: int,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    decoupled: bool = False,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    gradient_scale: float = 1.0,
    gradient_limit: float | None = None,
) -> None:
    """Take one step of Adam, or of AdamW with decoupled weight decay.

    The step is the mean gradient over the root of the mean squared gradient.

    Parameters
    ----------
    parameter, gradient : ndarray of one shape
        As in `sgd_step`.
    mean, square : ndarray of the shape and dtype of `parameter`
        Moving averages of gradient and squared gradient.
    largest : ndarray, optional
        The largest `square` so far, used under the root instead of `square` (AMSGrad).
    learning_rate : float, at least 0
    step : int
        The number of this step, from 1.
    betas : pair of float from 0 to below 1
        Decay of `mean` and of `square`.
    epsilon : float
        Added to the root.
    decoupled : bool
        Whether weight decay bypasses the gradient.
    weight_decay, l1, gradient_scale, gradient_limit : float
        See the module.

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors. After an error nothing is updated.

    References
    ----------
    D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015. I. Loshchilov, F.
    Hutter, "Decoupled Weight Decay Regularization", ICLR 2019. S. Reddi et al., "On the Convergence
    of Adam and Beyond", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.array([1.0, 2.0])
    >>> gradient, mean, square = np.array([10.0, -0.1]), np.zeros(2), np.zeros(2)
    >>> ops.adam_step(weight, gradient, mean, square, learning_rate=0.5, step=1, epsilon=0)
    >>> weight
    array([0.5, 2.5])
    """
    rate = number("learning_rate", learning_rate, 0.0)
    shrink = (
        1.0 - rate * number("weight_decay", weight_decay, 0.0)
        if flag("decoupled", decoupled)
        else 1.0
    )
    adjustment = _adjustment(gradient_scale, gradient_limit, l1, 0.0 if decoupled else weight_decay)
    values, slope, first, second, top = _arrays(
        parameter, gradient, mean=mean, square=square, largest=largest
    )
    count = integer("step", step, 1)
    _core.adam_step(
        values,
        slope,
        first,
        second,
        top,
        adjustment,
        rate,
        _betas(betas),
        number("epsilon", epsilon, 0.0),
        shrink,
        count,
    )


@_renamed.keywords(alpha="rho", eps="epsilon")
def rmsprop_step(
    parameter: Floats,
    gradient: ArrayLike,
    square: Floats,
    mean: Floats | None = None,
    velocity: Floats | None = None,
    *,
    learning_rate: float,
    rho: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    gradient_scale: float = 1.0,
    gradient_limit: float | None = None,
) -> None:
    """Take one step of RMSprop: the gradient over the root of its mean square.

    Parameters
    ----------
    parameter, gradient : ndarray of one shape
        As in `sgd_step`.
    square : ndarray of the shape and dtype of `parameter`
        Moving average of the squared gradient.
    mean : ndarray, optional
        Moving average of the gradient. If given, its square is subtracted under the root (centered
        RMSprop).
    velocity : ndarray, optional
        Needed where momentum is not 0.
    learning_rate : float, at least 0
    rho : float from 0 to 1
        Decay of the moving averages.
    epsilon : float
        Added to the root.
    momentum : float from 0 to 1
    weight_decay, l1, gradient_scale, gradient_limit : float
        See the module.

    References
    ----------
    T. Tieleman, G. Hinton, Lecture 6.5, Coursera: Neural Networks for Machine Learning, 2012. A.
    Graves, "Generating Sequences With Recurrent Neural Networks", 2013 (centered).

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.array([1.0, 2.0])
    >>> gradient, square = np.array([10.0, -0.1]), np.zeros(2)
    >>> ops.rmsprop_step(weight, gradient, square, learning_rate=0.5, rho=0.75, epsilon=0)
    >>> weight
    array([0., 3.])
    """
    rate, keep = number("learning_rate", learning_rate, 0.0), number("rho", rho, 0.0, 1.0)
    speed = number("momentum", momentum, 0.0, 1.0)
    if speed and velocity is None:
        raise ArgumentError(
            f"velocity: momentum {speed:g} needs an array to remember the last step in, zeros at "
            "first"
        )
    adjustment = _adjustment(gradient_scale, gradient_limit, l1, weight_decay)
    values, slope, second, first, speeds = _arrays(
        parameter, gradient, square=square, mean=mean, velocity=velocity
    )
    _core.rmsprop_step(
        values,
        slope,
        second,
        first,
        speeds,
        adjustment,
        rate,
        keep,
        number("epsilon", epsilon, 0.0),
        speed,
    )


@_renamed.keywords(eps="epsilon", start="initial_value")
def adagrad_step(
    parameter: Floats,
    gradient: ArrayLike,
    square: Floats,
    *,
    learning_rate: float,
    epsilon: float = 1e-10,
    initial_value: float = 0.0,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    gradient_scale: float = 1.0,
    gradient_limit: float | None = None,
) -> None:
    """Take one step of Adagrad: the gradient over the root of the sum of all its squares.

    Parameters
    ----------
    parameter, gradient : ndarray of one shape
        As in `sgd_step`.
    square : ndarray of the shape and dtype of `parameter`
        Sum of the squared gradients.
    learning_rate : float, at least 0
    epsilon : float
        Added to the root.
    initial_value : float
        Added to the sum under the root.
    weight_decay, l1, gradient_scale, gradient_limit : float
        See the module.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.array([1.0, 2.0])
    >>> ops.adagrad_step(weight, np.array([10.0, -0.1]), np.zeros(2), learning_rate=0.5, epsilon=0)
    >>> weight
    array([0.5, 2.5])
    """
    rate = number("learning_rate", learning_rate, 0.0)
    adjustment = _adjustment(gradient_scale, gradient_limit, l1, weight_decay)
    values, slope, sums = _arrays(parameter, gradient, square=square)
    _core.adagrad_step(
        values,
        slope,
        sums,
        adjustment,
        rate,
        number("epsilon", epsilon, 0.0),
        number("initial_value", initial_value, 0.0),
    )


def lion_step(
    parameter: Floats,
    gradient: ArrayLike,
    mean: Floats,
    *,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.99),
    weight_decay: float = 0.0,
    l1: float = 0.0,
    gradient_scale: float = 1.0,
    gradient_limit: float | None = None,
) -> None:
    """Take one step of Lion: the sign of a mean of gradients, with decoupled weight decay.

    Parameters
    ----------
    parameter, gradient : ndarray of one shape
        As in `sgd_step`.
    mean : ndarray of the shape and dtype of `parameter`
        Moving average of the gradient.
    learning_rate : float, at least 0
    betas : pair of float from 0 to below 1
        Weights of `mean` in the step, and in the update of `mean`.
    weight_decay, l1, gradient_scale, gradient_limit : float
        See the module.

    References
    ----------
    X. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.array([1.0, 2.0])
    >>> ops.lion_step(weight, np.array([10.0, -0.1]), np.zeros(2), learning_rate=0.5)
    >>> weight
    array([0.5, 2.5])
    """
    rate = number("learning_rate", learning_rate, 0.0)
    shrink = 1.0 - rate * number("weight_decay", weight_decay, 0.0)
    adjustment = _adjustment(gradient_scale, gradient_limit, l1, 0.0)
    values, slope, first = _arrays(parameter, gradient, mean=mean)
    _core.lion_step(values, slope, first, adjustment, rate, _betas(betas), shrink)
