"""Sum of two arrays, with an optional ReLU: the end of a residual branch.

It needs no gradient function: the gradient of either summand is the gradient of the sum, or
`cnnrs.ops.relu_backward` of it after a ReLU.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, floats, output
from cnnrs.errors import ShapeError

_NAMES = ("a", "b")


def add(
    a: ArrayLike, b: ArrayLike, *, activation: str | None = None, out: Floats | None = None
) -> Any:
    """Add two arrays of one shape, element by element.

    Parameters
    ----------
    a, b : array_like of one shape
    activation : {None, "relu"}
        Applied to the sum in the same pass.
    out : ndarray of the shape of `a`, optional
        May be `a` or `b`.

    Returns
    -------
    ndarray of the shape of `a`, float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.add(np.array([1.0, -3.0]), np.array([1.0, 1.0]), activation="relu")
    array([2., 0.])
    """
    left, right = floats(_NAMES, a, b)
    if left.shape != right.shape:
        raise ShapeError(
            f"b: expected the shape of a {left.shape}, got {right.shape}; add does not broadcast"
        )
    if activation is not None:
        choice("activation", activation, (None, "relu"))
    result = output(out, left.shape, left.dtype)
    _core.add_forward(left, right, result, activation is not None)
    return result
