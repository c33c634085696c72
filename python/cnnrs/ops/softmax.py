"""Softmax over the last axis, and its gradient."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, output
from cnnrs.errors import ShapeError


def as_rows(name: str, array: Any) -> Any:
    """Return the array as a matrix whose rows run along its last axis."""
    if array.ndim == 2 and array.shape[1]:
        return array
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ShapeError(
            f"{name}: expected a last axis of at least 1 class, got shape {array.shape}"
        )
    return array.reshape(array.size // array.shape[-1], array.shape[-1])


def softmax(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute ``exp(x) / sum(exp(x))`` over the last axis, without overflow.

    Parameters
    ----------
    x : array_like of shape (..., classes)
        Scores (logits).
    out : ndarray of the shape and dtype of the result, optional

    Returns
    -------
    ndarray of the shape of `x`
        Rows of non-negative values that sum to 1. A row with NaN becomes NaN.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softmax(np.array([[0.0, 0.0], [1e4, -1e4]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    (data,) = floats(("x",), x)
    rows = as_rows("x", data)
    result = output(out, data.shape, data.dtype)
    _core.softmax_forward(rows, as_rows("out", result))
    return result


def softmax_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `softmax`: ``y * (grad_output - sum(grad_output * y))`` over the last
    axis.

    Parameters
    ----------
    grad_output, y : array_like of one shape (..., classes)
        Gradient of the output, and the output.
    out : ndarray of the shape of `y`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `y`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softmax_backward(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    gradient, value = floats(("grad_output", "y"), grad_output, y)
    if gradient.shape != value.shape:
        raise ShapeError(
            f"y: expected the shape of grad_output {gradient.shape}, got {value.shape}"
        )
    rows = as_rows("y", value)
    result = output(out, value.shape, value.dtype, accumulate)
    _core.softmax_backward(
        as_rows("grad_output", gradient), rows, as_rows("out", result), accumulate
    )
    return result
