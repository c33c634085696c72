"""Euclidean norms, a constraint on the norms of columns, and the step of a moving average."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, in_place, number
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


def norm(x: ArrayLike) -> float:
    """Compute the Euclidean norm of all elements, ``sqrt(sum(x**2))``, summed in double precision.

    Parameters
    ----------
    x : array_like of any shape

    Returns
    -------
    float

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.norm([[3.0, 0.0], [0.0, 4.0]])
    5.0
    """
    (values,) = floats(("x",), x)
    return math.sqrt(_core.sum_of_squares(values.reshape(-1)))


def constrain_norm(parameter: Floats, limit: float) -> None:
    """Scale the incoming weights of each unit down to at most a given norm, in place.

    Parameters
    ----------
    parameter : ndarray of shape (..., units), float32 or float64
        The weights of a unit have the same last index.
    limit : float, above 0

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors.

    References
    ----------
    N. Srebro, A. Shraibman, "Rank, Trace-Norm and Max-Norm", COLT 2005; with dropout, N. Srivastava
    et al., JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> ops.constrain_norm(weight, 1.0)
    >>> weight
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """
    bound = number("limit", limit, 0.0)
    if bound == 0:
        raise ArgumentError("limit: expected a number above 0, got 0")
    if not isinstance(parameter, np.ndarray) or parameter.dtype not in (np.float32, np.float64):
        raise DTypeError(
            "parameter: expected a float32 or float64 array to change in place, got "
            f"{getattr(parameter, 'dtype', type(parameter))}"
        )
    if parameter.ndim == 0:
        raise ShapeError("parameter: expected at least one axis, got a number")
    _core.constrain_norm(in_place("parameter", parameter, parameter.shape, parameter.dtype), bound)


def lerp(average: Floats, values: Floats, weight: float) -> None:
    """Interpolate linearly in place, ``average += weight * (values - average)``.

    A weight of 1 copies the values.

    Parameters
    ----------
    average : ndarray of any shape, float32 or float64
    values : ndarray of the shape and dtype of `average`
    weight : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> average = np.zeros(2)
    >>> ops.lerp(average, np.array([4.0, 8.0]), 0.25)
    >>> average
    array([1., 2.])
    """
    (array,) = floats(("values",), values)
    if not isinstance(average, np.ndarray):
        raise DTypeError(
            f"average: expected an array to change in place, got {type(average).__name__}"
        )
    target: Any = in_place("average", average, array.shape, array.dtype)
    _core.lerp(target.reshape(-1), array.reshape(-1), number("weight", weight, 0.0, 1.0))
